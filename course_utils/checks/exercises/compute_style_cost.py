"""The style cost of several layers: the sum of their costs, weighted.

Source: Gatys, Ecker and Bethge, CVPR 2016, equation 5.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise
from course_utils.checks.exercises.compute_layer_style_cost import (
    layer_style_cost,
)
from course_utils.checks.exercises.features import draw_features

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_2")


def _pictures(generator):
    """Features of four layers, of which the first three have a weight."""
    cases = []
    for _ in range(2):
        style = {layer: draw_features(generator) for layer in LAYERS}
        generated = {
            layer: generator.uniform(0, 2, features.shape)
            for layer, features in style.items()
        }
        shares = generator.permutation([0.15, 0.25, 0.45]).tolist()
        weights = dict(zip(LAYERS[:3], shares, strict=True))
        cases.append((style, generated, weights))
    return cases


def _style_cost(style, generated, weights):
    return sum(_weighted(style, generated, weights))


def _weighted(style, generated, weights, cost=layer_style_cost):
    """Return the weighted cost of each layer, in a list."""
    return [w * cost(style[n], generated[n]) for n, w in weights.items()]


def _with_weights(change):
    """Return a version in which the layers have other weights."""
    return lambda style, generated, weights: _style_cost(
        style, generated, change(weights)
    )


def _reversed_weights(weights):
    return dict(zip(weights, reversed(weights.values()), strict=True))


def _feature_cost(a_s, a_g):
    return np.mean((a_s - a_g) ** 2)


def _sum_of_features(cost):
    """Return a version with another cost of a layer."""
    return lambda *inputs: sum(_weighted(*inputs, cost=cost))


check_compute_style_cost = Exercise(
    name="compute_style_cost",
    notebook="8 · Style transfer in PyTorch",
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=_pictures,
    solution=_style_cost,
    mistakes={
        "the weights of the layers are ignored.": [
            _with_weights(lambda weights: dict.fromkeys(weights, 1)),
            _with_weights(
                lambda weights: dict.fromkeys(weights, 1 / len(weights))
            ),
        ],
        "layers without a weight should not count.": [
            _with_weights(lambda weights: dict.fromkeys(LAYERS, 1)),
            _with_weights(lambda weights: dict.fromkeys(LAYERS, 1 / 4)),
            _with_weights(lambda weights: dict.fromkeys(LAYERS, 0.2)),
            _with_weights(lambda weights: {"conv4_2": 1, **weights}),
        ],
        "that is one layer only: does the loop add them up?": [
            lambda *inputs: _weighted(*inputs)[-1],
            lambda *inputs: _weighted(*inputs)[0],
        ],
        "the weighted costs are added up, not averaged.": [
            lambda *inputs: np.mean(_weighted(*inputs))
        ],
        "the weights stay as they are, whatever their sum.": [
            lambda style, generated, weights: (
                _style_cost(style, generated, weights) / sum(weights.values())
            )
        ],
        "the weights are squared: do they come in twice?": [
            _with_weights(lambda w: {n: value**2 for n, value in w.items()})
        ],
        "the cost is divided by the weight of its layer.": [
            _with_weights(lambda w: {n: 1 / value for n, value in w.items()})
        ],
        "weights and layers are paired in the wrong order.": [
            _with_weights(_reversed_weights)
        ],
        "a picture is compared with itself: the cost is always 0.": [
            lambda *inputs: 0.0
        ],
        "features are compared; style compares their Gram matrices.": [
            _sum_of_features(_feature_cost),
            _sum_of_features(lambda s, g: _feature_cost(s, g) / 4),
            _sum_of_features(lambda s, g: np.sum((s - g) ** 2)),
        ],
        "the costs of the layers are multiplied instead of added.": [
            lambda *inputs: np.prod(_weighted(*inputs))
        ],
        "one cost for each layer is not yet the sum.": [
            lambda *inputs: np.array(_weighted(*inputs)),
            lambda *inputs: tuple(_weighted(*inputs)),
            lambda style, generated, weights: dict(
                zip(weights, _weighted(style, generated, weights), strict=True)
            ),
        ],
    },
)
