"""Hand the same numbers to a function in NumPy, PyTorch or TensorFlow.

The exercises are written in NumPy, channels last. PyTorch wants the channels
of pictures and features (four axes) second, so its tensors are turned on the
way there and back.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Objective:
    """The cost sum((image - target)^2), an input that is a function.

    In NumPy it answers (cost, gradient), elsewhere the cost alone.
    """

    target: np.ndarray


def walk(change: Callable, tree):
    """Map the leaves of nested dicts, tuples and lists."""
    if isinstance(tree, dict):
        return {key: walk(change, value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [walk(change, value) for value in tree]
    if isinstance(tree, tuple):
        return tuple(walk(change, value) for value in tree)
    return change(tree)


def flat(tree) -> np.ndarray:
    """Return all numbers of nested dicts, tuples and lists in one vector."""
    return np.concatenate([np.ravel(leaf) for leaf in leaves(tree)])


def leaves(tree) -> Iterator:
    """Go through the leaves of nested dicts, tuples and lists."""
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, tuple | list):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


class NumPy:
    """Arrays as they are; there are no gradients."""

    kind: type | tuple = object  # what a number or array has to be

    def give(self, tree):
        """Turn the arrays of a case into fresh inputs for a function."""
        return walk(self._give_leaf, tree)

    def take(self, tree):
        """Turn what a function was given or answered into NumPy copies."""
        return walk(self._take_leaf, tree)

    def layout(self, tree):
        """Turn the axes of arrays as the framework has them."""
        return tree

    def _give_leaf(self, value):
        if isinstance(value, np.ndarray):
            return self._tensor(value)
        if isinstance(value, Objective):
            return self._objective(self._tensor(value.target))
        return value

    def _take_leaf(self, value):
        return value.copy() if isinstance(value, np.ndarray) else value

    def _tensor(self, array):
        return array.copy()

    def _objective(self, target):
        return lambda x: (np.sum((x - target) ** 2), 2 * (x - target))


class Torch(NumPy):
    """PyTorch tensors on the default device, channels first."""

    def __init__(self):
        from course_utils.style.torch_backend import torch

        self.torch, self.kind = torch, torch.Tensor

    def _take_leaf(self, value):
        if not isinstance(value, self.kind):
            return super()._take_leaf(value)
        array = value.numpy(force=True).copy()
        return np.moveaxis(array, 1, -1) if array.ndim == 4 else array

    def layout(self, tree):
        """Put the channels of pictures and features second."""
        return walk(self._channels_first, tree)

    def _channels_first(self, value):
        if isinstance(value, Objective):
            return Objective(self._channels_first(value.target))
        return np.moveaxis(value, -1, 1) if np.ndim(value) == 4 else value

    def _tensor(self, array):
        array = np.array(self._channels_first(array), np.float32, order="C")
        return self.torch.tensor(array)

    def _objective(self, target):
        return lambda image: (image - target).square().sum()

    def gradients(self, function: Callable, watched: list) -> list:
        """Differentiate the sum of ``function()``; 0 where nothing flows."""
        for leaf in watched:
            leaf.requires_grad_()
        total = sum(leaf.sum() for leaf in leaves(function()))
        if not total.requires_grad:
            return [self.torch.zeros_like(leaf) for leaf in watched]
        return self.torch.autograd.grad(
            total, watched, allow_unused=True, materialize_grads=True
        )


class TensorFlow(NumPy):
    """Eager TensorFlow tensors, channels last."""

    def __init__(self):
        from course_utils.style.tensorflow_backend import tf

        self.tf, self.kind = tf, (tf.Tensor, tf.Variable)

    def _take_leaf(self, value):
        if not isinstance(value, self.kind):
            return super()._take_leaf(value)
        return np.array(value.numpy())

    def _tensor(self, array):
        return self.tf.constant(array, self.tf.float32)

    def _objective(self, target):
        square = self.tf.square
        return lambda image: self.tf.reduce_sum(square(image - target))

    def gradients(self, function: Callable, watched: list) -> list:
        """Differentiate the sum of ``function()``; 0 where nothing flows."""
        with self.tf.GradientTape() as tape:
            tape.watch(watched)
            total = sum(self.tf.reduce_sum(leaf) for leaf in leaves(function()))
        zero = self.tf.UnconnectedGradients.ZERO
        gradients = tape.gradient(total, watched, unconnected_gradients=zero)
        return [self.tf.convert_to_tensor(gradient) for gradient in gradients]


FRAMEWORKS = {"numpy": NumPy, "torch": Torch, "tensorflow": TensorFlow}
