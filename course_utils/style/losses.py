"""The loss: what it compares, how it is scaled, how it is reported.

    total = content_weight * content + style_weight * style + tv_weight * tv

    content = sum over layers of w * mean((F - P)^2) / mean(P^2)
    style   = sum over layers of w * mean((G - A)^2) / mean(A^2)
    tv      = sum of squared differences of neighbouring values / values

F and P are the features of the picture and of the content, G and A the Gram
matrices of the picture and of the style. Gatys, Ecker and Bethge ("Image style
transfer using convolutional neural networks", CVPR 2016, equations 1 to 7)
do without the two divisions. With them a term is a relative error, 0 for equal
and 1 where all is zero, so that the same weights give the same look at every
size and with every set of VGG16 weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .recipe import StyleRecipe


@dataclass(frozen=True)
class Losses:
    """The loss of one evaluation, its parts before their weights."""

    total: float
    content: float
    style: float
    tv: float
    content_layers: Mapping[str, float]  # the relative errors
    style_layers: Mapping[str, float]


@dataclass(frozen=True)
class Targets:
    """What a picture is compared with, and how much each comparison counts.

    ``content`` maps layers to features (height, width, channels), ``style``
    layers to Gram matrices (channels, channels), both float32; the recipe has
    the weights.

    A backend answers a vector of *terms*: the relative error of every content
    layer, then of every style layer, then the total variation.
    """

    content: Mapping[str, np.ndarray]
    style: Mapping[str, np.ndarray]
    recipe: StyleRecipe

    def scales(self) -> np.ndarray:
        """Return the factors that turn mean squared errors into terms."""
        targets = [*self.content.values(), *self.style.values()]
        return np.float32([*map(_relative, targets), 1])

    def weights(self) -> np.ndarray:
        """Return the factors that turn terms into shares of the total."""
        recipe = self.recipe
        content = [recipe.content_layers[layer] for layer in self.content]
        style = [recipe.style_layers[layer] for layer in self.style]
        return np.float32(
            [recipe.content_weight * weight for weight in content]
            + [recipe.style_weight * weight for weight in style]
            + [recipe.tv_weight]
        )

    def losses(self, terms: np.ndarray) -> Losses:
        """Sort a backend's terms into Losses."""
        *errors, tv = terms.tolist()
        content = dict(zip(self.content, errors, strict=False))
        style = dict(zip(self.style, errors[len(content) :], strict=True))
        return Losses(
            total=float(self.weights() @ terms),
            content=_weighted(content, self.recipe.content_layers),
            style=_weighted(style, self.recipe.style_layers),
            tv=tv,
            content_layers=content,
            style_layers=style,
        )


def _weighted(errors, weights) -> float:
    return sum(weights[layer] * error for layer, error in errors.items())


def _relative(target: np.ndarray) -> float:
    # A layer can be silent on a flat picture. Any error beside it is then
    # infinitely large, which no optimiser can use: hence the smallest size.
    return 1 / max(float(np.mean(np.square(target))), 1e-12)
