"""Who in the database is nearest, and near enough?"""

from course_utils.checks.compare import ANY
from course_utils.checks.exercise import exercise
from course_utils.checks.exercises.face_verification import (
    ASSIGNMENT_ERRORS,
    THRESHOLD,
    draw_database,
    squared_distance,
    wrongly_measured,
)


@exercise(
    draw=draw_database,
    draws=100,
    errors=ASSIGNMENT_ERRORS,
    mistakes={
        **wrongly_measured(lambda *inputs, **by: who_is_it(*inputs, **by)),
        "nobody is ever found: can the first distance beat the value that the "
        "search starts with?": [lambda *_: (ANY, None)],
        "a stranger gets a name: what if even the nearest is too far away?": [
            lambda embedding, database, *_: who_is_it(embedding, database, 5)
        ],
    },
)
def who_is_it(
    embedding, database, threshold=THRESHOLD, measure=squared_distance
):
    values = {n: measure(embedding, other) for n, other in database.items()}
    name = min(values, key=values.get)
    return values[name], name if values[name] <= threshold else None
