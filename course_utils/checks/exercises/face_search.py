"""Who in the database is nearest, and near enough?"""

from course_utils.checks.compare import ANY
from course_utils.checks.exercise import Exercise, draws
from course_utils.checks.exercises.face_verification import (
    ASSIGNMENT_ERRORS,
    IGNORES_THRESHOLD,
    THRESHOLD,
    WRONG_MEASURES,
    draw_database,
    squared_distance,
)


def _who_is_it(embedding, database, threshold=THRESHOLD):
    value, name = _nearest(embedding, database)
    return value, name if value <= threshold else None


def _nearest(embedding, database, measure=squared_distance):
    values = {n: measure(embedding, other) for n, other in database.items()}
    name = min(values, key=values.get)
    return values[name], name


def _measured_by(measure):
    """Return a version with another measure, whatever it concludes."""
    return lambda embedding, database, _threshold=0: (
        _nearest(embedding, database, measure)[0],
        ANY,
    )


check_who_is_it = Exercise(
    name="who_is_it",
    notebook="4 · Face search",
    cases=draws(draw_database, count=100),
    solution=_who_is_it,
    errors=ASSIGNMENT_ERRORS,
    mistakes={
        **{
            hint: list(map(_measured_by, measures))
            for hint, measures in WRONG_MEASURES.items()
        },
        "nobody is ever found: can the first distance beat the value that the "
        "search starts with?": [lambda *_: (ANY, None)],
        "a stranger gets a name: what if even the nearest is too far away?": [
            lambda embedding, database, *_: _nearest(embedding, database)
        ],
        IGNORES_THRESHOLD: [
            lambda embedding, database, *_: _who_is_it(embedding, database),
            lambda embedding, database, *_: _who_is_it(
                embedding, database, 0.7
            ),
        ],
    },
)
