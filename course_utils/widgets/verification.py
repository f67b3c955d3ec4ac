"""Compare two faces, and move the threshold over the evidence."""

from collections.abc import Mapping
from pathlib import Path

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from course_utils import faces
from course_utils.faces.analysis import threshold_for
from course_utils.faces.draw import rounded_down
from course_utils.widgets.parts import (
    WHOLE_LABEL,
    Number,
    Panel,
    Picture,
    paragraph,
    row,
)
from course_utils.widgets.pickers import FacePicker

_ENDS = -0.3, 1.0  # of the scale; faces are hardly ever below
_WIDTH, _HEIGHT = 860, 230  # of the scale, in pixels
_BLUE, _ORANGE = "#0072B2", "#D55E00"
_HELP = (
    "Choose or upload two photographs. Then move the threshold with the slider "
    "below the scale: what is drawn solid is decided wrongly."
)


class VerificationExplorer(Panel):
    """Two faces, their similarity on a scale, and what a threshold costs.

    Every control is an attribute; ``first`` and ``second`` are ``FacePicker``s.
    ``similarity`` is None while a face is missing.
    """

    def __init__(
        self,
        calibrations: Mapping[str, faces.Calibration] | None = None,
        *,
        app=None,
        start: tuple[str, str] = ("obama_1", "obama_2"),
        threshold: float | None = None,
    ):
        """Show pairs behind the scale: ``faces.calibrate``'s, by their name."""
        super().__init__(max_width=f"{_WIDTH + 12}px")
        app = app or faces.load_face_analysis()
        if threshold is None:
            threshold = threshold_for(Path(app.model_dir).name)
        self._calibrations = dict(calibrations or {})
        self.similarity: float | None = None
        self.first = FacePicker(app, "First picture", start[0])
        self.second = FacePicker(app, "Second picture", start[1])
        self.calibration = ipywidgets.Dropdown(
            options=list(self._calibrations),
            description="Pairs to compare with",
            style=WHOLE_LABEL,
            layout={} if self._calibrations else {"display": "none"},
        )
        self.threshold = Number(self, "Threshold", threshold, _ENDS, digits=3)
        self.verdict, self.rates = ipywidgets.HTML(), ipywidgets.HTML()
        # The slider's track is this much shorter than the slider.
        self.scale = Picture(width="calc(100% - 12px)", margin="0 6px")
        self.threshold.slider.layout = {"width": "100%", "margin": "0"}
        decision = self.threshold.field, self.calibration, self.verdict
        self.children = (
            ipywidgets.HTML(paragraph(_HELP)),
            row(self.first, self.second),
            row(*decision, grid_gap="0 24px"),
            *(self.message, self.scale, self.threshold.slider, self.rates),
        )
        self.on_change(self._show, self.first, self.second, trait="face")
        self.on_change(self._show, self.calibration, self.threshold)
        with self.explaining():
            self._show()

    def _show(self) -> None:
        one, other = self.first.face, self.second.face
        self.similarity = None
        if one is not None and other is not None:
            self.similarity = faces.cosine_similarity(
                one.embedding, other.embedding
            )
        pairs = self._calibrations.get(self.calibration.value)
        threshold = self.threshold.value
        self.scale.show(_scale(pairs, self.similarity, threshold))
        self.verdict.value = _verdict(self.similarity, threshold)
        self.rates.value = "" if pairs is None else _rates(pairs, threshold)


def _scale(pairs, similarity: float | None, threshold: float) -> Figure:
    """Draw the hills, on an axis in line with a slider of the same width."""
    figure = Figure(figsize=(_WIDTH / 100, _HEIGHT / 100), dpi=100)
    axis = figure.add_axes((0, 0.22, 1, 0.56))
    axis.set(xlim=_ENDS, yticks=[], xlabel="cosine similarity")
    axis.set_xticks(np.arange(-2, 10, 2) / 10)
    axis.spines[["left", "right", "top"]].set_visible(False)
    if pairs is not None:
        _draw_hills(axis, pairs, threshold)
    axis.axvline(threshold, color="black", linewidth=2)
    if similarity is not None:
        place = max(similarity, _ENDS[0])
        axis.axvline(place, color="black", linestyle=":")
        axis.annotate(
            f"this pair: {rounded_down(similarity, 3)}",
            (place, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 4),
            textcoords="offset points",
            horizontalalignment="right" if place > 0.35 else "left",
        )
    return figure


def _draw_hills(axis, pairs: faces.Calibration, threshold: float) -> None:
    bins = np.linspace(*_ENDS, 131)
    kinds = (False, _ORANGE, "different people"), (True, _BLUE, "same person")
    for same, color, label in kinds:
        chosen = pairs.similarities[pairs.same == same]
        wrong = chosen[(chosen >= threshold) != same]
        solid = {"label": label, "zorder": 2}
        for values, look in (chosen, {"alpha": 0.3}), (wrong, solid):
            heights = np.histogram(values, bins)[0] / len(chosen)
            axis.stairs(heights, bins, fill=True, color=color, **look)
    axis.figure.legend(loc="upper center", ncols=2, frameon=False)


def _verdict(similarity: float | None, threshold: float) -> str:
    if similarity is None:
        return "There are no two faces to compare."
    sign, answer = "&lt;", "different people"
    if similarity >= threshold:
        sign, answer = "≥", "same person"
    return (
        f"Similarity {rounded_down(similarity, 3)} {sign} threshold "
        f"{threshold:.3f}: <b>{answer}</b>"
    )


def _rates(pairs: faces.Calibration, threshold: float) -> str:
    wrong = (pairs.similarities >= threshold) != pairs.same
    false_accepts, false_rejects = (
        wrong[pairs.same == same].mean() for same in (False, True)
    )
    return paragraph(
        f"At this threshold <b>{false_accepts:.2%}</b> of "
        f"{(~pairs.same).sum():,} pairs of different people are accepted "
        f"(false accept rate), and <b>{false_rejects:.2%}</b> of "
        f"{pairs.same.sum():,} pairs of one person are rejected "
        "(false reject rate)."
    )
