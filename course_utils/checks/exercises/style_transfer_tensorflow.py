"""One step on the pixels, and a target that came from the wrong picture."""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, exercise
from course_utils.checks.frameworks import Objective


def _one_pixel(generator):
    """A pixel, a goal that may lie beyond 0 to 1, and maybe a rate."""
    image = generator.integers(0, 11, (1, 1, 1, 3)) / 10
    target = generator.integers(-1, 3, (1, 1, 1, 3)).astype(float)
    rate = ((), (0.1,), (0.2,))[generator.integers(3)]
    return image, Objective(target), *rate


NO_GRADIENT = (
    "there is no gradient: what it is asked for has to be watched, by the tape "
    "or by requires_grad, before the cost is computed."
)
IN_NUMPY = (
    "in NumPy nothing differentiates by itself: there, the cost gives back two "
    "values, the cost and its gradient."
)
NO_OPTIMIZER = (
    "the assignment's Adam remembers, and changes a variable. Here it is plain "
    "descent: the image, less the rate times the gradient."
)


@exercise(
    draw=_one_pixel,
    frameworks=ALL_FRAMEWORKS,
    errors={
        "NoneType": NO_GRADIENT,
        "does not require grad": NO_GRADIENT,
        "tuple": IN_NUMPY,
        "sequence": IN_NUMPY,
        "inhomogeneous": IN_NUMPY,
        "_unique_id": NO_OPTIMIZER,
        "'assign'": NO_OPTIMIZER,
        "Unknown variable": NO_OPTIMIZER,
    },
    mistakes={
        "it climbs: the cost grows along its gradient.": [
            lambda *inputs: train_step(*inputs, change=np.negative)
        ],
        "the new picture is to be cut off, below 0 and above 1.": [
            lambda image, cost, rate=0.02: image - rate * cost(image)[1]
        ],
        "the learning rate is not used.": [
            lambda image, cost, _rate=1: train_step(image, cost, 1)
        ],
        # Adam's first step goes by the rate, whatever the gradient is.
        NO_OPTIMIZER: [lambda *inputs: train_step(*inputs, change=np.sign)],
    },
)
def train_step(image, cost, learning_rate=0.02, change=np.positive):
    return np.clip(image - learning_rate * change(cost(image)[1]), 0, 1)


def _get_features(picture):
    """(2 * picture + 1, picture² - 3)"""
    return 2 * picture + 1, picture**2 - 3


def _two_pixels(generator):
    pixels = generator.integers(0, 4, (2, 1, 1, 1, 1)).astype(float)
    return *pixels, _get_features


@exercise(
    draw=_two_pixels,
    frameworks=ALL_FRAMEWORKS,
    mistakes={
        "the content target comes from the painting; nobody looks at the "
        "photograph.": [lambda photo, painting, get: get(painting)],
        "the style target comes from the photograph now; nobody looks at the "
        "painting.": [lambda photo, painting, get: get(photo)],
        "the pictures have changed places: style from the photograph, content "
        "from the painting.": [
            lambda photo, painting, get: (get(photo)[0], get(painting)[1])
        ],
        "style features first, content features second.": [
            lambda photo, painting, get: (get(photo)[1], get(painting)[0])
        ],
    },
)
def choose_targets(photo, painting, get_features):
    return get_features(painting)[0], get_features(photo)[1]
