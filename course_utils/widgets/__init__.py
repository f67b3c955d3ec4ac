"""Interactive controls for the notebooks, for ipywidgets 7.7 and 8."""

from course_utils.widgets.detection import DetectionExplorer
from course_utils.widgets.parts import Explorer
from course_utils.widgets.pickers import PicturePicker
from course_utils.widgets.search import SearchExplorer
from course_utils.widgets.style_lab import StyleLab
from course_utils.widgets.training import TrainingLab
from course_utils.widgets.verification import VerificationExplorer
