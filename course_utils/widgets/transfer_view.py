"""What a transfer looks like: its pictures, its losses, how long it takes."""

from __future__ import annotations

import base64
import time
from collections import deque

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_utils import style
from course_utils.widgets.parts import (
    SLIDING,
    Picture,
    close_children,
    jpeg,
    row,
)
from course_utils.widgets.transfer import Transfer

NAMES = {"torch": "PyTorch", "tensorflow": "TensorFlow"}
"""What the frameworks call themselves."""

_PAUSE = 0.5  # seconds between two drawings, at least
_SHARE = 20  # for curves at least this many times what the last ones took
_WIDE = "calc(100% - 4px)"  # ipywidgets adds a margin of 2 px on each side
_COLORS = {  # Okabe and Ito's colours, told apart by everybody
    "total": "#000000",
    "content": "#0072B2",
    "style": "#D55E00",
    "total variation": "#009E73",
}
_LINES = {"torch": "-", "tensorflow": ":"}
# A click on a snapshot unfolds it.
_UNFOLDING = (
    "<style>.style-lab-snapshot img {height: 72px; width: auto} "
    ".style-lab-snapshot[open] img {height: auto; width: 400px} "
    ".style-lab-snapshot summary {list-style: none; line-height: 1.3; "
    "cursor: zoom-in}</style>"
)


class TransferView(ipywidgets.VBox):
    """A progress bar, the live pictures, the loss curves, the snapshots.

    Attributes:
        bar: ipywidgets.IntProgress, evaluations done of those planned.
        status: ipywidgets.HTML, the same in words, with speed and time left.
        pictures: {backend: the best picture so far, or an earlier one}.
        time: ipywidgets.IntSlider through the snapshots; at its end is now.
        moment: ipywidgets.HTML, what the slider shows.
        curves: the loss and its terms, drawn.
        gallery: a strip of snapshots.
    """

    def __init__(self):
        """Show nothing yet."""
        super().__init__()
        self.bar = ipywidgets.IntProgress(layout={"width": _WIDE})
        self.status = ipywidgets.HTML()
        self.pictures = {b: Picture(width=_WIDE) for b in NAMES}
        self.time = ipywidgets.IntSlider(max=0, readout=False, layout=SLIDING)
        self.time.observe(self._show_moment, "value")
        self.moment = ipywidgets.HTML(layout={"width": "110px"})
        self.curves = Picture(width=_WIDE, max_width="640px")
        self.gallery = row()
        self._panels = {
            backend: _panel(f"<b>{NAMES[backend]}</b>", picture)
            for backend, picture in self.pictures.items()
        }
        self._timeline = ipywidgets.HBox([self.moment, self.time])
        self._canvas = ipywidgets.VBox(
            [
                row(*self._panels.values()),
                self._timeline,
                self.curves,
                self.gallery,
                ipywidgets.HTML(_UNFOLDING),
            ]
        )
        self.children = self.bar, self.status, self._canvas
        self.clear()

    def clear(self) -> None:
        """Hide the pictures of an earlier transfer."""
        self._transfer: Transfer | None = None
        self._steps: list[int] = []  # of the snapshots
        for box in (self.bar, self._canvas, self._timeline):
            box.layout.display = "none"
        self.status.value = ""
        self.time.value = self.time.max = 0
        close_children(self.gallery)
        self.gallery.children = ()
        self.rest()

    def rest(self) -> None:
        """Draw at once next time, and measure the speed from there."""
        self._next_picture = self._next_curves = 0.0
        self._ticks = deque(maxlen=20)

    def follow(self, transfer: Transfer) -> None:
        """Take note of a step, and draw what was drawn long enough ago.

        Drawing must not eat the time for painting: twice a second at most,
        and the curves, which take longest, a twentieth of the time at most.
        """
        now = time.perf_counter()
        self._ticks.append(now)
        if now >= self._next_picture:
            self.draw_pictures(transfer)
            self._next_picture = time.perf_counter() + _PAUSE
        if now >= self._next_curves:
            started = time.perf_counter()
            self.curves.show(draw_curves(transfer))
            finished = time.perf_counter()
            pause = max(_PAUSE, _SHARE * (finished - started))
            self._next_curves = finished + pause

    def draw_pictures(self, transfer: Transfer) -> None:
        """Draw all but the curves, after the first step."""
        self._transfer = transfer
        progress = transfer.latest.values()
        self.bar.max = sum(p.steps for p in progress)
        self.bar.value = sum(p.step for p in progress)
        self.status.value = self._words(transfer)
        for backend, panel in self._panels.items():
            shown = backend in transfer.latest
            panel.layout.display = None if shown else "none"
        self._hang(transfer)
        self._show_moment()
        for box in (self.bar, self._canvas):
            box.layout.display = None

    def end(self, transfer: Transfer, outcome: str) -> None:
        """Draw the last state; ``outcome`` says how it ended: "paused" ..."""
        place = "before the first step"
        if transfer.latest:
            self.draw_pictures(transfer)
            self.curves.show(draw_curves(transfer))
            done = outcome == "finished"  # perhaps as fewer steps were wanted
            self.bar.max = self.bar.value if done else self.bar.max
            spent = max(p.seconds for p in transfer.latest.values())
            place = f"at {_where(transfer, done)}, after {spent:.0f} s"
        self.status.value = f"{outcome.capitalize()} {place}."

    def _words(self, transfer: Transfer) -> str:
        *_, progress = transfer.latest.values()
        height, width, _ = progress.image.shape
        left = max(p.eta for p in transfer.latest.values())
        words = f"{_where(transfer)}, {width} × {height} pixels"
        if len(self._ticks) > 1:
            pace = (len(self._ticks) - 1) / (self._ticks[-1] - self._ticks[0])
            words += f", {pace:.1f} steps a second"
        return f"{words}, {duration(left)} left"

    def _hang(self, transfer: Transfer) -> None:
        """Add new snapshots to the strip, and their steps to the slider."""
        snapshots = [
            (step, backend)
            for backend in transfer.snapshots
            for step in transfer.snapshots[backend]
        ]
        new = sorted(snapshots, key=lambda s: s[0])[
            len(self.gallery.children) :
        ]
        self.gallery.children += tuple(
            ipywidgets.HTML(_snapshot(transfer, *snapshot)) for snapshot in new
        )
        self._steps = sorted({step for step, _ in snapshots})
        is_now = self.time.value == self.time.max
        self.time.max = len(self._steps)
        if is_now:
            self.time.value = self.time.max
        self._timeline.layout.display = None if self._steps else "none"

    def _show_moment(self, _change=None) -> None:
        """Show the snapshots that the slider points at, or what is now."""
        if self._transfer is None:
            return
        is_now = self.time.value == len(self._steps)
        step = None if is_now else self._steps[self.time.value]
        self.moment.value = "Shown: " + ("now" if is_now else f"step {step}")
        for backend, progress in self._transfer.latest.items():
            snapshots = self._transfer.snapshots[backend]
            self.pictures[backend].show(snapshots.get(step, progress.image))


