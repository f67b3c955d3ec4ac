"""Choose a picture: one of the samples, or an upload."""

from __future__ import annotations

import io

import ipywidgets
import numpy as np
import traitlets
from PIL import Image

from course_utils import images
from course_utils.widgets.parts import (
    WHOLE_LABEL,
    Message,
    Picture,
    uploaded_files,
)

_PREVIEW_SIDE = 120  # pixels


class PicturePicker(ipywidgets.VBox):
    """A menu of sample pictures, an upload button, and a small preview.

    An upload joins the menu under its file name and is chosen at once. One
    that cannot be used is explained in ``message``; the picture stays.

    Attributes:
        image: the chosen picture, RGB ``uint8``, shape (height, width, 3);
            observe it with ``picker.observe(callback, "image")``.
        name: what it is called, a sample's or a file's name.
        menu: ipywidgets.Dropdown over the names.
        upload: ipywidgets.FileUpload.
        preview: the picture, at most 120 pixels wide and high.
        message: what was wrong with the last upload, or empty.
    """

    image = traitlets.Instance(np.ndarray)
    name = traitlets.Unicode()

    def __init__(
        self,
        kind: str,
        label: str,
        start: str | None = None,
        max_side: int = 1280,
    ):
        """Offer the samples of one kind.

        Args:
            kind: "faces", "styles", "content" or "made".
            label: what the picture is for, shown beside the menu.
            start: the sample to begin with, "obama_1"; default the first.
            max_side: longer pictures are shrunk to this, in pixels.

        Raises:
            images.ImageError: unknown ``kind`` or ``start``.
        """
        super().__init__()
        self._kind, self._max_side = kind, max_side
        self._uploads: dict[str, np.ndarray] = {}
        names = [path.stem for path in images.samples(kind)]
        self.menu = ipywidgets.Dropdown(
            options=names, description=label, style=WHOLE_LABEL
        )
        self.upload = ipywidgets.FileUpload(
            accept="image/*",
            description="Upload a picture",
            layout={"width": "auto"},
        )
        self.preview = Picture(max_height=f"{_PREVIEW_SIDE}px")
        self.message = Message()
        self.children = self.menu, self.upload, self.preview, self.message
        self._use(names[0] if start is None else start)
        self.menu.value = self.name
        self.menu.observe(self._menu_changed, "value")
        self.upload.observe(self._file_arrived, "value")

    def __repr__(self) -> str:
        """Name the picture; its pixels would say nothing."""
        return f"PicturePicker(name={self.name!r})"

    def _menu_changed(self, change) -> None:
        with self.message.explaining():
            self._use(change["new"])

    def _file_arrived(self, change) -> None:
        files = uploaded_files(change["new"])
        if not files:  # emptied by the next line
            return
        # Else the same file, uploaded once more, would not be noticed.
        self.upload.set_trait("value", type(self.upload.value)())
        with self.message.explaining():
            for name, content in files:
                self._uploads[name] = self._read(content, name)
                self._enter_in_menu(name)
                self._use(name)

    def _enter_in_menu(self, name: str) -> None:
        # New options choose the first of them, which nobody asked to see.
        self.menu.unobserve(self._menu_changed, "value")
        if name not in self.menu.options:
            self.menu.options = (*self.menu.options, name)
        self.menu.value = name
        self.menu.observe(self._menu_changed, "value")

    def _use(self, name: str) -> None:
        image = self._uploads.get(name)
        if image is None:
            path = images.sample(f"{self._kind}/{name}")
            image = images.load_image(path, self._max_side)
        self.preview.show(_thumbnail(image))
        self.name = name
        self.image = image

    def _read(self, content: bytes, name: str) -> np.ndarray:
        file = io.BytesIO(content)
        file.name = name  # for the message if it is no picture
        return images.load_image(file, self._max_side)


def _thumbnail(image: np.ndarray) -> np.ndarray:
    small = Image.fromarray(image)
    small.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    return np.asarray(small)
