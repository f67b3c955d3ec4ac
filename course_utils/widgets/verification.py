"""Compare two faces, and move the threshold over the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import ipywidgets
import numpy as np
import traitlets

from course_utils import faces
from course_utils.faces.analysis import published_threshold
from course_utils.widgets.face_picker import FacePicker
from course_utils.widgets.parts import WHOLE_LABEL, Message, Picture, paragraph

if TYPE_CHECKING:
    from insightface.app import FaceAnalysis

_LOWEST, _HIGHEST = -0.3, 1.0  # the scale; faces are hardly ever below
_WIDTH, _HEIGHT = 860, 280  # of the scale, in pixels
_AXIS_BOTTOM, _AXIS_TOP = 0.18, 0.8  # as shares of the height
_BLUE, _ORANGE = "#0072B2", "#D55E00"
_HELP = (
    "Choose or upload two photographs. Then move the threshold with the slider "
    "below the scale: what is drawn solid is decided wrongly."
)


class VerificationExplorer(ipywidgets.VBox):
    """Two faces, their similarity on a scale, and what a threshold costs.

    Attributes:
        first, second: a ``FacePicker`` each; ``first.picker.menu.value``.
        calibration: menu of the calibrations.
        threshold: slider under the scale; cosine similarity from which two
            faces count as one person.
        exact_threshold: the same as a number.
        similarity: cosine of the two embeddings, -1 to 1, or None while a
            face is missing.
        verdict, rates: same or different; the error rates at the threshold.
        scale: the picture of the scale.
        message: what went wrong last, or empty.
    """

    def __init__(
        self,
        calibrations: Mapping[str, faces.Calibration] | None = None,
        *,
        app: FaceAnalysis | None = None,
        start: tuple[str, str] = ("obama_1", "obama_2"),
        threshold: float | None = None,
    ):
        """Show the pairs of the calibrations behind the scale.

        Args:
            calibrations: by the kind of picture, from ``faces.calibrate``.
                Without any there are no error rates to show.
            app: from ``faces.load_face_analysis``; by default the embedded
                pack is loaded.
            start: the sample pictures to begin with.
            threshold: where to begin; default the published one of the pack.

        Raises:
            images.ImageError: there is no such sample.
            ValueError: no threshold was given and the pack has none.
        """
        super().__init__(layout={"max_width": f"{_WIDTH + 12}px"})
        app = faces.load_face_analysis() if app is None else app
        if threshold is None:
            threshold = published_threshold(Path(app.model_dir).name)
        self._calibrations = dict(calibrations or {})
        self.first = FacePicker(app, "First picture", start[0])
        self.second = FacePicker(app, "Second picture", start[1])
        self._make_controls(threshold)
        self._arrange()
        for side in (self.first, self.second):
            side.observe(self._compare, "face")
        self.calibration.observe(self._compare, "value")
        self.threshold.observe(self._decide, "value")
        self._compare()

    def __repr__(self) -> str:
        """Name the values; the picture's bytes would say nothing."""
        return (
            f"VerificationExplorer(first={self.first.picker.name!r}, "
            f"second={self.second.picker.name!r}, "
            f"threshold={self.threshold.value:.3f})"
        )

    def _make_controls(self, threshold: float) -> None:
        self.calibration = ipywidgets.Dropdown(
            options=list(self._calibrations),
            description="Pairs to compare with",
            style=WHOLE_LABEL,
            layout={} if self._calibrations else {"display": "none"},
        )
        limits = {"min": _LOWEST, "max": _HIGHEST, "value": threshold}
        self.threshold = ipywidgets.FloatSlider(
            **limits,
            step=0.001,
            readout=False,  # would push the slider out of line with the scale
            layout={"width": "100%", "margin": "0"},
        )
        self.exact_threshold = ipywidgets.BoundedFloatText(
            **limits, step=0.01, description="Threshold", style=WHOLE_LABEL
        )
        traitlets.link(
            (self.threshold, "value"),
            (self.exact_threshold, "value"),
            transform=(_to_three_digits, float),
        )
        # The slider's track is this much shorter than the slider.
        self.scale = Picture(width="calc(100% - 12px)", margin="0 6px")
        self.verdict = ipywidgets.HTML()
        self.rates = ipywidgets.HTML()
        self.message = Message()

    def _arrange(self) -> None:
        row = {"flex_flow": "row wrap", "justify_content": "space-between"}
        evidence = ipywidgets.VBox(
            [
                ipywidgets.HBox(
                    [self.exact_threshold, self.calibration], layout=row
                ),
                self.scale,
                self.threshold,
                self.rates,
            ],
        )
        self.children = (
            ipywidgets.HTML(paragraph(_HELP)),
            ipywidgets.HBox([self.first, self.second], layout=row),
            self.verdict,
            self.message,
            evidence,
        )

    def _compare(self, _change=None) -> None:
        """Measure the similarity and draw the scale anew."""
        with self.message.explaining():
            one, other = self.first.face, self.second.face
            self.similarity = (
                None
                if one is None or other is None
                else faces.cosine_similarity(one.embedding, other.embedding)
            )
            pairs = self._calibrations.get(self.calibration.value)
            self._rejected, self._accepted = (
                _draw_scale(pairs, self.similarity, accepted)
                for accepted in (False, True)
            )
            self._show_decision()

    def _decide(self, _change) -> None:
        with self.message.explaining():
            self._show_decision()

    def _show_decision(self) -> None:
        threshold = self.threshold.value
        self.scale.show(_join(self._rejected, self._accepted, threshold))
        self.verdict.value = _verdict(self.similarity, threshold)
        pairs = self._calibrations.get(self.calibration.value)
        self.rates.value = "" if pairs is None else _rates(pairs, threshold)


