"""Similarities and distances, decisions about them, and how often they fail."""

import numpy as np

from course_utils.checks.compare import ANY
from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise

NOTEBOOK = "3 · Face verification"


# -- cosine_similarity ---------------------------------------------------------


def _vectors(generator):
    """Two vectors of any length, near each other or not."""
    cases = []
    for share in (0.9, 0.3, -0.5):
        lengths = generator.uniform(2, 9, 2)
        a, noise = generator.normal(0.2, size=(2, generator.integers(5, 20)))
        b = share * a + (1 - abs(share)) * noise
        cases.append((lengths[0] * a, lengths[1] * b))
    return cases


def draw_short_vector(generator):
    """Return two whole numbers that make a vector of whole length."""
    choices = [[3.0, 4], [4, 3], [6, 8], [0, 2], [1, 0], [-5, 0], [-3, 4]]
    return generator.choice(choices)


def unit(vector):
    """Return the direction of a vector."""
    return vector / np.linalg.norm(vector)


def cosine(a, b):
    """Return the cosine similarity, -1 to 1."""
    return unit(a) @ unit(b)


def squared_distance(a, b):
    """Return the lecture's distance of two directions, 0 to 4."""
    return np.sum((unit(a) - unit(b)) ** 2)


def distance(a, b):
    """Return its root."""
    return np.linalg.norm(unit(a) - unit(b))


check_cosine_similarity = Exercise(
    name="cosine_similarity",
    notebook=NOTEBOOK,
    cases=_vectors,
    small=lambda generator: tuple(draw_short_vector(generator) for _ in "ab"),
    solution=cosine,
    mistakes={
        "only directions count: the lengths are still in.": [
            lambda a, b: a @ b,
            lambda a, b: unit(a) @ b,
        ],
        "divide by the length of each vector, once.": [
            lambda a, b: a @ b / (a @ a),
            lambda a, b: a @ b / (a @ a) / (b @ b),
            lambda a, b: a @ b / (np.linalg.norm(a) + np.linalg.norm(b)),
        ],
        "that is a distance: 0 for one direction, where a cosine is 1.": [
            lambda a, b: 1 - cosine(a, b),
            squared_distance,
            distance,
        ],
    },
)


# -- triplet_loss --------------------------------------------------------------
# Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015, equation 2.


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


def _few_triplets(generator):
    size = generator.integers(1, 3, 2)
    return tuple(generator.integers(0, 3, (3, *size)).astype(float))


def _squared(a, b):
    return np.sum((a - b) ** 2, axis=1)


def _hinge(gaps):
    return np.sum(np.maximum(gaps, 0))


def _triplet_loss(anchor, positive, negative, alpha=0.2):
    near, far = _squared(anchor, positive), _squared(anchor, negative)
    return _hinge(near - far + alpha)


check_triplet_loss = Exercise(
    name="triplet_loss",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1, 2),
    cases=_triplets,
    small=_few_triplets,
    solution=_triplet_loss,
    mistakes={
        "the margin is missing, or it is the same whatever alpha is.": [
            lambda a, p, n, alpha=0: _triplet_loss(a, p, n, 0),
            lambda a, p, n, alpha=0: _triplet_loss(a, p, n),
        ],
        "the margin belongs inside the maximum, where it makes the task "
        "harder.": [
            lambda a, p, n, alpha=0.2: _triplet_loss(a, p, n, 0) + alpha,
            lambda a, p, n, alpha=0.2: (
                _triplet_loss(a, p, n, 0) + alpha * len(a)
            ),
            lambda a, p, n, alpha=0.2: _triplet_loss(a, p, n, -alpha),
        ],
        "positive and negative have changed places.": [
            lambda a, p, n, alpha=0.2: _triplet_loss(a, n, p, alpha)
        ],
        "those are distances; the loss compares squared distances.": [
            lambda a, p, n, alpha=0.2: _hinge(
                np.sqrt(_squared(a, p)) - np.sqrt(_squared(a, n)) + alpha
            )
        ],
        "cut off at zero each triplet by itself, before they are added.": [
            lambda a, p, n, alpha=0.2: np.sum(
                _squared(a, p) - _squared(a, n) + alpha
            ),
            lambda a, p, n, alpha=0.2: np.maximum(
                np.sum(_squared(a, p) - _squared(a, n) + alpha), 0
            ),
            lambda a, p, n, alpha=0.2: np.maximum(
                np.sum(_squared(a, p) - _squared(a, n)) + alpha, 0
            ),
        ],
        "the loss adds up; nothing is averaged.": [
            lambda a, p, n, alpha=0.2: _triplet_loss(a, p, n, alpha) / len(a)
        ],
        "add up the squares along the embedding first; each triplet has two "
        "distances.": [
            lambda a, p, n, alpha=0.2: _triplet_loss(a.T, p.T, n.T, alpha),
            lambda a, p, n, alpha=0.2: _hinge(
                (a - p) ** 2 - (a - n) ** 2 + alpha
            ),
        ],
    },
)


