"""L-BFGS and Adam on pixels, in NumPy, for whichever framework differentiates.

Both ask to be told: evaluate the loss and its gradient at ``trial``, ``tell``
them, and ``trial`` has moved on. One evaluation is one step, so that a run can
be watched, stopped and resumed between any two. Pixels never leave the box
0-1, so that what is optimised is what is shown.
"""

import numpy as np


class Lbfgs:
    """Limited-memory BFGS with a projected back-tracking line search.

    Nocedal and Wright, "Numerical Optimization" (2006): direction by
    algorithm 7.4, sufficient decrease by equation 3.4; pixels that press
    against the box are left out of the direction and steps are cut off at it
    (Bertsekas, "Projected Newton methods", 1982).

    Attributes:
        trial: where to evaluate next, float32, any shape.
        best: the lowest point so far.
        evaluations: how often ``tell`` was called.
        converged: True when no downhill step is left.
    """

    history = 10
    first_step = 0.02  # the largest change of a pixel, range 0-1
    shrink = 0.4
    shortest_step = 1e-3
    sufficient_decrease = 1e-4

    def __init__(self, start: np.ndarray):
        self.trial = self.best = start
        self.evaluations = 0
        self.converged = False
        self._value = np.inf
        self._gradient = np.zeros_like(start)
        self._pairs = ()

    def tell(self, value: float, gradient: np.ndarray) -> None:
        """Take the loss and gradient at ``trial`` and move ``trial`` on."""
        self.evaluations += 1
        if self._is_low_enough(value):
            self._accept(value, gradient)
            self._aim()
        elif self._length > self.shortest_step:
            self._length *= self.shrink
        elif self._pairs:  # they mislead: start again, straight downhill
            self._pairs = ()
            self._aim()
        else:
            self.converged = True
        self.trial = np.clip(self.best + self._length * self._direction, 0, 1)

    def _is_low_enough(self, value: float) -> bool:
        slope = np.vdot(self._gradient, self.trial - self.best)
        return value <= self._value + self.sufficient_decrease * min(slope, 0)

    def _accept(self, value: float, gradient: np.ndarray) -> None:
        step, change = self.trial - self.best, gradient - self._gradient
        curvature = np.vdot(step, change)
        if curvature > 1e-10 * np.vdot(change, change):
            pair = step, change, curvature
            self._pairs = (*self._pairs, pair)[-self.history :]
        self.best, self._value, self._gradient = self.trial, value, gradient

    def _aim(self) -> None:
        """Choose the direction from ``best``; the first step along it is 1."""
        outward = np.where(self._gradient > 0, self.best <= 0, self.best >= 1)
        downhill = np.where(outward, 0, -self._gradient)
        self._length = 1.0
        self._direction = np.where(outward, 0, self._newton(downhill))
        if self._pairs and np.vdot(self._direction, downhill) <= 0:
            self._pairs = ()
            self._direction = self._newton(downhill)
        self.converged = not self._direction.any()

    def _newton(self, downhill: np.ndarray) -> np.ndarray:
        """Multiply by the inverse Hessian that the pairs imply."""
        if not self._pairs:
            steepest = np.abs(downhill).max()
            return downhill * (self.first_step / steepest if steepest else 0)
        direction, shares = downhill.copy(), []
        for step, change, curvature in reversed(self._pairs):
            shares.append(np.vdot(step, direction) / curvature)
            direction -= shares[-1] * change
        step, change, curvature = self._pairs[-1]
        direction *= curvature / np.vdot(change, change)
        for step, change, curvature in self._pairs:
            share = shares.pop() - np.vdot(change, direction) / curvature
            direction += share * step
        return direction


class Adam:
    """Adam (Kingma and Ba, arXiv:1412.6980, algorithm 1), cut off at the box.

    Attributes: as Lbfgs. ``learning_rate`` is in units of the pixel range.
    """

    decay_mean = 0.9
    decay_square = 0.999
    tiny = 1e-12  # gradients of relative errors are small: about 1e-6

    def __init__(self, start: np.ndarray, learning_rate: float):
        self.trial = self.best = start
        self.evaluations = 0
        self.converged = False
        self.learning_rate = learning_rate
        self._value = np.inf
        self._mean = self._square = np.zeros_like(start)

    def tell(self, value: float, gradient: np.ndarray) -> None:
        """Take the loss and gradient at ``trial`` and move ``trial`` on."""
        self.evaluations += 1
        if value < self._value:
            self.best, self._value = self.trial, value
        decay = self.decay_mean
        self._mean = decay * self._mean + (1 - decay) * gradient
        mean = self._mean / (1 - decay**self.evaluations)
        decay = self.decay_square
        self._square = decay * self._square + (1 - decay) * gradient**2
        square = self._square / (1 - decay**self.evaluations)
        step = self.learning_rate * mean / (np.sqrt(square) + self.tiny)
        self.trial = np.clip(self.trial - step, 0, 1)
