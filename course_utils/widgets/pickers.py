"""Choose a picture, one of the samples or an upload, and a face in it."""

import io

import ipywidgets
import numpy as np
import traitlets
from PIL import Image

from course_utils import faces, images
from course_utils.faces.quality import find_upright
from course_utils.widgets.parts import WHOLE_LABEL, Panel, Picture, row

_PREVIEW = (200, 120)  # pixels, at most this wide and high


class PicturePicker(Panel):
    """A menu of sample pictures, an upload button, and a small preview.

    An upload joins the menu under its file name and is chosen at once.
    ``image`` can be observed.
    """

    image = traitlets.Instance(np.ndarray)

    def __init__(self, kind: str, label: str, start: str, max_side: int = 1280):
        """Offer the samples of one kind, no side longer than ``max_side``."""
        super().__init__(flex="1 1 190px", min_width="0")
        self._kind, self._max_side = kind, max_side
        self._uploads: dict[str, np.ndarray] = {}
        self.menu = ipywidgets.Dropdown(
            options=[path.stem for path in images.samples(kind)],
            value=images.sample(f"{kind}/{start}").stem,
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
        self.on_change(self._show, self.menu)
        self._show()

    @property
    def name(self) -> str:
        """What the menu says: a sample's name, or that of an uploaded file."""
        return self.menu.value

    def _take_file(self, name: str, content: bytes) -> None:
        file = io.BytesIO(content)
        file.name = name  # for the message if it is no picture
        self._uploads[name] = images.load_image(file, self._max_side)
        if name == self.name:  # the same name once more, another picture
            self._show()
        elif name in self.menu.options:
            self.menu.value = name
        else:
            # New options choose their first.
            self.menu.options = (name, *self.menu.options)

    def _show(self) -> None:
        image = self._uploads.get(self.name)
        if image is None:
            path = images.sample(f"{self._kind}/{self.name}")
            image = images.load_image(path, self._max_side)
        self.preview.show(_thumbnail(image))
        self.image = image


class FacePicker(Panel):
    """A ``PicturePicker`` with the aligned face that the recogniser sees.

    Of several faces the largest is chosen first; a menu offers the others.
    ``found`` are all, from left to right, in ``upright``: a picture that lies
    on its side is turned. ``face`` is the chosen one or None; observe it.
    """

    face = traitlets.Any()

    def __init__(self, app, label: str, start: str):
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
        self.which_face.observe(self._show_face, "value")
        self.picker.observe(self._find_faces, "image")
        self._find_faces()

    def _find_faces(self, _change=None) -> None:
        self.found = []
        with self.explaining():
            self.upright, self.found = find_upright(
                self._app, self.picker.image
            )
            if not self.found:  # largest_face would name knobs of Python
                raise faces.NoFaceError(
                    "No face was found: choose or upload another picture."
                )
        self._fill_menu()
        self._show_face()

    def _fill_menu(self) -> None:
        count = len(self.found)
        # New options choose their first, which nobody asked to see.
        self.which_face.unobserve(self._show_face, "value")
        self.which_face.options = [
            (f"{place + 1} of {count} from the left", place)
            for place in range(count)
        ]
        if count:
            largest = faces.largest_face(self.found)
            # Not .index(): faces hold arrays, which == cannot compare.
            places = [face is largest for face in self.found]
            self.which_face.value = places.index(True)
        self.which_face.observe(self._show_face, "value")
        self.which_face.layout.display = None if count > 1 else "none"
        self.crop.layout.display = None if count else "none"

    def _show_face(self, _change=None) -> None:
        face = None
        if self.found:
            face = self.found[self.which_face.value]
            self.crop.show(aligned(self.upright, face))
        if len(self.found) > 1:
            spot = _spotlight(self.upright, face)
            self.picker.preview.show(_thumbnail(spot))
        self.face = face


def aligned(image: np.ndarray, face) -> np.ndarray:
    """Cut out a face as the recogniser sees it, 112 x 112 pixels."""
    from insightface.utils.face_align import norm_crop

    return norm_crop(image, face.kps)


def _spotlight(image: np.ndarray, face) -> np.ndarray:
    left, top, right, bottom = np.maximum(face.bbox, 0).astype(int)
    dark = image // 2
    dark[top:bottom, left:right] = image[top:bottom, left:right]
    return dark


def _thumbnail(image: np.ndarray) -> np.ndarray:
    small = Image.fromarray(image)
    small.thumbnail(_PREVIEW)
    return np.asarray(small)
