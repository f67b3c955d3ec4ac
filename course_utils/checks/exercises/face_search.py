"""Who in the database is nearest, and near enough?"""

from course_utils.checks.compare import ANY
from course_utils.checks.exercise import Exercise, draws
from course_utils.checks.exercises.face_verification import (
    ASSIGNMENT_ERRORS,
    IGNORES_THRESHOLD,
    THRESHOLD,
    draw_database,
    squared_distance,
    wrongly_measured,
)


def _who_is_it(
    embedding, database, threshold=THRESHOLD, measure=squared_distance
):
    values = {n: measure(embedding, other) for n, other in database.items()}
    name = min(values, key=values.get)
    return values[name], name if values[name] <= threshold else None


check_who_is_it = Exercise(
    name="who_is_it",
    cases=draws(draw_database, count=100),
    solution=_who_is_it,
    errors=ASSIGNMENT_ERRORS,
    mistakes={
        **wrongly_measured(_who_is_it),
        "nobody is ever found: can the first distance beat the value that the "
        "search starts with?": [lambda *_: (ANY, None)],
        "a stranger gets a name: what if even the nearest is too far away?": [
            lambda embedding, database, *_: _who_is_it(embedding, database, 5)
        ],
        IGNORES_THRESHOLD: [
            lambda embedding, database, *_: _who_is_it(embedding, database),
            lambda embedding, database, *_: _who_is_it(
                embedding, database, 0.7
            ),
        ],
    },
)
