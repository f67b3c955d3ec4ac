"""Train your own recogniser: a loss, triplets, a split and its error rate.

Sources: Deng and others, "ArcFace", CVPR 2019; Schroff, Kalenichenko and
Philbin, "FaceNet", CVPR 2015.
"""

import numpy as np

from course_utils import faces
from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise

NOTEBOOK = "6 · Train a recogniser"


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


# -- arcface_logits ------------------------------------------------------------


def _batches(generator):
    """Embeddings and centres of any length, and who is on each picture."""
    cases = []
    for settings in ((), (0.5, 30), (0.2, 8)):
        count, people, size = generator.choice(np.arange(5, 12), 3, False)
        embeddings = 3 * generator.normal(size=(count, size))
        centres = 2 * generator.normal(size=(people, size))
        is_person = np.eye(people)[generator.integers(people, size=count)]
        cases.append((embeddings, centres, is_person, *settings))
    return cases


def _one_picture_of_two_people(generator):
    embedding = generator.integers(1, 4, (1, 2)).astype(float)
    centres = np.array([[1.0, 0.0], [0.0, 1.0]])
    return embedding, centres, np.eye(2)[[generator.integers(2)]], 0.5, 10


def _cosines(embeddings, centres):
    return _unit(embeddings) @ _unit(centres).T


def _arcface(
    embeddings,
    centres,
    is_person,
    margin=0.4,
    scale=24,
    cosines=_cosines,
    harder=lambda angles, margin: np.cos(angles + margin),
):
    plain = np.clip(cosines(embeddings, centres), -1, 1)
    changed = harder(np.arccos(plain), margin)
    return scale * np.where(is_person, changed, plain)


def _arcface_with(**parts):
    return lambda *inputs: _arcface(*inputs, **parts)


check_arcface_logits = Exercise(
    name="arcface_logits",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1),
    cases=_batches,
    small=_one_picture_of_two_people,
    solution=lambda embeddings, centres, is_person, margin=0.4, scale=24: (
        _arcface(embeddings, centres, is_person, margin, scale)
    ),
    mistakes={
        "there is no margin yet: these are the scaled cosines.": [
            _arcface_with(harder=lambda angles, margin: np.cos(angles)),
        ],
        "only directions count: a length is still in.": [
            _arcface_with(cosines=lambda a, b: a @ b.T),
            _arcface_with(cosines=lambda a, b: _unit(a) @ b.T),
            _arcface_with(cosines=lambda a, b: a @ _unit(b).T),
        ],
        "only the angle to the right person gets the margin.": [
            lambda a, b, right, *rest: _arcface(a, b, 0 * right + 1, *rest),
            lambda a, b, right, *rest: _arcface(a, b, 1 - right, *rest),
        ],
        "the margin should make the angle larger, which is harder.": [
            _arcface_with(harder=lambda angles, m: np.cos(angles - m)),
        ],
        "the margin belongs to the angle, not to its cosine.": [
            _arcface_with(harder=lambda angles, m: np.cos(angles) - m),
            _arcface_with(harder=lambda angles, m: np.cos(angles) + m),
        ],
        "the scale is missing, or not the one that was given.": [
            lambda a, b, right, m=0.4, s=24: _arcface(a, b, right, m, 1),
            lambda a, b, right, m=0.4, s=24: _arcface(a, b, right, m),
        ],
        "it ignores the margin that it was given.": [
            lambda a, b, right, m=0.4, s=24: _arcface(a, b, right, 0.4, s),
        ],
    },
)


# -- semi_hard_triplets --------------------------------------------------------


def _distances(generator):
    """Squared distances of batches that offer triplets of all three kinds."""
    cases = []
    for settings in ((), (0.5,), (0.05,)):
        people = generator.permutation(np.repeat(np.arange(5), 4))
        centres = _unit(generator.normal(size=(5, 6)))
        noise = 0.4 * generator.normal(size=(20, 6))
        embeddings = _unit(centres[people] + noise)
        cases.append((2 - 2 * embeddings @ embeddings.T, people, *settings))
    return cases


def _three_pictures(generator):
    distances = np.zeros((3, 3))
    distances[np.triu_indices(3, k=1)] = generator.permutation([0.4, 0.5, 0.9])
    return distances + distances.T, np.array([0, 0, 1]), 0.2


def _semi_hard_triplets(distances, people, margin=0.2):
    return _chosen(distances, people, margin, _between)


def _chosen(distances, people, margin, keep, itself=False, anybody=False):
    same = people[:, None] == people
    pairs = same if itself else same & ~np.eye(len(people), dtype=bool)
    others = same | True if anybody else ~same
    near, far = distances[:, :, None], distances[:, None, :]
    return pairs[:, :, None] & others[:, None, :] & keep(near, far, margin)


def _between(near, far, margin):
    return (near < far) & (far < near + margin)


def _triplets_that(keep, **slips):
    return lambda distances, people, margin=0.2: _chosen(
        distances, people, margin, keep, **slips
    )


