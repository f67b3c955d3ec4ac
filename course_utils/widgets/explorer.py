"""Turn a function that draws a picture into sliders and a picture."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import ipywidgets

from course_utils.widgets.parts import Message, Picture


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
        self.picture = Picture()
        self.message = Message()
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
        with self.message.explaining():
            self.picture.show(self._draw(**values))


def _control(name: str, choices, start) -> ipywidgets.Widget:
    control = ipywidgets.interactive.widget_from_abbrev(choices, start)
    control.description = name.replace("_", " ")
    if control.has_trait("continuous_update"):
        control.continuous_update = False  # draw once, where the slider stops
    return control
