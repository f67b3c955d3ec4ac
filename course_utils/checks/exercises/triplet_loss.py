"""The triplet loss of a batch.

Source: Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015, equation 2.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise


def _triplets(generator):
    """Easy triplets, hard ones, and such with the negative in between.

    The easy ones outweigh the hard ones in the first batch, not in the second:
    together they show where the loss is cut off.
    """
    cases = []
    for ease, *alpha in ((4,), (1.5, generator.uniform(0.4, 0.6))):
        count, size = generator.choice(np.arange(6, 13), 2, replace=False)
        anchor = generator.normal(size=(count, size))
        to_positive, to_negative = generator.normal(
            scale=0.4, size=(2, count, size)
        )
        to_negative[::3] *= ease
        to_positive[1::3] *= 2
        to_negative[1::3] = 0.6 * to_positive[1::3]
        triplets = anchor, anchor + to_positive, anchor + to_negative
        cases.append((*triplets, *alpha))
    return cases


def _squared(a, b):
    return np.sum((a - b) ** 2, axis=1)


def _length(a, b):
    return np.sqrt(_squared(a, b))


def _hinge(gaps):
    return np.sum(np.maximum(gaps, 0))


def _triplet_loss(a, p, n, alpha=0.2):
    return _hinge(_squared(a, p) - _squared(a, n) + alpha)


def _cut_late(maximum):
    """Return versions that add up first; Python's 0 is a whole number."""

    def sum_of_all(a, p, n, alpha=0.2):
        return maximum(np.sum(_squared(a, p) - _squared(a, n) + alpha), 0)

    def margin_once(a, p, n, alpha=0.2):
        return maximum(np.sum(_squared(a, p) - _squared(a, n)) + alpha, 0)

    return [sum_of_all, margin_once]


check_triplet_loss = Exercise(
    name="triplet_loss",
    notebook="3 · Face verification",
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1, 2),
    cases=_triplets,
    solution=_triplet_loss,
    mistakes={
        "where is the margin?": [
            lambda a, p, n, alpha=0: _triplet_loss(a, p, n, 0)
        ],
        "the margin has the wrong sign: it must make the task harder.": [
            lambda a, p, n, alpha=0.2: _triplet_loss(a, p, n, -alpha)
        ],
        "it always uses the same margin, whatever alpha is.": [
            lambda a, p, n, alpha=0: _triplet_loss(a, p, n)
        ],
        "positive and negative have changed places.": [
            lambda a, p, n, alpha=0.2: _triplet_loss(a, n, p, alpha)
        ],
        "those are distances; the loss compares squared distances.": [
            lambda a, p, n, alpha=0.2: _hinge(
                _length(a, p) - _length(a, n) + alpha
            )
        ],
        "a triplet that is easy enough must count as zero, not less.": [
            lambda a, p, n, alpha=0.2: np.sum(
                _squared(a, p) - _squared(a, n) + alpha
            )
        ],
        "cut off at zero each triplet by itself, before they are added.": [
            *_cut_late(max),
            *_cut_late(np.maximum),
        ],
        "it keeps what lies below zero and drops the rest.": [
            lambda a, p, n, alpha=0.2: np.sum(
                np.minimum(_squared(a, p) - _squared(a, n) + alpha, 0)
            )
        ],
        "that is the mean of the batch; the sum was asked for.": [
            lambda a, p, n, alpha=0.2: _triplet_loss(a, p, n, alpha) / len(a)
        ],
        "one number for each triplet is not yet the loss of the batch.": [
            lambda a, p, n, alpha=0.2: np.maximum(
                _squared(a, p) - _squared(a, n) + alpha, 0
            )
        ],
        "the distance adds up over the wrong axis: which one is the batch?": [
            lambda a, p, n, alpha=0.2: _triplet_loss(a.T, p.T, n.T, alpha),
        ],
        "squared distances add up over the embedding; they are not means.": [
            lambda a, p, n, alpha=0.2: _hinge(
                (_squared(a, p) - _squared(a, n)) / a.shape[1] + alpha
            )
        ],
        "both distances start from the anchor.": [
            lambda a, p, n, alpha=0.2: _hinge(
                _squared(a, p) - _squared(p, n) + alpha
            )
        ],
        "it works value by value: first the distances, then the rest.": [
            lambda a, p, n, alpha=0.2: _hinge(
                (a - p) ** 2 - (a - n) ** 2 + alpha
            )
        ],
    },
)
