"""The loop: steps, stopping, resuming, and what happens when it fails."""

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest

from course_utils import images, style
from course_utils.style import StyleRecipe, engine, vgg

PHOTO = images.load_image(images.sample("content/china_pavilion"), 64)
PAINTING = images.load_image(images.sample("styles/hokusai_great_wave"), 64)
SMALL = {"sizes": (32, 64), "steps": 4, "precision": "float32"}
RECIPE = StyleRecipe(**SMALL, snapshot_every=2)


@pytest.fixture(scope="module")
def whole():
    return style.transfer(PHOTO, PAINTING, RECIPE)


@pytest.mark.parametrize(
    "knob",
    [
        {"optimizer": "adam"},
        {"init": "noise"},
        {"init": "style"},
        {"init": "blend"},
        {"pooling": "avg"},
        {"preserve_color": "recolor"},
        {"preserve_color": "luminance"},
        {"preserve_color": "match"},
        {"tv_weight": 10.0},
        {"content_weight": 0, "init": "noise"},
        {"style_weight": 0, "init": "noise"},
        {"content_layers": "conv2_2", "style_layers": "conv3_1"},
        {"precision": "bfloat16"},
    ],
    ids=str,
)
def test_every_knob_paints_another_picture(whole, knob):
    result = style.transfer(PHOTO, PAINTING, StyleRecipe(**SMALL | knob))
    assert result.image.shape == PHOTO.shape
    assert result.image.dtype == np.uint8
    assert not result.stopped
    totals = [losses.total for losses in result.history[6:]]
    assert min(totals[1:]) < totals[0]
    assert (result.image != whole.image).any()


def test_steps_snapshots_and_progress_add_up(whole):
    run = style.Run(PHOTO, PAINTING, RECIPE)
    seen = list(run)
    assert [progress.step for progress in seen] == list(range(1, 11))
    assert {progress.steps for progress in seen} == {10}  # 6 small, 4 large
    assert [progress.image.shape[1] for progress in seen] == 6 * [32] + 4 * [64]
    assert seen[-1].eta == 0 < seen[0].eta
    assert list(run.snapshots) == [2, 4, 6, 8, 10]
    assert (run.snapshots[10] == run.image).all()
    assert run.history == whole.history and not run.stopped


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_same_seed_same_bytes(backend):
    recipe = StyleRecipe(**SMALL, init="noise", seed=3)
    first, second, other = (
        style.transfer(PHOTO, PAINTING, r, backend)
        for r in (recipe, recipe, dataclasses.replace(recipe, seed=4))
    )
    assert first.image.tobytes() == second.image.tobytes()
    assert first.history == second.history
    assert other.image.tobytes() != first.image.tobytes()


# Stopping and going on