# -- verify --------------------------------------------------------------------

THRESHOLD = 1.274  # squared distance at cosine 0.363, SFace's published value
# Opposite directions: the distance is 4 whichever way it is computed.
OPPOSITE = (np.array([3.0, 0.0]), {"Ada": np.array([-5.0, 0.0])})
ASSIGNMENT = (
    "that is the assignment's, for embeddings of length 1. Here they have any "
    "length, and distances are squared."
)
# The assignment's own first lines, pasted in, ask for what is not there.
ASSIGNMENT_ERRORS = dict.fromkeys(("'model'", "img_to_encoding"), ASSIGNMENT)
IGNORES_THRESHOLD = "it decides without looking at the threshold it was given."
# What is measured instead: {hint: measures}.
WRONG_MEASURES = {
    ASSIGNMENT: [lambda a, b: np.linalg.norm(a - b)],
    "only directions count: the lengths of the embeddings are still in.": [
        lambda a, b: np.sum((a - b) ** 2),
        lambda a, b: 2 - 2 * a @ b,
        lambda a, b: a @ b,
    ],
    "the squared distance was asked for, not its root and not the cosine.": [
        distance,
        cosine,
        lambda a, b: 1 - cosine(a, b),
    ],
}


def at_most(value, threshold):
    """Decide as is right for a distance."""
    return value <= threshold


def draw_database(generator):
    """Return four embeddings of one size and of any length, by name."""
    size = generator.integers(24, 40)
    names = ("Ada", "Grace", "Joan", "Rosalind")
    return {name: 8 * generator.normal(size=size) for name in names}


def draw_near(generator, vector, similarity):
    """Return a vector of any length with this cosine to another."""
    across = generator.normal(size=vector.shape)
    across = unit(across - across @ unit(vector) * unit(vector))
    direction = similarity * unit(vector) + np.sqrt(1 - similarity**2) * across
    return generator.uniform(5, 15) * direction


def _claims(generator):
    """Accepted, rejected, rejected by a strict threshold, just accepted.

    Grace is always nearer than Joan, who is claimed.
    """
    cases = []
    for similarity, *threshold in ((0.45,), (0.2,), (0.7, 0.5)):
        database = draw_database(generator)
        embedding = draw_near(generator, database["Joan"], similarity)
        database["Grace"] = draw_near(generator, embedding, 0.9)
        cases.append((embedding, "Joan", database, *threshold))
    embedding, database = OPPOSITE
    return [*cases, (embedding, "Ada", database, 4.0)]


def _small_claim(generator):
    embedding, database, *threshold = draw_small_database(generator)
    return embedding, "Ada", database, *threshold


