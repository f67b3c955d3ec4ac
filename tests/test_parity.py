"""PyTorch against TensorFlow, and each against an independent reference."""

import dataclasses

import numpy as np
import pytest

from course_utils import images, style
from course_utils.style import engine, pyramid, vgg

RECIPE = style.StyleRecipe(
    sizes=96,
    tv_weight=0.1,
    precision="float32",
    steps=50,
    content_layers=("conv3_3", "conv4_2"),
    style_layers=("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"),
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


@pytest.mark.parametrize(
    "knob",
    [
        {},
        {"pooling": "avg"},
        {"preserve_color": "recolor"},
        {"preserve_color": "luminance"},
        {"preserve_color": "match"},
    ],
    ids=str,
)
def test_losses_and_gradients_agree(photo, painting, knob):
    recipe = dataclasses.replace(RECIPE, **knob)
    answers = []
    for name in vgg.BACKENDS:
        start, evaluate = objective(photo, painting, name, recipe)
        noise = np.random.default_rng(1).random(start.shape, np.float32)
        answers.append(evaluate((start + noise) / 2))
    (a, gradient_a), (b, gradient_b) = answers
    assert min(a.total, a.content, a.style, a.tv) > 0
    assert a.total == pytest.approx(b.total, rel=1e-5)
    assert a.tv == pytest.approx(b.tv, rel=1e-5)
    assert a.style_layers == pytest.approx(b.style_layers, rel=1e-5)
    assert a.content_layers == pytest.approx(b.content_layers, rel=1e-5)
    lengths = np.linalg.norm(gradient_a) * np.linalg.norm(gradient_b)
    assert np.vdot(gradient_a, gradient_b) / lengths >= 0.99999


def test_fifty_steps_agree(photo, painting):
    """The same curve at first, the same loss at the end.

    In between rounding errors grow a hundredfold every ten steps. At the
    default style_weight of 100 they reach 1 to 3 % of the loss at this small
    size even between two runs of one framework whose gradients differ by
    1e-7; at 10, with four layers, they stay below 0.4 %.
    """
    recipe = style.StyleRecipe(
        sizes=96, steps=50, precision="float32", style_weight=10
    )
    # Equal neighbours tie for the maximum of a pooling, and on a GPU the two
    # frameworks pass the gradient on to different ones.
    noise = np.random.default_rng(0).integers(0, 9, photo.shape, np.uint8)
    photo = np.minimum(photo, 247) + noise
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


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_loss_and_gradient_are_the_formulas(photo, painting, backend, pooling):
    """Both against the module's formula in float64, the gradient as a slope."""
    recipe = dataclasses.replace(RECIPE, pooling=pooling)
    start, evaluate = objective(photo, painting, backend, recipe)
    losses, gradient = evaluate(start)
    reference = reference_loss(photo, painting, recipe)
    start = start.astype(np.float64)
    assert losses.total == pytest.approx(reference(start), rel=1e-5)
    direction = np.random.default_rng(0).normal(size=start.shape)
    direction += 100 * np.sign(gradient)  # well away from a zero slope
    step = 1e-9  # short: maximum pooling has kinks
    ahead, behind = (reference(start + s * step * direction) for s in (1, -1))
    slope = np.vdot(gradient, direction)
    assert (ahead - behind) / (2 * step) == pytest.approx(slope, rel=1e-3)


def reference_loss(photo, painting, recipe):
    """The formula of losses.py written out once more, plainly, in float64."""
    import torch
    import torch.nn.functional as F

    weights = vgg.load_weights(layers=recipe.used_layers())
    pool = F.max_pool2d if recipe.pooling == "max" else F.avg_pool2d

    def outputs(pixels):
        x = torch.tensor(255 * pixels - weights.mean.astype(np.float64))
        x, found = x.permute(2, 0, 1)[None], {}
        for name, (kernel, bias) in weights.layers.items():
            if name in ("conv2_1", "conv3_1", "conv4_1", "conv5_1"):
                x = pool(x, 2)
            kernel = torch.tensor(kernel.transpose(3, 2, 0, 1)).double()
            x = F.conv2d(x, kernel, torch.tensor(bias).double(), padding=1)
            x = x.clamp(min=0)
            found[name] = x[0].flatten(1)
        return found

    level = pyramid.build(photo, [painting], recipe)[0]
    wanted, painted = outputs(level.content), outputs(level.styles[0])

    def gram(features):
        return features @ features.T / features.shape[1]

    def relative(a, b):
        return ((a - b) ** 2).mean() / (b**2).mean()

    def loss(pixels):
        found, total = outputs(pixels), 0
        for name, weight in recipe.content_layers.items():
            total += weight * relative(found[name], wanted[name])
        for name, weight in recipe.style_layers.items():
            error = relative(gram(found[name]), gram(painted[name]))
            total += recipe.style_weight * weight * error
        down = (np.diff(pixels, axis=0) ** 2).sum()
        across = (np.diff(pixels, axis=1) ** 2).sum()
        return float(total) + recipe.tv_weight * (down + across) / pixels.size

    return loss


def test_same_numbers_give_the_same_look_at_every_size():
    """Relative errors hardly depend on the size, absolute ones would."""
    content = images.load_image(images.sample("content/china_pavilion"))
    artwork = images.load_image(images.sample("styles/munch_scream"))
    small, large = (
        style.transfer(
            content,
            artwork,
            style.StyleRecipe(sizes=side, precision="float32", steps=1),
        ).history[0]
        for side in (128, 256)
    )
    assert small.style == pytest.approx(large.style, rel=0.2)


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_a_few_more_steps_make_up_for_bfloat16(photo, painting, backend):
    judge = reference_loss(photo, painting, style.StyleRecipe(sizes=96))

    def loss(precision, steps):
        recipe = style.StyleRecipe(sizes=96, steps=steps, precision=precision)
        result = style.transfer(photo, painting, recipe, backend)
        return judge(result.image.astype(np.float64) / 255)

    assert loss("bfloat16", steps=36) <= loss("float32", steps=30)
