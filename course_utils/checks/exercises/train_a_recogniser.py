"""Train your own recogniser: a loss, triplets, a split and its error rate.

Sources: Deng and others, "ArcFace", CVPR 2019; Schroff, Kalenichenko and
Philbin, "FaceNet", CVPR 2015.
"""

import numpy as np

from course_utils import faces
from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise

NOTEBOOK = "6 · Train a recogniser"


def unit(rows):
    """Return the directions of rows, whatever their lengths."""
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


# -- ArcFace's logits ----------------------------------------------------------


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


def _cosines(embeddings, centres):
    return unit(embeddings) @ unit(centres).T


def _arcface_with(
    measure=_cosines,
    change=lambda angle, margin: np.cos(angle + margin),
    where=lambda is_person: is_person,
    scaled=lambda logits, scale: scale * logits,
):
    """Return a version with another cosine, margin, place or scale."""

    def version(embeddings, centres, is_person, margin=0.4, scale=24):
        cosines = measure(embeddings, centres)
        angles = np.arccos(np.clip(cosines, -1, 1))
        chosen = where(is_person) > 0
        return scaled(np.where(chosen, change(angles, margin), cosines), scale)

    return version


def _with_defaults(embeddings, centres, is_person, margin=0.4, scale=24):
    return _arcface_with()(embeddings, centres, is_person)


def _degrees(angle, margin):
    return np.cos(angle + np.radians(margin))


check_arcface_logits = Exercise(
    name="arcface_logits",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1),
    cases=_batches,
    solution=_arcface_with(),
    mistakes={
        "there is no margin yet: these are the scaled cosines.": [
            _arcface_with(change=lambda angle, margin: np.cos(angle)),
        ],
        "the scale is missing.": [
            _arcface_with(scaled=lambda logits, scale: logits),
        ],
        "only directions count: a length is still in.": [
            _arcface_with(lambda e, c: e @ c.T),
            _arcface_with(lambda e, c: unit(e) @ c.T),
            _arcface_with(lambda e, c: e @ unit(c).T),
        ],
        "the margin is added to every angle; only the right one gets it.": [
            _arcface_with(where=np.ones_like),
        ],
        "the margin went to the wrong people, and the right one got none.": [
            _arcface_with(where=lambda is_person: 1 - is_person),
        ],
        "the margin makes the angle smaller: that makes it easier.": [
            _arcface_with(change=lambda angle, m: np.cos(angle - m)),
        ],
        "the margin is taken from the cosine, not added to the angle: that "
        "is CosFace.": [
            _arcface_with(change=lambda angle, m: np.cos(angle) - m),
        ],
        "the margin is added to the cosine, which makes it easier.": [
            _arcface_with(change=lambda angle, m: np.cos(angle) + m),
        ],
        "the angle is multiplied by the margin, not increased by it.": [
            _arcface_with(change=lambda angle, m: np.cos(m * angle)),
        ],
        "the margin is in radians; no need to convert it.": [
            _arcface_with(change=_degrees),
        ],
        "those are angles; their cosines were asked for.": [
            lambda e, c, right, margin=0.4, scale=24: (
                scale * (np.arccos(_cosines(e, c)) + margin * right)
            ),
            lambda e, c, right, margin=0.4, scale=24: (
                np.arccos(_cosines(e, c)) + margin * right
            ),
        ],
        "only the logits of the right people are there: one a picture.": [
            lambda e, c, right, *settings: np.sum(
                right * _arcface_with()(e, c, right, *settings), axis=1
            ),
            lambda e, c, right, *settings: (
                right * _arcface_with()(e, c, right, *settings)
            ),
        ],
        "it ignores the margin or the scale that it was given.": [
            _with_defaults,
            lambda e, c, right, margin=0.4, scale=24: _arcface_with()(
                e, c, right, 0.4, scale
            ),
            lambda e, c, right, margin=0.4, scale=24: _arcface_with()(
                e, c, right, margin, 24
            ),
        ],
        "transposed: a row belongs to a picture, a column to a person.": [
            lambda *inputs: _arcface_with()(*inputs).T,
        ],
        "these are probabilities; the softmax comes later, in the loss.": [
            lambda *inputs: _softmax(_arcface_with()(*inputs)),
        ],
    },
)


def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


# -- semi-hard triplets --------------------------------------------------------


def _distances(generator):
    """Squared distances of a batch with triplets of all three kinds."""
    cases = []
    for settings in ((), (0.5,), (0.05,)):
        people = generator.permutation(np.repeat(np.arange(4), 3))
        centres = generator.normal(size=(4, 6))
        noise = generator.normal(size=(12, 6))
        embeddings = unit(unit(centres)[people] + 0.3 * noise)
        cases.append((2 - 2 * embeddings @ embeddings.T, people, *settings))
    return cases


