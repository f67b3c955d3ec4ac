"""Running a recipe: one evaluation a step, watchable, stoppable, resumable.

Nothing here knows a framework: a backend answers terms and gradients, an
optimiser moves the pixels, the pyramid gives the sizes.
"""

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from course_utils import images

from . import pyramid, vgg
from .losses import Losses, Targets
from .optimizers import Adam, Lbfgs
from .pyramid import Level
from .recipe import RecipeError, StyleRecipe

# Peak bytes of one evaluation per feature value: in float32 12.8 to 13.5 with
# PyTorch and 10.4 with TensorFlow, at 640 pixels after two smaller sizes, whose
# memory the process keeps (hardware.keep_freed_memory).
BYTES_PER_VALUE = 14
# The optimiser's: ten pairs of steps and gradients, and a few more.
BYTES_PER_PIXEL = 300

Styles = np.ndarray | Sequence[np.ndarray] | None


class DivergedError(RuntimeError):
    """The loss or its gradient is no longer a number."""


class NotEnoughMemoryError(MemoryError):
    """The pictures are too large for the memory that is left."""


@dataclass(frozen=True)
class Progress:
    """What one step brought."""

    step: int  # evaluations so far, from 1
    steps: int  # evaluations planned, over all sizes
    losses: Losses
    image: np.ndarray  # the best so far, at the present size
    seconds: float  # of painting, without pauses
    eta: float  # estimated seconds to the end


class Run:
    """A transfer, under way or ended, and what it brought.

    Iterate over it for one Progress an evaluation. Stop asking whenever you
    like, or interrupt a step: whoever iterates again goes on from there.

    Attributes:
        latest: its last Progress, None before the first.
        image: the best picture so far, None before the first step.
        history: Losses, one per evaluation; each size of the pyramid starts
            higher than the one before it ended.
        snapshots: {step: picture}.
        seconds: of painting, without pauses.
        stopped: False once its last step was taken.
    """

    def __init__(
        self,
        content: np.ndarray,
        style_image: Styles,
        recipe: StyleRecipe | None = None,
        backend: str = "torch",
    ):
        """Take a photograph, and a painting or several in a list.

        No painting, None, where the recipe's style_weight is 0. Raises
        ValueError or NotEnoughMemoryError at once; the first step computes.
        """
        self.recipe = recipe or StyleRecipe.balanced()
        self.recipe.validate()
        styles = _style_pictures(style_image, self.recipe)
        smallest = vgg.smallest_side(self.recipe.used_layers())
        for picture in (content, *styles):
            images.require_rgb(picture, smallest)
        self._levels = pyramid.build(content, styles, self.recipe)
        self._backend = backend
        largest = self._levels[-1].content.shape
        _check_memory(largest, self.recipe.used_layers(), backend)
        self._number, self._optimizer = 0, None  # of the level under way
        self.latest = self.image = None
        self.history, self.snapshots, self.seconds = (), {}, 0.0
        self.stopped = True

    def change(self, *, steps: int, snapshot_every: int) -> None:
        """Set the two knobs that may change on the way. Raises RecipeError."""
        recipe = replace(
            self.recipe, steps=steps, snapshot_every=snapshot_every
        )
        recipe.validate()
        self.recipe = recipe
        pyramid.share_out(steps, self._levels)

    def __iter__(self) -> Iterator[Progress]:
        started = time.perf_counter()
        recipe = self.recipe
        network = vgg.load_network(
            recipe.used_layers(),
            self._backend,
            recipe.weights,
            recipe.pooling,
            recipe.precision,
        )
        if self._optimizer is None:
            start = pyramid.start(self._levels[0], recipe)
            self._optimizer = _optimizer(start, recipe)
        for number in range(self._number, len(self._levels)):
            level = self._levels[number]
            with _memory_explained(level.content.shape, self._backend):
                evaluate = _objective(network, level, recipe)
            optimizer = self._optimizer
            while (
                optimizer.evaluations < level.steps and not optimizer.converged
            ):
                with _memory_explained(level.content.shape, self._backend):
                    losses, gradient = evaluate(optimizer.trial)
                self._require_numbers(losses, gradient)
                optimizer.tell(losses.total, gradient)
                self.seconds += time.perf_counter() - started
                self._keep(losses)
                yield self.latest
                started = time.perf_counter()
            if number + 1 < len(self._levels):
                higher = self._levels[number + 1]
                start = pyramid.carry_up(optimizer.best, level, higher, recipe)
                optimizer = _optimizer(start, recipe)
                self._number, self._optimizer = number + 1, optimizer
        self.stopped = False

    def _require_numbers(self, losses: Losses, gradient: np.ndarray) -> None:
        if not (np.isfinite(losses.total) and np.isfinite(gradient).all()):
            raise DivergedError(
                "The loss is no longer a number at step "
                f"{len(self.history) + 1}: use smaller weights, or "
                'precision="float32".'
            )

    def _keep(self, losses: Losses) -> None:
        self.history = (*self.history, losses)
        self.latest = self._progress()
        self.image = self.latest.image
        every = self.recipe.snapshot_every
        if every and self.latest.step % every == 0:
            self.snapshots[self.latest.step] = self.image

    def _progress(self) -> Progress:
        levels, number = self._levels, self._number
        level, optimizer = levels[number], self._optimizer
        done = sum(lower.work for lower in levels[:number])
        done += level.work * optimizer.evaluations / level.steps
        total = sum(level.work for level in levels)
        # Not all levels' steps: they may have been others at first.
        left = max(0, level.steps - optimizer.evaluations)
        left += sum(higher.steps for higher in levels[number + 1 :])
        painted = optimizer.best
        if painted.shape[-1] == 1:
            painted = pyramid.recolor(painted, level.photograph)
        return Progress(
            step=len(self.history),
            steps=len(self.history) + left,
            losses=self.history[-1],
            image=np.round(255 * painted).astype(np.uint8),
            seconds=self.seconds,
            eta=self.seconds * max(0.0, total / done - 1),
        )


