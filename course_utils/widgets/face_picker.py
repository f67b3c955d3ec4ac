"""Choose a picture and find the face in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets
import traitlets

from course_utils import faces
from course_utils.faces.analysis import embed_faces
from course_utils.widgets.parts import Message, Picture
from course_utils.widgets.picture_picker import PicturePicker

if TYPE_CHECKING:
    from insightface.app import FaceAnalysis


class FacePicker(ipywidgets.VBox):
    """A ``PicturePicker`` with the aligned face that the recogniser sees.

    Attributes:
        picker: the ``PicturePicker``.
        face: the largest InsightFace ``Face`` of the picture, or None where
            there is none; observe it with ``observe(callback, "face")``.
        place: of that face among all of the picture, 0 being the leftmost.
        crop: the aligned face, 112 x 112 pixels.
        caption: which face that is.
        message: why there is no face, or empty.
    """

    face = traitlets.Any()

    def __init__(self, app: FaceAnalysis, label: str, start: str):
        """Begin with the sample picture ``start``, "obama_1".

        Raises:
            images.ImageError: there is no such sample.
        """
        super().__init__()
        self._app = app
        self.place = 0
        self.picker = PicturePicker("faces", label, start)
        self.crop = Picture(width="112px", height="112px")
        self.caption = ipywidgets.HTML()
        self.message = Message()
        self.children = self.picker, self.crop, self.caption, self.message
        self.picker.observe(self._find_face, "image")
        self._find_face()

    def __repr__(self) -> str:
        """Name the picture; its pixels would say nothing."""
        return f"FacePicker(name={self.picker.name!r})"

    def _find_face(self, _change=None) -> None:
        from insightface.utils.face_align import norm_crop

        face = None
        with self.message.explaining():
            found = embed_faces(self._app, self.picker.image)
            largest = faces.largest_face(found)
            # Not .index(): faces hold arrays, which == cannot compare.
            self.place = [other is largest for other in found].index(True)
            self.crop.show(norm_crop(self.picker.image, largest.kps))
            self.caption.value = _caption(len(found))
            face = largest
        shown = "hidden" if face is None else "visible"
        self.crop.layout.visibility = shown
        self.caption.layout.visibility = shown
        self.face = face


def _caption(count: int) -> str:
    return "Aligned face" + (f", the largest of {count}" if count > 1 else "")