def _triplets(distances, people):
    """Return near (a, p, 1), far (a, 1, n), and which triplets there are."""
    same = people[:, None] == people
    pair = same & ~np.eye(len(people), dtype=bool)
    valid = pair[:, :, None] & ~same[:, None, :]
    return distances[:, :, None], distances[:, None, :], valid


def _triplets_with(condition, valid=None):
    """Return a version that keeps the triplets that meet a condition."""

    def version(distances, people, margin=0.2):
        near, far, right = _triplets(distances, people)
        allowed = right if valid is None else valid(people)
        return allowed & condition(near, far, margin)

    return version


def _between(near, far, margin):
    return (near < far) & (far < near + margin)


def _not_the_same_picture(people):
    """Forget that the negative has to be somebody else."""
    same = people[:, None] == people
    pair = same & ~np.eye(len(people), dtype=bool)
    return np.repeat(pair[:, :, None], len(people), axis=2)


def _any_positive(people):
    """Forget that the positive has to be the same person."""
    other = people[:, None] != people
    return np.repeat(other[:, None, :], len(people), axis=1)


def _itself_as_positive(people):
    """Let a picture be its own positive."""
    same = people[:, None] == people
    return same[:, :, None] & ~same[:, None, :]


_semi_hard = _triplets_with(_between)

check_semi_hard_triplets = Exercise(
    name="semi_hard_triplets",
    notebook=NOTEBOOK,
    cases=_distances,
    solution=_semi_hard,
    mistakes={
        "these are all triplets; only the semi-hard ones were asked for.": [
            _triplets_with(lambda near, far, margin: near == near),
        ],
        "the hard ones are among them: their negative is nearer than the "
        "positive.": [
            _triplets_with(lambda near, far, margin: far < near + margin),
        ],
        "those are the hard ones, whose negative is nearer than the "
        "positive.": [
            _triplets_with(lambda near, far, margin: far < near),
            _triplets_with(lambda near, far, margin: far <= near),
        ],
        "the easy ones are among them: their loss is zero already.": [
            _triplets_with(lambda near, far, margin: near < far),
        ],
        "those are the easy ones, whose loss is zero already.": [
            _triplets_with(lambda near, far, margin: far >= near + margin),
            _triplets_with(lambda near, far, margin: far > near + margin),
        ],
        "a picture is its own positive: their distance is always zero.": [
            _triplets_with(_between, _itself_as_positive),
        ],
        "a negative has to show somebody else than the anchor.": [
            _triplets_with(_between, _not_the_same_picture),
        ],
        "a positive has to show the same person as the anchor.": [
            _triplets_with(_between, _any_positive),
        ],
        "near and far are the wrong way round.": [
            _triplets_with(lambda near, far, m: _between(far, near, m)),
        ],
        "the axes are in another order: anchor, positive, negative.": [
            lambda *inputs: _semi_hard(*inputs).transpose(0, 2, 1),
            lambda *inputs: _semi_hard(*inputs).transpose(1, 0, 2),
            lambda *inputs: _semi_hard(*inputs).transpose(2, 1, 0),
        ],
        "the places were not asked for: give back true or false for every "
        "triplet.": [
            lambda *inputs: np.argwhere(_semi_hard(*inputs)),
            lambda *inputs: np.nonzero(_semi_hard(*inputs)),
        ],
        "it ignores the margin that it was given.": [
            lambda distances, people, margin=0.2: _semi_hard(distances, people),
        ],
    },
)


# -- find the bug: a split by photographs --------------------------------------


def _albums(generator):
    """Who is on each photograph: numbers with gaps, in any order."""
    cases = []
    for settings in ((), (3,), (2,)):
        names = generator.choice(100, 13, replace=False)
        pictures = np.repeat(names, generator.integers(2, 6, size=13))
        # The first person is on more pictures than one, far apart.
        cases.append((generator.permutation(pictures), *settings))
    return cases


def _place_among_people(people):
    return np.unique(people, return_inverse=True)[1]


def _put_aside(people, every=4):
    return _place_among_people(people) % every == 0


def _by_appearance(people, every=4):
    """Count the people in the order in which they appear."""
    order = list(dict.fromkeys(people.tolist()))
    return np.array([order.index(name) % every == 0 for name in people])


def _one_of_each(people, every=4):
    """Put one photograph of everybody aside."""
    _, first = np.unique(people, return_index=True)
    return np.isin(np.arange(len(people)), first)


