"""Detect faces and turn the detector's two knobs."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import ipywidgets
import numpy as np

from course_utils import faces
from course_utils.faces.analysis import settings_for
from course_utils.widgets.parts import (
    WHOLE_LABEL,
    Message,
    Picture,
    paragraph,
    table,
)
from course_utils.widgets.picture_picker import PicturePicker

if TYPE_CHECKING:
    from insightface.app.common import Face

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


class DetectionExplorer(ipywidgets.VBox):
    """A picture with its faces, the knobs of the detector, and the scores.

    Attributes:
        picker: the ``PicturePicker``.
        threshold: lowest score that counts as a face, 0.1 to 0.95.
        detector_size: side in pixels to which the picture is scaled for the
            detector, or "auto" for 128 and then 640.
        boxes, five_points, points_106, points_68, pose, names: boxes to tick
            for what is drawn; greyed out where the pack has no model for it.
        faces: the InsightFace ``Face`` objects at or above the threshold, by
            falling score.
        picture, summary, table: what is shown.
        message: what went wrong last, or empty.
    """

    def __init__(
        self,
        pack: str | os.PathLike = "course_mini",
        *,
        start: str = "group8_office",
        name_of: Callable[[Face], str] | None = None,
    ):
        """Load a pack of its own, so that no other detector's knobs move.

        Args:
            pack: as for ``faces.load_face_analysis``.
            start: the sample picture to begin with.
            name_of: returns the name to write at a face, which has an
                ``embedding``. By default faces are numbered.

        Raises:
            weights.WeightsError: the pack is not there or is broken.
            images.ImageError: there is no such sample.
        """
        super().__init__()
        self._app = faces.load_face_analysis(pack, det_thresh=LOWEST_THRESHOLD)
        self._name_of = name_of
        # Only detection runs on every candidate; see _complete.
        self._models = {
            task: self._app.models.pop(task)
            for task in list(self._app.models)
            if task != "detection"
        }
        self._found: dict[int | str, list[Face]] = {}  # by detector size
        self.faces: list[Face] = []
        self._make_controls(settings_for(Path(pack).name), start)
        self._make_ticks()
        self._make_views()
        self._arrange()
        self.picker.observe(self._picture_changed, "image")
        for control in (self.threshold, self.detector_size, *self._ticks):
            control.observe(self._refresh, "value")
        self._refresh()

    def __repr__(self) -> str:
        """Name the values; the picture's bytes would say nothing."""
        return (
            f"DetectionExplorer(picture={self.picker.name!r}, "
            f"threshold={self.threshold.value:.2f}, "
            f"detector_size={self.detector_size.value!r}, "
            f"faces={len(self.faces)})"
        )

    def _make_controls(self, settings, start: str) -> None:
        self.picker = PicturePicker("faces", "Picture", start)
        self.threshold = ipywidgets.FloatSlider(
            value=settings.det_thresh,
            min=LOWEST_THRESHOLD,
            max=0.95,
            step=0.01,
            description="Score threshold",
            style=WHOLE_LABEL,
            layout={"width": "auto"},
        )
        self.detector_size = ipywidgets.Dropdown(
            options=[
                ("128 and 640 pixels, both", "auto"),
                *((f"{size} pixels", size) for size in _SIZES),
            ],
            description="Detector size",
            style=WHOLE_LABEL,
        )

    def _make_ticks(self) -> None:
        self.boxes = self._tick("boxes", True)
        self.five_points = self._tick("5 points", True)
        self.points_106 = self._tick("106 points", False, "landmark_2d_106")
        self.points_68 = self._tick("68 points (3-D)", False, "landmark_3d_68")
        self.pose = self._tick("pose", False, "landmark_3d_68")
        self.names = self._tick(
            "numbers" if self._name_of is None else "names", True
        )
        self._ticks = (
            self.boxes,
            self.five_points,
            self.points_106,
            self.points_68,
            self.pose,
            self.names,
        )

    def _tick(self, text: str, value: bool, model: str | None = None):
        return ipywidgets.Checkbox(
            value=value,
            description=text,
            disabled=model is not None and model not in self._models,
            indent=False,
            layout={"width": "auto", "margin": "2px 16px 2px 2px"},
        )

    def _make_views(self) -> None:
        self.picture = Picture()
        self.summary = ipywidgets.HTML()
        self.table = ipywidgets.HTML()
        self.message = Message()

    def _arrange(self) -> None:
        row = {"flex_flow": "row wrap"}
        knobs = ipywidgets.VBox(
            [
                ipywidgets.HTML(paragraph(_HELP)),
                self.threshold,
                self.detector_size,
                ipywidgets.HBox(self._ticks, layout=row),
                self.message,
                self.summary,
            ],
            layout={"flex": "1 1 360px"},
        )
        scores = ipywidgets.VBox(
            [self.table], layout={"max_height": "560px", "overflow": "auto"}
        )
        self.children = (
            ipywidgets.HBox([self.picker, knobs], layout=row),
            ipywidgets.HBox([self.picture, scores], layout=row),
        )

    def _picture_changed(self, _change) -> None:
        self._found.clear()
        self._refresh()

    def _refresh(self, _change=None) -> None:
        with self.message.explaining():
            candidates = self._candidates()
            self._complete(candidates)
            lowest = self.threshold.value
            self.faces = [f for f in candidates if f.det_score >= lowest]
            names = [
                self._name(number, face)
                for number, face in enumerate(self.faces, 1)
            ]
            self.picture.show(self._draw(names))
            self.summary.value = _summary(candidates, len(self.faces))
            self.table.value = _table(self.faces, names, self.pose.value)

    def _candidates(self) -> list[Face]:
        """All that the detector reports, found once a picture and size."""
        size = self.detector_size.value
        if size not in self._found:
            self._app.prepare(
                det_thresh=LOWEST_THRESHOLD,
                det_size=None if size == "auto" else (size, size),
            )
            found = faces.detect_faces(self._app, self.picker.image)
            found.sort(key=lambda face: -face.det_score)
            self._found[size] = found
        return self._found[size]

    def _complete(self, candidates: list[Face]) -> None:
        """Run the models that the ticked marks need, once for each face.

        All candidates at once, so that the slider never has to wait.
        """
        needed = {
            "landmark_2d_106": self.points_106.value,
            "landmark_3d_68": self.points_68.value or self.pose.value,
            "recognition": self.names.value and self._name_of is not None,
        }
        bgr = np.ascontiguousarray(self.picker.image[..., ::-1])
        for task, wanted in needed.items():
            key = "embedding" if task == "recognition" else task
            for face in candidates if wanted else ():
                if key not in face:
                    self._models[task].get(bgr, face)

    def _name(self, number: int, face: Face) -> str:
        if self._name_of is None or not self.names.value:
            return str(number)
        return self._name_of(face)

    def _draw(self, names: list[str]) -> np.ndarray:
        canvas = self.picker.image
        for landmarks, tick in (
            ("5", self.five_points),
            ("106", self.points_106),
            ("68", self.points_68),
        ):
            if tick.value:
                canvas = faces.draw_faces(
                    canvas,
                    self.faces,
                    boxes=False,
                    landmarks=landmarks,
                    labels=[""] * len(names),
                )
        for face in self.faces if self.pose.value else ():
            canvas = faces.draw_pose(canvas, face)
        return faces.draw_faces(
            canvas,
            self.faces,
            boxes=self.boxes.value,
            landmarks=None,
            labels=names if self.names.value else [""] * len(names),
        )


def _summary(candidates: list[Face], shown: int) -> str:
    text = f"<b>{shown} {'face' if shown == 1 else 'faces'}</b>"
    if shown < len(candidates):
        score = candidates[shown].det_score
        return f"{text}; the next candidate scores {score:.2f}."
    return f"{text}; no other candidate scores {LOWEST_THRESHOLD} or more."


def _table(found: list[Face], names: list[str], with_pose: bool) -> str:
    titles = ["face", "score", "width × height, pixels"]
    titles += ["pitch, yaw, roll, degrees"] * with_pose
    rows = []
    for face, name in zip(found, names, strict=True):
        x0, y0, x1, y1 = face.bbox
        size = f"{x1 - x0:.0f} × {y1 - y0:.0f}"
        rows.append([html.escape(name), f"{face.det_score:.2f}", size])
        if with_pose:
            rows[-1].append(", ".join(f"{angle:.0f}" for angle in face.pose))
    return table(titles, rows)
