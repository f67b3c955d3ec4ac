"""Similarities, and decisions about them."""

import numpy as np

from course_utils.checks.exercise import Exercise
from course_utils.checks.exercises.embeddings import unit

NOTEBOOK = "3 · Face verification"


def _vectors(generator):
    """Two vectors of any length, near each other or not."""
    cases = []
    for share in (0.9, 0.3, -0.5):
        lengths = generator.uniform(2, 9, 2)
        a, noise = generator.normal(0.2, size=(2, generator.integers(5, 20)))
        b = share * a + (1 - abs(share)) * noise
        cases.append((lengths[0] * a, lengths[1] * b))
    return cases


def _cosine_similarity(a, b):
    return unit(a) @ unit(b)


check_cosine_similarity = Exercise(
    name="cosine_similarity",
    notebook=NOTEBOOK,
    cases=_vectors,
    solution=_cosine_similarity,
    mistakes={
        "only directions count: the lengths are still in.": [
            lambda a, b: a @ b,
            lambda a, b: unit(a) @ b,
            lambda a, b: a @ unit(b),
        ],
        "divide by the length of each vector, once.": [
            lambda a, b: a @ b / (a @ a),
            lambda a, b: a @ b / (b @ b),
            lambda a, b: a @ b / (a @ a) / (b @ b),
            lambda a, b: a @ b / (a @ a + b @ b),
            lambda a, b: a @ b / (np.linalg.norm(a) + np.linalg.norm(b)),
        ],
        "that is a distance: 0 for one direction, where a cosine is 1.": [
            lambda a, b: 1 - _cosine_similarity(a, b),
            lambda a, b: 2 - 2 * _cosine_similarity(a, b),
            lambda a, b: np.linalg.norm(unit(a) - unit(b)),
            lambda a, b: np.linalg.norm(a - b),
        ],
        "the products of the single values are added up, not averaged.": [
            lambda a, b: np.mean(unit(a) * unit(b)),
        ],
        "one number was asked for: the products are not added up.": [
            lambda a, b: unit(a) * unit(b),
        ],
        "that is the angle; its cosine was asked for.": [
            lambda a, b: np.arccos(_cosine_similarity(a, b)),
            lambda a, b: np.degrees(np.arccos(_cosine_similarity(a, b))),
        ],
        "that is the correlation: no mean is subtracted here.": [
            lambda a, b: np.corrcoef(a, b)[0, 1],
        ],
    },
)
