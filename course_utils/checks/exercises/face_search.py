"""Who in the database is nearest, and near enough?"""

from course_utils.checks.compare import ANY
from course_utils.checks.exercise import Exercise
from course_utils.checks.exercises.face_verification import (
    ASSIGNMENT_ERRORS,
    IGNORES_THRESHOLD,
    OPPOSITE,
    THRESHOLD,
    WRONG_MEASURES,
    at_most,
    draw_database,
    draw_near,
    draw_small_database,
    squared_distance,
)

NOTEBOOK = "4 · Face search"


def _visitors(generator):
    """Joan is nearest; others are near enough, too far, or too far by rule."""
    cases = []
    for similarity, *threshold in ((0.8,), (0.2,), (0.7, 0.5)):
        database = draw_database(generator)
        embedding = draw_near(generator, database["Joan"], similarity)
        for name, share in (("Ada", 0.6), ("Rosalind", 0.7), ("Grace", -0.5)):
            database[name] = draw_near(generator, embedding, share * similarity)
        cases.append((embedding, database, *threshold))
    return [*cases, (*OPPOSITE, 4.0)]


def _search_with(measure=squared_distance, accepts=at_most, choose=min):
    """Return a version with another measure, decision or choice."""

    def version(embedding, database, threshold=THRESHOLD):
        values = {n: measure(embedding, other) for n, other in database.items()}
        name = choose(values, key=values.get)
        return values[name], name if accepts(values[name], threshold) else None

    return version


_who_is_it = _search_with()


def _measured_by(measure, choose):
    """Return a version with another measure, whatever it concludes."""
    return lambda *inputs: (
        _search_with(measure, choose=choose)(*inputs)[0],
        ANY,
    )


def _first_near_enough(embedding, database, threshold=THRESHOLD):
    for name, other in database.items():
        value = squared_distance(embedding, other)
        if value <= threshold:
            return value, name
    return _who_is_it(embedding, database, threshold)


def _last_of_the_database(embedding, database, threshold=THRESHOLD):
    return _who_is_it(embedding, dict([[*database.items()][-1]]), threshold)


check_who_is_it = Exercise(
    name="who_is_it",
    notebook=NOTEBOOK,
    cases=_visitors,
    small=draw_small_database,
    solution=_who_is_it,
    errors=ASSIGNMENT_ERRORS,
    mistakes={
        **{
            hint: [_measured_by(m, c) for m in measures for c in (min, max)]
            for hint, measures in WRONG_MEASURES.items()
        },
        "nobody is ever found: can the first distance beat the value that the "
        "search starts with?": [lambda *_: (ANY, None)],
        "look for the nearest person in the whole database.": [
            _first_near_enough,
            _last_of_the_database,
            _search_with(choose=max),
        ],
        "a stranger gets a name: what if even the nearest is too far away?": [
            _search_with(accepts=lambda value, _: True)
        ],
        IGNORES_THRESHOLD: [
            _search_with(accepts=lambda value, _: value <= THRESHOLD),
            _search_with(accepts=lambda value, _: value <= 0.7),
        ],
    },
)
