"""The costs in the assignment's form.

Equations 1, 4 and 5 of Gatys, Ecker and Bethge, CVPR 2016, with the
assignment's factors, for Gram matrices that are averages, so that both
pictures may have a size of their own.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise
from course_utils.checks.exercises.what_vgg_sees import (
    draw_features,
    draw_few_features,
    gram,
    gram_sum,
    places,
)

NOTEBOOK = "8 · Style transfer in PyTorch"


def _squares(first, second):
    return np.sum((first - second) ** 2)


# -- compute_content_cost ------------------------------------------------------


def _two_of_one_size(generator):
    cases = []
    for _ in range(2):
        features = draw_features(generator)
        cases.append((features, generator.uniform(0, 2, features.shape)))
    return cases


def _two_small_ones(generator):
    size = generator.integers(1, 3, 2)
    return tuple(draw_few_features(generator, *size) for _ in "CG")


def _content_cost(a_C, a_G):
    return _squares(a_C, a_G) / (4 * a_C.size)


check_compute_content_cost = Exercise(
    name="compute_content_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=_two_of_one_size,
    small=_two_small_ones,
    solution=_content_cost,
    mistakes={
        "the normalisation is missing: large layers would count more.": [
            _squares,
            lambda c, g: _squares(c, g) / 4,
            lambda c, g: _squares(c, g) / (4 * places(c)),
        ],
        "the sizes are divided by, but the constant in front is another one.": [
            lambda c, g: _squares(c, g) / c.size,
            lambda c, g: _squares(c, g) / (2 * c.size),
            lambda c, g: 4 * _squares(c, g) / c.size,
        ],
        "what stands below the line needs brackets, or a division each.": [
            lambda c, g: _squares(c, g) / 4 * c.size
        ],
        "the differences themselves are to be squared, then added up.": [
            lambda c, g: np.sum(c - g) / (4 * c.size),
            lambda c, g: np.sum(c - g) ** 2 / (4 * c.size),
            lambda c, g: np.sum(abs(c - g)) / (4 * c.size),
        ],
        "that is the length of the difference: leave it squared.": [
            lambda c, g: np.sqrt(_squares(c, g)),
            lambda c, g: np.sqrt(_squares(c, g)) / (4 * c.size),
        ],
        "that is the notebook's relative error; use the assignment's form.": [
            lambda c, g: _squares(c, g) / np.sum(c**2)
        ],
    },
)


# -- compute_layer_style_cost --------------------------------------------------


def _two_of_other_sizes(generator):
    """Two pictures of one size, and two of different sizes."""
    style = draw_features(generator)
    other_style = draw_features(generator, channels=5)
    wide = np.concatenate([other_style, other_style[:, ::-1]], axis=2)
    return [
        (style, generator.uniform(0, 2, style.shape)),
        (other_style, generator.uniform(0, 2, wide.shape)),
    ]


def _layer_style_cost(a_S, a_G):
    return _squares(gram(a_S), gram(a_G)) / (4 * a_S.shape[-1] ** 2)


def _gram_error(a_S, a_G, matrix=gram):
    return _squares(matrix(a_S), matrix(a_G))


def _lecture(a_S, a_G):
    """Compare sums, and divide by the places of one picture."""
    divisor = 4 * (a_S.shape[-1] * places(a_G)) ** 2
    return _gram_error(a_S, a_G, gram_sum) / divisor


check_compute_layer_style_cost = Exercise(
    name="compute_layer_style_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=_two_of_other_sizes,
    small=_two_small_ones,
    solution=_layer_style_cost,
    mistakes={
        "right only if both pictures have one size: average each by itself.": [
            _lecture,
            lambda s, g: _lecture(g, s),
        ],
        "the Gram matrices are sums over the places; take averages.": [
            lambda s, g: _gram_error(s, g, gram_sum) / (4 * s.shape[-1] ** 2),
            lambda s, g: _gram_error(s, g, gram_sum),
        ],
        "it divides by the places twice: the Gram matrices are averages.": [
            lambda s, g: _layer_style_cost(s, g) / places(g) ** 2,
            lambda s, g: _layer_style_cost(s, g) / places(s) ** 2,
        ],
        "the constant is another one: 4, and the number of channels squared.": [
            _gram_error,
            lambda s, g: _gram_error(s, g) / (4 * s.shape[-1]),
            lambda s, g: _gram_error(s, g) / s.shape[-1] ** 2,
        ],
        "what stands below the line needs brackets, or a division each.": [
            lambda s, g: _gram_error(s, g) / 4 * s.shape[-1] ** 2
        ],
        "that is the notebook's relative error; use the assignment's form.": [
            lambda s, g: _gram_error(s, g) / np.sum(gram(s) ** 2)
        ],
    },
)


# -- compute_style_cost --------------------------------------------------------

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")


def _several_layers(generator):
    """Features of four layers, of which the second has no weight."""
    cases = []
    for _ in range(2):
        style = {layer: draw_features(generator) for layer in LAYERS}
        generated = {
            layer: generator.uniform(0, 2, features.shape)
            for layer, features in style.items()
        }
        shares = generator.permutation([0.15, 0.25, 0.45]).tolist()
        weighted = [layer for layer in LAYERS if layer != "conv2_1"]
        weights = dict(zip(weighted, shares, strict=True))
        cases.append((style, generated, weights))
    return cases


def _two_small_layers(generator):
    style, generated = (
        {layer: draw_few_features(generator, 1, 1) for layer in LAYERS[:2]}
        for _ in "SG"
    )
    weights = ({"conv1_1": 2.0}, {"conv2_1": 2.0, "conv1_1": 3.0})
    return style, generated, weights[generator.integers(2)]


def _weighted(style, generated, weights, cost=_layer_style_cost):
    """Return the weighted cost of each layer, in a list."""
    return [w * cost(style[n], generated[n]) for n, w in weights.items()]


def _style_cost(style_features, generated_features, layer_weights):
    return sum(_weighted(style_features, generated_features, layer_weights))


def _with_weights(change):
    """Return a version in which the layers have other weights."""
    return lambda style, generated, weights: _style_cost(
        style, generated, change(weights)
    )


check_compute_style_cost = Exercise(
    name="compute_style_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=_several_layers,
    small=_two_small_layers,
    solution=_style_cost,
    mistakes={
        "the weights of the layers are ignored.": [
            _with_weights(lambda w: dict.fromkeys(w, 1)),
            _with_weights(lambda w: dict.fromkeys(w, 1 / len(w))),
        ],
        "layers without a weight should not count.": [
            _with_weights(lambda w: dict.fromkeys(LAYERS, 1)),
            _with_weights(lambda w: dict.fromkeys(LAYERS, 1 / len(LAYERS))),
        ],
        "find the features of a layer by its name, not by its place.": [
            _with_weights(
                lambda w: dict(zip(LAYERS[:3], w.values(), strict=True))
            )
        ],
        "that is one layer only: does the loop add them up?": [
            lambda *inputs: _weighted(*inputs)[-1],
            lambda *inputs: _weighted(*inputs)[0],
        ],
        "the weighted costs are added up; nothing is averaged.": [
            lambda *inputs: np.mean(_weighted(*inputs)),
            _with_weights(lambda w: {n: w[n] / sum(w.values()) for n in w}),
        ],
        "features are compared; style compares their Gram matrices.": [
            lambda *inputs: sum(_weighted(*inputs, cost=_content_cost)),
            lambda *inputs: 4 * sum(_weighted(*inputs, cost=_content_cost)),
        ],
    },
)


# -- total_cost ----------------------------------------------------------------


def _costs(generator):
    """The weights of the docstring, and others."""
    content, style, *weights = generator.permutation([0.7, 1.9, 3.1, 5.3])
    jitter = generator.uniform(0.95, 1.05, 2)
    costs = np.array(content * jitter[0]), np.array(style * jitter[1])
    return [costs, (*costs, *map(float, weights))]


def _small_costs(generator):
    costs = generator.integers(1, 8, 2) / 4
    weights = (2.0, 3.0)[: 2 * generator.integers(2)]
    return *map(np.array, costs), *weights


def _total_cost(J_content, J_style, alpha=10, beta=40):
    return alpha * J_content + beta * J_style


check_total_cost = Exercise(
    name="total_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1),
    cases=_costs,
    small=_small_costs,
    solution=_total_cost,
    mistakes={
        "alpha and beta have changed places.": [
            lambda c, s, alpha=10, beta=40: _total_cost(c, s, beta, alpha),
            lambda c, s, alpha=40, beta=10: _total_cost(c, s, alpha, beta),
        ],
        "it always uses the same weights, whatever alpha and beta are.": [
            lambda c, s, *_: _total_cost(c, s)
        ],
        "each cost is multiplied by its own weight.": [
            lambda c, s, *_: c + s,
            lambda c, s, alpha=10, beta=40: alpha * (c + s),
            lambda c, s, alpha=10, beta=40: (alpha + beta) * (c + s),
        ],
        "without weights given, it should use 10 and 40.": [
            lambda c, s, alpha=1, beta=1: _total_cost(c, s, alpha, beta),
            lambda c, s, alpha=1, beta=100: _total_cost(c, s, alpha, beta),
        ],
    },
)
