"""The content cost in the lecture's form: 1 / (4 n_H n_W n_C) times the sum."""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise
from course_utils.checks.exercises.features import draw_features


def _pairs(generator):
    first, second = draw_features(generator), draw_features(generator)
    return [
        (first, generator.uniform(0, 2, first.shape)),
        (second, generator.uniform(0, 2, second.shape)),
    ]


def _content_cost(a_c, a_g):
    return np.sum((a_c - a_g) ** 2) / (4 * a_c.size)


def _sum(a_c, a_g):
    return np.sum((a_c - a_g) ** 2)


check_compute_content_cost = Exercise(
    name="compute_content_cost",
    notebook="8 · Style transfer in PyTorch",
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=_pairs,
    solution=_content_cost,
    mistakes={
        "the normalisation is missing: large layers would count more.": [
            _sum,
            lambda a_c, a_g: _sum(a_c, a_g) / 4,
            lambda a_c, a_g: _sum(a_c, a_g) / 2,
        ],
        "the sizes are divided by, but the constant in front is another one.": [
            lambda a_c, a_g: _sum(a_c, a_g) / a_c.size,
            lambda a_c, a_g: _sum(a_c, a_g) / (2 * a_c.size),
        ],
        "the constant belongs below the line, not above it.": [
            lambda a_c, a_g: 4 * _sum(a_c, a_g) / a_c.size
        ],
        "the sizes belong below the line once, not squared.": [
            lambda a_c, a_g: _sum(a_c, a_g) / (4 * a_c.size**2),
            lambda a_c, a_g: _sum(a_c, a_g) / (2 * a_c.size) ** 2,
        ],
        "one of the three sizes is missing below the line.": [
            lambda a_c, a_g: _sum(a_c, a_g) / (4 * a_c.size / a_c.shape[3]),
            lambda a_c, a_g: _sum(a_c, a_g) / (4 * a_c.size / a_c.shape[2]),
            lambda a_c, a_g: _sum(a_c, a_g) / (4 * a_c.size / a_c.shape[1]),
        ],
        "the differences are not squared, so they cancel.": [
            lambda a_c, a_g: np.sum(a_c - a_g) / (4 * a_c.size),
            lambda a_c, a_g: np.sum(a_g - a_c) / (4 * a_c.size),
            lambda a_c, a_g: np.mean(a_c - a_g),
            lambda a_c, a_g: np.sum(a_c - a_g) ** 2 / (4 * a_c.size),
        ],
        "absolute differences were not asked for, but squared ones.": [
            lambda a_c, a_g: np.sum(abs(a_c - a_g)) / (4 * a_c.size),
            lambda a_c, a_g: np.mean(abs(a_c - a_g)),
        ],
        "that is the length of the difference: leave it squared.": [
            lambda a_c, a_g: np.sqrt(_sum(a_c, a_g)),
            lambda a_c, a_g: np.sqrt(_sum(a_c, a_g)) / (4 * a_c.size),
            lambda a_c, a_g: np.sqrt(_content_cost(a_c, a_g)),
        ],
        "it squares first and subtracts afterwards.": [
            lambda a_c, a_g: np.sum(a_c**2 - a_g**2) / (4 * a_c.size),
            lambda a_c, a_g: np.sum(a_g**2 - a_c**2) / (4 * a_c.size),
        ],
        "it adds the two instead of comparing them.": [
            lambda a_c, a_g: _content_cost(a_c, -a_g)
        ],
        "a cost is one number: the sum over all places is missing.": [
            lambda a_c, a_g: (a_c - a_g) ** 2 / (4 * a_c.size),
            lambda a_c, a_g: (a_c - a_g) ** 2,
            lambda a_c, a_g: np.sum((a_c - a_g) ** 2, axis=-1) / (4 * a_c.size),
        ],
        "that is the relative error of the notebook; use the lecture's form.": [
            lambda a_c, a_g: _sum(a_c, a_g) / np.sum(a_c**2)
        ],
    },
)
