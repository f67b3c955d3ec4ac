"""Detect faces and turn the detector's two knobs."""

import os
from pathlib import Path

import ipywidgets
import numpy as np

from course_utils import faces
from course_utils.faces.analysis import settings_for
from course_utils.faces.draw import rounded_down
from course_utils.widgets.parts import (
    WHOLE_LABEL,
    Number,
    Panel,
    Picture,
    paragraph,
    row,
    table,
)
from course_utils.widgets.pickers import PicturePicker

# The detector is asked for everything from this score on, once; the slider
# then only filters. The sample photographs have up to 60 candidates from 0.1
# on, but up to 298 from 0.02 on, and each costs time when its marks are drawn.
LOWEST_THRESHOLD = 0.1
_SIZES = (128, 192, 256, 320, 480, 640, 960, 1280)  # pixels
_HELP = (
    "The threshold filters what the detector has found, so it answers at once. "
    "A new picture or detector size makes the detector run again. "
    "Faces are numbered by falling score."
)


class DetectionExplorer(Panel):
    """A picture with its faces, the knobs of the detector, and the scores.

    Every control is an attribute: ``explorer.pose.value = True``. ``faces`` are
    those at or above the threshold, by falling score.
    """

    def __init__(
        self,
        pack: str | os.PathLike = "course_mini",
        *,
        start: str = "group8_office",
    ):
        """Load a pack of its own, so that no other detector's knobs move."""
        super().__init__()
        self._app = faces.load_face_analysis(pack, det_thresh=LOWEST_THRESHOLD)
        self._found: list = []  # by falling score
        self.faces: list = []
        self._usual_threshold = settings_for(Path(pack).name).det_thresh
        self.picker = PicturePicker("faces", "Picture", start)
        self.threshold = Number(
            self,
            "Score threshold",
            self._usual_threshold,
            (LOWEST_THRESHOLD, 0.95),
            digits=2,
        )
        sizes = [(f"{size} pixels", size) for size in _SIZES]
        self.detector_size = ipywidgets.Dropdown(
            options=[("128 and 640 pixels, both", "auto"), *sizes],
            description="Detector size",
            style=WHOLE_LABEL,
        )
        self.boxes = _tick("boxes", True)
        self.five_points = _tick("5 points", True)
        self.points_106 = _tick("106 points", False)
        self.points_68 = _tick("68 points (3-D)", False)
        self.pose = _tick("pose", False)
        self.numbers = _tick("numbers", True)
        self.picture = Picture()
        self.summary, self.table = ipywidgets.HTML(), ipywidgets.HTML()
        points = self.five_points, self.points_106, self.points_68
        ticks = self.boxes, *points, self.pose, self.numbers
        knobs = self.threshold, self.detector_size
        help_text = ipywidgets.HTML(paragraph(_HELP))
        beside = ipywidgets.VBox(
            [help_text, *knobs, row(*ticks), self.message, self.summary],
            layout={"flex": "2 1 360px"},
        )
        scores = ipywidgets.VBox(
            [self.table], layout={"max_height": "560px", "overflow": "auto"}
        )
        self.children = row(self.picker, beside), row(self.picture, scores)
        self.on_change(self._detect, self.picker, trait="image")
        self.on_change(self._detect, self.detector_size)
        self.on_change(self._refresh, self.threshold, *ticks)
        with self.explaining():
            self._detect()

    def _detect(self) -> None:
        """Find everything from the lowest threshold on."""
        self._bgr = np.ascontiguousarray(self.picker.image[..., ::-1])
        size = self.detector_size.value
        self._app.prepare(
            det_thresh=LOWEST_THRESHOLD,
            det_size=None if size == "auto" else (size, size),
        )
        found = self._app.detect(self._bgr)
        self._found = sorted(found, key=lambda face: -face.det_score)
        self._refresh()

    def _refresh(self) -> None:
        self._run_models()
        lowest = self.threshold.value
        self.faces = [f for f in self._found if f.det_score >= lowest]
        self.picture.show(self._draw())
        self.summary.value = self._summary()
        self.table.value = _table(self.faces, self.pose.value)

    def _run_models(self) -> None:
        """Run what the ticks need, on all faces: the slider shall not wait."""
        for task, wanted in (
            ("landmark_2d_106", self.points_106.value),
            ("landmark_3d_68", self.points_68.value or self.pose.value),
        ):
            for face in self._found if wanted else ():
                if task not in face:
                    self._app.models[task].get(self._bgr, face)

    def _draw(self) -> np.ndarray:
        canvas = self.picker.image
        nothing = [""] * len(self.faces)
        for landmarks, tick in (
            ("5", self.five_points),
            ("106", self.points_106),
            ("68", self.points_68),
        ):
            if tick.value:
                points = {"boxes": False, "landmarks": landmarks}
                canvas = faces.draw_faces(
                    canvas, self.faces, labels=nothing, **points
                )
        for face in self.faces if self.pose.value else ():
            canvas = faces.draw_pose(canvas, face)
        numbers = range(1, len(self.faces) + 1)
        return faces.draw_faces(
            canvas,
            self.faces,
            boxes=self.boxes.value,
            landmarks=None,
            labels=[*map(str, numbers)] if self.numbers.value else nothing,
        )

    def _summary(self) -> str:
        """Below the pack's own threshold, what is found is not yet a face."""
        count = len(self.faces)
        sure = self.threshold.value >= self._usual_threshold
        word = "face" if sure else "candidate"
        text = f"<b>{count} {word}{'s' * (count != 1)}</b>"
        if count == len(self._found):
            return f"{text}; no other scores {LOWEST_THRESHOLD} or more."
        score = rounded_down(self._found[count].det_score)
        return f"{text}; the next candidate scores {score}."


def _tick(text: str, value: bool) -> ipywidgets.Checkbox:
    return ipywidgets.Checkbox(
        value=value,
        description=text,
        indent=False,
        layout={"width": "auto", "margin": "2px 16px 2px 2px"},
    )


def _table(found: list, with_pose: bool) -> str:
    titles = ["face", "score", "width × height, pixels"]
    titles += ["pitch, yaw, roll, degrees"] * with_pose
    rows = []
    for number, face in enumerate(found, 1):
        x0, y0, x1, y1 = face.bbox
        size = f"{x1 - x0:.0f} × {y1 - y0:.0f}"
        rows.append([str(number), rounded_down(face.det_score), size])
        if with_pose:
            rows[-1].append(", ".join(f"{angle:.0f}" for angle in face.pose))
    return table(titles, rows)
