"""Faces: detect, draw, compare, choose a threshold, and find people again.

Data flows one way: RGB picture -> ``detect_faces`` -> InsightFace ``Face``
objects -> ``verify``, ``draw_faces``, a ``FaceGallery`` or your own code.
"""

from course_utils.faces.analysis import (
    NoFaceError,
    detect_faces,
    largest_face,
    load_face_analysis,
)
from course_utils.faces.draw import draw_faces, draw_pose
from course_utils.faces.enrolment import enrol_folder, enrol_folder_with_ray
from course_utils.faces.gallery import (
    FaceGallery,
    GalleryError,
    Match,
    SearchResult,
)
from course_utils.faces.orl import from_afar, orl
from course_utils.faces.plots import plot_roc, plot_similarities
from course_utils.faces.quality import EnrolmentError
from course_utils.faces.verification import (
    Calibration,
    calibrate,
    cosine_similarity,
    verify,
)
