"""StyleRecipe: every knob of a transfer, in one frozen dataclass."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import vgg


class RecipeError(ValueError):
    """A knob of a StyleRecipe has a value that makes no sense."""


CHOICES = {
    "preserve_color": (None, "luminance", "match"),
    "optimizer": ("lbfgs", "adam"),
    "init": ("content", "noise", "style", "blend"),
    "pooling": ("max", "avg"),
    "precision": ("auto", "float32", "bfloat16"),
    "weights": vgg.WEIGHTS,
}
"""The knobs that take one of a few values."""


@dataclass(frozen=True)
class StyleRecipe:
    """How to paint one picture in the style of another.

    ``StyleRecipe()`` is the balanced preset. Change a knob with
    ``StyleRecipe(style_weight=30)``, ``StyleRecipe.quick(init="noise")`` or
    ``dataclasses.replace``.

    Attributes:
        content_layers: {layer: weight}, or a tuple of layers for equal
            weights. Deeper layers keep less of the photograph.
        style_layers: the same for the style. Deeper layers bring larger
            shapes.
        content_weight: alpha in Gatys et al., without unit (see losses.py).
            0 leaves the content out: texture synthesis.
        style_weight: beta. 0 leaves the style out: reconstruction.
        tv_weight: weight of the total variation; more is smoother.
        style_image_weights: one per style picture when there are several;
            None for equal ones. Only their proportions matter.
        preserve_color: None takes the style's colours, "luminance" paints
            the brightness only, "match" first gives the style picture the
            colours of the content (see color.py).
        optimizer: "lbfgs" or "adam".
        steps: evaluations of the loss at the last size. Smaller sizes, which
            are cheaper, get 50 %, 100 % ... more.
        learning_rate: of Adam, in units of the pixel range 0-1.
        sizes: long sides in pixels, ascending. The picture is painted small
            first and then refined: larger strokes, same quality.
        init: what to start from: "content", "noise", "style" (cut to the
            content's shape) or "blend", half content and half noise.
        pooling: "max" as in VGG16, or "avg" as Gatys et al. preferred.
        precision: of the network, "float32" or "bfloat16" (twice as fast on
            hardware that has it); "auto" chooses.
        snapshot_every: keep the picture every so many steps; 0 keeps none.
        seed: of the noise.
        weights: the set of VGG16 weights, one of vgg.WEIGHTS.
    """

    content_layers: Mapping[str, float] | Sequence[str] = ("conv4_2",)
    style_layers: Mapping[str, float] | Sequence[str] = dataclasses.field(
        default_factory=lambda: {
            "conv1_1": 0.4,
            "conv2_1": 0.3,
            "conv3_1": 0.2,
            "conv4_1": 0.1,
        }
    )
    content_weight: float = 1.0
    style_weight: float = 100.0
    tv_weight: float = 0.0
    style_image_weights: tuple[float, ...] | None = None
    preserve_color: str | None = None
    optimizer: str = "lbfgs"
    steps: int = 40
    learning_rate: float = 0.02
    sizes: tuple[int, ...] = (128, 256, 512)
    init: str = "content"
    pooling: str = "max"
    precision: str = "auto"
    snapshot_every: int = 50
    seed: int = 0
    weights: str = "vgg16_hed"

    def __post_init__(self):
        """Bring the forms a knob may be written in to one."""
        for knob in ("content_layers", "style_layers"):
            object.__setattr__(self, knob, _as_weights(getattr(self, knob)))
        object.__setattr__(self, "sizes", tuple(self.sizes))
        if self.style_image_weights is not None:
            weights = tuple(self.style_image_weights)
            object.__setattr__(self, "style_image_weights", weights)

    @classmethod
    def quick(cls, **changes) -> "StyleRecipe":
        """Return a first impression in seconds: at most 256 pixels."""
        return cls(**{"sizes": (128, 256), "steps": 30, **changes})

    @classmethod
    def balanced(cls, **changes) -> "StyleRecipe":
        """Return the default: at most 512 pixels."""
        return cls(**changes)

    @classmethod
    def fine(cls, **changes) -> "StyleRecipe":
        """Return the slow one: at most 1024 pixels, more steps."""
        return cls(**{"sizes": (128, 256, 512, 1024), "steps": 60, **changes})

    def validate(self) -> None:
        """Raise RecipeError, a ValueError, at the first senseless value."""
        self._check_choices()
        self._check_numbers()
        self._check_layers("content")
        self._check_layers("style")
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
        """Read a recipe written by ``to_json``, and validate it.

        Raises RecipeError if the text is no recipe.
        """
        try:
            recipe = cls(**json.loads(text))
        except (TypeError, json.JSONDecodeError) as error:
            raise RecipeError(f"This text is not a recipe: {error}.") from error
        recipe.validate()
        return recipe

    def _check_choices(self) -> None:
        for knob, choices in CHOICES.items():
            value = getattr(self, knob)
            if value not in choices:
                allowed = ", ".join(repr(choice) for choice in choices)
                raise RecipeError(f"{knob} is {value!r}: use {allowed}.")

    def _check_numbers(self) -> None:
        for knob in ("content_weight", "style_weight", "tv_weight"):
            _require_weight(knob, getattr(self, knob))
        _require_whole("steps", self.steps, 1)
        _require_whole("snapshot_every", self.snapshot_every, 0)
        _require_whole("seed", self.seed, 0)
        for size in self.sizes:
            _require_whole("a long side in sizes", size, 1)
        if not self.sizes or list(self.sizes) != sorted(set(self.sizes)):
            raise RecipeError(
                f"sizes is {self.sizes}: list one or more long sides in "
                "pixels, ascending, for example (128, 256, 512)."
            )
        _require_weight("learning_rate", self.learning_rate)
        if self.learning_rate == 0:
            raise RecipeError("learning_rate is 0: Adam would never move.")
        weights = self.style_image_weights
        for weight in weights or ():
            _require_weight("a weight in style_image_weights", weight)
        if weights is not None and not any(weights):
            raise RecipeError(
                "style_image_weights gives no picture a positive weight: "
                "use None for equal ones."
            )

    def _check_layers(self, kind: str) -> None:
        layers = getattr(self, f"{kind}_layers")
        if getattr(self, f"{kind}_weight") and not any(layers.values()):
            raise RecipeError(
                f"{kind}_layers gives no layer a positive weight: name one, "
                f"or set {kind}_weight to 0 to leave the {kind} out."
            )
        for layer, weight in layers.items():
            if layer not in vgg.LAYERS:
                raise RecipeError(
                    f"{kind}_layers names {layer!r}: the layers are "
                    f"{', '.join(vgg.LAYERS)}."
                )
            _require_weight(f"the weight of {layer} in {kind}_layers", weight)


def _as_weights(layers) -> dict[str, float]:
    if isinstance(layers, str):
        layers = (layers,)
    if isinstance(layers, Mapping):
        return dict(layers)
    return {layer: 1 / len(layers) for layer in layers}


def _require_weight(name: str, value) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise RecipeError(f"{name} is {value!r}: use a number, 0 or larger.")


def _require_whole(name: str, value, smallest: int) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < smallest:
        raise RecipeError(
            f"{name} is {value!r}: use a whole number, {smallest} or larger."
        )
