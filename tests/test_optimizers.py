"""L-BFGS and Adam on a function whose minimum is known."""

import numpy as np
import pytest

from course_utils.style.optimizers import Adam, Lbfgs

SCALES = np.float32([1, 100, 10, 1000])
AIM = np.float32([0.3, 0.7, 2.0, -1.0])  # the last two lie outside the box
START = np.full(4, 0.5, np.float32)
OPTIMIZERS = {"lbfgs": Lbfgs, "adam": lambda start: Adam(start, 0.02)}


def quadratic(point):
    error = point - AIM
    return float(SCALES @ error**2), 2 * SCALES * error


def run(optimizer, evaluations):
    values = []
    while not optimizer.converged and optimizer.evaluations < evaluations:
        value, gradient = quadratic(optimizer.trial)
        optimizer.tell(value, gradient)
        values.append(value)
        assert optimizer.trial.dtype == np.float32
        assert optimizer.trial.min() >= 0 and optimizer.trial.max() <= 1
        assert quadratic(optimizer.best)[0] == min(values)
    return values


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_minimum_in_the_box_is_found(name):
    optimizer = OPTIMIZERS[name](START)
    run(optimizer, 400)
    assert optimizer.best == pytest.approx([0.3, 0.7, 1.0, 0.0], abs=1e-3)


def test_lbfgs_needs_fewer_evaluations_and_knows_when_it_is_done():
    lbfgs, adam = Lbfgs(START), Adam(START, 0.02)
    values = run(lbfgs, 400)
    assert lbfgs.converged and len(values) < 40
    run(adam, len(values))
    assert quadratic(lbfgs.best)[0] < quadratic(adam.best)[0]
