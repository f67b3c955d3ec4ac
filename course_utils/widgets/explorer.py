"""Turn a function that draws a picture into sliders and a picture."""

from __future__ import annotations

import html
import inspect
import io
from collections.abc import Callable

import ipywidgets
import numpy as np
from PIL import Image

from course_utils import images

_JPEG = {"format": "jpeg", "pil_kwargs": {"quality": 88}}


class Explorer(ipywidgets.VBox):
    """Controls above a picture that follows them.

    Unlike ``ipywidgets.interact`` it needs no Output area, so it looks the
    same in Jupyter and Colab, does not flicker, and shows an error as one
    line instead of a traceback. Each control is an attribute:
    ``explorer.threshold.value = 0.7``.

    Attributes:
        controls: {parameter name: its ipywidgets control}.
        picture: ipywidgets.Image with what was drawn last.
        message: ipywidgets.HTML with the error of the last drawing, if any.
    """

    def __init__(self, draw: Callable, **controls):
        """Make a control for each named parameter of ``draw``.

        Args:
            draw: returns an RGB ``uint8`` picture or a matplotlib Figure. The
                defaults of its parameters are where the controls start.
            controls: what each parameter may be, as for
                ``ipywidgets.interact``: (lowest, highest, step) for a slider,
                a list for a menu, True or False for a box to tick, or any
                control.
        """
        super().__init__()
        self._draw = draw
        self.picture = ipywidgets.Image(format="jpeg")
        self.picture.layout.max_width = "100%"
        self.picture.layout.align_self = "flex-start"
        self.message = ipywidgets.HTML()
        parameters = inspect.signature(draw).parameters
        self.controls = {
            name: _control(name, choices, parameters[name].default)
            for name, choices in controls.items()
        }
        for name, control in self.controls.items():
            setattr(self, name, control)
            control.observe(self._refresh, "value")
        self.children = (*self.controls.values(), self.message, self.picture)
        self._refresh()

    def __repr__(self) -> str:
        """Name the values; the picture's bytes would say nothing."""
        values = (f"{n}={c.value!r}" for n, c in self.controls.items())
        return f"Explorer({', '.join(values)})"

    def _refresh(self, _change=None) -> None:
        values = {name: c.value for name, c in self.controls.items()}
        try:
            self.picture.value = _encode(self._draw(**values))
            self.message.value = ""
        except Exception as error:  # a callback's error would vanish unseen
            text = html.escape(f"{type(error).__name__}: {error}")
            self.message.value = f"<b>{text}</b>"


def _control(name: str, choices, start) -> ipywidgets.Widget:
    control = ipywidgets.interactive.widget_from_abbrev(choices, start)
    control.description = name.replace("_", " ")
    if control.has_trait("continuous_update"):
        control.continuous_update = False  # draw once, where the slider stops
    return control


def _encode(drawn) -> bytes:
    buffer = io.BytesIO()
    if isinstance(drawn, np.ndarray):
        Image.fromarray(images.require_rgb(drawn)).save(buffer, "JPEG")
    else:
        drawn.savefig(buffer, bbox_inches="tight", **_JPEG)
    return buffer.getvalue()
