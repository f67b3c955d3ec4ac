"""Error rates of every threshold, with equal similarities counted as one."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _pairs(generator):
    """Similarities of few levels, so that many are equal, in any order."""
    cases = []
    for _ in range(2):
        genuine, impostors = generator.choice(np.arange(9, 19), 2, False)
        levels = np.append(
            generator.integers(3, 11, genuine),
            generator.integers(0, 8, impostors),
        )
        # A tie across both kinds, at the top, is where methods differ most.
        levels[[0, -1]] = 10
        same = np.arange(genuine + impostors) < genuine
        order = generator.permutation(len(same))
        cases.append((levels[order] / 10, same[order]))
    return cases


def _roc_curve(similarities, same):
    thresholds = np.append(np.inf, np.unique(similarities)[::-1])
    return thresholds, *_rates(thresholds, similarities, same)


def _rates(thresholds, similarities, same):
    accepted = similarities >= thresholds[:, None]
    return accepted[:, same].mean(axis=1), accepted[:, ~same].mean(axis=1)


def _one_point_a_pair(similarities, same, kind="stable"):
    order = np.argsort(-similarities, kind=kind)
    falling = same[order]
    return (
        similarities[order],
        np.cumsum(falling) / falling.sum(),
        np.cumsum(~falling) / (~falling).sum(),
    )


def _with_start(curve):
    thresholds, *rates = curve
    return np.append(np.inf, thresholds), *(np.append(0, r) for r in rates)


def _more_than(similarities, same):
    thresholds = _roc_curve(similarities, same)[0]
    accepted = similarities > thresholds[:, None]
    rates = accepted[:, same].mean(axis=1), accepted[:, ~same].mean(axis=1)
    return thresholds, *rates


def _per_pair(similarities, same):
    thresholds, true_rate, false_rate = _roc_curve(similarities, same)
    share = same.mean()
    return thresholds, true_rate * share, false_rate * (1 - share)


def _counts(similarities, same):
    thresholds, true_rate, false_rate = _roc_curve(similarities, same)
    return thresholds, true_rate * same.sum(), false_rate * (~same).sum()


def _changed(change):
    """Return a version whose three right values are changed afterwards."""
    return lambda *inputs: change(*_roc_curve(*inputs))


def _precision(similarities, same):
    thresholds = _roc_curve(similarities, same)[0]
    accepted = similarities >= thresholds[:, None]
    count = np.maximum(accepted.sum(axis=1), 1)
    right, wrong = accepted[:, same], accepted[:, ~same]
    return thresholds, right.sum(axis=1) / count, wrong.sum(axis=1) / count


check_roc_curve = Exercise(
    name="roc_curve",
    notebook="3 · Face verification",
    cases=_pairs,
    solution=_roc_curve,
    mistakes={
        "pairs with equal similarity are accepted together: one point only.": [
            _one_point_a_pair,
            lambda *inputs: _one_point_a_pair(*inputs, kind=None),
            lambda *inputs: _with_start(_one_point_a_pair(*inputs)),
            lambda *inputs: _with_start(_one_point_a_pair(*inputs, kind=None)),
            lambda s, same: (
                np.sort(s)[::-1],
                *_rates(np.sort(s)[::-1], s, same),
            ),
        ],
        "the first point is missing, at which nobody is accepted.": [
            _changed(lambda t, true, false: (t[1:], true[1:], false[1:]))
        ],
        "the thresholds should fall, not rise.": [
            _changed(lambda t, true, false: (t[::-1], true[::-1], false[::-1])),
            _changed(
                lambda t, true, false: (
                    t[:0:-1],
                    true[:0:-1],
                    false[:0:-1],
                )
            ),
        ],
        "thresholds and rates run in opposite directions.": [
            _changed(lambda t, true, false: (t, true[::-1], false[::-1])),
            _changed(lambda t, true, false: (t[::-1], true, false)),
        ],
        "a similarity that equals the threshold is accepted, too.": [
            _more_than
        ],
        "the two rates have changed places.": [
            _changed(lambda t, true, false: (t, false, true))
        ],
        "those are shares of all pairs; each rate has its own whole.": [
            _per_pair
        ],
        "those are shares of the accepted; each rate has its own whole.": [
            _precision
        ],
        "those are counts; rates lie between 0 and 1.": [_counts],
        "that is how many same pairs are rejected, not accepted.": [
            _changed(lambda t, true, false: (t, 1 - true, false))
        ],
        "that is how many different pairs are rejected, not accepted.": [
            _changed(lambda t, true, false: (t, true, 1 - false))
        ],
        "both rates tell who is rejected; asked was who is accepted.": [
            _changed(lambda t, true, false: (t, 1 - true, 1 - false))
        ],
        "the order is that of sklearn; here the thresholds come first.": [
            _changed(lambda t, true, false: (false, true, t))
        ],
        "the thresholds belong to the answer.": [
            _changed(lambda t, true, false: (true, false)),
            _changed(lambda t, true, false: (false, true)),
            _changed(lambda t, true, false: (true[1:], false[1:])),
        ],
    },
)
