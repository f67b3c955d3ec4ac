"""Recipes, the loop, stopping, resuming, and what happens when it fails."""

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest

from course_utils import images, style
from course_utils.style import StyleRecipe, engine, pyramid, vgg

SMALL = {"sizes": (32, 64), "steps": 4, "precision": "float32"}


@pytest.fixture(scope="module")
def photo():
    return images.load_image(images.sample("content/china_pavilion"), 64)


@pytest.fixture(scope="module")
def painting():
    return images.load_image(images.sample("styles/hokusai_great_wave"), 64)


KNOBS = [
    {"optimizer": "adam"},
    {"init": "noise"},
    {"init": "style"},
    {"init": "blend"},
    {"pooling": "avg"},
    {"preserve_color": "luminance"},
    {"preserve_color": "match"},
    {"tv_weight": 10.0},
    {"content_weight": 0, "init": "noise"},
    {"style_weight": 0, "init": "noise"},
    {"content_layers": "conv2_2", "style_layers": "conv3_1"},
    {"precision": "bfloat16"},
    {"style_weight": 5.0},
]


@pytest.mark.parametrize("knob", KNOBS, ids=str)
def test_every_knob_paints_another_picture(photo, painting, knob):
    usual = style.transfer(photo, painting, StyleRecipe(**SMALL))
    result = style.transfer(photo, painting, StyleRecipe(**SMALL | knob))
    assert result.image.shape == photo.shape
    assert result.image.dtype == np.uint8
    assert not result.stopped
    totals = [losses.total for losses in result.history[6:]]
    assert min(totals[1:]) < totals[0]
    assert (result.image != usual.image).any()


def test_the_reported_losses_are_those_of_what_was_asked(photo, painting):
    texture = StyleRecipe(**SMALL, content_weight=0)
    losses = style.transfer(photo, painting, texture).history[-1]
    assert losses.content == 0 and losses.content_layers == {}
    assert list(losses.style_layers) == list(texture.style_layers)
    copy = StyleRecipe(**SMALL, style_weight=0, init="noise")
    losses = style.transfer(photo, None, copy).history[-1]
    assert losses.style == 0 and list(losses.content_layers) == ["conv4_2"]


def test_total_variation_smooths(photo, painting):
    rough, smooth = (
        style.transfer(
            photo,
            painting,
            StyleRecipe(**SMALL | {"steps": 15}, tv_weight=weight),
        ).history[-1]
        for weight in (0.0, 100.0)
    )
    assert smooth.tv < rough.tv


def test_steps_and_progress_add_up(photo, painting):
    seen = list(style.stream(photo, painting, StyleRecipe(**SMALL)))
    assert [progress.step for progress in seen] == list(range(1, 11))
    assert {progress.steps for progress in seen} == {10}  # 6 small, 4 large
    assert [progress.image.shape[1] for progress in seen] == 6 * [32] + 4 * [64]
    assert seen[-1].eta == 0 < seen[0].eta
    seconds = [progress.seconds for progress in seen]
    assert seconds == sorted(seconds) and seconds[0] > 0


def test_snapshots_come_when_asked(photo, painting):
    recipe = StyleRecipe(**SMALL, snapshot_every=5)
    result = style.transfer(photo, painting, recipe)
    assert list(result.snapshots) == [5, 10]
    assert (result.snapshots[10] == result.image).all()
    none = StyleRecipe(**SMALL, snapshot_every=0)
    assert style.transfer(photo, painting, none).snapshots == {}


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_same_seed_same_bytes(photo, painting, backend, optimizer):
    recipe = StyleRecipe(**SMALL, init="noise", seed=3, optimizer=optimizer)
    first, second = (
        style.transfer(photo, painting, recipe, backend) for _ in range(2)
    )
    assert first.image.tobytes() == second.image.tobytes()
    assert first.history == second.history
    other = dataclasses.replace(recipe, seed=4)
    third = style.transfer(photo, painting, other, backend)
    assert third.image.tobytes() != first.image.tobytes()


@pytest.mark.parametrize("stop_at", [1, 5, 6, 7])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_stopped_and_resumed_is_as_never_stopped(
    photo, painting, optimizer, stop_at
):
    recipe = StyleRecipe(**SMALL, optimizer=optimizer, snapshot_every=2)
    whole = style.transfer(photo, painting, recipe)
    stopped = style.transfer(
        photo, painting, recipe, on_progress=interrupt_at(stop_at)
    )
    assert stopped.stopped and stopped.reason == "interrupted"
    assert stopped.history == whole.history[:stop_at]
    resumed = style.transfer(photo, painting, recipe, resume=stopped)
    assert resumed.history == whole.history
    assert resumed.image.tobytes() == whole.image.tobytes()
    assert list(resumed.snapshots) == list(whole.snapshots)
    assert resumed.seconds > stopped.seconds


def interrupt_at(step):
    def on_progress(progress):
        if progress.step == step:
            raise KeyboardInterrupt

    return on_progress


