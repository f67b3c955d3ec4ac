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


def _rows_of_the_best(similarities, people, k):
    _, values = _best_people(similarities, people, k)
    return np.array(
        [np.flatnonzero(similarities == v)[0] for v in values]
    ), values


def _worst_first(similarities, people, k):
    names, values = _best_people(similarities, people, k)
    return names[::-1], values[::-1]


def _least_similar(similarities, people, k):
    names, values = _best_people(similarities, people, len(people))
    return names[::-1][:k], values[::-1][:k]


check_best_people = Exercise(
    name="best_people",
    notebook="5 · Face search at scale",
    cases=_galleries,
    solution=_best_people,
    mistakes={
        "one person comes more than once: k people were asked for, not k "
        "rows.": [_best_rows],
        "these are too few: if the best k rows show one person, look for the "
        "next ones.": [_once_among_the_best_rows],
        "the right people, but sorted by their number, not by similarity.": [
            _in_order_of_their_numbers
        ],
        "the right people, but the best should come first.": [_worst_first],
        "those are the least similar ones.": [_least_similar],
        "a person is as similar as their best photograph, not as the mean of "
        "all.": [_by(np.mean), _by(np.median)],
        "the photographs of a person are added up: whoever has many of them "
        "would win.": [_by(np.sum)],
        "of each person only the first or the last row is looked at.": [
            _by(lambda theirs: theirs[-1]),
            _by(lambda theirs: theirs[0]),
        ],
        "of each person the worst photograph is taken.": [_by(np.min)],
        "the number of the person was asked for, not that of the row.": [
            _rows_of_the_best
        ],
        "that is everybody: only the best k were asked for.": [
            lambda similarities, people, k: _best_people(
                similarities, people, len(people)
            ),
        ],
        "the two answers have changed places: people first, then "
        "similarities.": [lambda *inputs: _best_people(*inputs)[::-1]],
        "only the people? Their similarities were asked for, too.": [
            lambda *inputs: _best_people(*inputs)[0]
        ],
        "only the similarities? The people were asked for, too.": [
            lambda *inputs: _best_people(*inputs)[1]
        ],
    },
)
