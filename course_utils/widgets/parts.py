"""What the widgets are made of: a panel, a number, a picture, an explorer."""

import base64
import html
import inspect
import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager

import ipywidgets
import numpy as np
import traitlets
from PIL import Image

from course_utils import images

# As a control's style=: by default ipywidgets cuts off long descriptions.
WHOLE_LABEL = {"description_width": "initial"}
# As the layout= of a slider beside its value: the handle needs some room.
SLIDING = {"flex": "1 1 100px", "width": "auto", "padding": "0 8px 0 0"}


class Line(ipywidgets.HTML):
    """A line of text that takes no room while it is empty."""

    def __init__(self):
        super().__init__(layout={"display": "none"})

    def say(self, text: str = "") -> None:
        """Show HTML, or nothing."""
        self.value = text and paragraph(text)
        self.layout.display = None if text else "none"


class Panel(ipywidgets.VBox):
    """Controls, and ``message``, a ``Line`` for what went wrong."""

    def __init__(self, **layout):
        super().__init__(layout=layout)
        self.message = Line()

    def __repr__(self) -> str:
        # Where no widget can be shown, ipywidgets would list all its parts.
        return f"{type(self).__name__}()"

    @contextmanager
    def explaining(self):
        """Show an exception of the block in one sentence.

        Without this a callback's exception would vanish unseen.
        """
        self.message.say()
        try:
            yield
        except Exception as error:
            text = html.escape(_sentence(error))
            self.message.say(f'<b role="alert">{text}</b>')

    def on_change(self, act: Callable, *controls, trait: str = "value") -> None:
        """Call ``act()`` after every change of one of the controls."""

        def changed(_change):
            with self.explaining():
                act()

        for control in controls:
            control.observe(changed, trait)

    def button(self, label: str, act: Callable, icon: str = "", look: str = ""):
        """Make a button that calls ``act()``, unless it is disabled.

        Python, and the second click of two, can press a disabled one as well.
        """
        button = ipywidgets.Button(
            description=label,
            icon=icon,
            button_style=look,
            layout={"width": "auto"},
        )

        def pressed(_button):
            with self.explaining():
                if button.disabled:
                    raise ValueError(
                        f"{label} is greyed out now: press another button."
                    )
                act()

        button.on_click(pressed)
        return button

    def upload_button(self, label: str, accept: str, use: Callable):
        """Make a button that calls ``use(name, content)`` with a file."""
        button = ipywidgets.FileUpload(
            accept=accept, description=label, layout={"width": "auto"}
        )

        def arrived(_change):
            button.unobserve(arrived, "value")
            file = _take_file(button)
            button.observe(arrived, "value")
            with self.explaining():
                use(*file)

        button.observe(arrived, "value")
        return button


class Number(ipywidgets.HBox):
    """A field and a slider that follow each other, and ``value``, a float.

    The field holds text: of "0,5", as half the world writes it, a browser's
    own field for numbers makes 5, and a slider's own makes 0.
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
        label_width: str | None = None,
    ):
        """Make ``field`` and ``slider``, whose ends the value may leave.

        All is rounded to ``digits`` after the point, if there are any.
        """
        super().__init__()
        self._digits = digits
        low, high = ends
        moves = 200 if digits is None else round((high - low) * 10**digits)
        spread = np.geomspace if logarithmic else np.linspace
        self._places = spread(low, high, moves + 1)  # of the slider's handle
        room = label_width or f"{len(label)}ch"
        self.field = ipywidgets.Text(
            description=label,
            continuous_update=False,
            style={"description_width": label_width or "initial"},
            layout={"width": f"calc({room} + 76px)"},
        )
        self.slider = ipywidgets.IntSlider(
            max=moves, readout=False, layout=SLIDING
        )
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

    def _place(self) -> int:
        """Number the slider's place that is nearest to the value."""
        return int(np.abs(self._places - self.value).argmin())

    def _slid(self) -> None:
        # A value between two places, or beyond the end, stays what it is.
        if self.slider.value != self._place():
            self.value = float(f"{self._places[self.slider.value]:.3g}")

    def _typed(self) -> None:
        text = self.field.value
        if text == self._text():
            return
        try:
            self.value = float(text.replace(",", "."))
        except ValueError:
            raise ValueError(
                f"{text!r} is not a number: write it as 0.5."
            ) from None
        finally:
            self._show()

    def _show(self, _change=None) -> None:
        self.slider.value = self._place()
        self.field.value = self._text()

    def _text(self) -> str:
        form = ".6g" if self._digits is None else f".{self._digits}f"
        return f"{self.value:{form}}"


