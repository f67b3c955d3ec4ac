"""PyTorch against TensorFlow, and each against an independent reference."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from course_utils import images, style
from course_utils.style import engine, pyramid, vgg
from course_utils.style.losses import Targets
from course_utils.style.optimizers import Lbfgs

RECIPE = style.StyleRecipe(
    sizes=(96,), tv_weight=0.1, precision="float32", steps=50
)


@pytest.fixture(scope="module")
def photo():
    return images.load_image(images.sample("content/china_pavilion"), 96)


@pytest.fixture(scope="module")
def painting():
    return images.load_image(images.sample("styles/vangogh_starry_night"), 96)


def objective(photo, painting, backend, recipe=RECIPE):
    """The first level's start and its function: pixels -> losses, gradient."""
    level = pyramid.build(photo, [painting], recipe)[0]
    network = vgg.load_network(
        recipe.used_layers(),
        backend,
        recipe.weights,
        recipe.pooling,
        recipe.precision,
    )
    return level.content, engine._objective(network, level, recipe)


def relative_difference(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_features_agree_in_every_layer(photo, pooling):
    odd = photo[:61, :85]
    torch, tensorflow = (
        vgg.features(odd, backend=name, pooling=pooling)
        for name in vgg.BACKENDS
    )
    assert list(torch) == list(vgg.LAYERS) == list(tensorflow)
    for layer in vgg.LAYERS:
        assert torch[layer].shape == tensorflow[layer].shape
        assert torch[layer].max() > 1
        assert relative_difference(torch[layer], tensorflow[layer]) <= 1e-5


@pytest.mark.parametrize("preserve_color", [None, "luminance", "match"])
def test_losses_and_gradients_agree(photo, painting, preserve_color):
    recipe = style.StyleRecipe(
        sizes=(96,),
        tv_weight=0.1,
        precision="float32",
        content_layers=("conv3_3", "conv5_1"),
        preserve_color=preserve_color,
    )
    answers = []
    for name in vgg.BACKENDS:
        start, evaluate = objective(photo, painting, name, recipe)
        noise = np.random.default_rng(1).random(start.shape, np.float32)
        answers.append(evaluate((start + noise) / 2))
    (a, gradient_a), (b, gradient_b) = answers
    for term in ("total", "content", "style", "tv"):
        expected = pytest.approx(getattr(b, term), rel=1e-5)
        assert getattr(a, term) == expected
        assert getattr(a, term) > 0
    assert a.style_layers == pytest.approx(b.style_layers, rel=1e-5)
    assert a.content_layers == pytest.approx(b.content_layers, rel=1e-5)
    lengths = np.linalg.norm(gradient_a) * np.linalg.norm(gradient_b)
    assert np.vdot(gradient_a, gradient_b) / lengths >= 0.99999


def test_fifty_steps_agree(photo, painting):
    """The same curve at first, the same loss at the end.

    In between rounding errors grow a hundredfold every ten steps. At the
    default style_weight of 100 they reach 1 to 3 % of the loss at this small
    size even between two runs of one framework whose gradients differ by
    1e-7; at 10 they stay below 0.4 %.
    """
    recipe = dataclasses.replace(RECIPE, style_weight=10.0, tv_weight=0.0)
    torch, tensorflow = (
        [
            losses.total
            for losses in style.transfer(photo, painting, recipe, name).history
        ]
        for name in vgg.BACKENDS
    )
    assert len(torch) == len(tensorflow) == 50
    assert torch[:5] == pytest.approx(tensorflow[:5], rel=1e-4)
    assert min(torch) < 0.1 * torch[0]
    assert min(torch) == pytest.approx(min(tensorflow), rel=0.01)


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_gradient_is_the_slope_of_the_loss(photo, painting, backend):
    """The loss recomputed in float64 NumPy-free torch, differenced."""
    start, evaluate = objective(photo, painting, backend)
    _, gradient = evaluate(start)
    direction = np.random.default_rng(0).normal(size=start.shape)
    direction += 100 * np.sign(gradient)  # well away from a zero slope
    slope = np.vdot(gradient, direction)
    loss = reference_loss(photo, painting)
    step = 1e-7
    ahead, behind = (
        loss(start.astype(np.float64) + sign * step * direction)
        for sign in (1, -1)
    )
    assert (ahead - behind) / (2 * step) == pytest.approx(slope, rel=1e-3)


def reference_loss(photo, painting):
    """The module's formula written out once more, plainly, in float64."""
    import torch
    import torch.nn.functional as F

    weights = vgg.load_weights(layers=RECIPE.used_layers())

    def outputs(pixels):
        x = torch.tensor(255 * pixels - weights.mean.astype(np.float64))
        x, found = x.permute(2, 0, 1)[None], {}
        for name, (kernel, bias) in weights.layers.items():
            if name in ("conv2_1", "conv3_1", "conv4_1"):
                x = F.max_pool2d(x, 2)
            kernel = torch.tensor(kernel.transpose(3, 2, 0, 1)).double()
            x = F.conv2d(x, kernel, torch.tensor(bias).double(), padding=1)
            x = x.clamp(min=0)
            found[name] = x[0].flatten(1)
        return found

    level = pyramid.build(photo, [painting], RECIPE)[0]
    wanted = outputs(level.content)["conv4_2"]
    painted = outputs(level.styles[0])

    def loss(pixels):
        found = outputs(pixels)
        content = ((found["conv4_2"] - wanted) ** 2).mean()
        total = content / (wanted**2).mean()
        for name, weight in RECIPE.style_layers.items():
            gram = found[name] @ found[name].T / found[name].shape[1]
            aim = painted[name] @ painted[name].T / painted[name].shape[1]
            error = ((gram - aim) ** 2).mean() / (aim**2).mean()
            total = total + 100 * weight * error
        down = (np.diff(pixels, axis=0) ** 2).sum()
        across = (np.diff(pixels, axis=1) ** 2).sum()
        return float(total) + 0.1 * (down + across) / pixels.size

    return loss


def test_total_is_the_weighted_sum_of_its_parts(photo, painting):
    start, evaluate = objective(photo, painting, "torch")
    losses, _ = evaluate(start)
    parts = losses.content + 100 * losses.style + 0.1 * losses.tv
    assert losses.total == pytest.approx(parts, rel=1e-6)
    assert losses.total == pytest.approx(
        reference_loss(photo, painting)(start.astype(np.float64)), rel=1e-5
    )


def test_same_numbers_give_the_same_look_at_every_size(photo):
    """Relative errors hardly depend on the size, absolute ones would."""
    painting = images.load_image(images.sample("styles/munch_scream"))
    content = images.load_image(images.sample("content/china_pavilion"))
    style_errors = []
    for side in (128, 256):
        recipe = style.StyleRecipe(sizes=(side,), precision="float32", steps=1)
        result = style.transfer(content, painting, recipe)
        style_errors.append(result.history[0].style)
    assert style_errors[0] == pytest.approx(style_errors[1], rel=0.2)


def test_thread_counts_agree(photo, painting):
    import torch

    start, evaluate = objective(photo, painting, "torch")
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one, gradient_one = evaluate(start)
        torch.set_num_threads(2)
        two, gradient_two = evaluate(start)
    finally:
        torch.set_num_threads(threads)
    assert one.total == pytest.approx(two.total, rel=1e-5)
    assert relative_difference(gradient_one, gradient_two) <= 1e-4


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_bfloat16_is_close_and_not_worse(photo, painting, backend):
    histories = {
        precision: style.transfer(
            photo,
            painting,
            style.StyleRecipe(sizes=(96,), precision=precision, steps=30),
            backend,
        )
        for precision in ("float32", "bfloat16")
    }
    judge = reference_loss(photo, painting)
    full, half = (
        judge(histories[p].image.astype(np.float64) / 255)
        for p in ("float32", "bfloat16")
    )
    assert half <= 1.1 * full


def test_one_process_can_switch_between_frameworks(photo, painting):
    """A run begun in one framework goes on in the other, on the same curve."""
    begun = style.transfer(
        photo, painting, style.StyleRecipe(sizes=(96,), steps=10), "torch"
    )
    longer = style.StyleRecipe(sizes=(96,), steps=20)
    ended = style.transfer(photo, painting, longer, "tensorflow", resume=begun)
    assert ended.history[:10] == begun.history
    assert ended.history[-1].total < begun.history[-1].total


def test_lbfgs_beats_adam_at_equal_evaluations(photo, painting):
    totals = {}
    for optimizer in ("lbfgs", "adam"):
        recipe = style.StyleRecipe(sizes=(96,), steps=40, optimizer=optimizer)
        result = style.transfer(photo, painting, recipe)
        totals[optimizer] = min(losses.total for losses in result.history)
    assert totals["lbfgs"] < totals["adam"] < 30


def test_targets_of_a_flat_picture_stay_finite():
    targets = Targets(
        {"conv1_1": np.zeros((2, 2, 64), np.float32)},
        {},
        {"conv1_1": 1.0},
        {},
        1.0,
        0.0,
        0.0,
    )
    assert np.isfinite(targets.scales()).all()


def test_lbfgs_minimises_a_known_function_in_the_box():
    """A badly scaled quadratic whose minimum lies partly outside 0-1."""
    scales = np.float32([1, 100, 10, 1000])
    aim = np.float32([0.3, 0.7, 2.0, -1.0])
    optimizer = Lbfgs(np.full(4, 0.5, np.float32))
    while not optimizer.converged and optimizer.evaluations < 100:
        error = optimizer.trial - aim
        optimizer.tell(float(scales @ error**2), 2 * scales * error)
    assert optimizer.best == pytest.approx([0.3, 0.7, 1.0, 0.0], abs=1e-3)


def test_tensorflow_may_be_imported_first():
    """triton loaded after TensorFlow would end the process without a word."""
    program = (
        "import tensorflow; from course_utils.style import tensorflow_backend;"
        "import torch; pixels = torch.zeros(3, requires_grad=True);"
        "torch.optim.LBFGS([pixels]); import torchvision"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-500:]