check_put_aside = Exercise(
    name="put_aside",
    notebook=NOTEBOOK,
    cases=_albums,
    solution=_put_aside,
    mistakes={
        "that puts photographs aside, not people: the same person is on both "
        "sides.": [
            lambda people, every=4: np.arange(len(people)) % every == 0,
            lambda people, every=4: (
                np.arange(len(people)) < len(people) // every
            ),
            lambda people, every=4: (
                np.arange(len(people)) >= len(people) - len(people) // every
            ),
        ],
        "one photograph of everybody is still a split by photographs.": [
            _one_of_each,
            lambda people, every=4: ~_one_of_each(people),
        ],
        "people were to be counted; that divides their numbers, which have "
        "gaps.": [
            lambda people, every=4: people % every == 0,
        ],
        "count the people in the order of their numbers, not as they appear.": [
            _by_appearance
        ],
        "begin with the first person.": [
            lambda people, every=4: (
                _place_among_people(people) % every == every - 1
            ),
            lambda people, every=4: _place_among_people(people) % every == 1,
        ],
        "the wrong way round: true is for those that are put aside.": [
            lambda *inputs: ~_put_aside(*inputs),
        ],
        "the first ones are put aside, not every so many.": [
            lambda people, every=4: (
                _place_among_people(people)
                < np.ceil(len(np.unique(people)) / every)
            ),
            lambda people, every=4: (
                _place_among_people(people) < len(np.unique(people)) // every
            ),
            lambda people, every=4: _place_among_people(people) < every,
        ],
        "it ignores how many to skip.": [
            lambda people, every=4: _put_aside(people),
        ],
        "that names the people; every photograph needs a true or false.": [
            lambda people, every=4: np.unique(people)[::every],
        ],
        "that names the photographs; every one needs a true or false.": [
            lambda *inputs: np.flatnonzero(_put_aside(*inputs)),
        ],
    },
)


# -- the equal error rate of a split -------------------------------------------


def _vectors(generator):
    """Embeddings of any length, seen people far better than unseen ones."""
    cases = []
    for count in (6, 8):
        people = np.repeat(np.arange(2 * count), 4)
        unseen = people % 2 == 0
        centres = unit(generator.normal(size=(2 * count, 16)))
        noise = generator.normal(size=(len(people), 16))
        spread = np.where(unseen, 0.35, 0.2)[:, None]
        embeddings = centres[people] + spread * noise
        lengths = generator.uniform(1, 9, len(people))[:, None]
        order = generator.permutation(len(people))
        cases.append(
            ((lengths * embeddings)[order], people[order], unseen[order])
        )
    return cases


def _rates(similarities, same):
    """Return the calibration of a matrix's pairs, each taken once."""
    first, second = np.triu_indices(len(similarities), k=1)
    return faces.calibrate(similarities[first, second], same[first, second])


def _products(embeddings, people):
    return embeddings @ embeddings.T, people[:, None] == people


def _of(choose):
    """Return a version for other photographs: those that choose says."""

    def version(embeddings, people, unseen):
        chosen = choose(unseen)
        return _rates(*_products(unit(embeddings[chosen]), people[chosen])).eer

    return version


def _unseen_with_seen(embeddings, people, unseen):
    """Take every pair with at least one unseen person in it."""
    similarities, same = _products(unit(embeddings), people)
    first, second = np.triu_indices(len(people), k=1)
    taken = unseen[first] | unseen[second]
    return faces.calibrate(
        similarities[first, second][taken], same[first, second][taken]
    ).eer


def _with_itself(embeddings, people, unseen):
    """Take all of the matrix, the diagonal too."""
    matrix, same = _products(unit(embeddings[unseen]), people[unseen])
    return faces.calibrate(matrix.ravel(), same.ravel()).eer


def _distance_as_similarity(embeddings, people, unseen):
    matrix, same = _products(unit(embeddings[unseen]), people[unseen])
    return _rates(2 - 2 * matrix, same).eer


def _with_lengths(embeddings, people, unseen):
    return _rates(*_products(embeddings[unseen], people[unseen])).eer


def _unseen_rates(embeddings, people, unseen):
    return _rates(*_products(unit(embeddings[unseen]), people[unseen]))


_unseen_eer = _of(lambda unseen: unseen)

check_unseen_eer = Exercise(
    name="unseen_eer",
    notebook=NOTEBOOK,
    cases=_vectors,
    solution=_unseen_eer,
    mistakes={
        "that is everybody; the network knows most of them.": [
            _of(np.ones_like),
        ],
        "those are the people that the network has seen.": [
            _of(np.logical_not),
        ],
        "a pair needs two unseen people; in some of these one was seen.": [
            _unseen_with_seen,
        ],
        "only directions count: the lengths of the embeddings are still in.": [
            _with_lengths,
        ],
        "every photograph is compared with itself, too: these pairs are too "
        "easy.": [_with_itself],
        "the wrong way round: a distance is small where a similarity is "
        "large.": [
            _distance_as_similarity,
            lambda *inputs: 1 - _unseen_eer(*inputs),
        ],
        "as a share, not in percent.": [
            lambda *inputs: 100 * _unseen_eer(*inputs),
        ],
        "that is another rate: where are false accepts and false rejects "
        "equally frequent?": [
            lambda *inputs: _unseen_rates(*inputs).auc,
            lambda *inputs: _unseen_rates(*inputs).true_accept_rate_at(0.01),
        ],
        "that is a threshold, not an error rate.": [
            lambda *inputs: _unseen_rates(*inputs).threshold_at(0.01),
        ],
    },
    tolerance=1e-5,
)