def test_a_finished_run_goes_on_with_more_steps(photo, painting):
    result = style.transfer(photo, painting, StyleRecipe(**SMALL))
    same = style.transfer(photo, painting, StyleRecipe(**SMALL), resume=result)
    assert (same.image == result.image).all()
    assert same.history == result.history
    longer = StyleRecipe(**SMALL | {"steps": 9})
    more = style.transfer(photo, painting, longer, resume=result)
    assert more.history[:10] == result.history and len(more.history) == 15
    assert more.history[-1].total < result.history[-1].total


def test_resume_refuses_another_run(photo, painting):
    result = style.transfer(photo, painting, StyleRecipe(**SMALL))
    for pictures, knob in (
        ((photo, photo), {}),
        ((painting, painting), {}),
        ((photo, painting), {"style_weight": 7.0}),
    ):
        with pytest.raises(style.PictureError, match="same pictures"):
            style.stream(*pictures, StyleRecipe(**SMALL | knob), resume=result)


def test_interrupted_within_an_evaluation(photo, painting, monkeypatch):
    """Ctrl-C inside the framework: the step before is what is kept."""
    network = type(engine.vgg.load_network(["conv4_2"], precision="float32"))
    original = network.objective

    def objective(self, targets):
        evaluate, calls = original(self, targets), itertools.count(1)

        def interrupted(pixels):
            if next(calls) == 3:
                raise KeyboardInterrupt
            return evaluate(pixels)

        return interrupted

    monkeypatch.setattr(network, "objective", objective)
    result = style.transfer(photo, painting, StyleRecipe(**SMALL))
    assert result.stopped and len(result.history) == 2
    best = min(losses.total for losses in result.history)
    assert result.state.optimizer._value == best


def test_closing_the_generator_is_enough(photo, painting):
    steps = style.stream(photo, painting, StyleRecipe(**SMALL))
    third = list(itertools.islice(steps, 3))[-1]
    steps.close()
    assert third.image.shape == (22, 32, 3)
    rest = list(
        style.stream(photo, painting, StyleRecipe(**SMALL), resume=third)
    )
    assert [progress.step for progress in rest] == list(range(4, 11))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_loss_that_is_no_number_keeps_the_best(
    photo, painting, optimizer, monkeypatch
):
    network = type(engine.vgg.load_network(["conv4_2"], precision="float32"))
    original = network.objective

    def objective(self, targets):
        evaluate, calls = original(self, targets), itertools.count(1)

        def broken(pixels):
            terms, gradient = evaluate(pixels)
            bad = np.nan if next(calls) == 4 else 1
            return bad * terms, gradient

        return broken

    monkeypatch.setattr(network, "objective", objective)
    recipe = StyleRecipe(**SMALL, optimizer=optimizer)
    with pytest.warns(UserWarning, match="no longer a number at step 4"):
        result = style.transfer(photo, painting, recipe)
    assert result.stopped and "step 4" in result.reason
    assert len(result.history) == 3
    assert np.isfinite([losses.total for losses in result.history]).all()


def test_weights_beyond_float32_are_explained(photo, painting):
    recipe = StyleRecipe(**SMALL, style_weight=1e39)
    with np.errstate(over="ignore"), pytest.raises(style.DivergedError):
        style.transfer(photo, painting, recipe)


def test_best_is_the_lowest_loss_even_when_adam_leaps(photo, painting):
    recipe = StyleRecipe(
        **SMALL | {"sizes": (32,)}, optimizer="adam", learning_rate=0.9
    )
    result = style.transfer(photo, painting, recipe)
    totals = [losses.total for losses in result.history]
    assert totals[-1] > min(totals)
    assert result.state.optimizer._value == min(totals)


def test_pixels_never_leave_the_box(photo, painting):
    for progress in style.stream(photo, painting, StyleRecipe(**SMALL)):
        trial = progress.state.optimizer.trial
        assert trial.min() >= 0 and trial.max() <= 1
        assert trial.dtype == np.float32


# Sizes and shapes


@pytest.mark.parametrize(
    ("shape", "sizes", "expected"),
    [
        ((300, 400), (100, 200, 400), [(75, 100), (150, 200), (300, 400)]),
        ((30, 40), (100, 200, 400), [(30, 40)]),
        ((150, 150), (100, 200, 400), [(100, 100), (150, 150)]),
        ((8, 4000), (100, 200), [(8, 4000)]),
        ((40, 4000), (100, 1000), [(8, 800), (10, 1000)]),
    ],
)
def test_sizes_keep_the_ratio_and_never_enlarge(shape, sizes, expected):
    content = np.zeros((*shape, 3), np.uint8)
    style_picture = np.zeros((60, 90, 3), np.uint8)
    recipe = StyleRecipe(sizes=sizes)
    levels = pyramid.build(content, [style_picture], recipe)
    assert [level.content.shape[:2] for level in levels] == expected
    for level in levels:
        height, width = level.styles[0].shape[:2]
        assert height <= 60 and width <= 90
        assert width / height == pytest.approx(1.5, rel=0.05)


