"""Running a recipe: one evaluation a step, watchable, stoppable, resumable.

Nothing here knows a framework. A backend answers terms and gradients, an
optimiser moves the pixels, the pyramid gives the sizes, and this file walks
through them.
"""

import copy
import hashlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from course_utils import images

from . import backends, color, memory, pyramid, vgg
from .losses import Losses, Targets
from .memory import NotEnoughMemoryError
from .optimizers import Adam, Lbfgs
from .pyramid import Level, PictureError
from .recipe import StyleRecipe


class DivergedError(RuntimeError):
    """The loss or its gradient is no longer a number."""


@dataclass(frozen=True)
class State:
    """Where a run stands; ``resume`` goes on from it."""

    run: str  # digest of the pictures and the recipe
    level: int
    optimizer: Lbfgs | Adam
    history: tuple[Losses, ...]
    seconds: float


@dataclass(frozen=True)
class Progress:
    """What one step brought.

    Attributes:
        step: evaluations so far, from 1.
        steps: evaluations planned, over all sizes.
        losses: of this evaluation.
        image: the best picture so far, RGB uint8, at the present size.
        seconds: since the start.
        eta: estimated seconds to the end.
        state: what ``resume`` goes on from. It holds the optimiser's memory,
            some twenty pictures: collect images, not Progress.
    """

    step: int
    steps: int
    losses: Losses
    image: np.ndarray
    seconds: float
    eta: float
    state: State


@dataclass(frozen=True)
class StyleResult:
    """A finished or stopped transfer.

    Attributes:
        image: the best picture, RGB uint8 (height, width, 3).
        history: Losses, one per evaluation. Each size of the pyramid starts
            higher than the one before it ended.
        snapshots: {step: RGB uint8 picture}.
        seconds: how long it took.
        stopped: True if it ended before its last step.
        reason: why it stopped, "" if it did not.
        state: what ``resume`` goes on from.
    """

    image: np.ndarray
    history: tuple[Losses, ...]
    snapshots: Mapping[int, np.ndarray]
    seconds: float
    stopped: bool
    reason: str
    state: State


def transfer(
    content: np.ndarray,
    style_image: np.ndarray | Sequence[np.ndarray] | None,
    recipe: StyleRecipe | None = None,
    backend: str = "torch",
    on_progress: Callable[[Progress], None] | None = None,
    *,
    resume: StyleResult | Progress | None = None,
) -> StyleResult:
    """Paint ``content`` in the style of ``style_image``; see ``stream``.

    ``on_progress`` is called with each Progress. An interrupt (Ctrl-C, the
    notebook's stop button) ends the run early and keeps the best picture, as
    do, with a warning, divergence and lack of memory after the first step.
    """
    recipe = recipe or StyleRecipe()
    snapshots = dict(getattr(resume, "snapshots", {}))
    last, reason = resume, ""
    steps = stream(content, style_image, recipe, backend, resume=resume)
    try:
        for last in steps:
            if recipe.snapshot_every and last.step % recipe.snapshot_every == 0:
                snapshots[last.step] = last.image
            if on_progress:
                on_progress(last)
    except (KeyboardInterrupt, DivergedError, NotEnoughMemoryError) as error:
        if last is None:
            raise
        reason = str(error) or "interrupted"
        if not isinstance(error, KeyboardInterrupt):
            warnings.warn(f"{reason} The best picture is kept.", stacklevel=2)
    return StyleResult(
        image=last.image,
        history=last.state.history,
        snapshots=snapshots,
        seconds=last.state.seconds,
        stopped=bool(reason),
        reason=reason,
        state=last.state,
    )


