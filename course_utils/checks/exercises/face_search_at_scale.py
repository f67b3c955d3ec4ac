"""From the similarities of many rows to the few people who are meant."""

import numpy as np

from course_utils.checks.exercise import Exercise

NOTEBOOK = "5 · Face search at scale"


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


def _few_rows(generator):
    """Three or four rows of two people."""
    rows = generator.integers(3, 5)
    levels = generator.choice(np.arange(1, 10), rows, replace=False)
    owners = generator.permutation([0, 0, 1, 1][:rows])
    return levels / 10, owners, 2


def _by(value):
    """Return a version that goes by another value of a person's rows."""

    def version(similarities, people, k):
        names = np.unique(people)
        values = np.array([value(similarities[people == n]) for n in names])
        order = np.argsort(-values)[:k]
        return names[order], values[order]

    return version


def _best_people(similarities, people, k):
    return _by(np.max)(similarities, people, k)


def _best_rows(similarities, people, k):
    """Return the best rows, whosever they are."""
    order = np.argsort(-similarities)[:k]
    return people[order], similarities[order]


def _in_order_of_their_numbers(similarities, people, k):
    names, values = _best_people(similarities, people, k)
    return names[np.argsort(names)], values[np.argsort(names)]


def _once_among_the_best_rows(similarities, people, k):
    names, values = _best_rows(similarities, people, k)
    _, first = np.unique(names, return_index=True)
    first = np.sort(first)
    return names[first], values[first]


check_best_people = Exercise(
    name="best_people",
    notebook=NOTEBOOK,
    cases=_galleries,
    small=_few_rows,
    solution=_best_people,
    mistakes={
        "one person comes more than once: k people were asked for, not k "
        "rows.": [_best_rows],
        "these are too few: if the best k rows show one person, look for the "
        "next ones.": [_once_among_the_best_rows],
        "the best should come first.": [
            lambda *inputs: [each[::-1] for each in _best_people(*inputs)],
            _in_order_of_their_numbers,
        ],
        "a person is as similar as their best photograph, not as the mean of "
        "all.": [_by(np.mean), _by(np.median)],
        "the photographs of a person are added up: whoever has many of them "
        "would win.": [_by(np.sum)],
        "of each person only the first or the last row is looked at.": [
            _by(lambda theirs: theirs[-1]),
            _by(lambda theirs: theirs[0]),
        ],
    },
)
