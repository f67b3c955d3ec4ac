"""Train a recogniser at the touch of a button, and watch whom it knows."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import ipywidgets
import numpy as np

from course_utils.widgets.parts import (
    WHOLE_LABEL,
    Number,
    Picture,
    line,
    paragraph,
    row,
)
from course_utils.widgets.workbench import Workbench

_LOOK_EVERY = 10  # steps; looking takes as long as three of them
_BLUE, _ORANGE = "#0072B2", "#D55E00"


class TrainingLab(Workbench):
    """A loss, its margin, how many people: train, watch, stop.

    ``lab.train.click()`` and ``await lab.finished()`` do what the mouse does.

    Attributes:
        loss: Dropdown, "softmax", "arcface" or "triplet".
        people: IntSlider, how many of the people it learns from.
        steps: IntSlider, batches of fifty pictures.
        margin: Number; radians for ArcFace, a squared distance for triplets.
        scale: Number, of ArcFace's cosines.
        train, stop: Buttons.
        status: HTML, how far it is.
        view: Picture of the error rates and of the unseen people.
        curve: a row for each look: step, error rates on unseen and seen.
        model: the network with the lowest error on the unseen people so far.
    """

    def __init__(self, pictures: np.ndarray, people: np.ndarray):
        """Lay out the controls; nothing is trained yet.

        Args:
            pictures: grey aligned faces, ``uint8`` (count, 56, 56).
            people: who is on them, integers (count,). The first ten of them
                are never learned from.
        """
        super().__init__()
        self._pictures, self._who = pictures, people
        self._names = np.unique(people)
        self._unseen = np.isin(people, self._names[:10])
        self._axes = None
        self.curve, self.model = [], None
        self._make_controls(len(self._names) - 10)
        self.children = (
            row(self.loss, self.people, self.steps),
            row(self.margin, self.scale),
            row(self.train, self.stop),
            self.message,
            self.status,
            self.view,
        )
        self.on_change(self._show_margin, self.loss)
        self._show_margin()

    def _values(self) -> dict:
        return {
            "loss": self.loss.value,
            "people": self.people.value,
            "steps": self.steps.value,
        }

    def _make_controls(self, most: int) -> None:
        self.loss = ipywidgets.Dropdown(
            options=["softmax", "arcface", "triplet"],
            value="arcface",
            description="Loss",
            style=WHOLE_LABEL,
        )
        self.people = ipywidgets.IntSlider(
            most, 5, most, description="People to learn from", style=WHOLE_LABEL
        )
        self.steps = ipywidgets.IntSlider(
            120, 30, 600, 30, description="Steps", style=WHOLE_LABEL
        )
        self.margin = Number(self, "Margin", 0.4, (0, 1), digits=2)
        self.scale = Number(self, "Scale", 24, (4, 64), digits=0)
        self.train = self.button("Train", self._start, "play", "primary")
        self.stop = self.button("Stop", self._stop, "stop")
        self.stop.disabled = True
        self.status, self.view = line(), Picture()

    def _show_margin(self) -> None:
        loss = self.loss.value
        self.margin.layout.display = "none" if loss == "softmax" else ""
        self.scale.layout.display = "" if loss == "arcface" else "none"
        self.margin.value = 0.2 if loss == "triplet" else 0.4

    def _start(self) -> None:
        self._require_notebook()
        self.curve, self.model = [], None
        self.train.disabled, self.stop.disabled = True, False
        self.status.value = paragraph("The first step is under way …")
        self._launch(self._train())

    def _stop(self) -> None:
        self._wish = "stopped"

    async def _train(self) -> None:
        looks = self._looks()
        with self.explaining():
            try:
                await self._obey(looks)
                self._say_what_is_kept()
            finally:
                looks.close()
                self.train.disabled, self.stop.disabled = False, True

    def _looks(self) -> Iterator:
        """Train; say after every step how far it is, and yield it."""
        from course_utils.faces import training

        seen = np.isin(self._who, self._names[10:][: self.people.value])
        steps = training.train(
            self._pictures[seen],
            self._who[seen],
            self.loss.value,
            self.steps.value,
            **self._settings(),
        )
        for step in steps:
            if step.step % _LOOK_EVERY == 0 or step.step == step.steps:
                self._look(step, seen)
            self.status.value = paragraph(
                f"Step {step.step} of {step.steps}, loss {step.loss:.2f}"
            )
            yield step

    def _settings(self) -> dict[str, float]:
        names = {"softmax": (), "triplet": ("margin",)}
        chosen = names.get(self.loss.value, ("margin", "scale"))
        return {name: getattr(self, name).value for name in chosen}

    def _look(self, step, seen: np.ndarray) -> None:
        from course_utils.faces import training

        vectors = training.embed(step.model, self._pictures)
        unseen_eer, seen_eer = (
            training.compare_all(vectors[chosen], self._who[chosen]).eer
            for chosen in (self._unseen, seen)
        )
        if unseen_eer < min((row[1] for row in self.curve), default=np.inf):
            self.model = copy.deepcopy(step.model)
        self.curve.append((step.step, unseen_eer, seen_eer))
        places, self._axes = _flatten(vectors[self._unseen], self._axes)
        self.view.show(
            _draw(self.curve, step.steps, places, self._who[self._unseen])
        )

    def _say_what_is_kept(self) -> None:
        if not self.curve:
            self.status.value = paragraph("Stopped before the first look.")
            return
        step, unseen_eer, seen_eer = min(self.curve, key=lambda row: row[1])
        self.status.value = paragraph(
            f"Kept in <code>lab.model</code>: step {step}, with an equal error "
            f"rate of {unseen_eer:.1%} on unseen and {seen_eer:.1%} on seen "
            "people. It was chosen by the unseen ones, so this flatters."
        )


def _flatten(vectors, before):
    """Project on the two directions of largest variance.

    A direction may point either way: it is turned as it was ``before``, so
    that the picture does not flip.
    """
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]
    if before is not None:
        signs = np.sign(np.sum(axes * before, axis=1, keepdims=True))
        axes = axes * np.where(signs == 0, 1, signs)
    return centred @ axes.T, axes


def _draw(curve, steps: int, places, people):
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    step, unseen, seen = np.array(curve).T
    for rates, color, label in (
        (unseen, _ORANGE, "unseen people"),
        (seen, _BLUE, "seen people"),
    ):
        left.plot(step, 100 * rates, "o-", color=color, label=label)
    left.set(
        xlim=(0, steps),
        ylim=(-1, 31),
        xlabel="step",
        ylabel="equal error rate, %",
    )
    left.legend()
    for number, name in enumerate(np.unique(people)):
        right.scatter(
            *places[people == name].T,
            color=colormaps["tab10"](number),
            marker="os^Dv<>Pp*"[number],
            label=f"{name}",
        )
    right.set(xticks=[], yticks=[], title="ten unseen people, projected")
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure
