"""How long a recipe will take on this machine, measured and never guessed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from course_utils import style
from course_utils.style import pyramid

_SIDE = 256  # pixels
_EVALUATIONS = 6  # the first loads the network and compiles: it is not counted


class Speed:
    """Seconds per pixel and evaluation, for each framework and network."""

    def __init__(self):
        """Know nothing yet."""
        self._measured: dict[tuple, float] = {}

    def measure(
        self,
        content: np.ndarray,
        style_image: np.ndarray,
        recipe: style.StyleRecipe,
        backends: Sequence[str],
    ) -> Iterator[style.Progress]:
        """Run a few evaluations at a small size; yield between them."""
        small = replace(recipe, sizes=(_SIDE,), steps=_EVALUATIONS)
        for backend in backends:
            stream = style.stream(content, style_image, small, backend)
            seconds = []
            started = time.perf_counter()
            for progress in stream:
                seconds.append(time.perf_counter() - started)
                yield progress
                started = time.perf_counter()
            height, width, _ = progress.image.shape
            # Equal pictures are done after one evaluation.
            pace = median(seconds[1:] or seconds) / (height * width)
            self._measured[_network(recipe, backend)] = pace

    def estimate(
        self,
        content: np.ndarray,
        recipe: style.StyleRecipe,
        backends: Sequence[str],
    ) -> float | None:
        """Return the seconds that all evaluations will take.

        None where a framework has not been measured with this network.
        """
        networks = [_network(recipe, backend) for backend in backends]
        if any(network not in self._measured for network in networks):
            return None
        work = sum(level.work for level in pyramid.build(content, [], recipe))
        return work * sum(self._measured[network] for network in networks)


def _network(recipe: style.StyleRecipe, backend: str) -> tuple:
    """Identify what decides the time of an evaluation, besides the size."""
    knobs = recipe.precision, recipe.pooling, recipe.optimizer
    return backend, recipe.used_layers(), *knobs