def draw_small_database(generator):
    """Return an embedding, a database of one or two, maybe a threshold."""
    if generator.random() < 0.1:
        return *OPPOSITE, 4.0
    names = ("Ada", "Grace")[: generator.integers(1, 3)]
    database = {name: draw_short_vector(generator) for name in names}
    embedding = draw_short_vector(generator)
    return embedding, database, *(0.5,)[: generator.integers(2)]


def _decide_by(accepts):
    """Return a version of verify with another decision."""

    def version(embedding, identity, database, threshold=THRESHOLD):
        value = squared_distance(embedding, database[identity])
        return value, accepts(value, threshold)

    return version


def _measured_by(measure):
    """Return a version with another measure, whatever it concludes."""
    return lambda embedding, identity, database, threshold=THRESHOLD: (
        measure(embedding, database[identity]),
        ANY,
    )


def _nearest(embedding, identity, database, threshold=THRESHOLD):
    return min(squared_distance(embedding, b) for b in database.values()), ANY


check_verify = Exercise(
    name="verify",
    notebook=NOTEBOOK,
    cases=_claims,
    small=_small_claim,
    solution=_decide_by(at_most),
    errors=ASSIGNMENT_ERRORS,
    mistakes={
        **{
            hint: list(map(_measured_by, measures))
            for hint, measures in WRONG_MEASURES.items()
        },
        "the decision is the wrong way round: near means the same person.": [
            _decide_by(lambda value, limit: value > limit),
            _decide_by(lambda value, limit: value >= limit),
        ],
        IGNORES_THRESHOLD: [
            _decide_by(lambda value, _: value <= THRESHOLD),
            _decide_by(lambda value, _: value <= 0.7),
        ],
        "compare with the person who is claimed, not with the others.": [
            _nearest
        ],
    },
)


# -- roc_curve -----------------------------------------------------------------


def _pairs(generator, counts=(9, 19), levels=10):
    """Similarities of few levels, so that many are equal, in any order."""
    cases = []
    for _ in range(2):
        genuine, impostors = generator.choice(np.arange(*counts), 2, False)
        similarities = np.append(
            generator.integers(3, levels + 1, genuine),
            generator.integers(0, levels - 2, impostors),
        )
        # A tie across both kinds, at the top, is where methods differ most.
        similarities[[0, -1]] = levels
        same = np.arange(genuine + impostors) < genuine
        order = generator.permutation(len(same))
        cases.append((similarities[order] / 10, same[order]))
    return cases


def _roc_curve(similarities, same):
    return _rates(np.append(np.inf, _falling(similarities)), similarities, same)


def _falling(similarities):
    return np.unique(similarities)[::-1]


def _rates(thresholds, similarities, same, accepts=np.greater_equal):
    accepted = accepts(similarities, thresholds[:, None])
    true_rate, false_rate = accepted[:, same], accepted[:, ~same]
    return thresholds, true_rate.mean(axis=1), false_rate.mean(axis=1)


def _one_point_a_pair(similarities, same):
    order = np.argsort(-similarities, kind="stable")
    falling = same[order]
    return (
        similarities[order],
        np.cumsum(falling) / falling.sum(),
        np.cumsum(~falling) / (~falling).sum(),
    )


def _shares_of_all(similarities, same):
    thresholds, true_rate, false_rate = _roc_curve(similarities, same)
    return thresholds, true_rate * same.mean(), false_rate * (~same).mean()


check_roc_curve = Exercise(
    name="roc_curve",
    notebook=NOTEBOOK,
    cases=_pairs,
    small=lambda generator: _pairs(generator, (1, 4), 4)[0],
    solution=_roc_curve,
    mistakes={
        "pairs with equal similarity are accepted together: one point only.": [
            _one_point_a_pair,
            lambda s, same: _rates(np.sort(s)[::-1], s, same),
            lambda s, same: _rates(
                np.append(np.inf, np.sort(s)[::-1]), s, same
            ),
        ],
        "the first point is missing, at which nobody is accepted.": [
            lambda s, same: _rates(_falling(s), s, same)
        ],
        "the thresholds should fall, and the rates grow with them.": [
            lambda s, same: [curve[::-1] for curve in _roc_curve(s, same)],
            lambda s, same: _rates(np.unique(s), s, same),
        ],
        "a similarity that equals the threshold is accepted, too.": [
            lambda s, same: _rates(_roc_curve(s, same)[0], s, same, np.greater)
        ],
        "each rate is a share of its own pairs: of those of one person, or of "
        "the others.": [_shares_of_all],
    },
)