@pytest.mark.parametrize("backend", vgg.BACKENDS)
@pytest.mark.parametrize(
    "shape", [(8, 8), (8, 300), (301, 9), (1500, 2000)], ids=str
)
def test_tiny_huge_and_extreme_pictures_work(painting, backend, shape):
    random = np.random.default_rng(0)
    content = random.integers(0, 256, (*shape, 3), np.uint8)
    recipe = StyleRecipe(sizes=(16, 64), steps=2)
    result = style.transfer(content, painting, recipe, backend)
    height, width, _ = result.image.shape
    assert height / width == pytest.approx(shape[0] / shape[1], rel=0.05)
    assert not result.stopped


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_one_pixel_works_where_no_pooling_comes_before(backend):
    dot = np.full((1, 1, 3), 200, np.uint8)
    recipe = StyleRecipe(
        content_layers="conv1_1", style_layers="conv1_2", steps=3
    )
    result = style.transfer(dot, dot // 2, recipe, backend)
    assert result.image.shape == (1, 1, 3)
    assert result.history[-1].total < result.history[0].total


@pytest.mark.parametrize("which", ["content", "style"])
def test_too_small_says_how_large(photo, which):
    dot = np.zeros((1, 1, 3), np.uint8)
    pictures = (dot, photo) if which == "content" else (photo, dot)
    message = f"The {which} picture has 1 x 1 pixels.* needs 8"
    with pytest.raises(style.PictureError, match=message):
        style.stream(*pictures, StyleRecipe(**SMALL))


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_identical_pictures_stay_what_they_are(photo, backend):
    result = style.transfer(photo, photo, StyleRecipe(**SMALL), backend)
    assert not result.stopped
    assert np.abs(result.image.astype(int) - photo).max() <= 1
    flat = np.full((32, 32, 3), 128, np.uint8)
    result = style.transfer(flat, flat, StyleRecipe(**SMALL), backend)
    assert (result.image == 128).all()


def test_pictures_that_are_none_are_refused(photo, painting):
    wrong = [
        (None, painting),
        (photo, None),
        (photo / 255, painting),
        (photo[..., 0], painting),
        (photo, [painting, painting[..., :1]]),
        ("photo.jpg", painting),
    ]
    for pictures in wrong:
        with pytest.raises(images.ImageError):
            style.stream(*pictures, StyleRecipe(**SMALL))
    with pytest.raises(ValueError, match="'jax' is not a backend"):
        style.stream(photo, painting, backend="jax")


# Several style pictures


def test_several_styles_mix_by_their_weights(photo, painting):
    other = images.load_image(images.sample("styles/munch_scream"), 64)

    def paint(styles, weights=None):
        recipe = StyleRecipe(**SMALL, style_image_weights=weights)
        return style.transfer(photo, styles, recipe).image.astype(float)

    only = paint(painting)
    assert (paint([painting, other], (2.0, 0.0)) == only).all()
    mostly = np.abs(paint([painting, other], (9.0, 1.0)) - only).mean()
    equally = np.abs(paint([painting, other]) - only).mean()
    assert 0 < mostly < equally
    with pytest.raises(style.PictureError, match="2 style pictures"):
        paint([painting, other], (1.0, 1.0, 1.0))


# Memory


def test_too_large_names_a_size_that_fits(monkeypatch, painting):
    large = np.zeros((2000, 3000, 3), np.uint8)
    monkeypatch.setattr("course_utils.hardware.free_memory", lambda: 2 * 10**9)
    recipe = StyleRecipe(sizes=(3000,))
    with pytest.raises(style.NotEnoughMemoryError) as caught:
        style.stream(large, painting, recipe)
    assert isinstance(caught.value, MemoryError)
    sentence = str(caught.value)
    assert "3000 x 2000 pixels" in sentence and "2.0 GB are free" in sentence
    side = int(sentence.split(" at ")[1].split()[0])
    style.stream(large, painting, StyleRecipe(sizes=(side,)))
    with pytest.raises(style.NotEnoughMemoryError):
        style.stream(large, painting, StyleRecipe(sizes=(side + 20,)))


def test_frameworks_own_complaints_are_understood():
    torch = vgg.load_backend("torch").torch
    tf = vgg.load_backend("tensorflow").tf

    def allocate_torch():
        torch.empty(2**50)

    def allocate_tensorflow():
        with tf.device("CPU:0"):
            tf.zeros([2**20, 2**25])

    for backend, allocate in (
        ("torch", allocate_torch),
        ("tensorflow", allocate_tensorflow),
    ):
        with (
            pytest.raises(style.NotEnoughMemoryError, match="100 pixels"),
            engine._memory_explained((100, 200, 3), backend),
        ):
            allocate()
        with (
            pytest.raises(ZeroDivisionError),
            engine._memory_explained((1, 1, 3), backend),
        ):
            1 / 0  # noqa: B018


def test_tensorflow_is_quiet_and_lets_torchvision_in():
    """Two programs' worth of LLVM in one process used to end it."""
    program = (
        "import numpy as np; from course_utils import style; "
        "dot = np.zeros((8, 8, 3), np.uint8); "
        "style.vgg.features(dot, 'conv1_1', 'tensorflow'); "
        "import torchvision"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert answer.returncode == 0
    assert answer.stderr == "" and answer.stdout == ""
