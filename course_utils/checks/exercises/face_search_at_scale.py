"""From the similarities of many rows to the few people who are meant."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _galleries(generator):
    """More rows than people, who have one or several, in any order."""
    cases = []
    for people, rows, k in ((6, 30, 3), (9, 20, 5), (4, 25, 8)):
        owners = np.append(np.arange(people), np.zeros(3, int))
        more = generator.integers(people, size=rows - len(owners))
        owners = generator.permutation(np.append(owners, more))
        # The best four rows belong to one person: k rows are not k people.
        similarities = generator.uniform(-0.2, 0.6, rows)
        similarities[np.flatnonzero(owners == 0)[:4]] += 0.85
        cases.append((similarities, owners, k))
    return cases


def _small(generator):
    """Two rows of one person, and one of each of two others."""
    owners = generator.permutation([0, 0, 1, 2])
    return generator.permutation([0.2, 0.4, 0.7, 0.9]), owners, 2


def _by(value):
    """Return a version that goes by another value of a person's rows."""

    def version(similarities, people, k):
        names = np.unique(people)
        values = np.array([value(similarities[people == n]) for n in names])
        order = np.argsort(-values)[:k]
        return names[order], values[order]

    return version


_best_people = _by(np.max)


def _best_rows(similarities, people, k):
    """Return the best rows, whosever they are."""
    order = np.argsort(-similarities)[:k]
    return people[order], similarities[order]


def _once_among_the_best_rows(similarities, people, k):
    names, values = _best_rows(similarities, people, k)
    _, first = np.unique(names, return_index=True)
    first = np.sort(first)
    return names[first], values[first]


def _in_order_of_their_numbers(similarities, people, k):
    names, values = _best_people(similarities, people, k)
    order = np.argsort(names)
    return names[order], values[order]


def _worst_first(similarities, people, k):
    names, values = _best_people(similarities, people, k)
    return names[::-1], values[::-1]


check_best_people = Exercise(
    name="best_people",
    notebook="5 · Face search at scale",
    cases=_galleries,
    solution=_best_people,
    small=_small,
    mistakes={
        "one person comes more than once: k people were asked for, not k "
        "rows.": [_best_rows],
        "these are too few: if the best k rows show one person, look for the "
        "next ones.": [_once_among_the_best_rows],
        "the right people, but not with the most similar one first.": [
            _in_order_of_their_numbers,
            _worst_first,
        ],
        "a person is as similar as their best photograph; all of them together "
        "are something else.": [_by(np.mean), _by(np.median), _by(np.sum)],
        "of each person only the first or the last row is looked at.": [
            _by(lambda theirs: theirs[-1]),
            _by(lambda theirs: theirs[0]),
        ],
        "that is everybody: only the best k were asked for.": [
            lambda similarities, people, k: _best_people(
                similarities, people, len(people)
            ),
        ],
        "people first, then their similarities: both were asked for.": [
            lambda *inputs: _best_people(*inputs)[::-1],
            lambda *inputs: _best_people(*inputs)[0],
            lambda *inputs: _best_people(*inputs)[1],
        ],
    },
)
