"""What the widgets are made of: a panel, a number, a picture, an explorer."""

from __future__ import annotations

import html
import inspect
import io
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager

import ipywidgets
import traitlets
from PIL import Image

from course_utils import images

# As a control's style=: by default ipywidgets cuts off long descriptions.
WHOLE_LABEL = {"description_width": "initial"}
# As the layout= of a slider beside its value: the handle needs some room.
SLIDING = {"flex": "1 1 100px", "width": "auto", "padding": "0 8px 0 0"}


class Panel(ipywidgets.VBox):
    """Controls, and a line for what went wrong.

    Attributes:
        message: ipywidgets.HTML with one sentence, or empty.
    """

    def __init__(self, **layout):
        """Take CSS properties, for instance ``max_width="160px"``."""
        super().__init__(layout=layout)
        self.message = line()

    def __repr__(self) -> str:
        """Name the values; the pictures' bytes would say nothing."""
        values = (f"{name}={v!r}" for name, v in self._values().items())
        return f"{type(self).__name__}({', '.join(values)})"

    def _values(self) -> dict:
        """What the panel's text form shows, by name."""
        raise NotImplementedError

    @contextmanager
    def explaining(self):
        """Clear the line; show an exception of the block in one sentence.

        Without this a callback's exception would vanish unseen.
        """
        self.message.value = ""
        try:
            yield
        except Exception as error:
            text = html.escape(_sentence(error))
            self.message.value = paragraph(f'<b role="alert">{text}</b>')

    def on_change(self, act: Callable, *controls, trait: str = "value") -> None:
        """Call ``act()`` after every change of one of the controls."""
        for control in controls:
            control.observe(self._explained(act), trait)

    def button(self, label: str, act: Callable, icon: str = "", look: str = ""):
        """Make a button that calls ``act()``."""
        button = ipywidgets.Button(
            description=label,
            icon=icon,
            button_style=look,
            layout={"width": "auto"},
        )
        button.on_click(self._explained(act))
        return button

    def upload_button(self, label: str, accept: str, use: Callable):
        """Make a button that calls ``use(name, content)`` with a file."""
        button = ipywidgets.FileUpload(
            accept=accept, description=label, layout={"width": "auto"}
        )

        def arrived(change):
            files = _files(change["new"])
            button.unobserve(arrived, "value")
            _let_go_of_contents(button)
            button.observe(arrived, "value")
            with self.explaining():
                for name, content in files:
                    use(name, content)

        button.observe(arrived, "value")
        return button

    def _explained(self, act: Callable) -> Callable:
        def callback(_event):
            with self.explaining():
                act()

        return callback


class Number(ipywidgets.HBox):
    """A field and a slider that follow each other.

    The field holds text: of "0,5", as half the world writes it, a browser's
    own field for numbers makes 5, and a slider's own makes 0.

    Attributes:
        value: float; set it or observe it. It may lie beyond the slider's end.
        field: ipywidgets.Text.
        slider: ipywidgets.FloatSlider or FloatLogSlider.
    """

    value = traitlets.Float()

    def __init__(
        self,
        panel: Panel,
        label: str,
        value: float,
        ends: tuple[float, float],
        *,
        digits: int | None = None,
        logarithmic: bool = False,
        label_width: str = "initial",
    ):
        """Make the controls.

        Args:
            panel: says what was wrong with what was typed.
            label: shown before the field.
            value: where to begin.
            ends: of the slider.
            digits: after the point, to which everything is rounded. Without
                them what was typed is kept as it is.
            logarithmic: every tenfold has the same room on the slider.
            label_width: CSS, "160px".
        """
        super().__init__()
        self._ends, self._digits = ends, digits
        self.field = ipywidgets.Text(
            description=label,
            continuous_update=False,
            style={"description_width": label_width},
            layout={"width": _width_of_field(label, label_width)},
        )
        self.slider = _slider(*ends, digits, logarithmic)
        self.children = self.field, self.slider
        self.observe(self._show, "value")
        panel.on_change(self._slid, self.slider)
        panel.on_change(self._typed, self.field)
        self.value = value
        self._show()

    @traitlets.validate("value")
    def _round(self, proposal) -> float:
        value = proposal["value"]
        return value if self._digits is None else round(value, self._digits)

    def _slid(self) -> None:
        # A value between two places, or beyond the end, stays what it is.
        if self._place(self.slider.value) != self._place(self.value):
            self.value = self._place(self.slider.value)

    def _typed(self) -> None:
        text = self.field.value
        if text == self._text():
            return
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            self.value = value
        self._show()
        if not math.isfinite(value):
            raise ValueError(f"{text!r} is not a number: write it as 0.5.")

    def _show(self, _change=None) -> None:
        if self._place(self.slider.value) != self._place(self.value):
            self.slider.value = self._place(self.value)
        self.field.value = self._text()

    def _text(self) -> str:
        form = ".6g" if self._digits is None else f".{self._digits}f"
        return f"{self.value:{form}}"

    def _place(self, value: float) -> float:
        """The place on the slider that is nearest to a value."""
        lowest, highest = self._ends
        return float(f"{min(max(value, lowest), highest):.3g}")


class Picture(ipywidgets.Image):
    """An ``ipywidgets.Image`` that takes pictures and figures."""

    def __init__(self, **layout):
        """Take CSS properties, for instance ``max_width="160px"``."""
        # An ipywidgets image has a margin of 2 pixels on each side.
        usual = {"max_width": "calc(100% - 4px)", "align_self": "flex-start"}
        super().__init__(format="jpeg", layout={**usual, **layout})

    def show(self, drawn) -> None:
        """Show an RGB ``uint8`` picture or a matplotlib Figure."""
        self.value = jpeg(drawn)


class Explorer(Panel):
    """Controls above a picture that follows them.

    Unlike ``ipywidgets.interact`` it needs no Output area, so it looks the
    same in Jupyter and Colab, does not flicker, and shows an error as one
    line instead of a traceback. Each control is an attribute:
    ``explorer.threshold.value = 0.7``.

    Attributes:
        controls: {parameter name: its ipywidgets control}.
        picture: ipywidgets.Image with what was drawn last.
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
        parameters = inspect.signature(draw).parameters
        self.controls = {
            name: _control(name, choices, parameters[name].default)
            for name, choices in controls.items()
        }
        for name, control in self.controls.items():
            setattr(self, name, control)
        self.on_change(self._refresh, *self.controls.values())
        self.children = (*self.controls.values(), self.message, self.picture)
        with self.explaining():
            self._refresh()

    def _values(self) -> dict:
        return {name: c.value for name, c in self.controls.items()}

    def _refresh(self) -> None:
        self.picture.show(self._draw(**self._values()))


def line() -> ipywidgets.HTML:
    """Make a line of text that takes no room while it is empty."""
    text = ipywidgets.HTML(layout={"display": "none"})

    def follow(change):
        text.layout.display = None if change["new"] else "none"

    text.observe(follow, "value")
    return text


def row(*widgets: ipywidgets.Widget, **layout) -> ipywidgets.HBox:
    """Put widgets side by side, and below each other where there's no room."""
    usual = {"flex_flow": "row wrap", "grid_gap": "0 6px"}
    return ipywidgets.HBox(widgets, layout={**usual, **layout})


def close_children(box: ipywidgets.Box) -> None:
    """Close all that a box holds: ipywidgets would keep it for ever."""
    for child in getattr(box, "children", ()):
        close_children(child)
        for part in (child.layout, getattr(child, "style", None), child):
            if part is not None:
                part.close()


def paragraph(text: str) -> str:
    """HTML with the line spacing of text; ipywidgets' is that of buttons."""
    return f'<div style="line-height: 1.5">{text}</div>'


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """HTML of a table; the cells are HTML already."""
    lines = ["".join(f"<th>{title}</th>" for title in titles)]
    lines += ["".join(f"<td>{cell}</td>" for cell in cells) for cells in rows]
    return (
        '<table style="line-height: 1.5; text-align: left" cellpadding="4">'
        f"<tr>{'</tr><tr>'.join(lines)}</tr></table>"
    )


def jpeg(drawn) -> bytes:
    """Encode an RGB ``uint8`` picture or a matplotlib Figure as JPEG.

    Raises:
        images.ImageError: it is neither.
    """
    buffer = io.BytesIO()
    if hasattr(drawn, "savefig"):
        quality = {"format": "jpeg", "pil_kwargs": {"quality": 88}}
        drawn.savefig(buffer, bbox_inches="tight", **quality)
    else:
        picture = Image.fromarray(images.require_rgb(drawn))
        picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _files(value) -> list[tuple[str, bytes]]:
    """Names and contents of what ``FileUpload.value`` holds.

    ipywidgets 7 gives {name: {"content": bytes, ...}}, ipywidgets 8 a tuple
    of {"name": name, "content": memoryview, ...}.
    """
    if isinstance(value, dict):
        return [(name, bytes(file["content"])) for name, file in value.items()]
    return [(file["name"], bytes(file["content"])) for file in value]


def _let_go_of_contents(upload: ipywidgets.FileUpload) -> None:
    """Else the same file, sent once more, would be no change.

    The button shows how many files it holds (ipywidgets 7 counts apart), and
    "(0)" after an upload would look like a failure.
    """
    if isinstance(upload.value, dict):
        upload.set_trait("value", {})
    else:
        empty = {"content": memoryview(b"")}
        upload.value = [{**file, **empty} for file in upload.value]


def _slider(low: float, high: float, digits: int | None, logarithmic: bool):
    common = {
        "readout": False,
        "layout": SLIDING,
    }
    if logarithmic:
        ends = {"min": math.log10(low), "max": math.log10(high), "step": 0.02}
        return ipywidgets.FloatLogSlider(value=high, **ends, **common)
    step = (high - low) / 200 if digits is None else 10**-digits
    return ipywidgets.FloatSlider(min=low, max=high, step=step, **common)


def _width_of_field(label: str, label_width: str) -> str:
    room = f"{len(label)}ch" if label_width == "initial" else label_width
    return f"calc({room} + 76px)"


def _control(name: str, choices, start) -> ipywidgets.Widget:
    control = ipywidgets.interactive.widget_from_abbrev(choices, start)
    control.description = name.replace("_", " ")
    if control.has_trait("continuous_update"):
        control.continuous_update = False  # draw once, where the slider stops
    return control


def _sentence(error: Exception) -> str:
    """What this package raises is a sentence; others need the class's name."""
    own = type(error).__module__.startswith("course_utils")
    if own or isinstance(error, ValueError):
        return str(error)
    return f"{type(error).__name__}: {error}"
