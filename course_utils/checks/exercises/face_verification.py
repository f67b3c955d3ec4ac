"""Similarities and distances, decisions about them, and how often they fail."""

import numpy as np

from course_utils.checks.compare import ANY
from course_utils.checks.exercise import ALL_FRAMEWORKS, exercise


def draw_vector(generator):
    """Return two numbers that make a vector of any length and direction."""
    angle, length = generator.uniform(0, 2 * np.pi), generator.uniform(1, 9)
    return (length * np.array([np.cos(angle), np.sin(angle)])).round(2)


def unit(vectors):
    """Return the directions of vectors, along the last axis."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def squared_distance(a, b):
    """Return the lecture's distance of two directions, 0 to 4."""
    return np.sum((unit(a) - unit(b)) ** 2)


@exercise(
    draw=lambda generator: (draw_vector(generator), draw_vector(generator)),
    mistakes={
        "only directions count: the lengths are still in.": [
            lambda a, b: a @ b,
            lambda a, b: unit(a) @ b,
        ],
        "divide by the length of each vector, once.": [
            lambda a, b: a @ b / (a @ a),
            lambda a, b: a @ b / (a @ a) / (b @ b),
            # The right side of / ends before *.
            lambda a, b: unit(a) @ b * np.linalg.norm(b),
        ],
        "that is a distance: 0 for one direction, where a cosine is 1.": [
            lambda a, b: 1 - cosine_similarity(a, b),
            squared_distance,
        ],
    },
)
def cosine_similarity(a, b):
    return unit(a) @ unit(b)


# Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015, equation 2.


def _few_triplets(generator):
    size = generator.integers(1, 3, 2)
    triplets = generator.integers(0, 3, (3, *size)).astype(float)
    return *triplets, *(0.5,)[: generator.integers(2)]


def _hinge(gaps):
    return np.sum(np.maximum(gaps, 0))


def _gaps(anchor, positive, negative, power=1):
    """Return how much farther the positive is, by powers of the square."""
    near = np.sum((anchor - positive) ** 2, axis=1)
    far = np.sum((anchor - negative) ** 2, axis=1)
    return near**power - far**power


@exercise(
    draw=_few_triplets,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1, 2),
    mistakes={
        "the margin is missing.": [
            lambda a, p, n, alpha=0: triplet_loss(a, p, n, 0)
        ],
        "the margin belongs inside the maximum.": [
            lambda a, p, n, alpha=0.2: _hinge(_gaps(a, p, n)) + alpha,
            lambda a, p, n, alpha=0.2: _hinge(_gaps(a, p, n)) + alpha * len(a),
        ],
        "those are distances; the loss compares squared distances.": [
            lambda a, p, n, alpha=0.2: _hinge(_gaps(a, p, n, 0.5) + alpha)
        ],
        "cut off at zero each triplet by itself, before they are added.": [
            lambda a, p, n, alpha=0.2: np.sum(_gaps(a, p, n) + alpha),
            lambda a, p, n, alpha=0.2: _hinge(np.sum(_gaps(a, p, n) + alpha)),
            lambda a, p, n, alpha=0.2: _hinge(np.sum(_gaps(a, p, n)) + alpha),
        ],
        "the loss adds up; nothing is averaged.": [
            lambda a, p, n, *alpha: triplet_loss(a, p, n, *alpha) / len(a)
        ],
    },
)
def triplet_loss(anchor, positive, negative, alpha=0.2):
    return _hinge(_gaps(anchor, positive, negative) + alpha)


THRESHOLD = 1.274  # squared distance at cosine 0.363, SFace's published value
ASSIGNMENT = (
    "that is the assignment's, for embeddings of length 1. Here they have any "
    "length, and distances are squared."
)
# The assignment's own first lines, pasted in, ask for what is not there.
ASSIGNMENT_ERRORS = dict.fromkeys(("'model'", "img_to_encoding"), ASSIGNMENT)


def wrongly_measured(version):
    """Return mistakes: a version with other measures, whatever it concludes."""
    measures = {
        ASSIGNMENT: [lambda a, b: np.linalg.norm(a - b)],
        "the squared distance of the directions was asked for.": [
            lambda a, b: np.linalg.norm(unit(a) - unit(b)),
            lambda a, b: np.sum((a - b) ** 2),
            cosine_similarity,
        ],
    }
    return {
        hint: [lambda *i, m=m: (version(*i, measure=m)[0], ANY) for m in wrong]
        for hint, wrong in measures.items()
    }