def test_an_interrupt_keeps_the_best(whole):
    def interrupt(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    result = style.transfer(PHOTO, PAINTING, RECIPE, on_progress=interrupt)
    assert result.stopped
    assert result.history == whole.history[:3]
    assert result.image.shape == (22, 32, 3) and list(result.snapshots) == [2]


def test_a_run_goes_on_where_it_was_left(whole):
    run = style.Run(PHOTO, PAINTING, RECIPE)
    assert run.latest is None and run.history == () and run.stopped
    for progress in itertools.islice(run, 3):
        assert run.latest is progress
    assert run.stopped and list(run.snapshots) == [2]
    assert [progress.step for progress in run] == list(range(4, 11))
    assert not run.stopped and run.history == whole.history
    assert run.image.tobytes() == whole.image.tobytes()


def test_a_run_goes_on_with_more_steps(whole):
    run = style.Run(PHOTO, PAINTING, RECIPE)
    for _ in itertools.islice(run, 9):
        pass
    run.change(steps=9, snapshot_every=5)
    *_, last = run
    assert last.step == last.steps == 15 and last.eta == 0
    assert run.history[:10] == whole.history
    assert list(run.snapshots) == [2, 4, 6, 8, 10, 15]
    assert run.history[-1].total < whole.history[-1].total


def disturb(monkeypatch, step, change):
    """Let ``change(losses, gradient)`` answer for the objective at a step."""
    original, calls = engine._objective, itertools.count(1)

    def objective(*arguments):
        evaluate = original(*arguments)

        def disturbed(pixels):
            answer = evaluate(pixels)
            return change(*answer) if next(calls) == step else answer

        return disturbed

    monkeypatch.setattr(engine, "_objective", objective)


def test_an_interrupted_evaluation_is_taken_again(whole, monkeypatch):
    def interrupt(losses, gradient):
        raise KeyboardInterrupt

    disturb(monkeypatch, 3, interrupt)
    run = style.transfer(PHOTO, PAINTING, RECIPE)
    assert run.stopped and len(run.history) == 2
    assert [progress.step for progress in run] == list(range(3, 11))
    assert run.history == whole.history and not run.stopped


def test_a_loss_that_is_no_number_keeps_the_best(monkeypatch):
    disturb(monkeypatch, 4, lambda losses, slope: (losses, slope * np.nan))
    with pytest.warns(UserWarning, match="no longer a number at step 4"):
        result = style.transfer(PHOTO, PAINTING, RECIPE)
    assert result.stopped
    assert len(result.history) == 3


def test_weights_beyond_float32_are_explained():
    recipe = StyleRecipe(**SMALL, style_weight=1e39)
    with np.errstate(over="ignore"), pytest.raises(style.DivergedError):
        style.transfer(PHOTO, PAINTING, recipe)


# Pictures


@pytest.mark.parametrize("backend", vgg.BACKENDS)
@pytest.mark.parametrize("shape", [(8, 8), (301, 9), (1500, 2000)], ids=str)
def test_tiny_huge_and_extreme_pictures_work(backend, shape):
    random = np.random.default_rng(0)
    content = random.integers(0, 256, (*shape, 3), np.uint8)
    recipe = StyleRecipe(sizes=(16, 64), steps=2)
    result = style.transfer(content, PAINTING, recipe, backend)
    height, width, _ = result.image.shape
    assert height / width == pytest.approx(shape[0] / shape[1], rel=0.05)
    assert not result.stopped


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_identical_pictures_stay_what_they_are(backend):
    flat = np.full((32, 32, 3), 128, np.uint8)
    for picture in (PHOTO, flat):
        result = style.transfer(picture, picture, RECIPE, backend)
        assert not result.stopped
        assert np.abs(result.image.astype(int) - picture).max() <= 1


def test_a_layer_that_answers_nothing_leaves_the_loss_finite():
    silent = np.zeros((4, 4), np.float32)  # on a flat picture
    targets = engine.Targets({}, {"conv1_1": silent}, RECIPE)
    assert np.isfinite(targets.scales()).all()


def test_what_makes_no_sense_is_refused_at_once():
    for pictures in (
        (PHOTO, None),
        (PHOTO / 255, PAINTING),
        (PHOTO, [PAINTING, PAINTING[..., :1]]),
    ):
        with pytest.raises(images.ImageError):
            style.stream(*pictures, RECIPE)
    dot = np.zeros((1, 20, 3), np.uint8)
    for pictures in ((dot, PAINTING), (PHOTO, dot)):
        with pytest.raises(images.ImageError, match="20 x 1 pixels, but 8"):
            style.stream(*pictures)
    with pytest.raises(ValueError, match="'jax' is not a backend"):
        style.stream(PHOTO, PAINTING, backend="jax")
    with pytest.raises(style.RecipeError, match="steps is 0"):
        style.stream(PHOTO, PAINTING, StyleRecipe(steps=0))


def test_several_styles_mix_by_their_weights():
    other = images.load_image(images.sample("styles/munch_scream"), 64)

    def paint(styles, weights=None):
        recipe = StyleRecipe(**SMALL, style_image_weights=weights)
        return style.transfer(PHOTO, styles, recipe).image.astype(float)

    only = paint(PAINTING)
    assert (paint([PAINTING, other], (2.0, 0.0)) == only).all()
    mostly = np.abs(paint([PAINTING, other], (9.0, 1.0)) - only).mean()
    equally = np.abs(paint([PAINTING, other]) - only).mean()
    assert 0 < mostly < equally
    with pytest.raises(style.RecipeError, match="2 style pictures"):
        paint([PAINTING, other], (1.0, 1.0, 1.0))


# Memory


def test_too_large_names_a_size_that_fits(no_gpu, monkeypatch):
    large = np.zeros((2000, 3000, 3), np.uint8)
    monkeypatch.setattr("course_utils.hardware.free_memory", lambda: 2 * 10**9)
    with pytest.raises(MemoryError) as caught:
        style.stream(large, PAINTING, StyleRecipe(sizes=3000))
    sentence = str(caught.value)
    assert "3000 x 2000 pixels" in sentence and "2.0 GB are free" in sentence
    side = int(sentence.split(" at ")[1].split()[0])
    style.stream(large, PAINTING, StyleRecipe(sizes=side))
    with pytest.raises(style.NotEnoughMemoryError):
        style.stream(large, PAINTING, StyleRecipe(sizes=side + 20))


def test_frameworks_own_complaints_are_understood():
    torch = vgg.load_backend("torch").torch
    tf = vgg.load_backend("tensorflow").tf
    explained, too_large = engine._memory_explained, style.NotEnoughMemoryError
    with pytest.raises(too_large), explained((9, 9), "torch"):
        torch.empty(2**50)
    processor = tf.device("CPU:0")
    with pytest.raises(too_large), explained((9, 9), "tensorflow"), processor:
        tf.zeros([2**20, 2**25])
    for backend in vgg.BACKENDS:
        with pytest.raises(ZeroDivisionError), explained((9, 9), backend):
            raise ZeroDivisionError


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_what_fitted_once_fits_again(no_gpu, backend, tmp_path):
    """What a painting has taken is given back, or counts as free.

    And nothing is written to the error stream, not even by TensorFlow.
    """
    machine = tmp_path / "meminfo"  # of a machine that does nothing else
    machine.write_text("MemAvailable: 64000000 kB")
    program = f"""
from pathlib import Path
import numpy as np
import psutil
from course_utils import hardware, style
hardware._MEMORY, hardware._OWN_GROUPS = Path({str(machine)!r}), Path("/no")
noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
def paint(side):
    recipe = style.StyleRecipe(sizes=side, steps=1, precision="float32")
    style.transfer(noise, noise, recipe, {backend!r})
    taken = psutil.Process().memory_info().rss
    free = style.vgg.load_backend({backend!r}).free_memory()
    return np.array([taken, psutil.Process().memory_info().rss - free])
small, large = paint(32), paint(400)
taken, lost = large - small
print(lost / taken)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert answer.stderr == ""
    assert float(answer.stdout) < 0.3
