"""The total cost: alpha times the content's plus beta times the style's."""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise


def _costs(generator):
    """The weights of the docstring, and others."""
    content, style, *weights = generator.permutation([0.7, 1.9, 3.1, 5.3])
    jitter = generator.uniform(0.95, 1.05, 2)
    costs = np.array(content * jitter[0]), np.array(style * jitter[1])
    return [costs, (*costs, *map(float, weights))]


def _total_cost(content, style, alpha=10, beta=40):
    return alpha * content + beta * style


check_total_cost = Exercise(
    name="total_cost",
    notebook="8 · Style transfer in PyTorch",
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1),
    cases=_costs,
    solution=_total_cost,
    mistakes={
        "alpha and beta have changed places.": [
            lambda c, s, alpha=10, beta=40: _total_cost(c, s, beta, alpha),
            lambda c, s, alpha=40, beta=10: _total_cost(c, s, alpha, beta),
        ],
        "it always uses the same weights, whatever alpha and beta are.": [
            lambda c, s, *_: _total_cost(c, s)
        ],
        "the weights are not used at all.": [lambda c, s, *_: c + s],
        "alpha is not used.": [
            lambda c, s, alpha=10, beta=40: c + beta * s,
        ],
        "beta is not used.": [
            lambda c, s, alpha=10, beta=40: alpha * c + s,
        ],
        "the style's part is missing.": [
            lambda c, s, alpha=10, beta=40: alpha * c
        ],
        "the content's part is missing.": [
            lambda c, s, alpha=10, beta=40: beta * s
        ],
        "both costs get the same weight.": [
            lambda c, s, alpha=10, beta=40: alpha * (c + s),
            lambda c, s, alpha=10, beta=40: beta * (c + s),
            lambda c, s, alpha=10, beta=40: (alpha + beta) * (c + s),
        ],
        "the style's part has the wrong sign.": [
            lambda c, s, alpha=10, beta=40: alpha * c - beta * s
        ],
        "the two parts are multiplied; they should be added.": [
            lambda c, s, alpha=10, beta=40: alpha * c * beta * s,
            lambda c, s, alpha=10, beta=40: c * s,
        ],
        "the sum of the weights need not be 1: leave them as they are.": [
            lambda c, s, alpha=10, beta=40: (
                _total_cost(c, s, alpha, beta) / (alpha + beta)
            )
        ],
        "a weight multiplies its cost.": [
            lambda c, s, alpha=10, beta=40: c / alpha + s / beta,
            lambda c, s, alpha=10, beta=40: c**alpha + s**beta,
        ],
        "the two parts belong into one number.": [
            lambda c, s, alpha=10, beta=40: (alpha * c, beta * s)
        ],
        "without weights given, it should use 10 and 40.": [
            lambda c, s, alpha=1, beta=1: _total_cost(c, s, alpha, beta),
            lambda c, s, alpha=1, beta=100: _total_cost(c, s, alpha, beta),
            lambda c, s, alpha=10, beta=10: _total_cost(c, s, alpha, beta),
            lambda c, s, alpha=40, beta=40: _total_cost(c, s, alpha, beta),
        ],
    },
)
