"""Is this the person it claims to be? A squared distance and a threshold."""

from course_utils.checks.exercise import Exercise
from course_utils.checks.exercises.embeddings import (
    IGNORES_THRESHOLD,
    IS_COSINE,
    IS_MEAN,
    NOT_SQUARED,
    NOT_UNIT,
    OPPOSITE,
    ORDER,
    THRESHOLD,
    WITH_LENGTHS,
    at_most,
    cosine,
    distance,
    draw_database,
    draw_near,
    squared_distance,
)


def _claims(generator):
    """Accepted, rejected, rejected by a strict threshold, just accepted.

    Grace is always nearer than Joan, who is claimed.
    """
    cases = []
    for similarity, *threshold in ((0.45,), (0.2,), (0.7, 0.5)):
        database = draw_database(generator)
        embedding = draw_near(generator, database["Joan"], similarity)
        database["Grace"] = draw_near(generator, embedding, 0.9)
        cases.append((embedding, "Joan", database, *threshold))
    embedding, database = OPPOSITE
    return [*cases, (embedding, "Ada", database, 4.0)]


def _verify_with(measure, accepts=at_most):
    """Return a version of verify with another measure or another decision."""

    def version(embedding, identity, database, threshold=THRESHOLD):
        value = measure(embedding, database[identity])
        return value, accepts(value, threshold)

    return version


_verify = _verify_with(squared_distance)


def _nearest(embedding, database):
    return min(
        (squared_distance(embedding, other), name)
        for name, other in database.items()
    )


def _nearest_is_near(embedding, _identity, database, threshold=THRESHOLD):
    nearest, _ = _nearest(embedding, database)
    return nearest, nearest <= threshold


def _nearest_is_claimed(embedding, identity, database, threshold=THRESHOLD):
    nearest, name = _nearest(embedding, database)
    return nearest, name == identity and nearest <= THRESHOLD


def _nearest_by_any_distance(embedding, identity, database, _=THRESHOLD):
    nearest, name = _nearest(embedding, database)
    return nearest, name == identity


def _first_in_database(embedding, _identity, database, threshold=THRESHOLD):
    return _verify(embedding, next(iter(database)), database, threshold)


check_verify = Exercise(
    name="verify",
    notebook="3 · Face verification",
    cases=_claims,
    solution=_verify,
    mistakes={
        NOT_UNIT: [_verify_with(measure) for measure in WITH_LENGTHS],
        NOT_SQUARED: [
            _verify_with(distance),
            _verify_with(distance, lambda value, limit: value**2 <= limit),
        ],
        IS_COSINE: [
            _verify_with(cosine),
            _verify_with(cosine, lambda value, limit: value >= limit),
            _verify_with(cosine, lambda value, limit: 2 - 2 * value <= limit),
            _verify_with(lambda a, b: 1 - cosine(a, b)),
        ],
        IS_MEAN: [
            _verify_with(lambda a, b: squared_distance(a, b) / len(a)),
        ],
        "the decision is the wrong way round: near means the same person.": [
            _verify_with(squared_distance, lambda value, limit: value > limit),
            _verify_with(squared_distance, lambda value, limit: value >= limit),
        ],
        IGNORES_THRESHOLD: [
            _verify_with(squared_distance, lambda value, _: value <= THRESHOLD),
            _verify_with(squared_distance, lambda value, _: value <= 0.7),
            _verify_with(squared_distance, lambda value, _: True),
        ],
        "a distance that equals the threshold still counts as the same.": [
            _verify_with(squared_distance, lambda value, limit: value < limit),
        ],
        "compare with the person who is claimed, not with the others.": [
            _nearest_is_near,
            _nearest_is_claimed,
            _nearest_by_any_distance,
            _first_in_database,
        ],
        ORDER: [lambda *inputs: _verify(*inputs)[::-1]],
        "only the decision? The distance was asked for, too.": [
            lambda *inputs: _verify(*inputs)[1]
        ],
        "only the distance? The decision was asked for, too.": [
            lambda *inputs: _verify(*inputs)[0]
        ],
    },
)
