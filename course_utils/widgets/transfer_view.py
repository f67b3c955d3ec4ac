"""What a transfer looks like: its pictures, its losses, how long it takes."""

import time

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_utils import style
from course_utils.widgets.parts import SLIDING, Picture, img, row

NAMES = {"torch": "PyTorch", "tensorflow": "TensorFlow"}
"""What the frameworks call themselves."""

_PAUSE = 0.5  # seconds between two drawings, at least
_SHARE = 9  # and at least this many times what the last one took
_WIDE = "calc(100% - 4px)"  # ipywidgets adds a margin of 2 px on each side
_TERMS = {  # in Okabe and Ito's colours, told apart by everybody
    "total": ("total", "#000000"),
    "content": ("content", "#0072B2"),
    "style": ("style", "#D55E00"),
    "tv": ("total variation", "#009E73"),
}
_LINES = {"torch": "-", "tensorflow": ":"}
# A click on a snapshot unfolds it.
_UNFOLDING = (
    "<style>.style-lab-snapshot[open] img {height: auto; width: 400px} "
    ".style-lab-snapshot summary {list-style: none; line-height: 1.3; "
    "cursor: zoom-in}</style>"
)


class TransferView(ipywidgets.VBox):
    """A progress bar, the live pictures, the loss curves, the snapshots."""

    def __init__(self):
        super().__init__()
        self.bar = ipywidgets.IntProgress(layout={"width": _WIDE})
        self.status = ipywidgets.HTML()
        self.pictures = {b: Picture(width=_WIDE) for b in NAMES}
        # Through the snapshots; at its end is now.
        self.time = ipywidgets.IntSlider(max=0, readout=False, layout=SLIDING)
        self.time.observe(self._show_moment, "value")
        self.moment = ipywidgets.HTML(layout={"width": "110px"})
        self.curves = Picture(width=_WIDE, max_width="640px")
        self.gallery = row()
        self._panels = {
            backend: ipywidgets.VBox(
                [ipywidgets.HTML(f"<b>{NAMES[backend]}</b>"), picture],
                # The width leaves room for the curves below.
                layout={"flex": "1 1 200px", "max_width": "480px"},
            )
            for backend, picture in self.pictures.items()
        }
        self._side_by_side = row()
        self._timeline = ipywidgets.HBox([self.moment, self.time])
        parts = self._side_by_side, self._timeline, self.curves, self.gallery
        self._canvas = ipywidgets.VBox([*parts, ipywidgets.HTML(_UNFOLDING)])
        self.children = self.bar, self.status, self._canvas
        self.clear()

    def clear(self) -> None:
        """Hide the pictures of an earlier transfer."""
        self._runs: dict[str, style.Run] = {}  # those that have begun
        self._steps: list[int] = []  # of the snapshots
        self._next_drawing = 0.0
        for box in (self.bar, self._canvas, self._timeline):
            box.layout.display = "none"
        self.status.value = ""
        self.time.value = self.time.max = 0
        for snapshot in self.gallery.children:
            snapshot.close()  # ipywidgets would keep it for ever
        self.gallery.children = ()

    def follow(self, runs: dict[str, style.Run]) -> None:
        """Draw the runs, {backend: run}, if that was done long enough ago.

        Drawing must not eat the time for painting: a tenth of it at most.
        """
        started = time.perf_counter()
        if started >= self._next_drawing:
            self._draw(runs)
            finished = time.perf_counter()
            pause = max(_PAUSE, _SHARE * (finished - started))
            self._next_drawing = finished + pause

    def end(self, runs: dict[str, style.Run], outcome: str) -> None:
        """Draw the last state; ``outcome`` says how it ended: "paused" ..."""
        self._draw(runs)
        place = "before the first step"
        if self._runs:
            spent = sum(run.seconds for run in self._runs.values())
            place = f"at {_where(self._runs)}, after {spent:.0f} s"
        if outcome == "finished":  # perhaps as fewer steps were wanted
            self.bar.max = self.bar.value
        self.status.value = f"{outcome.capitalize()} {place}."

    def _draw(self, runs: dict[str, style.Run]) -> None:
        self._runs = {b: run for b, run in runs.items() if run.latest}
        if not self._runs:
            return
        self._side_by_side.children = [self._panels[b] for b in self._runs]
        progress = [run.latest for run in self._runs.values()]
        self.bar.max = sum(p.steps for p in progress)
        self.bar.value = sum(p.step for p in progress)
        self.status.value = self._words()
        self._hang()
        self._show_moment()
        self.curves.show(_curves(self._runs))
        for box in (self.bar, self._canvas):
            box.layout.display = None

    def _words(self) -> str:
        *_, last = progress = [run.latest for run in self._runs.values()]
        height, width, _ = last.image.shape
        pace = self.bar.value / sum(p.seconds for p in progress)
        left = sum(p.eta for p in progress)
        return (
            f"{_where(self._runs)} of {last.steps}, {width} × {height} pixels, "
            f"{pace:.1f} steps a second so far, {duration(left)} left"
        )

    def _hang(self) -> None:
        snapshots = [
            (step, NAMES[backend], picture)
            for backend, run in self._runs.items()
            for step, picture in run.snapshots.items()
        ]
        snapshots.sort(key=lambda snapshot: snapshot[0])
        self._steps = sorted({step for step, *_ in snapshots})
        new = snapshots[len(self.gallery.children) :]
        self.gallery.children += tuple(_snapshot(*each) for each in new)
        is_now = self.time.value == self.time.max
        self.time.max = len(self._steps)
        if is_now:
            self.time.value = self.time.max
        self._timeline.layout.display = None if self._steps else "none"

    def _show_moment(self, _change=None) -> None:
        """Show the snapshots that the slider points at, or what is now."""
        is_now = self.time.value == len(self._steps)
        step = None if is_now else self._steps[self.time.value]
        self.moment.value = "Shown: " + ("now" if is_now else f"step {step}")
        for backend, run in self._runs.items():
            self.pictures[backend].show(run.snapshots.get(step, run.image))


