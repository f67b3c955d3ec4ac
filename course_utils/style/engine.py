"""Running a recipe: one evaluation a step, watchable, stoppable, resumable.

Nothing here knows a framework: a backend answers terms and gradients, an
optimiser moves the pixels, the pyramid gives the sizes.
"""

import contextlib
import copy
import hashlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from course_utils import images

from . import pyramid, vgg
from .losses import Losses, Targets
from .optimizers import Adam, Lbfgs
from .pyramid import Level, PictureError
from .recipe import StyleRecipe

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
class State:
    """Where a run stands; ``resume`` goes on from it.

    It holds the optimiser's memory, some twenty pictures.
    """

    run: str  # digest of the pictures and the recipe
    level: int
    optimizer: Lbfgs | Adam | None
    history: tuple[Losses, ...]
    seconds: float


@dataclass(frozen=True)
class Progress:
    """What one step brought; collect its ``image``, its ``state`` is large."""

    step: int  # evaluations so far, from 1
    steps: int  # evaluations planned, over all sizes
    losses: Losses
    image: np.ndarray  # the best so far, at the present size
    seconds: float  # since the start
    eta: float  # estimated seconds to the end
    state: State


@dataclass(frozen=True)
class StyleResult:
    """A finished or stopped transfer.

    ``history`` has one entry per evaluation; each size of the pyramid starts
    higher than the one before it ended. ``resume`` goes on from a result.
    """

    image: np.ndarray
    history: tuple[Losses, ...]
    snapshots: Mapping[int, np.ndarray]  # step: picture
    seconds: float
    stopped: bool  # before its last step
    reason: str  # why; "" if it was not
    state: State


class Run:
    """A transfer under way that keeps what it brought.

    Iterate over it for one Progress an evaluation, and stop asking whenever
    you like: what it has by then stays here, and ``result`` sums it up.

    Attributes:
        latest: its last Progress, None before the first.
        image, history, snapshots, seconds, state: as in StyleResult, those of
            ``resume`` included; without one, image and state begin as None.
        stopped: False once its last step was taken.
    """

    def __init__(
        self,
        content: np.ndarray,
        style_image: Styles,
        recipe: StyleRecipe | None = None,
        backend: str = "torch",
        *,
        resume: "Run | StyleResult | Progress | None" = None,
    ):
        """Check everything as ``stream`` does; the first step computes."""
        self.recipe = recipe or StyleRecipe.balanced()
        self._steps = stream(
            content, style_image, self.recipe, backend, resume=resume
        )
        self.latest = getattr(resume, "latest", None)
        self.image = resume.image if resume else None
        self.state = resume.state if resume else None
        self.history = self.state.history if self.state else ()
        self.seconds = self.state.seconds if self.state else 0
        self.snapshots = dict(getattr(resume, "snapshots", {}))
        self.stopped = True

    def __iter__(self) -> Iterator[Progress]:
        """Take the steps that are left."""
        every = self.recipe.snapshot_every
        for progress in self._steps:
            self.latest, self.state = progress, progress.state
            self.image, self.seconds = progress.image, progress.seconds
            self.history = progress.state.history
            if every and progress.step % every == 0:
                self.snapshots[progress.step] = progress.image
            yield progress
        self.stopped = False

    def close(self, *, resumable: bool = True) -> None:
        """End here, and let go of the network's memory.

        Unless ``resumable``, also of the optimiser's, some twenty pictures.
        """
        self._steps.close()
        if not resumable:
            self.state = None
            if self.latest:
                self.latest = replace(self.latest, state=None)

    def result(self, reason: str = "") -> StyleResult:
        """Sum up; ``reason`` says why it was stopped, if it was."""
        return StyleResult(
            image=self.image,
            history=self.history,
            snapshots=self.snapshots,
            seconds=self.seconds,
            stopped=self.stopped,
            reason=reason,
            state=self.state,
        )


def transfer(
    content: np.ndarray,
    style_image: Styles,
    recipe: StyleRecipe | None = None,
    backend: str = "torch",
    on_progress: Callable[[Progress], None] | None = None,
    *,
    resume: Run | StyleResult | Progress | None = None,
) -> StyleResult:
    """Paint ``content`` in the style of ``style_image``; see ``stream``.

    ``on_progress`` is called with each Progress. An interrupt (Ctrl-C, the
    notebook's stop button) ends the run early and keeps the best picture, as
    do, with a warning, divergence and lack of memory after the first step.
    """
    run = Run(content, style_image, recipe, backend, resume=resume)
    try:
        for progress in run:
            if on_progress:
                on_progress(progress)
    except (KeyboardInterrupt, DivergedError, NotEnoughMemoryError) as error:
        if run.image is None:
            raise
        reason = str(error) or "interrupted"
        if not isinstance(error, KeyboardInterrupt):
            warnings.warn(f"{reason} The best picture is kept.", stacklevel=2)
        return run.result(reason)
    return run.result()


