"""Train your own recogniser: a loss, triplets and a split.

Sources: Deng and others, "ArcFace", CVPR 2019; Schroff, Kalenichenko and
Philbin, "FaceNet", CVPR 2015.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, exercise
from course_utils.checks.exercises.face_verification import unit


def _pictures_of_two_people(generator):
    """One or two pictures, and maybe another margin and scale."""
    embeddings = generator.integers(1, 4, (generator.integers(1, 3), 2)) / 1
    centres = np.array([[2.0, 0.0], [0.0, 1.0]])
    is_person = np.eye(2)[generator.integers(2, size=len(embeddings))]
    settings = ((), (0.5, 10), (0.2, 8))[generator.integers(3)]
    return embeddings, centres, is_person, *settings


def _cosine_less_margin(embeddings, centres, is_person, margin=0.4, scale=24):
    cosines = unit(embeddings) @ unit(centres).T
    return scale * (cosines - margin * is_person)


@exercise(
    draw=_pictures_of_two_people,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1),
    mistakes={
        "there is no margin yet: these are the scaled cosines.": [
            lambda a, b, right, m=0.4, s=24: arcface_logits(a, b, right, 0, s)
        ],
        "only directions count: a length is still in.": [
            lambda *i: arcface_logits(*i, to=(np.asarray, np.asarray)),
            # Cut off at 1, as in the notebook's solution, lengths hide.
            lambda *i: arcface_logits(*i, to=(np.asarray, np.asarray), limit=1),
            lambda *i: arcface_logits(*i, to=(np.asarray, unit), limit=1),
            lambda *i: arcface_logits(*i, to=(unit, np.asarray), limit=1),
        ],
        "only the angle to the right person gets the margin.": [
            lambda a, b, right, *rest: arcface_logits(a, b, 1, *rest),
            lambda a, b, right, *rest: arcface_logits(a, b, 1 - right, *rest),
        ],
        "the margin belongs to the angle, not to its cosine.": [
            _cosine_less_margin
        ],
        "the scale is missing, or not the one that was given.": [
            lambda a, b, right, m=0.4, s=24: arcface_logits(a, b, right, m, 1)
        ],
    },
)
def arcface_logits(
    embeddings,
    centres,
    is_person,
    margin=0.4,
    scale=24,
    to=(unit, unit),
    limit=np.inf,
):
    cosines = to[0](embeddings) @ to[1](centres).T
    with np.errstate(invalid="ignore"):  # where lengths are still in
        angles = np.arccos(np.clip(cosines, -limit, limit))
    return scale * np.cos(angles + margin * is_person)


TRIPLET_MARGIN = 0.2  # as in the notebook


def _three_pictures(generator):
    """Three pictures of two people, or of one, maybe another margin."""
    distances = np.zeros((3, 3))
    distances[np.triu_indices(3, k=1)] = generator.permutation([0.4, 0.5, 0.9])
    people = np.array([0, 0, generator.integers(4) > 0]).astype(int)
    settings = ((), (0.45,), (0.05,))[generator.integers(3)]
    return distances + distances.T, people, *settings


def _a_wrong_triplet(case, answer, right):
    """Give the numbers by which one triplet belongs in or not."""
    distances, people, margin = (*case, TRIPLET_MARGIN)[:3]
    a, p, n = np.argwhere(answer != right)[0]
    verdict = "is missing" if right[a, p, n] else "should not be there"
    return (
        f"the triplet (anchor {a}, positive {p}, negative {n}) {verdict}. Its "
        f"people are {people[a]}, {people[p]} and {people[n]}; from the anchor "
        f"it is {distances[a, p]} to the positive and {distances[a, n]} to the "
        f"negative; the margin is {margin}."
    )


@exercise(
    draw=_three_pictures,
    describe=_a_wrong_triplet,
    mistakes={
        "hard ones are among them: their negative is nearer than the "
        "positive.": [lambda *inputs: semi_hard_triplets(*inputs, hard=True)],
        "easy ones are among them: their loss is zero already.": [
            lambda *inputs: semi_hard_triplets(*inputs, easy=True)
        ],
        "a picture is its own positive: their distance is always zero.": [
            lambda *inputs: semi_hard_triplets(*inputs, itself=True)
        ],
        "the second axis is the positive, the third the negative.": [
            lambda *inputs: semi_hard_triplets(*inputs).transpose(0, 2, 1)
        ],
    },
)
def semi_hard_triplets(
    distances,
    people,
    margin=TRIPLET_MARGIN,
    hard=False,
    easy=False,
    itself=False,
):
    same = people[:, None] == people
    pairs = same & (itself | ~np.eye(len(people), dtype=bool))
    near, far = distances[:, :, None], distances[:, None, :]
    between = (hard | (near < far)) & (easy | (far < near + margin))
    return pairs[:, :, None] & ~same[:, None, :] & between


def _small_album(generator):
    """Who is on each photograph: numbers with gaps, in any order."""
    names = generator.choice(30, generator.integers(3, 7), replace=False)
    people = np.repeat(names, generator.integers(1, 3))
    settings = ((), (3,), (2,))[generator.integers(3)]
    return generator.permutation(people), *settings


@exercise(
    draw=_small_album,
    mistakes={
        "that puts photographs aside, not people: everybody is on both "
        "sides.": [lambda people, every=4: np.arange(len(people)) % every == 0],
        "count the people; their numbers have gaps.": [
            lambda people, every=4: people % every == 0
        ],
    },
)
def put_aside(people, every=4):
    _, place = np.unique(people, return_inverse=True)
    return place % every == 0
