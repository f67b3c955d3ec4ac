"""The costs in the assignment's form.

Equations 1, 4 and 5 of Gatys, Ecker and Bethge, CVPR 2016, with the
assignment's factors, for Gram matrices that are averages, so that both
pictures may have a size of their own.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, exercise
from course_utils.checks.exercises.what_vgg_sees import (
    draw_features,
    gram_matrix,
    gram_sum,
    places,
)

BRACKETS = "what stands below the line needs brackets, or a division each."


def _squares(first, second):
    return np.sum((first - second) ** 2)


def _two_of_one_size(generator):
    features = draw_features(generator)
    return features, generator.permuted(features) + generator.integers(2)


def _relative_error(a_C, a_G):
    with np.errstate(divide="ignore", invalid="ignore"):  # all of it may be 0
        return _squares(a_C, a_G) / np.sum(a_C**2)


@exercise(
    draw=_two_of_one_size,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    mistakes={
        "the normalisation is missing: large layers would count more.": [
            _squares,
            lambda c, g: _squares(c, g) / 4,
        ],
        "the sizes are divided by, but the constant in front is another one.": [
            lambda c, g: _squares(c, g) / c.size,
            lambda c, g: _squares(c, g) / (2 * c.size),
        ],
        BRACKETS: [lambda c, g: _squares(c, g) / 4 * c.size],
        "the differences themselves are to be squared, then added up.": [
            lambda c, g: np.sum(c - g) / (4 * c.size),
            lambda c, g: np.sum(g - c) / (4 * c.size),
            lambda c, g: np.sum(c - g) ** 2 / (4 * c.size),
            lambda c, g: np.sum(abs(c - g)) / (4 * c.size),
        ],
        "that is section 2's relative error; the assignment does not divide by "
        "the target.": [
            _relative_error,
            lambda c, g: _relative_error(c, g) / 4,
        ],
    },
)
def compute_content_cost(a_C, a_G):
    return _squares(a_C, a_G) / (4 * a_C.size)


def _two_of_other_sizes(generator):
    style = draw_features(generator)
    return style, draw_features(generator, channels=style.shape[-1])


def _gram_error(a_S, a_G, matrix=gram_matrix):
    return _squares(matrix(a_S), matrix(a_G))


def _lecture(a_S, a_G):
    """Compare sums, and divide by the places of one picture."""
    divisor = 4 * (a_S.shape[-1] * places(a_G)) ** 2
    return _gram_error(a_S, a_G, gram_sum) / divisor


@exercise(
    draw=_two_of_other_sizes,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    mistakes={
        "right only if both pictures have one size: average each by itself.": [
            _lecture
        ],
        "the Gram matrices are sums over the places; take averages.": [
            lambda s, g: _gram_error(s, g, gram_sum) / (4 * s.shape[-1] ** 2)
        ],
        "the constant is another one: 4, and the number of channels squared.": [
            _gram_error,
            lambda s, g: _gram_error(s, g) / (4 * s.shape[-1]),
        ],
        BRACKETS: [lambda s, g: _gram_error(s, g) / 4 * s.shape[-1] ** 2],
    },
)
def compute_layer_style_cost(a_S, a_G):
    return _gram_error(a_S, a_G) / (4 * a_S.shape[-1] ** 2)


LAYERS = ("conv1_1", "conv2_1", "conv3_1")


def _three_layers(generator):
    """Features of three layers, of which the second has no weight."""
    style, generated = (
        {layer: draw_features(generator, channels=2) for layer in LAYERS}
        for _ in "SG"
    )
    weights = generator.permutation([0.5, 2, 3])[:2].tolist()
    return style, generated, dict(zip(LAYERS[::2], weights, strict=True))


def _weighted(style, generated, weights):
    """Return the weighted cost of each layer, in a list."""
    return [
        weight * compute_layer_style_cost(style[layer], generated[layer])
        for layer, weight in weights.items()
    ]


@exercise(
    draw=_three_layers,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    mistakes={
        "the weights of the layers are ignored.": [
            lambda s, g, weights: compute_style_cost(
                s, g, dict.fromkeys(weights, 1)
            )
        ],
        "find the features of a layer by its name, not by its place.": [
            lambda s, g, weights: compute_style_cost(
                s, g, dict(zip(LAYERS[:2], weights.values(), strict=True))
            )
        ],
        "that is one layer only: does the loop add them up?": [
            lambda *inputs: _weighted(*inputs)[-1],
            lambda *inputs: _weighted(*inputs)[0],
        ],
    },
)
def compute_style_cost(style_features, generated_features, layer_weights):
    return sum(_weighted(style_features, generated_features, layer_weights))


def _costs(generator):
    """Two costs, and maybe other weights than those of the docstring."""
    costs = map(np.array, generator.integers(1, 8, 2) / 4)
    return *costs, *((), (2.0, 3.0))[generator.integers(2)]


@exercise(
    draw=_costs,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1),
    mistakes={
        "alpha and beta have changed places.": [
            lambda c, s, alpha=10, beta=40: total_cost(c, s, beta, alpha)
        ],
    },
)
def total_cost(J_content, J_style, alpha=10, beta=40):
    return alpha * J_content + beta * J_style
