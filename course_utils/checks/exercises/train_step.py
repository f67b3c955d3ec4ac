"""One step of gradient descent on the pixels."""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise
from course_utils.checks.frameworks import Objective


def _pictures(generator):
    """Pictures that the step drives out of the range 0 to 1 in places."""
    cases = []
    for rate in generator.uniform(0.15, 0.3, 2):
        height, width = generator.choice(np.arange(4, 9), 2, replace=False)
        image, target = generator.uniform(0, 1, (2, 1, height, width, 3))
        far_target = Objective(6 * target - 2.5)
        cases.append((image, far_target, float(rate)))
    return cases


def _train_step(image, cost, rate):
    return np.clip(image - rate * cost(image)[1], 0, 1)


def _without(change):
    """Return a version that does something else with the gradient."""
    return lambda image, cost, rate: np.clip(
        image - change(cost(image)[1], rate), 0, 1
    )


def _two_steps(image, cost, rate):
    return _train_step(_train_step(image, cost, rate), cost, rate)


check_train_step = Exercise(
    name="train_step",
    notebook="10 · Style transfer in TensorFlow",
    frameworks=ALL_FRAMEWORKS,
    cases=_pictures,
    solution=_train_step,
    mistakes={
        "it climbs: the cost grows along its gradient.": [
            _without(lambda gradient, rate: -rate * gradient),
            lambda image, cost, rate: image + rate * cost(image)[1],
        ],
        "pixels leave the range from 0 to 1.": [
            lambda image, cost, rate: image - rate * cost(image)[1]
        ],
        "cut off on both sides: below 0 and above 1.": [
            lambda image, cost, rate: np.maximum(
                image - rate * cost(image)[1], 0
            ),
            lambda image, cost, rate: np.minimum(
                image - rate * cost(image)[1], 1
            ),
            lambda image, cost, rate: np.clip(
                image - rate * cost(image)[1], -1, 1
            ),
        ],
        "the gradient is cut off; the picture should be.": [
            lambda image, cost, rate: (
                image - rate * np.clip(cost(image)[1], 0, 1)
            ),
            lambda image, cost, rate: (
                image - np.clip(rate * cost(image)[1], 0, 1)
            ),
            lambda image, cost, rate: np.clip(
                image - rate * np.clip(cost(image)[1], 0, 1), 0, 1
            ),
        ],
        "the learning rate is not used.": [
            _without(lambda gradient, _rate: gradient),
            lambda image, cost, rate: image - cost(image)[1],
            _without(lambda gradient, _rate: 0.02 * gradient),
            _without(lambda gradient, _rate: 0.01 * gradient),
        ],
        "only the sign of the gradient is used; its size matters, too.": [
            _without(lambda gradient, rate: rate * np.sign(gradient))
        ],
        "the gradient stays as it is: do not divide it by its size.": [
            _without(lambda g, rate: rate * g / np.linalg.norm(g)),
            _without(lambda g, rate: rate * g / abs(g).max()),
            _without(lambda g, rate: rate * g / abs(g).mean()),
            _without(lambda g, rate: rate * g / g.size),
        ],
        "it takes two steps: does a gradient add up to an older one?": [
            _two_steps,
            _without(lambda gradient, rate: 2 * rate * gradient),
        ],
        "the picture has not moved.": [lambda image, cost, rate: image],
        "that is the gradient; the new picture was asked for.": [
            lambda image, cost, rate: cost(image)[1],
            lambda image, cost, rate: rate * cost(image)[1],
            lambda image, cost, rate: -rate * cost(image)[1],
        ],
        "that is the cost; the new picture was asked for.": [
            lambda image, cost, rate: cost(image)[0]
        ],
        "only the new picture was asked for.": [
            lambda image, cost, rate: (
                _train_step(image, cost, rate),
                cost(image)[0],
            ),
            lambda image, cost, rate: (
                cost(image)[0],
                _train_step(image, cost, rate),
            ),
        ],
        "the new picture is the old one plus a small step.": [
            lambda image, cost, rate: np.clip(-rate * cost(image)[1], 0, 1)
        ],
    },
)
