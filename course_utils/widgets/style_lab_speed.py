"""How long a recipe will take on this machine, measured and never guessed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

import numpy as np

from course_utils import style
from course_utils.style import pyramid

_SIZES = (128, 256)  # pixels; at the second the network is loaded already
_STEPS = 6  # at the second size


class _Pace(NamedTuple):
    """Seconds to begin with a size, and per pixel of each evaluation."""

    begin: float
    pixel: float


class Speed:
    """What each framework needs with the networks that were measured."""

    def __init__(self):
        """Know nothing yet."""
        self._paces: dict[tuple, _Pace] = {}

    def measure(
        self,
        content: np.ndarray,
        style_image: np.ndarray,
        recipe: style.StyleRecipe,
        backends: Sequence[str],
    ) -> Iterator[style.Progress]:
        """Run a few evaluations at two small sizes; yield between them."""
        small = replace(recipe, sizes=_SIZES, steps=_STEPS)
        for backend in backends:
            seconds: dict[tuple, list[float]] = {}
            stream = style.stream(content, style_image, small, backend)
            started = time.perf_counter()
            for progress in stream:
                spent = time.perf_counter() - started
                seconds.setdefault(progress.image.shape, []).append(spent)
                yield progress
                started = time.perf_counter()
            self._paces[_network(recipe, backend)] = _pace(seconds)

    def estimate(
        self,
        content: np.ndarray,
        recipe: style.StyleRecipe,
        backends: Sequence[str],
    ) -> float | None:
        """Return the seconds from the first to the last evaluation.

        None where a framework has not been measured with this network.
        Loading it for the first time comes on top.
        """
        networks = [_network(recipe, backend) for backend in backends]
        if any(network not in self._paces for network in networks):
            return None
        levels = pyramid.build(content, [], recipe)
        paces = [self._paces[network] for network in networks]
        return sum(
            pace.begin + pace.pixel * level.work
            for pace in paces
            for level in levels
        )


def _network(recipe: style.StyleRecipe, backend: str) -> tuple:
    """Identify what decides the time of an evaluation, besides the size."""
    knobs = recipe.precision, recipe.pooling, recipe.optimizer
    return backend, recipe.used_layers(), *knobs


def _pace(seconds: dict[tuple, list[float]]) -> _Pace:
    """Derive the pace from {shape: seconds of each evaluation}."""
    *_, ((height, width, _), (first, *others)) = seconds.items()
    usual = fmean(others or [first])  # equal pictures are done after one
    return _Pace(max(0.0, first - usual), usual / (height * width))
