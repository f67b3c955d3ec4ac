"""Several frameworks paint in turn, and how long they will take."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from course_utils import style
from course_utils.style import pyramid

_SIZES = (128, 256)  # pixels; at the second the network is loaded already
_STEPS = 6  # at the second size


def take_turns(runs: Iterable[style.Run]) -> Iterator[style.Progress]:
    """Take one evaluation of each run in turn; yield after each."""
    under_way = [iter(run) for run in runs]
    while under_way:
        for steps in list(under_way):
            progress = next(steps, None)
            if progress is None:
                under_way.remove(steps)
            else:
                yield progress


class Speed:
    """What each framework needs on this machine: measured, never guessed."""

    def __init__(self):
        # {network: (seconds to begin a size, seconds per pixel and evaluation)}
        self._paces: dict[tuple, tuple[float, float]] = {}

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
            before = 0.0
            for progress in style.stream(content, style_image, small, backend):
                spent, before = progress.seconds - before, progress.seconds
                seconds.setdefault(progress.image.shape, []).append(spent)
                yield progress
            *_, ((height, width, _), (first, *others)) = seconds.items()
            usual = fmean(others or [first])  # equal pictures take one
            pace = max(0.0, first - usual), usual / (height * width)
            self._paces[_network(recipe, backend)] = pace

    def estimate(
        self,
        content: np.ndarray,
        recipe: style.StyleRecipe,
        backends: Sequence[str],
    ) -> float | None:
        """Return the seconds, without loading; None if not measured."""
        paces = [self._paces.get(_network(recipe, b)) for b in backends]
        if None in paces:
            return None
        layers, sizes = recipe.used_layers(), recipe.sizes
        work = _work(content.shape, layers, sizes, recipe.steps)
        return sum(
            begin + pixel * level for begin, pixel in paces for level in work
        )


def _network(recipe: style.StyleRecipe, backend: str) -> tuple:
    """Identify what decides the time of an evaluation, besides the size."""
    knobs = recipe.precision, recipe.pooling, recipe.optimizer
    return backend, recipe.used_layers(), *knobs


@functools.lru_cache
def _work(shape, layers, sizes, steps) -> list[int]:
    """Return each size's pixels times evaluations; sliders ask often."""
    recipe = style.StyleRecipe(
        content_layers=layers, style_weight=0, sizes=sizes, steps=steps
    )
    levels = pyramid.build(np.zeros(shape, np.uint8), [], recipe)
    return [level.work for level in levels]
