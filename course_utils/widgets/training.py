"""Train a recogniser at the touch of a button, and watch whom it knows."""

import copy
from collections.abc import Iterator
from functools import partial

import ipywidgets
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from course_utils.widgets.parts import WHOLE_LABEL, Line, Number, Picture, row
from course_utils.widgets.workbench import Workbench

_LOOK_EVERY = 10  # steps; looking takes as long as three of them
_UNSEEN = 10  # people whom it never learns from
_BLUE, _ORANGE = "#0072B2", "#D55E00"


class TrainingLab(Workbench):
    """A loss, its margin, how many people: train, watch, stop.

    ``curve`` has a row for each look: step, error rates on unseen and seen
    people. ``model`` is the network with the lowest error on the unseen so far.
    """

    def __init__(self, pictures: np.ndarray, people: np.ndarray):
        """Take grey aligned faces, ``uint8`` (count, 56, 56), and who they are.

        The first ten people are never learned from.
        """
        super().__init__()
        self._pictures, self._who = pictures, people
        self._names = np.unique(people)
        self._unseen = np.isin(people, self._names[:_UNSEEN])
        self._axes = 1.0  # on which the last picture was projected
        self.curve, self.model = [], None
        self.loss = ipywidgets.Dropdown(
            options=["arcface", "softmax", "triplet"],
            description="Loss",
            style=WHOLE_LABEL,
        )
        most = len(self._names) - _UNSEEN
        slider = partial(ipywidgets.IntSlider, style=WHOLE_LABEL)
        label = "People to learn from"
        self.people = slider(most, 5, most, description=label)
        self.steps = slider(120, 30, 600, 30, description="Steps")
        self.margin = Number(self, "Margin", 0.4, (0, 1), digits=2)
        self.train = self.button("Train", self._start, "play", "primary")
        self.stop = self.button("Stop", self._stop, "stop")
        self.stop.disabled = True
        self.status, self.view = Line(), Picture()
        self.children = (
            row(self.loss, self.people, self.steps),
            row(self.margin, self.train, self.stop),
            *(self.message, self.status, self.view),
        )
        self.on_change(self._show_margin, self.loss)

    def _show_margin(self) -> None:
        shown = self.loss.value != "softmax"
        self.margin.layout.display = None if shown else "none"
        self.margin.value = 0.2 if self.loss.value == "triplet" else 0.4

    def _start(self) -> None:
        self._require_notebook()
        self.curve, self.model = [], None
        self.train.disabled, self.stop.disabled = True, False
        self.status.say("The first step is under way …")
        self._launch(self._looks(), self._ended)

    def _stop(self) -> None:
        self._wish = "stopped"

    def _looks(self) -> Iterator:
        """Train; say after every step how far it is, and yield it."""
        from course_utils.faces import training

        names = self._names[_UNSEEN:][: self.people.value]
        seen, loss = np.isin(self._who, names), self.loss.value
        data = self._pictures[seen], self._who[seen]
        margin = {} if loss == "softmax" else {"margin": self.margin.value}
        for step in training.train(*data, loss, self.steps.value, **margin):
            if step.step % _LOOK_EVERY == 0 or step.step == step.steps:
                self._look(step, seen)
            done = f"Step {step.step} of {step.steps}"
            self.status.say(f"{done}, loss {step.loss:.2f}")
            yield step

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
        people = self._who[self._unseen]
        self.view.show(_draw(self.curve, step.steps, places, people))

    def _ended(self, _outcome: str) -> None:
        self.train.disabled, self.stop.disabled = False, True
        if not self.curve:
            self.status.say("Stopped before the first look.")
            return
        step, unseen_eer, seen_eer = min(self.curve, key=lambda row: row[1])
        self.status.say(
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
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    flipped = np.sum(axes * before, axis=1, keepdims=True) < 0
    axes = np.where(flipped, -axes, axes)
    return centred @ axes.T, axes


def _draw(curve, steps: int, places, people):
    figure = Figure(figsize=(9.5, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    step, unseen, seen = np.array(curve).T
    left.plot(step, 100 * unseen, "o-", color=_ORANGE, label="unseen people")
    left.plot(step, 100 * seen, "o-", color=_BLUE, label="seen people")
    left.set(xlim=(0, steps), xlabel="step")
    left.set(ylim=(-1, 31), ylabel="equal error rate, %")
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
