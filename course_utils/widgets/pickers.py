"""Choose a picture, one of the samples or an upload, and a face in it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import ipywidgets
import numpy as np
import traitlets
from PIL import Image

from course_utils import faces, images
from course_utils.faces.quality import find_upright
from course_utils.widgets.parts import WHOLE_LABEL, Panel, Picture, row

if TYPE_CHECKING:
    from insightface.app import FaceAnalysis

_PREVIEW = (200, 120)  # pixels, at most this wide and high


class PicturePicker(Panel):
    """A menu of sample pictures, an upload button, and a small preview.

    An upload joins the menu under its file name and is chosen at once.

    ``image`` and ``name`` are traits that can be observed.
    """

    image = traitlets.Instance(np.ndarray)
    name = traitlets.Unicode()

    def __init__(self, kind: str, label: str, start: str, max_side: int = 1280):
        """Offer the samples of one kind, "faces", first ``start``, "obama_1".

        Pictures longer than ``max_side`` pixels are shrunk to that.
        """
        super().__init__(flex="1 1 190px", min_width="0")
        images.sample(f"{kind}/{start}")  # or it says which ones there are
        self._kind, self._max_side = kind, max_side
        self._uploads: dict[str, np.ndarray] = {}
        self.menu = ipywidgets.Dropdown(
            options=[path.stem for path in images.samples(kind)],
            value=start,
            description=label,
            style=WHOLE_LABEL,
            layout={"flex": "1 1 160px", "width": "auto", "min_width": "0"},
        )
        self.upload = self.upload_button(
            "Upload a picture", "image/*", self._take_file
        )
        self.preview = Picture()
        self.below = row(self.preview)
        self.children = row(self.menu, self.upload), self.below, self.message
        self._use_chosen()
        self.on_change(self._use_chosen, self.menu)

    def _values(self) -> dict:
        return {"name": self.name}

    def _take_file(self, name: str, content: bytes) -> None:
        file = io.BytesIO(content)
        file.name = name  # for the message if it is no picture
        self._uploads[name] = images.load_image(file, self._max_side)
        if name not in self.menu.options:
            # New options choose their first: this one.
            self.menu.options = (name, *self.menu.options)
        elif name == self.menu.value:
            self._use_chosen()
        else:
            self.menu.value = name

    def _use_chosen(self) -> None:
        name = self.menu.value
        image = self._uploads.get(name)
        if image is None:
            path = images.sample(f"{self._kind}/{name}")
            image = images.load_image(path, self._max_side)
        self.preview.show(_thumbnail(image))
        self.name = name
        self.image = image


class FacePicker(Panel):
    """A ``PicturePicker`` with the aligned face that the recogniser sees.

    Of several faces the largest is chosen first; a menu offers the others.

    ``face`` is the chosen one or None, a trait that can be observed; ``found``
    are all in ``upright``: a picture that lies on its side is turned.
    """

    face = traitlets.Any()

    def __init__(self, app: FaceAnalysis, label: str, start: str):
        """Begin with the sample picture ``start``."""
        super().__init__(flex="1 1 260px", min_width="0")
        self._app = app
        self.picker = PicturePicker("faces", label, start)
        self.picker.layout.flex = "0 0 auto"  # here that is its height
        self.crop = Picture(width="112px", height="112px")
        self.which_face = ipywidgets.Dropdown(
            description="Face", style=WHOLE_LABEL, layout={"width": "auto"}
        )
        self.picker.below.children += self.crop, self.which_face
        self.children = self.picker, self.message
        self.on_change(self._show_face, self.which_face)
        self.on_change(self._find_faces, self.picker, trait="image")
        with self.explaining():
            self._find_faces()

    def _values(self) -> dict:
        return {"name": self.picker.name, "which_face": self.which_face.value}

    def _find_faces(self) -> None:
        self.found = []  # new options choose their first: not to be shown
        self.upright, found = find_upright(self._app, self.picker.image)
        count = len(found)
        self.which_face.options = [
            (f"{place + 1} of {count} from the left", place)
            for place in range(count)
        ]
        self.which_face.layout.display = None if count > 1 else "none"
        self.crop.layout.display = None if count else "none"
        if not found:
            self.face = None
            raise faces.NoFaceError(
                "No face was found: choose or upload another picture."
            )
        largest = faces.largest_face(found)
        # Not .index(): faces hold arrays, which == cannot compare.
        self.which_face.value = [face is largest for face in found].index(True)
        self.found = found
        self._show_face()

    def _show_face(self) -> None:
        if not self.found:
            return
        face = self.found[self.which_face.value]
        self.crop.show(aligned(self.upright, face))
        if len(self.found) > 1:
            self.picker.preview.show(_thumbnail(_spotlight(self.upright, face)))
        self.face = face


def aligned(image: np.ndarray, face) -> np.ndarray:
    """Cut out a face as the recogniser sees it, 112 x 112 pixels."""
    from insightface.utils.face_align import norm_crop

    return norm_crop(image, face.kps)


def _spotlight(image: np.ndarray, face) -> np.ndarray:
    """Darken all but one face."""
    left, top, right, bottom = np.maximum(face.bbox, 0).astype(int)
    dark = image // 2
    dark[top:bottom, left:right] = image[top:bottom, left:right]
    return dark


def _thumbnail(image: np.ndarray) -> np.ndarray:
    small = Image.fromarray(image)
    small.thumbnail(_PREVIEW)
    return np.asarray(small)
