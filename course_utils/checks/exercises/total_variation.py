"""How rough a picture is: squared differences of neighbouring pixels."""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise


def draw_picture(generator):
    """Return a picture of noise, (1, height, width, 3), values 0 to 1."""
    height, width = generator.choice(np.arange(5, 11), 2, replace=False)
    return generator.uniform(0, 1, (1, height, width, 3))


def _pictures(generator):
    return [(draw_picture(generator),) for _ in range(2)]


def _down(x):
    return np.diff(x, axis=1)


def _across(x):
    return np.diff(x, axis=2)


def _along_channels(x):
    return np.diff(x, axis=3)


def _squares(differences):
    return np.sum(differences**2)


def _both(x):
    return _squares(_down(x)) + _squares(_across(x))


def _with_roll(x, axis):
    return _squares(np.roll(x, 1, axis) - x)


def _diagonal(x):
    return x[:, 1:, 1:] - x[:, :-1, :-1]


def _both_on_common_places(x):
    down, across = _down(x)[:, :, :-1], _across(x)[:, :-1]
    return down, across


check_total_variation = Exercise(
    name="total_variation",
    notebook="11 · Side by side",
    frameworks=ALL_FRAMEWORKS,
    gradient=(0,),
    cases=_pictures,
    solution=lambda x: _both(x) / x.size,
    mistakes={
        "absolute differences were not asked for, but squared ones.": [
            lambda x: (abs(_down(x)).sum() + abs(_across(x)).sum()) / x.size,
            lambda x: abs(_down(x)).sum() + abs(_across(x)).sum(),
        ],
        "the size of the picture is missing: large ones would count more.": [
            _both
        ],
        "one of the two directions is missing.": [
            lambda x: _squares(_down(x)) / x.size,
            lambda x: _squares(_across(x)) / x.size,
            lambda x: _squares(_down(x)),
            lambda x: _squares(_across(x)),
            lambda x: np.mean(_down(x) ** 2),
            lambda x: np.mean(_across(x) ** 2),
        ],
        "channels are not neighbours: one of the axes is the wrong one.": [
            lambda x: (
                (_squares(_across(x)) + _squares(_along_channels(x))) / x.size
            ),
            lambda x: (
                (_squares(_down(x)) + _squares(_along_channels(x))) / x.size
            ),
            lambda x: (_both(x) + _squares(_along_channels(x))) / x.size,
            lambda x: _squares(_along_channels(x)) / x.size,
        ],
        "it wraps around: the last pixel is no neighbour of the first.": [
            lambda x: (_with_roll(x, 1) + _with_roll(x, 2)) / x.size,
            lambda x: _with_roll(x, 1) + _with_roll(x, 2),
        ],
        "the divisor is the size of the picture, for both directions.": [
            lambda x: np.mean(_down(x) ** 2) + np.mean(_across(x) ** 2),
            lambda x: (np.mean(_down(x) ** 2) + np.mean(_across(x) ** 2)) / 2,
            lambda x: _both(x) / (_down(x).size + _across(x).size),
        ],
        "the divisor counts values, not pixels.": [
            lambda x: _both(x) / (x.shape[1] * x.shape[2])
        ],
        "the divisor is the size itself, once.": [
            lambda x: _both(x) / (2 * x.size),
            lambda x: _both(x) / x.size**2,
            lambda x: _both(x) / (4 * x.size),
        ],
        "every pair is counted twice.": [lambda x: 2 * _both(x) / x.size],
        "the differences are not squared, so they cancel.": [
            lambda x: (_down(x).sum() + _across(x).sum()) / x.size,
            lambda x: _down(x).sum() + _across(x).sum(),
        ],
        "it takes a root; the squares themselves were asked for.": [
            lambda x: np.sqrt(_both(x)) / x.size,
            lambda x: np.sqrt(_both(x)),
            lambda x: np.sqrt(_both(x) / x.size),
            lambda x: np.sum(np.hypot(*_both_on_common_places(x)) / x.size),
        ],
        "the last row or the last column loses pairs.": [
            lambda x: sum(map(_squares, _both_on_common_places(x))) / x.size,
            lambda x: sum(map(_squares, _both_on_common_places(x))),
        ],
        "pixels on the diagonal are not meant.": [
            lambda x: _squares(_diagonal(x)) / x.size,
            lambda x: (_both(x) + _squares(_diagonal(x))) / x.size,
        ],
        "those pixels are two apart, not one.": [
            lambda x: (
                (
                    _squares(x[:, 2:] - x[:, :-2])
                    + _squares(x[:, :, 2:] - x[:, :, :-2])
                )
                / x.size
            )
        ],
        "that is the variance of the picture; only neighbours should count.": [
            lambda x: x.var()
        ],
    },
)
