"""A control with a unit and a sentence of help for each knob of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import ipywidgets

from course_utils.style import RecipeError, StyleRecipe
from course_utils.style.recipe import CHOICES

_LABELS = {"description_width": "160px"}  # all in one column, none cut off
_HELP = "font-size: smaller; line-height: 1.3; padding-top: 7px"
_BESIDE = {"flex": "1 1 180px"}

_COLORS = {  # a menu cannot hold None: "" stands for it
    "": "those of the style picture",
    "luminance": "photograph's, brightness painted",
    "match": "photograph's, style recoloured",
}


class _Knob(NamedTuple):
    """A field of StyleRecipe: its label with unit, its help, its control."""

    name: str
    label: str
    help: str
    make: Callable[..., ipywidgets.Widget]


def _weight(largest: float, step: float) -> Callable:
    def make(**common):
        return ipywidgets.FloatSlider(
            min=0, max=largest, step=step, readout_format=".1f", **common
        )

    return make


def _whole(smallest: int) -> Callable:
    def make(**common):
        return ipywidgets.BoundedIntText(min=smallest, max=10**9, **common)

    return make


def _choice(knob: str) -> Callable:
    def make(continuous_update, **common):  # a menu does not slide
        choices = [choice or "" for choice in CHOICES[knob]]
        options = [(_COLORS.get(choice, choice), choice) for choice in choices]
        return ipywidgets.Dropdown(options=options, **common)

    return make


def _steps(**common):
    return ipywidgets.IntSlider(min=1, max=200, **common)


def _rate(**common):
    return ipywidgets.BoundedFloatText(min=0, max=1, step=0.005, **common)


_MAIN = (
    _Knob(
        "style_weight",
        "Style weight β",
        "More brings more of the painting; 0 leaves the style out.",
        _weight(1000, 5),
    ),
    _Knob(
        "content_weight",
        "Content weight α",
        "More keeps more of the photograph; 0 leaves it out: pure texture.",
        _weight(10, 0.5),
    ),
    _Knob(
        "preserve_color",
        "Colours",
        "Whose colours the result has.",
        _choice("preserve_color"),
    ),
    _Knob(
        "sizes",
        "Long sides (pixels)",
        "Painted small first, then refined: ascending, separated by commas.",
        ipywidgets.Text,
    ),
    _Knob(
        "steps",
        "Steps (evaluations)",
        "At the last size; the smaller sizes get more.",
        _steps,
    ),
    _Knob(
        "init",
        "Start from",
        "Noise forgets the photograph's outlines; blend is half noise.",
        _choice("init"),
    ),
)

_MORE = (
    _Knob(
        "content_layers",
        "Content layers",
        "Layer = share. Deeper layers keep less of the photograph.",
        ipywidgets.Text,
    ),
    _Knob(
        "style_layers",
        "Style layers",
        "Layer = share. Deeper layers bring larger shapes.",
        ipywidgets.Text,
    ),
    _Knob(
        "tv_weight",
        "Total variation weight",
        "More makes the picture smoother.",
        _weight(10, 0.1),
    ),
    _Knob(
        "optimizer",
        "Optimiser",
        "L-BFGS has nothing to tune and gets lower; Adam needs a rate.",
        _choice("optimizer"),
    ),
    _Knob(
        "learning_rate",
        "Learning rate (of 1)",
        "Of Adam: how far a pixel moves per step, range 0 to 1.",
        _rate,
    ),
    _Knob(
        "pooling",
        "Pooling",
        "The maximum as in VGG16, or the average as Gatys preferred.",
        _choice("pooling"),
    ),
    _Knob(
        "precision",
        "Precision",
        "bfloat16 is twice as fast where the hardware has it.",
        _choice("precision"),
    ),
    _Knob(
        "weights",
        "VGG16 weights",
        "The first set is embedded, the others have to be fetched.",
        _choice("weights"),
    ),
    _Knob(
        "snapshot_every",
        "Snapshot every (steps)",
        "Keep the picture in the gallery; 0 keeps none.",
        _whole(0),
    ),
    _Knob("seed", "Seed", "Of the noise to start from.", _whole(0)),
)


class Knobs(ipywidgets.VBox):
    """The knobs of a StyleRecipe, the rarer ones behind a button.

    Attributes:
        controls: {field of StyleRecipe: its control}.
        more: ipywidgets.ToggleButton that unfolds the rarer knobs.
    """

    def __init__(self, recipe: StyleRecipe):
        """Start with a recipe."""
        super().__init__()
        self.controls = {}
        self.more = ipywidgets.ToggleButton(description="More knobs")
        rarer = ipywidgets.VBox([self._row(knob) for knob in _MORE])
        self.more.observe(lambda change: _unfold(rarer, change["new"]), "value")
        _unfold(rarer, False)
        self.children = (*map(self._row, _MAIN), self.more, rarer)
        self.show(recipe)

    def recipe(self) -> StyleRecipe:
        """Return what the controls say. Raises RecipeError."""
        values = {name: knob.value for name, knob in self.controls.items()}
        for name in ("content_layers", "style_layers"):
            values[name] = _read_layers(values[name])
        values["sizes"] = _read_sizes(values["sizes"])
        values["preserve_color"] = values["preserve_color"] or None
        recipe = StyleRecipe(**values)
        recipe.validate()
        return recipe

    def show(self, recipe: StyleRecipe, only: Iterable[str] = ()) -> None:
        """Set all controls to a recipe, or only those named.

        Raises:
            RecipeError: it mixes several style pictures.
        """
        if recipe.style_image_weights is not None:
            raise RecipeError(
                "This recipe mixes several style pictures, the lab paints with "
                "one: take style_image_weights out of it."
            )
        values = {name: getattr(recipe, name) for name in self.controls}
        for name in ("content_layers", "style_layers"):
            shares = values[name].items()
            values[name] = ", ".join(f"{layer}={s!r}" for layer, s in shares)
        values["sizes"] = ", ".join(map(str, recipe.sizes))
        values["preserve_color"] = recipe.preserve_color or ""
        for name in only or values:
            control, value = self.controls[name], values[name]
            if control.has_trait("max"):  # a slider would cut the value off
                control.max = max(control.max, value)
            control.value = value

    def _row(self, knob: _Knob) -> ipywidgets.HBox:
        control = knob.make(
            description=knob.label,
            style=_LABELS,
            layout={"flex": "1 1 420px", "max_width": "520px"},
            continuous_update=False,
        )
        self.controls[knob.name] = control
        help_text = ipywidgets.HTML(
            f'<div style="{_HELP}">{knob.help}</div>', layout=_BESIDE
        )
        return ipywidgets.HBox([control, help_text])


def _unfold(box: ipywidgets.Box, shown: bool) -> None:
    box.layout.display = None if shown else "none"


def _read_layers(text: str) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {layer.strip(): float(share) for layer, share in pairs}
    except ValueError:
        raise RecipeError(
            f"{text!r} should list layers with their shares, for example "
            "conv1_1=0.4, conv2_1=0.3."
        ) from None


def _read_sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise RecipeError(
            f"{text!r} should list long sides in pixels, for example "
            "128, 256, 512."
        ) from None