def transfer(
    content: np.ndarray,
    style_image: Styles,
    recipe: StyleRecipe | None = None,
    backend: str = "torch",
    on_progress: Callable[[Progress], None] | None = None,
) -> Run:
    """Paint ``content`` in the style of ``style_image``; see ``Run``.

    ``on_progress`` is called with each Progress. An interrupt (Ctrl-C, the
    notebook's stop button) ends the run early and keeps the best picture, as
    do, with a warning, divergence and lack of memory after the first step.
    """
    run = Run(content, style_image, recipe, backend)
    try:
        for progress in run:
            if on_progress:
                on_progress(progress)
    except (KeyboardInterrupt, DivergedError, NotEnoughMemoryError) as error:
        if run.image is None:
            raise
        if not isinstance(error, KeyboardInterrupt):
            warnings.warn(f"{error} The best picture is kept.", stacklevel=2)
    return run


def stream(
    content: np.ndarray,
    style_image: Styles,
    recipe: StyleRecipe | None = None,
    backend: str = "torch",
) -> Iterator[Progress]:
    """Paint step by step: yield a Progress per evaluation; see ``Run``.

    Whoever closes it, or stops asking, has the best picture in the last one.
    It raises DivergedError if the loss is no longer a number.
    """
    return iter(Run(content, style_image, recipe, backend))


def _objective(network, level: Level, recipe: StyleRecipe) -> Callable:
    """Return a function: pixels -> (Losses, gradient)."""
    content, style = {}, {}
    if recipe.content_weight:
        content = network.features(
            _as_rgb(level.content), recipe.content_layers
        )
    if recipe.style_weight:
        style = _mixed_style(network, level.styles, recipe)
    targets = Targets(content, style, recipe)
    evaluate = network.objective(targets)

    def losses_and_gradient(pixels):
        terms, gradient = evaluate(_as_rgb(pixels))
        if pixels.shape[-1] == 1:
            gradient = gradient.sum(-1, keepdims=True)
        return targets.losses(terms), gradient

    return losses_and_gradient


def _mixed_style(network, styles, recipe) -> dict[str, np.ndarray]:
    """Average the Gram matrices of the style pictures by their weights.

    Being near the average is being near all of them: the squared distances
    to each differ from the one to the average by a constant only.
    """
    weights = np.float32(recipe.style_image_weights or [1] * len(styles))
    layers = list(recipe.style_layers)
    grams = [network.gram_matrices(_as_rgb(s), layers) for s in styles]
    return {
        layer: np.average([g[layer] for g in grams], axis=0, weights=weights)
        for layer in layers
    }


def _as_rgb(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels, 3, -1) if pixels.shape[-1] == 1 else pixels


def _optimizer(start: np.ndarray, recipe: StyleRecipe) -> Lbfgs | Adam:
    if recipe.optimizer == "adam":
        return Adam(start, recipe.learning_rate)
    return Lbfgs(start)


def _style_pictures(
    style_image: Styles, recipe: StyleRecipe
) -> list[np.ndarray]:
    if style_image is None and not recipe.style_weight:
        return []
    several = isinstance(style_image, list | tuple)
    styles = list(style_image) if several else [style_image]
    weights = recipe.style_image_weights
    if weights is not None and len(weights) != len(styles):
        raise RecipeError(
            f"There are {len(styles)} style pictures, but "
            f"style_image_weights has {len(weights)} numbers: give one each."
        )
    return styles


def _check_memory(shape: tuple[int, ...], layers, backend: str) -> None:
    """Compare what painting a (height, width, ...) picture needs and has."""
    free = vgg.load_backend(backend).free_memory()
    values = sum(
        vgg.BLOCKS[block][0] / 4 ** (block - 1)
        for block in map(vgg.block_of, vgg.layers_up_to_deepest(layers))
    )
    need = shape[0] * shape[1] * (BYTES_PER_VALUE * values + BYTES_PER_PIXEL)
    if free is not None and need > free:
        long, short = max(shape[:2]), min(shape[:2])
        # The short side is rounded, by up to half a pixel upwards.
        side = long * np.sqrt(max(free, 0) / need) - long / short / 4
        raise NotEnoughMemoryError(
            f"{shape[1]} x {shape[0]} pixels need about {need / 1e9:.1f} GB "
            f"and {free / 1e9:.1f} GB are free: {_smaller(side)}"
        )


@contextlib.contextmanager
def _memory_explained(shape: tuple[int, ...], backend: str):
    """Turn a framework's out-of-memory error into one sentence."""
    try:
        yield
    except Exception as error:
        if not vgg.load_backend(backend).is_out_of_memory(error):
            raise
        # What was free is unknown now: half the side takes a quarter.
        raise NotEnoughMemoryError(
            f"{shape[1]} x {shape[0]} pixels do not fit into memory: "
            f"{_smaller(max(shape[:2]) / 2)}"
        ) from error


def _smaller(side: float) -> str:
    return f"end the recipe's sizes at {max(1, int(side))} pixels or less."