# -- choose_threshold ----------------------------------------------------------


def _hills(generator):
    """Similarities of same and of different pairs, as hills that overlap.

    No count of pairs makes one of these rates a whole number of pairs.
    """
    cases = []
    for rate in (0.0117, 0.0213, 0.0531, 0.1037):
        same = generator.random(600) < 0.6
        similarities = generator.normal(np.where(same, 0.45, 0.1), 0.15)
        cases.append((similarities, same, rate))
    return cases


def _few_pairs(generator):
    """Two or three pairs of each kind; a rate that lets one stranger in."""
    count = generator.integers(2, 4)
    levels = generator.choice(np.arange(1, 10), 2 * count, replace=False)
    return levels / 10, np.arange(2 * count) < count, 0.6


def _choose_threshold(similarities, same, false_accept_rate):
    """Return the lowest similarity whose false accept rate is small enough."""
    thresholds = np.sort(similarities)
    accepted = similarities[~same] >= thresholds[:, None]
    return thresholds[accepted.mean(axis=1) <= false_accept_rate][0]


def _last_stranger(similarities, same, rate):
    falling = np.sort(similarities[~same])[::-1]
    return falling[int(rate * len(falling)) - 1]


def _cheapest(cost):
    """Return a version: the lowest cost, from the shares that go wrong.

    cost: (rejected of one person, accepted of others, share of one person).
    """

    def version(similarities, same, _rate):
        thresholds = np.sort(similarities)
        _, true_rate, false_rate = _rates(thresholds, similarities, same)
        costs = cost(1 - true_rate, false_rate, same.mean())
        return thresholds[np.argmin(costs)]

    return version


check_choose_threshold = Exercise(
    name="choose_threshold",
    notebook=NOTEBOOK,
    cases=_hills,
    small=_few_pairs,
    solution=_choose_threshold,
    mistakes={
        "0.60 comes from nowhere. Let the pairs decide.": [
            lambda s, same, rate: 0.60
        ],
        "another fixed number is no better than 0.60. Let the pairs decide.": [
            lambda s, same, rate: 0.5,
            lambda s, same, rate: 0.363,
        ],
        "false accepts are pairs of different people; count only those.": [
            lambda s, same, rate: np.quantile(s, 1 - rate),
            lambda s, same, rate: np.sort(s)[::-1][int(rate * len(s))],
        ],
        "that limits the pairs of one person, not the strangers.": [
            lambda s, same, rate: _choose_threshold(s, ~same, rate),
            lambda s, same, rate: np.quantile(s[same], rate),
            lambda s, same, rate: np.quantile(s[same], 1 - rate),
        ],
        "the rate is met, or nearly, but give back the lowest similarity of "
        "any pair that will do.": [
            lambda s, same, rate: np.quantile(s[~same], 1 - rate),
            _last_stranger,
            lambda s, same, rate: s[~same].max(),
        ],
        "it ignores the false accept rate that was asked for.": [
            lambda s, same, rate: _choose_threshold(s, same, 0.01),
            # The fewest mistakes in all; and both kinds equally often.
            _cheapest(lambda miss, false, p: p * miss + (1 - p) * false),
            _cheapest(lambda miss, false, p: abs(miss - false)),
        ],
        "almost every stranger gets in: which side of the threshold is "
        "accepted?": [lambda s, same, rate: np.quantile(s[~same], rate)],
    },
    tolerance=1e-7,  # just above float32's rounding
)
