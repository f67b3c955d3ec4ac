"""From the similarities of many rows to the few people who are meant."""

import numpy as np

from course_utils.checks.exercise import exercise


def _few_rows(generator):
    """Three to six rows of people who have one or several."""
    rows = generator.integers(3, 7)
    levels = generator.choice(np.arange(-3, 10), rows, replace=False)
    people = generator.integers(3, size=rows)
    return levels / 10, people, generator.integers(1, 4)


def _best_rows(similarities, people, k):
    order = np.argsort(-similarities)[:k]
    return people[order], similarities[order]


def _once_among_the_best_rows(similarities, people, k):
    names, values = _best_rows(similarities, people, k)
    first = np.sort(np.unique(names, return_index=True)[1])
    return names[first], values[first]


@exercise(
    draw=_few_rows,
    mistakes={
        "one person comes more than once: k people were asked for, not k "
        "rows.": [_best_rows],
        "these are too few: if the best k rows show one person, look for the "
        "next ones.": [_once_among_the_best_rows],
        "a person is as similar as their best photograph, not all.": [
            lambda *inputs: best_people(*inputs, value=np.mean),
            lambda *inputs: best_people(*inputs, value=np.sum),
        ],
    },
)
def best_people(similarities, people, k, value=np.max):
    names = np.unique(people)
    values = np.array([value(similarities[people == n]) for n in names])
    order = np.argsort(-values)[:k]
    return names[order], values[order]