def stream(
    content: np.ndarray,
    style_image: Styles,
    recipe: StyleRecipe | None = None,
    backend: str = "torch",
    *,
    resume: Run | StyleResult | Progress | None = None,
) -> Iterator[Progress]:
    """Paint ``content`` in the style of ``style_image``, step by step.

    Args:
        content: the photograph.
        style_image: the painting, or several in a list; None where the
            recipe's style_weight is 0.
        recipe: every knob; the balanced preset by default.
        backend: "torch" or "tensorflow".
        resume: an earlier run, its result or a Progress of it, with the same
            pictures and recipe, whichever the backend. It goes on as if it
            had never stopped; a recipe with more ``steps`` goes on further.

    Returns:
        A generator with one Progress per evaluation. Close it, or just stop
        asking, to end early: the last Progress holds the best picture.

    Raises:
        RecipeError, PictureError, ImageError: at once, in words; all are
            ValueErrors.
        NotEnoughMemoryError: the pictures would not fit.
        DivergedError: from the generator, if the loss is not a number.
    """
    recipe = recipe or StyleRecipe.balanced()
    recipe.validate()
    images.require_rgb(content)
    styles = _style_pictures(style_image, recipe)
    levels = pyramid.build(content, styles, recipe)
    run = _digest([content, *styles], recipe)
    state = resume.state if resume else State(run, 0, None, (), 0)
    if state.run != run:
        raise PictureError(
            "resume goes on with the run it came from: give it the same "
            "pictures and recipe (only steps and snapshot_every may differ)."
        )
    _check_memory(levels[-1].content.shape, recipe.used_layers(), backend)
    return _steps(levels, recipe, backend, state)


def _steps(
    levels: list[Level], recipe: StyleRecipe, backend: str, state: State
) -> Iterator[Progress]:
    """Walk through the levels, one Progress per evaluation."""
    started = time.perf_counter() - state.seconds
    network = vgg.load_network(
        recipe.used_layers(),
        backend,
        recipe.weights,
        recipe.pooling,
        recipe.precision,
    )
    optimizer, history = copy.copy(state.optimizer), list(state.history)
    for number in range(state.level, len(levels)):
        level = levels[number]
        with _memory_explained(level.content.shape, backend):
            evaluate = _objective(network, level, recipe)
        if optimizer is None:
            optimizer = _optimizer(pyramid.start(level, recipe), recipe)
        while optimizer.evaluations < level.steps and not optimizer.converged:
            with _memory_explained(level.content.shape, backend):
                losses, gradient = evaluate(optimizer.trial)
            if not (np.isfinite(losses.total) and np.isfinite(gradient).all()):
                raise DivergedError(
                    "The loss is no longer a number at step "
                    f"{len(history) + 1}: use smaller weights, or "
                    'precision="float32".'
                )
            optimizer.tell(losses.total, gradient)
            history.append(losses)
            state = State(
                state.run,
                number,
                copy.copy(optimizer),
                tuple(history),
                time.perf_counter() - started,
            )
            yield _progress(state, levels)
        if number + 1 < len(levels):
            start = pyramid.carry_up(
                optimizer.best, level, levels[number + 1], recipe
            )
            optimizer = _optimizer(start, recipe)


def _objective(network, level: Level, recipe: StyleRecipe) -> Callable:
    """Return a function: pixels -> (Losses, gradient)."""
    content, style = {}, {}
    if recipe.content_weight:
        content = network.features(
            _as_rgb(level.content), recipe.content_layers
        )
    if recipe.style_weight:
        style = _mixed_style(network, level.styles, recipe)
    targets = Targets(
        content,
        style,
        recipe.content_layers,
        recipe.style_layers,
        recipe.content_weight,
        recipe.style_weight,
        recipe.tv_weight,
    )
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


def _progress(state: State, levels: list[Level]) -> Progress:
    level, optimizer = levels[state.level], state.optimizer
    done = sum(lower.work for lower in levels[: state.level])
    done += level.work * optimizer.evaluations / level.steps
    total = sum(level.work for level in levels)
    # Not all levels' steps: a resumed recipe may have others than it had.
    left = max(0, level.steps - optimizer.evaluations)
    left += sum(higher.steps for higher in levels[state.level + 1 :])
    painted = optimizer.best
    if painted.shape[-1] == 1:
        painted = pyramid.recolor(painted, level.photograph)
    return Progress(
        step=len(state.history),
        steps=len(state.history) + left,
        losses=state.history[-1],
        image=np.round(255 * painted).astype(np.uint8),
        seconds=state.seconds,
        eta=state.seconds * max(0.0, total / done - 1),
        state=state,
    )


def _style_pictures(
    style_image: Styles, recipe: StyleRecipe
) -> list[np.ndarray]:
    """Return the style pictures as a list, checked."""
    if style_image is None and not recipe.style_weight:
        return []
    several = isinstance(style_image, list | tuple)
    styles = list(style_image) if several else [style_image]
    for style in styles:
        images.require_rgb(style)
    weights = recipe.style_image_weights
    if weights is not None and len(weights) != len(styles):
        raise PictureError(
            f"There are {len(styles)} style pictures, but "
            f"style_image_weights has {len(weights)} numbers: give one each."
        )
    return styles


def _digest(pictures: list[np.ndarray], recipe: StyleRecipe) -> str:
    """Identify a run by all that decides its path."""
    path = replace(recipe, steps=1, snapshot_every=0).to_json()
    digest = hashlib.sha256(path.encode())
    for picture in pictures:
        digest.update(f"{picture.shape}".encode())
        digest.update(np.ascontiguousarray(picture))
    return digest.hexdigest()


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
