"""How rough a picture is, and a painting with the photograph's colours."""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, exercise


def _draw_pictures(generator, count):
    """Return pictures of few pixels, (1, height, width, 3), values 0 to 1."""
    height, width = generator.integers(1, 4, 2)
    return tuple(generator.integers(0, 11, (count, 1, height, width, 3)) / 10)


def _roughness(x, axes=(1, 2), power=np.square):
    return sum(np.sum(power(np.diff(x, axis=axis))) for axis in axes)


def _two_means(x):
    """A picture of one row or column has no mean: 0 / 0."""
    with np.errstate(invalid="ignore"):
        return sum(
            _roughness(x, [axis]) / np.float64(np.diff(x, axis=axis).size)
            for axis in (1, 2)
        )


@exercise(
    draw=lambda generator: _draw_pictures(generator, 1),
    frameworks=ALL_FRAMEWORKS,
    gradient=(0,),
    mistakes={
        "the differences themselves are to be squared: no sign, no root.": [
            lambda x: _roughness(x, power=np.abs) / x.size
        ],
        "the divisor is the number of values of the picture, once.": [
            _roughness,
            lambda x: 3 * _roughness(x) / x.size,
        ],
        "two means have two divisors; here there is one, the number of values "
        "of the picture.": [_two_means],
        "one of the two directions is missing.": [
            lambda x: _roughness(x, axes=[1]) / x.size,
            lambda x: _roughness(x, axes=[2]) / x.size,
        ],
        "channels are not neighbours: one of the axes is the wrong one.": [
            lambda x: _roughness(x, axes=(2, 3)) / x.size,
            lambda x: _roughness(x, axes=(1, 3)) / x.size,
        ],
    },
)
def total_variation(image):
    return _roughness(image) / image.size


# Gatys, Bethge, Hertzmann and Shechtman, "Preserving color in neural artistic
# style transfer", arXiv:1606.05897, section "Luminance-only transfer".

LUMINANCE = np.array([0.299, 0.587, 0.114])


def _moved(painting, photo, weights=LUMINANCE):
    """Move the photograph's brightness, without cutting off."""
    return photo + ((painting - photo) @ weights)[..., None]


@exercise(
    draw=lambda generator: _draw_pictures(generator, 2),
    frameworks=ALL_FRAMEWORKS,
    # By way of Y, I and Q: tables round the coefficients to three decimals.
    tolerance=2e-3,
    mistakes={
        "painting and photograph have changed places.": [
            lambda painting, photo: preserve_color(photo, painting)
        ],
        "the result is to be cut off, below 0 and above 1.": [_moved],
        "red, green and blue have other shares in the brightness; see the "
        "task.": [
            lambda *both: np.clip(_moved(*both, np.full(3, 1 / 3)), 0, 1),
            lambda *both: np.clip(_moved(*both, LUMINANCE[::-1]), 0, 1),
        ],
    },
)
def preserve_color(painting, photo):
    return np.clip(_moved(painting, photo), 0, 1)