def _where(transfer: Transfer, done: bool = False) -> str:
    """Say at which step a transfer is."""
    return " and ".join(
        f"{NAMES[backend]} step {p.step} of {p.step if done else p.steps}"
        for backend, p in transfer.latest.items()
    )


def duration(seconds: float) -> str:
    """Say about how long that is."""
    if seconds < 100:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min"


def draw_curves(transfer: Transfer) -> np.ndarray:
    """Draw the loss and its weighted terms on a logarithmic axis.

    A term is solid for PyTorch and dotted for TensorFlow.
    """
    # Without pyplot, which would keep the figure for ever.
    figure = Figure(figsize=(6.4, 2.8), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axis = figure.subplots()
    for backend, history in transfer.history.items():
        steps = range(1, len(history) + 1)
        for term, values in _terms(history, transfer.recipe).items():
            line, color = _LINES[backend], _COLORS[term]
            axis.plot(steps, values, line, color=color, lw=1.8)
    axis.set(xlabel="evaluation", ylabel="loss (log scale)", yscale="log")
    if len(transfer.history) > 1:
        axis.set_xlabel("evaluation (PyTorch solid, TensorFlow dotted)")
    axis.set_xlim(left=1)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylim(bottom=_floor(transfer.history.values()))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("")  # more labels would double the time
    axis.spines[["top", "right"]].set_visible(False)
    terms = list(_terms((), transfer.recipe))
    lines = axis.lines[: len(terms)]
    figure.legend(lines, terms, loc="upper center", ncols=4, frameon=False)
    figure.subplots_adjust(0.12, 0.18, 0.96, 0.89)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]


def _floor(histories) -> float:
    """Return a hundredth of the lowest total.

    The content loss starts at next to nothing, where a picture starts from
    the content; showing all of it would press the rest together.
    """
    totals = [loss.total for history in histories for loss in history]
    return min(totals) / 100


def _terms(history, recipe: style.StyleRecipe) -> dict[str, np.ndarray]:
    """Return the total and the terms as they enter it, without zeros."""
    weights = {
        "content": recipe.content_weight,
        "style": recipe.style_weight,
        "total variation": recipe.tv_weight,
    }
    columns = np.array(
        [(loss.total, loss.content, loss.style, loss.tv) for loss in history]
    ).reshape(-1, 4)
    shares = columns * [1, *weights.values()]
    shares[shares <= 0] = np.nan  # a logarithmic axis has no 0
    names = ["total", *weights]
    used = [True, *map(bool, weights.values())]
    return {n: shares[:, k] for k, n in enumerate(names) if used[k]}


def _panel(title: str, content: ipywidgets.Widget) -> ipywidgets.VBox:
    panel = ipywidgets.VBox([ipywidgets.HTML(title), content])
    panel.layout.flex = "1 1 200px"
    panel.layout.max_width = "480px"  # leaves room for the curves below
    return panel


def _snapshot(transfer: Transfer, step: int, backend: str) -> str:
    """HTML of a snapshot that unfolds where it is clicked."""
    data = base64.b64encode(jpeg(transfer.snapshots[backend][step])).decode()
    caption = f"{NAMES[backend]}, step {step}"
    return (
        '<details class="style-lab-snapshot"><summary>'
        f'<img src="data:image/jpeg;base64,{data}" alt="{caption}"><br>'
        f"<small>{caption}</small></summary></details>"
    )