def stream(
    content: np.ndarray,
    style_image: np.ndarray | Sequence[np.ndarray] | None,
    recipe: StyleRecipe | None = None,
    backend: str = "torch",
    *,
    resume: StyleResult | Progress | None = None,
) -> Iterator[Progress]:
    """Paint ``content`` in the style of ``style_image``, step by step.

    Args:
        content: RGB uint8 (height, width, 3).
        style_image: the same, or several in a list; None is allowed where
            the recipe's style_weight is 0.
        recipe: every knob; the balanced preset by default.
        backend: "torch" or "tensorflow".
        resume: the result, or a Progress, of an earlier run with the same
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
    recipe = recipe or StyleRecipe()
    recipe.validate()
    backends.check_backend(backend)
    images.require_rgb(content)
    styles = _style_pictures(style_image, recipe)
    levels = pyramid.build(content, styles, recipe)
    run = _digest([content, *styles], recipe)
    if resume is None:
        state = State(run, level=0, optimizer=None, history=(), seconds=0)
    else:
        state = resume.state
        _check_same_run(state, run)
    memory.check(levels[-1].content.shape, recipe.used_layers(), backend)
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
        with memory.explained(level.content.shape, backend):
            evaluate = _objective(network, level, recipe)
        if optimizer is None:
            optimizer = _optimizer(pyramid.start(level, recipe), recipe)
        while optimizer.evaluations < level.steps and not optimizer.converged:
            with memory.explained(level.content.shape, backend):
                losses, gradient = evaluate(optimizer.trial)
            _check_finite(losses, gradient, step=len(history) + 1)
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
    targets = _targets(network, level, recipe)
    evaluate = network.objective(targets)

    def losses_and_gradient(pixels):
        terms, gradient = evaluate(_as_rgb(pixels))
        if pixels.shape[-1] == 1:
            gradient = gradient.sum(-1, keepdims=True)
        return targets.losses(terms), gradient

    return losses_and_gradient


def _targets(network, level: Level, recipe: StyleRecipe) -> Targets:
    content, style = {}, {}
    if recipe.content_weight:
        content = network.features(
            _as_rgb(level.content), recipe.content_layers
        )
    if recipe.style_weight:
        style = _mixed_style(network, level.styles, recipe)
    return Targets(
        content,
        style,
        recipe.content_layers,
        recipe.style_layers,
        recipe.content_weight,
        recipe.style_weight,
        recipe.tv_weight,
    )


def _mixed_style(network, styles, recipe) -> dict[str, np.ndarray]:
    """Average the Gram matrices of the style pictures by their weights.

    Being near the average is being near all of them: the squared distances
    to each differ from the one to the average by a constant only.
    """
    weights = np.float32(recipe.style_image_weights or [1] * len(styles))
    shares = weights / weights.sum()
    layers = list(recipe.style_layers)
    grams = [network.gram_matrices(_as_rgb(s), layers) for s in styles]
    return {
        layer: sum(
            share * gram[layer]
            for share, gram in zip(shares, grams, strict=True)
        )
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
    evaluated = optimizer.evaluations / level.steps
    done = sum(lower.work for lower in levels[: state.level])
    done += level.work * evaluated
    total = sum(level.work for level in levels)
    return Progress(
        step=len(state.history),
        steps=sum(level.steps for level in levels),
        losses=state.history[-1],
        image=_show(optimizer.best, level),
        seconds=state.seconds,
        eta=state.seconds * (total / done - 1),
        state=state,
    )


def _show(pixels: np.ndarray, level: Level) -> np.ndarray:
    """Turn what was painted into an RGB uint8 picture."""
    if pixels.shape[-1] == 1:
        pixels = color.recolor(pixels, level.photograph)
    return np.round(255 * pixels).astype(np.uint8)


def _style_pictures(style_image, recipe: StyleRecipe) -> list[np.ndarray]:
    """Return the style pictures as a list, checked."""
    if style_image is None and not recipe.style_weight:
        return []
    styles = style_image
    if not isinstance(style_image, list | tuple):
        styles = [style_image]
    for style in styles:
        images.require_rgb(style)
    weights = recipe.style_image_weights
    if weights is not None and len(weights) != len(styles):
        raise PictureError(
            f"There are {len(styles)} style pictures, but "
            f"style_image_weights has {len(weights)} numbers: give one each."
        )
    return list(styles)


def _digest(pictures: list[np.ndarray], recipe: StyleRecipe) -> str:
    """Identify a run by all that decides its path."""
    path = replace(recipe, steps=1, snapshot_every=0).to_json()
    digest = hashlib.sha256(path.encode())
    for picture in pictures:
        digest.update(f"{picture.shape}".encode())
        digest.update(np.ascontiguousarray(picture))
    return digest.hexdigest()


def _check_same_run(state: State, run: str) -> None:
    if state.run != run:
        raise PictureError(
            "resume goes on with the run it came from: give it the same "
            "pictures and recipe (only steps and snapshot_every may differ)."
        )


def _check_finite(losses: Losses, gradient: np.ndarray, step: int) -> None:
    if not (np.isfinite(losses.total) and np.isfinite(gradient).all()):
        raise DivergedError(
            f"The loss is no longer a number at step {step}: use smaller "
            'weights, or precision="float32".'
        )