def duration(seconds: float) -> str:
    """Say about how long that is."""
    if seconds < 100:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min"


def _where(runs: dict[str, style.Run]) -> str:
    return " and ".join(
        f"{NAMES[backend]} step {run.latest.step}"
        for backend, run in runs.items()
    )


def _curves(runs: dict[str, style.Run]) -> Figure:
    """Draw the loss and its weighted terms on a logarithmic axis."""
    # Without pyplot, which would keep the figure for ever.
    figure = Figure(figsize=(6.4, 2.8), dpi=100)
    axis = figure.subplots()
    for backend, run in runs.items():
        for term, (label, color) in _TERMS.items():
            weight = getattr(run.recipe, f"{term}_weight", 1)
            values = np.array([getattr(x, term) for x in run.history])
            if weight:
                values[values <= 0] = np.nan  # a logarithmic axis has no 0
                steps = range(1, len(values) + 1)
                look = {"color": color, "label": label, "lw": 1.8}
                axis.plot(steps, weight * values, _LINES[backend], **look)
    axis.set(xlabel="evaluation", ylabel="loss (log scale)", yscale="log")
    if len(runs) > 1:
        axis.set_xlabel("evaluation (PyTorch solid, TensorFlow dotted)")
    axis.set_xlim(left=1)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    # The content loss starts at next to nothing, where a picture starts from
    # the content; showing all of it would press the rest together.
    totals = [losses.total for run in runs.values() for losses in run.history]
    axis.set_ylim(bottom=min(totals) / 100)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("")  # more labels would double the time
    axis.spines[["top", "right"]].set_visible(False)
    lines = axis.lines[: len(axis.lines) // len(runs)]
    figure.legend(handles=lines, loc="upper center", ncols=4, frameon=False)
    figure.subplots_adjust(0.12, 0.18, 0.96, 0.89)
    return figure


def _snapshot(step: int, painter: str, picture) -> ipywidgets.HTML:
    caption = f"{painter}, step {step}"
    return ipywidgets.HTML(
        '<details class="style-lab-snapshot"><summary>'
        f"{img(picture, caption, 72)}<br><small>{caption}</small>"
        "</summary></details>"
    )
