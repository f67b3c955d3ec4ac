"""The style cost of one layer: 1 / (4 n_C^2) times the sum over the pairs.

Source: Gatys, Ecker and Bethge, CVPR 2016, equation 4, for Gram matrices that
are averages, so that both pictures may have a size of their own.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise
from course_utils.checks.exercises.features import (
    draw_features,
    gram,
    gram_sum,
)


def _pairs(generator):
    """Two pictures of one size, and two of different sizes."""
    style = draw_features(generator)
    other_style = draw_features(generator, channels=5)
    wide = np.concatenate([other_style, other_style[:, ::-1]], axis=2)
    return [
        (style, generator.uniform(0, 2, style.shape)),
        (other_style, generator.uniform(0, 2, wide.shape)),
    ]


def layer_style_cost(a_s, a_g):
    """Return the right answer, a number."""
    return _sum(gram(a_s), gram(a_g)) / (4 * a_s.shape[-1] ** 2)


def _sum(first, second):
    return np.sum((first - second) ** 2)


def _places(a):
    return a.shape[1] * a.shape[2]


def _lecture(places):
    """Compare Gram matrices that are sums, divide by one picture's places."""

    def version(a_s, a_g):
        divisor = 4 * (a_s.shape[-1] * places(a_s, a_g)) ** 2
        return _sum(gram_sum(a_s), gram_sum(a_g)) / divisor

    return version


def _with_constant(constant, matrix=gram):
    """Divide the sum of squares by another constant, made from n_C."""

    def version(a_s, a_g):
        return _sum(matrix(a_s), matrix(a_g)) / constant(a_s.shape[-1])

    return version


def _means(a):
    return a.mean(axis=(1, 2))


def _height_as_channels(a):
    return gram(np.swapaxes(a, 1, 3))


def _flatten_wrongly(a):
    """Reshape channels-last memory as if the channels came first."""
    flat = a.reshape(a.shape[-1], -1)
    return flat @ flat.T / flat.shape[1]


def _flatten_wrongly_torch(a):
    """Reshape channels-first memory as if the channels came last."""
    flat = np.moveaxis(a, -1, 1).reshape(-1, a.shape[-1])
    return flat.T @ flat / len(flat)


check_compute_layer_style_cost = Exercise(
    name="compute_layer_style_cost",
    notebook="8 · Style transfer in PyTorch",
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=_pairs,
    solution=layer_style_cost,
    mistakes={
        "right only if both pictures have one size: average each by itself.": [
            _lecture(lambda a_s, a_g: _places(a_g)),
            _lecture(lambda a_s, a_g: _places(a_s)),
        ],
        "the Gram matrices are sums over the places; take averages.": [
            _with_constant(lambda n_c: 4 * n_c**2, gram_sum),
            _with_constant(lambda n_c: 4 * n_c, gram_sum),
            _with_constant(lambda n_c: n_c**2, gram_sum),
            _with_constant(lambda n_c: 1, gram_sum),
        ],
        "it divides by the places twice: the Gram matrices are averages.": [
            lambda a_s, a_g: layer_style_cost(a_s, a_g) / _places(a_g) ** 2,
            lambda a_s, a_g: layer_style_cost(a_s, a_g) / _places(a_s) ** 2,
            lambda a_s, a_g: layer_style_cost(a_s, a_g) / _places(a_g),
            lambda a_s, a_g: layer_style_cost(a_s, a_g) / _places(a_s),
        ],
        "the number of channels counts squared: there are that many pairs.": [
            _with_constant(lambda n_c: 4 * n_c)
        ],
        "the normalisation is missing: many channels would count more.": [
            _with_constant(lambda n_c: 1),
            _with_constant(lambda n_c: 4),
            _with_constant(lambda n_c: 2),
        ],
        "the channels are divided by, but the constant is another one.": [
            _with_constant(lambda n_c: n_c**2),
            _with_constant(lambda n_c: 2 * n_c**2),
            _with_constant(lambda n_c: n_c**2 / 4),
        ],
        "the differences are not squared, so they cancel.": [
            lambda a_s, a_g: (
                np.sum(gram(a_s) - gram(a_g)) / (4 * a_s.shape[-1] ** 2)
            ),
            lambda a_s, a_g: (
                np.sum(gram(a_g) - gram(a_s)) / (4 * a_s.shape[-1] ** 2)
            ),
        ],
        "absolute differences were not asked for, but squared ones.": [
            lambda a_s, a_g: (
                np.sum(abs(gram(a_s) - gram(a_g))) / (4 * a_s.shape[-1] ** 2)
            )
        ],
        "that is the length of the difference: leave it squared.": [
            lambda a_s, a_g: np.sqrt(_sum(gram(a_s), gram(a_g))),
            lambda a_s, a_g: np.sqrt(layer_style_cost(a_s, a_g)),
            lambda a_s, a_g: (
                np.sqrt(_sum(gram(a_s), gram(a_g))) / (4 * a_s.shape[-1] ** 2)
            ),
        ],
        "average features are compared; where are the products of channels?": [
            _with_constant(lambda n_c: 4 * n_c**2, _means),
            _with_constant(lambda n_c: 1, _means),
        ],
        "a cost is one number: the sum over all pairs is missing.": [
            lambda a_s, a_g: (
                (gram(a_s) - gram(a_g))[0] ** 2 / (4 * a_s.shape[-1] ** 2)
            ),
            lambda a_s, a_g: (
                (gram(a_s) - gram(a_g)) ** 2 / (4 * a_s.shape[-1] ** 2)
            ),
        ],
        "that is the relative error of the notebook; use the lecture's form.": [
            lambda a_s, a_g: _sum(gram(a_s), gram(a_g)) / np.sum(gram(a_s) ** 2)
        ],
        "that axis does not hold the channels.": [
            lambda a_s, a_g: (
                _sum(_height_as_channels(a_s), _height_as_channels(a_g))
                / (4 * a_s.shape[1] ** 2)
            ),
            _with_constant(lambda n_c: 4 * n_c**2, _height_as_channels),
        ],
        "reshape mixes channels and places: move the axes first.": [
            _with_constant(lambda n_c: 4 * n_c**2, _flatten_wrongly),
            _with_constant(lambda n_c: 4 * n_c**2, _flatten_wrongly_torch),
        ],
    },
)