class Picture(ipywidgets.Image):
    """An ``ipywidgets.Image`` that takes pictures and figures."""

    def __init__(self, **layout):
        # An ipywidgets image has a margin of 2 pixels on each side.
        usual = {"max_width": "calc(100% - 4px)", "align_self": "flex-start"}
        super().__init__(format="jpeg", layout={**usual, **layout})

    def show(self, drawn) -> None:
        """Show a picture or a matplotlib Figure."""
        self.value = jpeg(drawn)


class Explorer(Panel):
    """Controls above ``picture``, which follows them.

    Unlike ``ipywidgets.interact`` it needs no Output area: it does not flicker,
    and shows an error in one line. Each control is an attribute:
    ``explorer.threshold.value = 0.7``.
    """

    def __init__(self, draw: Callable, **controls):
        """Make a control for each named parameter of ``draw``.

        ``draw`` returns a picture or a matplotlib Figure; the controls start
        at its defaults. What each may be is said as for
        ``ipywidgets.interact``: (lowest, highest, step) for a slider, a list
        for a menu, True or False for a box to tick, or any control.
        """
        super().__init__()
        self._draw = draw
        self.picture = Picture()
        parameters = inspect.signature(draw).parameters
        self._controls = {
            name: _control(name, choices, parameters[name].default)
            for name, choices in controls.items()
        }
        for name, control in self._controls.items():
            setattr(self, name, control)
        self.on_change(self._refresh, *self._controls.values())
        self.children = (*self._controls.values(), self.message, self.picture)
        with self.explaining():
            self._refresh()

    def _refresh(self) -> None:
        values = {name: c.value for name, c in self._controls.items()}
        self.picture.show(self._draw(**values))


def row(*widgets: ipywidgets.Widget, **layout) -> ipywidgets.HBox:
    """Put widgets side by side, and below each other where there's no room."""
    usual = {"flex_flow": "row wrap", "grid_gap": "0 6px"}
    return ipywidgets.HBox(widgets, layout={**usual, **layout})


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


def img(picture, alt: str, height: int) -> str:
    """HTML of a picture, with its height in pixels."""
    data = base64.b64encode(jpeg(picture)).decode()
    address = f"data:image/jpeg;base64,{data}"
    return f'<img src="{address}" alt="{alt}" height="{height}">'


def jpeg(drawn) -> bytes:
    """Encode a picture or a matplotlib Figure. Raises images.ImageError."""
    buffer = io.BytesIO()
    if hasattr(drawn, "savefig"):
        drawn.savefig(buffer, format="jpeg", pil_kwargs={"quality": 88})
    else:
        picture = Image.fromarray(images.require_rgb(drawn))
        picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _take_file(upload: ipywidgets.FileUpload) -> tuple[str, bytes]:
    """Return an upload's name and content, and let go of the content.

    Else the same file, sent once more, would be no change. The button goes on
    counting: "(0)" after an upload would look like a failure.
    """
    if isinstance(upload.value, dict):  # ipywidgets 7
        ((name, file),) = upload.value.items()
        upload.set_trait("value", {})
    else:
        (file,) = upload.value
        name = file["name"]
        upload.value = [{**file, "content": memoryview(b"")}]
    return name, bytes(file["content"])


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