def draw_database(generator):
    """Return an embedding, a database of one to three, maybe a threshold."""
    if generator.random() < 0.2:  # 4, whichever way it is computed
        return np.array([3.0, 0.0]), {"Ada": np.array([-5.0, 0.0])}, 4.0
    names = ("Ada", "Grace", "Joan")[: generator.integers(1, 4)]
    database = {name: draw_vector(generator) for name in names}
    threshold = ((), (0.3,), (3.0,))[generator.integers(3)]
    return draw_vector(generator), database, *threshold


def _claim(generator):
    embedding, database, *threshold = draw_database(generator)
    return embedding, "Ada", database, *threshold


@exercise(
    draw=_claim,
    errors=ASSIGNMENT_ERRORS,
    mistakes={
        **wrongly_measured(lambda *inputs, **by: verify(*inputs, **by)),
        "the decision is the wrong way round: near means the same person.": [
            lambda *inputs: (verify(*inputs)[0], not verify(*inputs)[1])
        ],
    },
)
def verify(
    embedding,
    identity,
    database,
    threshold=THRESHOLD,
    measure=squared_distance,
):
    value = measure(embedding, database[identity])
    return value, value <= threshold


def _few_pairs(generator):
    """Pairs of both kinds, of few levels, so that many are equal."""
    count = generator.integers(3, 9)
    same = np.arange(count) < generator.integers(1, count)
    return generator.integers(1, 5, count) / 10, generator.permutation(same)


def _rates(thresholds, similarities, same):
    accepted = similarities >= thresholds[:, None]
    true_rate, false_rate = accepted[:, same], accepted[:, ~same]
    return thresholds, true_rate.mean(axis=1), false_rate.mean(axis=1)


def _one_point_a_pair(similarities, same):
    order = np.argsort(-similarities, kind="stable")
    rates = (np.cumsum(x[order]) / x.sum() for x in (same, ~same))
    return similarities[order], *rates


@exercise(
    draw=_few_pairs,
    mistakes={
        "pairs with equal similarity are accepted together: one point only.": [
            _one_point_a_pair,
            lambda s, same: _rates(np.sort(s)[::-1], s, same),
        ],
        "the first point is missing, at which nobody is accepted.": [
            lambda s, same: [curve[1:] for curve in roc_curve(s, same)]
        ],
    },
)
def roc_curve(similarities, same):
    thresholds = np.unique(np.append(np.inf, similarities))[::-1]
    return _rates(thresholds, similarities, same)


def _hills(generator):
    """Hills of same and different pairs that overlap, or a few pairs.

    No count of pairs makes one of these rates a whole number of pairs.
    """
    if generator.random() < 0.5:
        same = generator.random(600) < 0.6
        similarities = generator.normal(np.where(same, 0.45, 0.1), 0.15)
        return similarities, same, generator.choice([0.0117, 0.0531, 0.1037])
    count = generator.integers(2, 4)  # of strangers, of whom one may get in
    levels = generator.choice(np.arange(1, 10), 2 * count, replace=False)
    return np.sort(levels) / 10, np.arange(2 * count) % 2 == 0, 0.6


def _among_strangers(similarities, same, rate):
    """Look at the strangers' similarities only."""
    strangers = np.sort(similarities[~same])
    false_rate = (strangers >= strangers[:, None]).mean(axis=1)
    return strangers[false_rate <= rate].min(initial=np.inf)


@exercise(
    draw=_hills,
    tolerance=1e-7,  # just above float32's rounding
    mistakes={
        "0.60 comes from nowhere. Let the pairs decide.": [
            lambda s, same, rate: 0.60
        ],
        "another fixed number is no better than 0.60. Let the pairs decide.": [
            lambda s, same, rate: 0.5,
            lambda s, same, rate: 0.363,
        ],
        "false accepts are pairs of different people; count only those.": [
            lambda s, same, rate: np.quantile(s, 1 - rate)
        ],
        "give back the lowest similarity of any pair that will do.": [
            lambda s, same, rate: np.quantile(s[~same], 1 - rate),
            _among_strangers,
        ],
    },
)
def choose_threshold(similarities, same, false_accept_rate):
    thresholds, _, false_rate = roc_curve(similarities, same)
    return thresholds[false_rate <= false_accept_rate][-1]
