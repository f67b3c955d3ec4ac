"""Who in the database is nearest, and near enough?"""

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


def _search_with(measure, accepts=at_most, choose=min):
    """Return a version with another measure, decision or choice."""

    def version(embedding, database, threshold=THRESHOLD):
        values = {n: measure(embedding, other) for n, other in database.items()}
        name = choose(values, key=values.get)
        return values[name], name if accepts(values[name], threshold) else None

    return version


_who_is_it = _search_with(squared_distance)


def _first_near_enough(embedding, database, threshold=THRESHOLD):
    for name, other in database.items():
        value = squared_distance(embedding, other)
        if value <= threshold:
            return value, name
    return _who_is_it(embedding, database, threshold)


def _one_of_the_database(place):
    """Return a version that sees only one person, the first or the last."""

    def version(embedding, database, threshold=THRESHOLD):
        name = list(database)[place]
        return _who_is_it(embedding, {name: database[name]}, threshold)

    return version


def _with_name(change):
    """Return a version that changes the name: (name, database) -> name."""

    def version(embedding, database, threshold=THRESHOLD):
        value, name = _who_is_it(embedding, database, threshold)
        return value, change(name, database)

    return version


def _position(name, database):
    return None if name is None else list(database).index(name)


def _word_for_strangers(word):
    return _with_name(lambda name, _database: word if name is None else name)


check_who_is_it = Exercise(
    name="who_is_it",
    notebook="4 · Face search",
    cases=_visitors,
    solution=_who_is_it,
    mistakes={
        NOT_UNIT: [_search_with(measure) for measure in WITH_LENGTHS],
        NOT_SQUARED: [
            _search_with(distance),
            _search_with(distance, lambda value, limit: value**2 <= limit),
        ],
        IS_COSINE: [
            _search_with(cosine),
            _search_with(cosine, choose=max),
            _search_with(cosine, lambda value, limit: value >= limit, max),
            _search_with(
                cosine, lambda value, limit: 2 - 2 * value <= limit, max
            ),
            _search_with(lambda a, b: 1 - cosine(a, b)),
        ],
        IS_MEAN: [
            _search_with(lambda a, b: squared_distance(a, b) / len(a)),
        ],
        "that is the person who is farthest away.": [
            _search_with(squared_distance, choose=max),
        ],
        "near enough is not yet nearest: look at the whole database.": [
            _first_near_enough,
        ],
        "only one person of the database is looked at.": [
            _one_of_the_database(0),
            _one_of_the_database(-1),
        ],
        "a stranger gets a name: what if even the nearest is too far away?": [
            _search_with(squared_distance, lambda value, _: True),
        ],
        IGNORES_THRESHOLD: [
            _search_with(squared_distance, lambda value, _: value <= THRESHOLD),
            _search_with(squared_distance, lambda value, _: value <= 0.7),
        ],
        "the decision is the wrong way round: strangers are those far away.": [
            _search_with(squared_distance, lambda value, limit: value > limit),
            _search_with(squared_distance, lambda value, limit: value >= limit),
        ],
        "a distance that equals the threshold still counts as found.": [
            _search_with(squared_distance, lambda value, limit: value < limit),
        ],
        "the name was asked for, not its number.": [_with_name(_position)],
        "for a stranger, the name should be None itself, not a word.": [
            _word_for_strangers(word)
            for word in ("unknown", "Unknown", "None", "stranger", "")
        ],
        ORDER: [lambda *inputs: _who_is_it(*inputs)[::-1]],
        "only the name? The distance was asked for, too.": [
            lambda *inputs: _who_is_it(*inputs)[1]
        ],
        "only the distance? The name was asked for, too.": [
            lambda *inputs: _who_is_it(*inputs)[0]
        ],
    },
)