def _to_three_digits(similarity: float) -> float:
    return round(similarity, 3)


def _draw_scale(pairs, similarity: float | None, accepted: bool) -> np.ndarray:
    """The scale as if every pair were accepted, or every pair rejected.

    The axis is as wide as the picture, so that a slider of the same width
    below it is in line with it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH / 100, _HEIGHT / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axis = figure.add_axes((0, _AXIS_BOTTOM, 1, _AXIS_TOP - _AXIS_BOTTOM))
    if pairs is not None:
        _draw_hills(axis, pairs, accepted)
    if similarity is not None:
        _mark_this_pair(axis, similarity)
    axis.set(xlim=(_LOWEST, _HIGHEST), yticks=[], xlabel="cosine similarity")
    axis.set_xticks(np.arange(-2, 10, 2) / 10)
    axis.spines[["left", "right", "top"]].set_visible(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_hills(axis, pairs: faces.Calibration, accepted: bool) -> None:
    bins = np.linspace(_LOWEST, _HIGHEST, 131)
    for same, color, label in (
        (False, _ORANGE, "different people"),
        (True, _BLUE, "same person"),
    ):
        right = same == accepted
        axis.hist(
            pairs.similarities[pairs.same == same],
            bins,
            density=True,
            color=color,
            alpha=0.3 if right else 1.0,
            zorder=1 if right else 2,  # the errors are small: in front
        )
        axis.plot([], color=color, linewidth=6, label=label)
    axis.figure.legend(loc="upper center", ncols=2, frameon=False)


def _mark_this_pair(axis, similarity: float) -> None:
    place = max(similarity, _LOWEST)
    axis.axvline(place, color="black", linestyle=":")
    axis.annotate(
        f"this pair: {similarity:.2f}",
        (place, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 4),
        textcoords="offset points",
        horizontalalignment="right" if place > 0.35 else "left",
    )


def _join(rejected, accepted, threshold: float) -> np.ndarray:
    """Left of the threshold pairs are rejected, right of it accepted."""
    share = (threshold - _LOWEST) / (_HIGHEST - _LOWEST)
    column = round(share * (_WIDTH - 1))
    picture = np.hstack([rejected[:, :column], accepted[:, column:]])
    top, bottom = (
        round((1 - _AXIS_TOP) * _HEIGHT),
        round((1 - _AXIS_BOTTOM) * _HEIGHT),
    )
    picture[top:bottom, max(0, column - 1) : column + 2] = 0
    return picture


def _verdict(similarity: float | None, threshold: float) -> str:
    if similarity is None:
        return "There are no two faces to compare."
    same = similarity >= threshold
    sign, answer = (
        ("≥", "same person") if same else ("&lt;", "different people")
    )
    return (
        f"Similarity {similarity:.3f} {sign} threshold {threshold:.3f}: "
        f"<b>{answer}</b>"
    )


def _rates(pairs: faces.Calibration, threshold: float) -> str:
    accepted = pairs.similarities >= threshold
    false_accepts = accepted[~pairs.same].mean()
    false_rejects = 1 - accepted[pairs.same].mean()
    return paragraph(
        f"At this threshold <b>{false_accepts:.2%}</b> of "
        f"{(~pairs.same).sum():,} pairs of different people are accepted "
        f"(false accept rate), and <b>{false_rejects:.2%}</b> of "
        f"{pairs.same.sum():,} pairs of one person are rejected "
        "(false reject rate)."
    )
