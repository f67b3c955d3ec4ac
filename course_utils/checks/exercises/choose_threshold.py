"""Find the bug: a threshold of 0.60 that comes from nowhere."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _pairs(generator):
    """Similarities of same and of different pairs, as hills that overlap.

    No count of pairs makes one of these rates a whole number of pairs.
    """
    cases = []
    for rate in (0.0117, 0.0213, 0.0531, 0.1037):
        same = generator.random(600) < 0.6
        similarities = generator.normal(np.where(same, 0.45, 0.1), 0.15)
        cases.append((similarities, same, rate))
    return cases


def _choose_threshold(similarities, same, rate):
    """Return the lowest similarity whose false accept rate is small enough."""
    thresholds = np.sort(similarities)
    accepted = similarities[~same] >= thresholds[:, None]
    return thresholds[accepted.mean(axis=1) <= rate][0]


def _highest_different(similarities, same, rate):
    """Return the similarity of the last different pair that is accepted."""
    falling = np.sort(similarities[~same])[::-1]
    return falling[int(rate * len(falling)) - 1]


check_choose_threshold = Exercise(
    name="choose_threshold",
    notebook="3 · Face verification",
    cases=_pairs,
    solution=_choose_threshold,
    mistakes={
        "0.60 comes from nowhere. Let the pairs decide.": [
            lambda s, same, rate: 0.60,
            lambda s, same, rate: 0.363,
        ],
        "false accepts are pairs of different people; count only those.": [
            lambda s, same, rate: np.quantile(s, 1 - rate),
            lambda s, same, rate: np.sort(s)[::-1][int(rate * len(s))],
            lambda s, same, rate: np.sort(s)[::-1][int(rate * len(s)) - 1],
        ],
        "that limits the pairs of one person, not the strangers.": [
            lambda s, same, rate: _choose_threshold(s, ~same, rate),
            lambda s, same, rate: np.quantile(s[same], rate),
            lambda s, same, rate: np.quantile(s[same], 1 - rate),
        ],
        "the rate is met, but not by the similarity of a pair: give back the "
        "lowest similarity of any pair that will do.": [
            lambda s, same, rate: np.quantile(s[~same], 1 - rate),
        ],
        "the rate is met, but by a pair of different people. Is there a "
        "lower similarity, of one person, that will do?": [_highest_different],
        "that lets in one pair too many.": [
            lambda s, same, rate: np.sort(s[~same])[::-1][
                int(rate * np.sum(~same))
            ],
        ],
        "the rate is met, but a lower threshold would do and reject fewer "
        "members.": [
            lambda s, same, rate: s.max(),
            lambda s, same, rate: s[~same].max(),
            lambda s, same, rate: _choose_threshold(s, same, 0),
        ],
        "it ignores the false accept rate that was asked for.": [
            lambda s, same, rate: _choose_threshold(s, same, 0.01),
            lambda s, same, rate: (s[same].mean() + s[~same].mean()) / 2,
        ],
        "almost every stranger gets in: which side of the threshold is "
        "accepted?": [
            lambda s, same, rate: np.quantile(s[~same], rate),
            lambda s, same, rate: s.min(),
        ],
    },
    tolerance=1e-7,  # just above float32's rounding
)
