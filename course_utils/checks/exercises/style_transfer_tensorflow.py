"""One step on the pixels, and a target that came from the wrong picture."""

import numpy as np

from course_utils.checks.compare import ANY
from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise
from course_utils.checks.frameworks import Objective

NOTEBOOK = "10 · Style transfer in TensorFlow"


# -- train_step ----------------------------------------------------------------


def _pictures(generator):
    """Pictures that the step drives out of the range 0 to 1 in places."""
    cases = []
    for rate in generator.uniform(0.15, 0.3, 2):
        height, width = generator.choice(np.arange(4, 9), 2, replace=False)
        image, target = generator.uniform(0, 1, (2, 1, height, width, 3))
        far_target = Objective(6 * target - 2.5)
        cases.append((image, far_target, float(rate)))
    return cases


def _one_pixel(generator):
    image = generator.integers(0, 11, (1, 1, 1, 3)) / 10
    target = generator.integers(-1, 3, (1, 1, 1, 3)).astype(float)
    return image, Objective(target), 0.1


def _train_step(image, cost, learning_rate):
    return np.clip(image - learning_rate * cost(image)[1], 0, 1)


def _without(change):
    """Return a version that does something else with the gradient."""
    return lambda image, cost, rate: np.clip(
        image - change(cost(image)[1], rate), 0, 1
    )


def _cut_off(cut):
    """Return a version that cuts off the new picture in another way."""
    return lambda image, cost, rate: cut(image - rate * cost(image)[1])


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

check_train_step = Exercise(
    name="train_step",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    cases=_pictures,
    small=_one_pixel,
    solution=_train_step,
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
            _without(lambda gradient, rate: -rate * gradient),
            lambda image, cost, rate: image + rate * cost(image)[1],
        ],
        "the new picture is to be cut off, below 0 and above 1.": [
            _cut_off(lambda picture: picture),
            _cut_off(lambda picture: np.maximum(picture, 0)),
            _cut_off(lambda picture: np.minimum(picture, 1)),
        ],
        "the learning rate is not used.": [
            _without(lambda gradient, _rate: gradient),
            _without(lambda gradient, _rate: 0.02 * gradient),
        ],
        # Adam's first step goes by the rate, whatever the gradient is.
        NO_OPTIMIZER: [
            _without(lambda gradient, rate: rate * np.sign(gradient)),
            _without(lambda gradient, _rate: 0.02 * np.sign(gradient)),
            _without(lambda gradient, _rate: 0.01 * np.sign(gradient)),
        ],
        "the new picture was asked for, and nothing else.": [
            lambda image, cost, rate: cost(image)[1],
            lambda image, cost, rate: cost(image)[0],
            lambda *inputs: (_train_step(*inputs), ANY),
            lambda *inputs: (ANY, _train_step(*inputs)),
        ],
    },
)


# -- choose_targets ------------------------------------------------------------


def _get_features(picture):
    """(2 * picture + 1, picture² - 3)"""
    return 2 * picture + 1, picture**2 - 3


def _two_pictures(generator):
    """Both of one shape, as in the article, so that nothing gives alarm."""
    sizes = generator.integers(3, 7, (2, 2))
    return [
        (*generator.random((2, 1, *size, 3)), _get_features) for size in sizes
    ]


def _two_pixels(generator):
    pixels = generator.integers(0, 4, (2, 1, 1, 1, 1)).astype(float)
    return *pixels, _get_features


def _choose_targets(photo, painting, get_features):
    return get_features(painting)[0], get_features(photo)[1]


check_choose_targets = Exercise(
    name="choose_targets",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    cases=_two_pictures,
    small=_two_pixels,
    solution=_choose_targets,
    mistakes={
        "the content target comes from the painting; nobody looks at the "
        "photograph.": [lambda photo, painting, get: get(painting)],
        "the style target comes from the photograph now; nobody looks at the "
        "painting.": [lambda photo, painting, get: get(photo)],
        "the pictures have changed places: style from the photograph, content "
        "from the painting.": [
            lambda photo, painting, get: (get(photo)[0], get(painting)[1])
        ],
        "the style target is to come first, then the content target.": [
            lambda photo, painting, get: (get(photo)[1], get(painting)[0]),
            lambda photo, painting, get: get(painting)[::-1],
            lambda photo, painting, get: get(photo)[::-1],
        ],
        "those are pictures; the costs compare features.": [
            lambda photo, painting, get: (painting, photo),
            lambda photo, painting, get: (photo, painting),
        ],
    },
)
