"""StyleRecipe: every knob of a transfer, in one frozen dataclass.

A knob says once what it is: its default, its label with unit, a sentence of
help, and what it may be. ``validate`` and the style lab's controls read that.
"""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from . import vgg

# What the presets do otherwise than the lecture. Of twelve pairs of sample
# pictures, painted at 512 pixels in the same time, nine came out better so
# (calmer skies, longer strokes, whole buildings), three as good, none worse.
PAINTERS_CHOICE = {
    "preserve_color": "recolor",
    "pooling": "avg",
    "content_weight": 0.25,
}


class RecipeError(ValueError):
    """A knob of a StyleRecipe has a value that makes no sense."""


def _plain(value):
    """Turn NumPy's numbers into Python's, and lists into tuples."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple | range):
        return tuple(map(_plain, value))
    return value


class LayerWeights(dict):
    """{layer: weight} that nobody can change, so that a recipe can be a key."""

    def _refuse(self, *_, **__):
        raise TypeError("A recipe cannot be changed: use dataclasses.replace.")

    __setitem__ = __delitem__ = __ior__ = update = _refuse
    pop = popitem = clear = setdefault = _refuse

    def __hash__(self) -> int:
        """As with ``==``, the order does not count."""
        return hash(frozenset(self.items()))

    def __reduce__(self):
        """Let it be copied and pickled, though not item by item."""
        return LayerWeights, (dict(self),)


def _layer_weights(layers) -> LayerWeights:
    """Take {layer: weight}, or names of layers for equal weights."""
    layers = (layers,) if isinstance(layers, str) else layers
    if not isinstance(layers, Mapping | Sequence):
        raise RecipeError(
            f"{layers!r} are no layers: name one or several of VGG16's, "
            'for example ("conv1_1", "conv2_1").'
        )
    if not isinstance(layers, Mapping):
        layers = {layer: 1 / len(layers) for layer in layers}
    return LayerWeights({name: _plain(w) for name, w in layers.items()})


def _knob(default, label, help, *, limits=(None, None), choices=()):
    """Declare a knob; what is said here becomes its field's ``metadata``.

    ``limits`` are the smallest value, whole where only whole numbers make
    sense, and where a slider ends. ``choices`` are the values, or
    {value: what a menu calls it}.
    """
    about = {"label": label, "help": help, "low": limits[0], "high": limits[1]}
    if not isinstance(choices, Mapping):
        choices = {choice: choice for choice in choices}
    about["choices"] = choices
    return dataclasses.field(default=default, metadata=about)


@dataclass(frozen=True)
class StyleRecipe:
    """How to paint one picture in the style of another.

    ``StyleRecipe()`` is the lecture's algorithm; the presets change three of
    its knobs for the sake of the picture. Change a knob with
    ``StyleRecipe(style_weight=30)``, ``StyleRecipe.quick(init="noise")`` or
    ``dataclasses.replace``. Weights have no unit (see losses.py). Layers may
    also be names without weights, ``sizes`` one number.
    """

    style_weight: float = _knob(
        100.0,
        "Style weight β",
        "More brings more of the painting; 0 leaves it out: reconstruction.",
        limits=(0.0, 1000.0),
    )
    content_weight: float = _knob(
        1.0,
        "Content weight α",
        "More keeps more of the photograph; 0 leaves it out: pure texture.",
        limits=(0.0, 10.0),
    )
    preserve_color: str | None = _knob(
        None,
        "Colours",
        "Whose colours the result has.",
        choices={
            None: "painting's",
            "recolor": "painting's, photograph recoloured first",
            "luminance": "photograph's, only brightness painted",
            "match": "photograph's, painting recoloured first",
        },
    )
    sizes: tuple[int, ...] = _knob(
        (128, 256, 512),
        "Long sides (pixels)",
        "Ascending: painted small first, then refined, for larger strokes.",
        limits=(1, None),
    )
    steps: int = _knob(
        40,
        "Steps (evaluations)",
        "At the last size; the smaller sizes, which are cheaper, get more.",
        limits=(1, 200),
    )
    init: str = _knob(
        "content",
        "Start from",
        "Noise forgets the photograph's outlines; blend is half noise.",
        choices=("content", "noise", "style", "blend"),
    )
    content_layers: Mapping[str, float] = _knob(
        LayerWeights(conv4_2=1.0),
        "Content layers",
        "Layer and share. Deeper layers keep less of the photograph.",
        limits=(0.0, None),
    )
    style_layers: Mapping[str, float] = _knob(
        LayerWeights(conv1_1=0.4, conv2_1=0.3, conv3_1=0.2, conv4_1=0.1),
        "Style layers",
        "Layer and share. Deeper layers bring larger shapes.",
        limits=(0.0, None),
    )
    tv_weight: float = _knob(
        0.0,
        "Total variation weight",
        "More makes the picture smoother.",
        limits=(0.0, 10.0),
    )
    style_image_weights: tuple[float, ...] | None = _knob(
        None,
        "Weights of several style pictures",
        "One each; only their proportions matter. None: equal ones.",
        limits=(0.0, None),
    )
    optimizer: str = _knob(
        "lbfgs",
        "Optimiser",
        "L-BFGS has nothing to tune and gets lower; Adam needs a rate.",
        choices=("lbfgs", "adam"),
    )
    learning_rate: float = _knob(
        0.02,
        "Learning rate (of 1)",
        "Of Adam: how far a pixel moves per step, range 0 to 1.",
        limits=(1e-6, 1.0),
    )
    pooling: str = _knob(
        "max",
        "Pooling",
        "The maximum as in VGG16, or the average as Gatys preferred.",
        choices=("max", "avg"),
    )
    precision: str = _knob(
        "auto",
        "Precision",
        "bfloat16 is twice as fast where the hardware has it.",
        choices=("auto", "float32", "bfloat16"),
    )
    weights: str = _knob(
        "vgg16_hed",
        "VGG16 weights",
        "The first set is embedded, the other has to be fetched.",
        choices=vgg.WEIGHTS,
    )
    snapshot_every: int = _knob(
        50,
        "Snapshot every (steps)",
        "Keep the picture for the strip and the time slider; 0 keeps none.",
        limits=(0, None),
    )
    seed: int = _knob(
        0, "Seed", "Of the noise to start from.", limits=(0, None)
    )

    def __post_init__(self):
        """Bring the forms a knob may be written in to one."""
        for field in dataclasses.fields(self):
            value = _plain(getattr(self, field.name))
            several = field.name in ("sizes", "style_image_weights")
            if several and isinstance(value, Real):
                value = (value,)
            if field.name in ("content_layers", "style_layers"):
                value = _layer_weights(value)
            object.__setattr__(self, field.name, value)

    @classmethod
    def quick(cls, **changes) -> "StyleRecipe":
        """Return a first impression in seconds: at most 256 pixels."""
        small = {"sizes": (128, 256), "steps": 30}
        return cls(**{**PAINTERS_CHOICE, **small, **changes})

    @classmethod
    def balanced(cls, **changes) -> "StyleRecipe":
        """Return the usual one: at most 512 pixels."""
        return cls(**{**PAINTERS_CHOICE, **changes})

    @classmethod
    def fine(cls, **changes) -> "StyleRecipe":
        """Return the slow one: at most 1024 pixels, more steps."""
        large = {"sizes": (128, 256, 512, 1024), "steps": 60}
        return cls(**{**PAINTERS_CHOICE, **large, **changes})

    def validate(self) -> None:
        """Raise RecipeError, a ValueError, at the first senseless value."""
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))
        if not self.sizes or list(self.sizes) != sorted(set(self.sizes)):
            raise RecipeError(
                f"sizes is {self.sizes}: list one or more long sides in "
                "pixels, ascending, for example (128, 256, 512)."
            )
        for kind in ("content", "style"):
            layers = getattr(self, f"{kind}_layers")
            if getattr(self, f"{kind}_weight") and not any(layers.values()):
                raise RecipeError(
                    f"{kind}_layers gives no layer a positive weight: name "
                    f"one, or set {kind}_weight to 0 to leave the {kind} out."
                )
        if self.content_weight == self.style_weight == 0:
            raise RecipeError(
                "content_weight and style_weight are both 0, which leaves "
                "nothing to paint: give one of them a positive value."
            )

    def used_layers(self) -> tuple[str, ...]:
        """Return the layers that take part in the loss."""
        content = self.content_layers if self.content_weight else {}
        style = self.style_layers if self.style_weight else {}
        return tuple(dict.fromkeys([*content, *style]))

    def to_json(self) -> str:
        """Write the recipe down; ``from_json`` reads it."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "StyleRecipe":
        """Read a recipe and validate it. Raises RecipeError."""
        try:
            recipe = cls(**json.loads(text))
        except (TypeError, json.JSONDecodeError) as error:
            raise RecipeError(f"This text is not a recipe: {error}.") from error
        recipe.validate()
        return recipe


def _check(field: dataclasses.Field, value) -> None:
    choices, low = field.metadata["choices"], field.metadata["low"]
    if choices:
        if value not in list(choices):  # it may be unhashable
            allowed = ", ".join(map(repr, choices))
            raise RecipeError(f"{field.name} is {value!r}: use {allowed}.")
    elif isinstance(value, Mapping):
        for layer, weight in value.items():
            if layer not in vgg.LAYERS:
                raise RecipeError(
                    f"{field.name} names {layer!r}: the layers are "
                    f"{', '.join(vgg.LAYERS)}."
                )
            _check_number(f"the weight of {layer} in {field.name}", weight, low)
    elif isinstance(value, tuple):
        for number in value:
            _check_number(f"a number in {field.name}", number, low)
    elif value is not None or field.default is not None:
        _check_number(field.name, value, low)


def _check_number(name: str, value, low: float) -> None:
    kind, word = (Integral, "whole ") if isinstance(low, int) else (Real, "")
    number = isinstance(value, kind) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < low:
        raise RecipeError(
            f"{name} is {value!r}: use a {word}number, {low:g} or larger."
        )
