"""How rough a picture is, and a painting with the photograph's colours."""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise

NOTEBOOK = "11 · Side by side"


def _draw_picture(generator):
    """Return a picture of noise, (1, height, width, 3), values 0 to 1."""
    height, width = generator.choice(np.arange(5, 11), 2, replace=False)
    return generator.uniform(0, 1, (1, height, width, 3))


# -- total_variation -----------------------------------------------------------


def _few_pixels(generator):
    height, width = generator.integers(1, 3, 2)
    return (generator.integers(0, 11, (1, height, width, 3)) / 10,)


def _down(x):
    return np.diff(x, axis=1)


def _across(x):
    return np.diff(x, axis=2)


def _squares(differences):
    return np.sum(differences**2)


def _both(x):
    return _squares(_down(x)) + _squares(_across(x))


def _total_variation(image):
    return _both(image) / image.size


def _with_roll(x, axis):
    return _squares(np.roll(x, 1, axis) - x)


def _along_channels(x):
    return _squares(np.diff(x, axis=3))


check_total_variation = Exercise(
    name="total_variation",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0,),
    cases=lambda generator: [(_draw_picture(generator),) for _ in range(2)],
    small=_few_pixels,
    solution=_total_variation,
    mistakes={
        "the differences themselves are to be squared: no sign, no root.": [
            lambda x: (abs(_down(x)).sum() + abs(_across(x)).sum()) / x.size,
            lambda x: (_down(x).sum() + _across(x).sum()) / x.size,
            lambda x: np.sqrt(_both(x) / x.size),
        ],
        "the size of the picture is missing: large ones would count more.": [
            _both
        ],
        "one of the two directions is missing.": [
            lambda x: _squares(_down(x)) / x.size,
            lambda x: _squares(_across(x)) / x.size,
        ],
        "channels are not neighbours: one of the axes is the wrong one.": [
            lambda x: (_squares(_across(x)) + _along_channels(x)) / x.size,
            lambda x: (_squares(_down(x)) + _along_channels(x)) / x.size,
            lambda x: (_both(x) + _along_channels(x)) / x.size,
        ],
        "it wraps around: the last pixel is no neighbour of the first.": [
            lambda x: (_with_roll(x, 1) + _with_roll(x, 2)) / x.size
        ],
        "the divisor is the number of values of the picture, once.": [
            lambda x: np.mean(_down(x) ** 2) + np.mean(_across(x) ** 2),
            lambda x: 3 * _both(x) / x.size,
            lambda x: _both(x) / (2 * x.size),
        ],
    },
)


# -- preserve_color ------------------------------------------------------------
# Gatys, Bethge, Hertzmann and Shechtman, "Preserving color in neural artistic
# style transfer", arXiv:1606.05897, section "Luminance-only transfer".

LUMINANCE = np.array([0.299, 0.587, 0.114])


def _painting_and_photo(generator):
    cases = []
    for _ in range(2):
        photo = _draw_picture(generator)
        cases.append((generator.uniform(0, 1, photo.shape), photo))
    return cases


def _two_pixels(generator):
    return tuple(generator.integers(0, 11, (2, 1, 1, 1, 3)) / 10)


def _brightness(image, weights=LUMINANCE):
    return (image @ weights)[..., None]


def _moved(painting, photo, weights=LUMINANCE):
    """Move the photograph's brightness, without cutting off."""
    change = _brightness(painting, weights) - _brightness(photo, weights)
    return photo + change


def _preserve_color(painting, photo):
    return np.clip(_moved(painting, photo), 0, 1)


def _with_weights(*weights):
    """Return a version with other shares of red, green and blue."""
    return lambda painting, photo: np.clip(
        _moved(painting, photo, np.array(weights)), 0, 1
    )


def _scaled(painting, photo, brightness=_brightness):
    return photo * brightness(painting) / brightness(photo)


def _largest(image):
    """Return the V of HSV."""
    return image.max(axis=-1, keepdims=True)


check_preserve_color = Exercise(
    name="preserve_color",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    cases=_painting_and_photo,
    small=_two_pixels,
    solution=_preserve_color,
    # By way of Y, I and Q: tables round the coefficients to three decimals.
    tolerance=2e-3,
    mistakes={
        "painting and photograph have changed places.": [
            lambda painting, photo: _preserve_color(photo, painting)
        ],
        "the result is to be cut off, below 0 and above 1.": [
            _moved,
            lambda painting, photo: np.maximum(_moved(painting, photo), 0),
        ],
        "red, green and blue have other shares in the brightness; see the "
        "task.": [
            _with_weights(1 / 3, 1 / 3, 1 / 3),
            _with_weights(*LUMINANCE[::-1]),
            _with_weights(0.2126, 0.7152, 0.0722),  # of high definition
            _with_weights(0.30, 0.59, 0.11),  # of Python's colorsys
        ],
        "all three channels move by one number, the change of Y.": [
            lambda painting, photo: np.clip(
                photo + (painting - photo) * LUMINANCE, 0, 1
            ),
            _scaled,
            lambda painting, photo: np.clip(_scaled(painting, photo), 0, 1),
        ],
        "that is HSV, with the largest of the three as brightness; here it is "
        "their weighted sum, Y.": [
            lambda painting, photo: _scaled(painting, photo, _largest)
        ],
        "that is grey: where are the photograph's colours?": [
            lambda painting, photo: _brightness(painting),
            lambda painting, photo: np.repeat(_brightness(painting), 3, -1),
        ],
    },
)
