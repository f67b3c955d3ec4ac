"""Brightness from the painting, colours from the photograph.

Source: Gatys, Bethge, Hertzmann and Shechtman, "Preserving color in neural
artistic style transfer", arXiv:1606.05897, section "Luminance-only transfer".
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise
from course_utils.checks.exercises.total_variation import draw_picture

LUMINANCE = np.array([0.299, 0.587, 0.114])


def _pictures(generator):
    cases = []
    for _ in range(2):
        photo = draw_picture(generator)
        cases.append((generator.uniform(0, 1, photo.shape), photo))
    return cases


def _brightness(image, weights=LUMINANCE):
    return (image @ weights)[..., None]


def _moved(painting, photo, weights=LUMINANCE):
    """Move the photograph's brightness, without cutting off."""
    change = _brightness(painting, weights) - _brightness(photo, weights)
    return photo + change


def _with_weights(weights):
    """Return a version with other shares of red, green and blue."""
    return lambda painting, photo: np.clip(
        _moved(painting, photo, np.array(weights)), 0, 1
    )


def _scaled(painting, photo):
    return photo * _brightness(painting) / _brightness(photo)


def _preserve_color(painting, photo):
    return np.clip(_moved(painting, photo), 0, 1)


def _grey(image):
    return np.repeat(_brightness(image), 3, axis=-1)


check_preserve_color = Exercise(
    name="preserve_color",
    notebook="11 · Side by side",
    frameworks=ALL_FRAMEWORKS,
    cases=_pictures,
    solution=_preserve_color,
    # By way of Y, I and Q: tables round the coefficients to three decimals.
    tolerance=2e-3,
    mistakes={
        "painting and photograph have changed places.": [
            lambda painting, photo: _preserve_color(photo, painting),
            lambda painting, photo: _moved(photo, painting),
        ],
        "values leave the range from 0 to 1.": [_moved],
        "cut off on both sides: below 0 and above 1.": [
            lambda painting, photo: np.maximum(_moved(painting, photo), 0),
            lambda painting, photo: np.minimum(_moved(painting, photo), 1),
            lambda painting, photo: np.clip(_moved(painting, photo), -1, 1),
        ],
        "red, green and blue do not look equally bright.": [
            _with_weights([1 / 3, 1 / 3, 1 / 3])
        ],
        "the shares of red and blue have changed places.": [
            _with_weights(LUMINANCE[::-1])
        ],
        "those are the shares of another standard; see the task.": [
            _with_weights([0.2126, 0.7152, 0.0722]),
            _with_weights([0.2125, 0.7154, 0.0721]),
            _with_weights([0.30, 0.59, 0.11]),  # of Python's colorsys
        ],
        "the three shares are added to the brightness, not averaged.": [
            _with_weights(LUMINANCE / 3)
        ],
        "the change has the wrong sign.": [
            lambda painting, photo: np.clip(
                2 * photo - _moved(painting, photo), 0, 1
            ),
        ],
        "the whole brightness is added; only its change should be.": [
            lambda painting, photo: np.clip(photo + _brightness(painting), 0, 1)
        ],
        "each channel moves by itself; all move by the change of Y.": [
            lambda painting, photo: np.clip(
                photo + (painting - photo) * LUMINANCE, 0, 1
            )
        ],
        "the photograph is scaled; the change of Y is added instead.": [
            lambda painting, photo: np.clip(_scaled(painting, photo), 0, 1),
            _scaled,
        ],
        "that is grey: the colours are missing.": [
            lambda painting, photo: _brightness(painting),
            lambda painting, photo: _grey(painting),
        ],
        "that is the painting; nothing of the photograph is in it.": [
            lambda painting, photo: painting,
        ],
        "that is a mixture of the two pictures.": [
            lambda painting, photo: (painting + photo) / 2,
            lambda painting, photo: np.clip(painting + photo, 0, 1),
        ],
        "that is the photograph; nothing of the painting is in it.": [
            lambda painting, photo: photo
        ],
        "one brightness for the whole picture: every pixel has its own.": [
            lambda painting, photo: np.clip(
                photo + np.mean(_brightness(painting) - _brightness(photo)),
                0,
                1,
            )
        ],
        "that is the change of brightness alone; add it to the photograph.": [
            lambda painting, photo: _brightness(painting - photo),
            lambda painting, photo: _brightness(painting - photo)[..., 0],
        ],
    },
)