check_semi_hard_triplets = Exercise(
    name="semi_hard_triplets",
    notebook=NOTEBOOK,
    cases=_distances,
    small=_three_pictures,
    solution=_semi_hard_triplets,
    mistakes={
        "hard ones are among them: their negative is nearer than the "
        "positive.": [
            _triplets_that(lambda near, far, margin: far < near + margin),
            _triplets_that(lambda near, far, margin: far < near),
        ],
        "easy ones are among them: their loss is zero already.": [
            _triplets_that(lambda near, far, margin: near < far),
            _triplets_that(lambda near, far, margin: far >= near + margin),
        ],
        "a picture is its own positive: their distance is always zero.": [
            _triplets_that(_between, itself=True),
        ],
        "a negative has to show somebody else than the anchor.": [
            _triplets_that(_between, anybody=True),
        ],
        "the order of the axes is anchor, positive, negative.": [
            lambda *inputs: _semi_hard_triplets(*inputs).transpose(0, 2, 1),
            lambda *inputs: _semi_hard_triplets(*inputs).transpose(1, 0, 2),
        ],
        "it ignores the margin that it was given.": [
            lambda distances, people, margin=0.2: _semi_hard_triplets(
                distances, people
            ),
        ],
    },
)


# -- put_aside: find the bug ---------------------------------------------------


def _albums(generator):
    """Who is on each photograph: numbers with gaps, in any order."""
    cases = []
    for settings in ((), (3,), (2,)):
        names = generator.choice(100, 13, replace=False)
        people = np.repeat(names, generator.integers(2, 6, size=13))
        cases.append((generator.permutation(people), *settings))
    return cases


def _small_album(generator):
    names = generator.choice(np.arange(1, 10), 3, replace=False)
    return generator.permutation(np.repeat(names, 2)), 2


def _put_aside(people, every=4):
    return _place(people) % every == 0


def _place(people):
    return np.unique(people, return_inverse=True)[1]


def _by_appearance(people, every=4):
    order = list(dict.fromkeys(people.tolist()))
    return np.array([order.index(name) % every == 0 for name in people])


check_put_aside = Exercise(
    name="put_aside",
    notebook=NOTEBOOK,
    cases=_albums,
    small=_small_album,
    solution=_put_aside,
    mistakes={
        "that puts photographs aside, not people: everybody is on both "
        "sides.": [
            lambda people, every=4: np.arange(len(people)) % every == 0,
        ],
        "count the people; their numbers have gaps.": [
            lambda people, every=4: people % every == 0,
        ],
        "count the people in the order of their numbers, not as they appear.": [
            _by_appearance
        ],
        "the first ones are put aside, not every so many.": [
            lambda people, every=4: _place(people) < every,
            lambda people, every=4: (
                _place(people) < len(np.unique(people)) // every
            ),
        ],
        "true is for those that are put aside.": [
            lambda *inputs: ~_put_aside(*inputs),
        ],
        "it always skips as many, whatever it is told.": [
            lambda people, every=4: _put_aside(people),
        ],
    },
)


# -- unseen_eer ----------------------------------------------------------------


def _vectors(generator):
    """Embeddings of any length, seen people far better than unseen ones."""
    cases = []
    for count in (6, 8):
        people = np.repeat(np.arange(2 * count), 4)
        unseen = people % 2 == 0
        centres = _unit(generator.normal(size=(2 * count, 16)))
        noise = generator.normal(size=(len(people), 16))
        spread = np.where(unseen, 0.35, 0.2)[:, None]
        lengths = generator.uniform(1, 9, len(people))[:, None]
        embeddings = lengths * (centres[people] + spread * noise)
        order = generator.permutation(len(people))
        cases.append((embeddings[order], people[order], unseen[order]))
    return cases


def _unseen_eer(embeddings, people, unseen):
    return _rates(embeddings, people, unseen).eer


def _rates(embeddings, people, chosen, prepare=_unit, pairs=np.triu_indices):
    rows, who = prepare(embeddings[chosen]), people[chosen]
    first, second = pairs(len(rows), 1)
    return faces.calibrate(
        (rows @ rows.T)[first, second], who[first] == who[second]
    )


def _all_pairs(count, _):
    return np.indices((count, count)).reshape(2, -1)


def _one_unseen_is_enough(embeddings, people, unseen):
    first, second = np.triu_indices(len(people), 1)
    taken = unseen[first] | unseen[second]
    pairs = first[taken], second[taken]
    return _rates(embeddings, people, unseen | True, pairs=lambda *_: pairs).eer


check_unseen_eer = Exercise(
    name="unseen_eer",
    notebook=NOTEBOOK,
    cases=_vectors,
    solution=_unseen_eer,
    mistakes={
        "people that the network has seen are among them.": [
            lambda e, people, unseen: _rates(e, people, unseen | True).eer,
            lambda e, people, unseen: _rates(e, people, ~unseen).eer,
            _one_unseen_is_enough,
        ],
        "only directions count: the lengths of the embeddings are still in.": [
            lambda *inputs: _rates(*inputs, prepare=lambda rows: rows).eer,
        ],
        "photographs are compared with themselves, too, which is easy.": [
            lambda *inputs: _rates(*inputs, pairs=_all_pairs).eer,
        ],
        "as a share, not in percent.": [
            lambda *inputs: 100 * _unseen_eer(*inputs),
        ],
        "that is another of the calibration's numbers.": [
            lambda *inputs: _rates(*inputs).auc,
            lambda *inputs: _rates(*inputs).true_accept_rate_at(0.01),
        ],
    },
    tolerance=1e-5,
)
