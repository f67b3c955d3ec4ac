"""What learners may write in the style exercises: right and wrong answers."""

import numpy as np
import torch

from course_utils import checks
from course_utils.style.tensorflow_backend import tf

NUMPY, TORCH, TENSORFLOW = "numpy", "torch", "tensorflow"

# What a learner may well write, in each framework.


def gram(a):
    flat = a.reshape(len(a), -1, a.shape[-1])
    return flat.transpose(0, 2, 1) @ flat / flat.shape[1]


def gram_torch(a):
    flat = a.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def gram_tensorflow(a):
    return tf.einsum("mijc,mijd->mcd", a, a) / (a.shape[1] * a.shape[2])


def content(a_c, a_g):
    return np.sum((a_c - a_g) ** 2) / (4 * a_c.size)


def content_torch(a_c, a_g):
    return (a_c - a_g).square().mean() / 4


def content_tensorflow(a_c, a_g):
    _, n_h, n_w, n_c = a_g.shape
    squares = tf.square(tf.subtract(a_c, a_g))
    return tf.reduce_sum(squares) / (4 * n_h * n_w * n_c)


def layer(a_s, a_g):
    return np.sum((gram(a_s) - gram(a_g)) ** 2) / (4 * a_s.shape[-1] ** 2)


def layer_torch(a_s, a_g):
    return (gram_torch(a_s) - gram_torch(a_g)).square().mean() / 4


def layer_tensorflow(a_s, a_g):
    difference = gram_tensorflow(a_s) - gram_tensorflow(a_g)
    return tf.reduce_mean(tf.square(difference)) / 4


def style_with(cost):
    return lambda style, generated, weights: sum(
        weight * cost(style[name], generated[name])
        for name, weight in weights.items()
    )


def total(j_content, j_style, alpha=10, beta=40):
    return alpha * j_content + beta * j_style


def step(image, cost, learning_rate=0.02):
    _, gradient = cost(image)
    return np.clip(image - learning_rate * gradient, 0, 1)


def gradient_torch(image, cost):
    pixels = image.detach().clone().requires_grad_()
    cost(pixels).backward()
    return pixels.grad


def step_torch(image, cost, learning_rate=0.02):
    change = learning_rate * gradient_torch(image, cost)
    return (image - change).clamp(0, 1)


def step_torch_optimizer(image, cost, learning_rate=0.02):
    pixels = image.detach().clone().requires_grad_()
    optimizer = torch.optim.SGD([pixels], lr=learning_rate)
    cost(pixels).backward()
    optimizer.step()
    return pixels.detach().clamp(0, 1)


def gradient_tensorflow(image, cost):
    with tf.GradientTape() as tape:
        tape.watch(image)
        j = cost(image)
    return tape.gradient(j, image)


def step_tensorflow(image, cost, learning_rate=0.02):
    change = learning_rate * gradient_tensorflow(image, cost)
    return tf.clip_by_value(image - change, 0.0, 1.0)


def step_tensorflow_optimizer(image, cost, learning_rate=0.02):
    picture = tf.Variable(image)
    with tf.GradientTape() as tape:
        j = cost(picture)
    adam = tf.keras.optimizers.SGD(learning_rate)
    adam.apply_gradients([(tape.gradient(j, picture), picture)])
    picture.assign(tf.clip_by_value(picture, 0.0, 1.0))
    return picture


def variation(x):
    down, across = np.diff(x, axis=1), np.diff(x, axis=2)
    return (np.sum(down**2) + np.sum(across**2)) / x.size


def variation_torch(x):
    down, across = x.diff(dim=2), x.diff(dim=3)
    return (down.square().sum() + across.square().sum()) / x.numel()


def variation_tensorflow(x):
    down, across = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
    squares = tf.reduce_sum(down**2) + tf.reduce_sum(across**2)
    return squares / tf.cast(tf.size(x), tf.float32)


SHARES = np.array([0.299, 0.587, 0.114])


def preserve(painting, photo, shares=SHARES):
    change = (painting - photo) @ shares
    return np.clip(photo + change[..., None], 0, 1)


def preserve_torch(painting, photo):
    shares = torch.tensor(SHARES, dtype=torch.float32)[:, None, None]
    change = ((painting - photo) * shares).sum(1, keepdim=True)
    return (photo + change).clamp(0, 1)


def preserve_tensorflow(painting, photo):
    yiq = tf.image.rgb_to_yiq
    both = tf.concat([yiq(painting)[..., :1], yiq(photo)[..., 1:]], axis=-1)
    return tf.clip_by_value(tf.image.yiq_to_rgb(both), 0.0, 1.0)


def preserve_with_tables(painting, photo):
    """By way of Y, I and Q, with both matrices as television printed them."""
    to_yiq = [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322]]
    to_yiq = np.array([*to_yiq, [0.211, -0.523, 0.312]])
    to_rgb = np.array(
        [[1, 0.956, 0.621], [1, -0.272, -0.647], [1, -1.106, 1.703]]
    )
    both = photo @ to_yiq.T
    both[..., 0] = painting @ to_yiq[0]
    return np.clip(both @ to_rgb.T, 0, 1)


def variation_keeping_axes(x):
    squares = (np.diff(x, axis=axis) ** 2 for axis in (1, 2))
    return sum(each.sum(keepdims=True) for each in squares) / x.size


SOLUTIONS = [
    (check, framework, solution)
    for check, solutions in (
        (checks.check_gram_matrix, (gram, gram_torch, gram_tensorflow)),
        (
            checks.check_compute_content_cost,
            (content, content_torch, content_tensorflow),
        ),
        (
            checks.check_compute_layer_style_cost,
            (layer, layer_torch, layer_tensorflow),
        ),
        (
            checks.check_compute_style_cost,
            tuple(map(style_with, (layer, layer_torch, layer_tensorflow))),
        ),
        (checks.check_total_cost, (total, total, total)),
        (checks.check_train_step, (step, step_torch, step_tensorflow)),
        (
            checks.check_train_step,
            (step, step_torch_optimizer, step_tensorflow_optimizer),
        ),
        (
            checks.check_total_variation,
            (variation, variation_torch, variation_tensorflow),
        ),
        (
            checks.check_preserve_color,
            (preserve, preserve_torch, preserve_tensorflow),
        ),
    )
    for framework, solution in zip(
        (NUMPY, TORCH, TENSORFLOW), solutions, strict=True
    )
]
SOLUTIONS += [
    (checks.check_preserve_color, NUMPY, preserve_with_tables),
    (checks.check_total_variation, NUMPY, variation_keeping_axes),
]


GRAM_MATRIX = [
    ("sum over the places", NUMPY, lambda a: np.einsum("mijc,mijd->mcd", a, a)),
    (
        "batch is ignored",
        NUMPY,
        lambda a: (
            (f := a.reshape(-1, a.shape[-1])).T @ f / (a.shape[1] * a.shape[2])
        ),
    ),
    (
        "batch is ignored",
        NUMPY,
        lambda a: (f := a.reshape(-1, a.shape[-1])).T @ f / len(f),
    ),
    ("one picture", NUMPY, lambda a: gram(a)[0]),
    (
        "transposed",
        NUMPY,
        lambda a: (
            (f := a.reshape(len(a), -1, a.shape[-1])) @ f.transpose(0, 2, 1)
        ),
    ),
    (
        "mixes channels",
        NUMPY,
        lambda a: (
            (f := a.reshape(len(a), a.shape[-1], -1))
            @ f.transpose(0, 2, 1)
            / f.shape[2]
        ),
    ),
    (
        "not hold the channels",
        NUMPY,
        lambda a: np.einsum("mcij,mdij->mcd", a, a) / (a.shape[2] * a.shape[3]),
    ),
    ("too large", NUMPY, lambda a: gram(a) / a.shape[-1]),
    (
        "covariance",
        NUMPY,
        lambda a: np.stack([np.cov(p.reshape(-1, p.shape[-1]).T) for p in a]),
    ),
    (
        "correlation",
        NUMPY,
        lambda a: (
            (g := gram(a))
            / np.sqrt(
                np.einsum("mcc->mc", g)[:, :, None]
                * np.einsum("mcc->mc", g)[:, None]
            )
        ),
    ),
    ("diagonal", NUMPY, lambda a: (a**2).mean((1, 2))),
    (
        "sum over the places",
        TORCH,
        lambda a: torch.einsum("mcij,mdij->mcd", a, a),
    ),
    (
        "not hold the channels",
        TORCH,
        lambda a: (
            torch.einsum("mijc,mijd->mcd", a, a) / (a.shape[1] * a.shape[2])
        ),
    ),
    (
        "mixes channels",
        TORCH,
        lambda a: (
            (f := a.reshape(len(a), -1, a.shape[1])).transpose(1, 2)
            @ f
            / f.shape[1]
        ),
    ),
    ("batch is ignored", TORCH, lambda a: gram_torch(a).mean(0)),
    ("transposed", TORCH, lambda a: (f := a.flatten(2)).transpose(1, 2) @ f),
    ("gradient", TORCH, lambda a: gram_torch(a.detach())),
    ("not a tensor", TORCH, lambda a: gram_torch(a).detach().numpy()),
    ("changes what", TORCH, lambda a: gram_torch(torch.relu_(a.sub_(1)))),
    (
        "sum over the places",
        TENSORFLOW,
        lambda a: tf.einsum("mijc,mijd->mcd", a, a),
    ),
    (
        "batch is ignored",
        TENSORFLOW,
        lambda a: tf.einsum("mijc,mijd->cd", a, a),
    ),
    (
        "transposed",
        TENSORFLOW,
        lambda a: tf.matmul(
            f := tf.reshape(a, (len(a), -1, a.shape[-1])), f, transpose_b=True
        ),
    ),
    (
        "mixes channels",
        TENSORFLOW,
        lambda a: tf.matmul(
            f := tf.reshape(a, (len(a), a.shape[-1], -1)), f, transpose_b=True
        ),
    ),
    ("gradient", TENSORFLOW, lambda a: tf.constant(gram(a.numpy()))),
]

CONTENT_COST = [
    ("normalisation is missing", NUMPY, lambda c, g: np.sum((c - g) ** 2)),
    ("another one", NUMPY, lambda c, g: np.mean((c - g) ** 2)),
    ("another one", NUMPY, lambda c, g: np.mean((c - g) ** 2) / 2),
    ("above it", NUMPY, lambda c, g: np.mean((c - g) ** 2) * 4),
    ("not squared", NUMPY, lambda c, g: np.sum((c - g) ** 2) / (4 * c.size**2)),
    (
        "three sizes",
        NUMPY,
        lambda c, g: np.sum((c - g) ** 2) / (4 * c.shape[1] * c.shape[2]),
    ),
    ("cancel", NUMPY, lambda c, g: np.sum(c - g) / (4 * c.size)),
    ("absolute", NUMPY, lambda c, g: np.sum(abs(c - g)) / (4 * c.size)),
    ("squares first", NUMPY, lambda c, g: np.sum(c**2 - g**2) / (4 * c.size)),
    ("one number", NUMPY, lambda c, g: (c - g) ** 2 / (4 * c.size)),
    ("adds the two", NUMPY, lambda c, g: np.sum((c + g) ** 2) / (4 * c.size)),
    ("length", TORCH, lambda c, g: (c - g).norm()),
    ("another one", TORCH, torch.nn.functional.mse_loss),
    (
        "relative error",
        TORCH,
        lambda c, g: (c - g).square().mean() / c.square().mean(),
    ),
    ("not a tensor", TORCH, lambda c, g: content_torch(c, g).item()),
    ("gradient", TORCH, lambda c, g: content_torch(c, g.detach())),
    ("changes what", TORCH, lambda c, g: c.sub_(g).square().mean() / 4),
    (
        "normalisation is missing",
        TENSORFLOW,
        lambda c, g: tf.reduce_sum((c - g) ** 2),
    ),
    (
        "length",
        TENSORFLOW,
        lambda c, g: tf.norm(c - g) / (4 * np.prod(c.shape)),
    ),
    ("not a tensor", TENSORFLOW, lambda c, g: content_tensorflow(c, g).numpy()),
    (
        "gradient",
        TENSORFLOW,
        lambda c, g: tf.stop_gradient(content_tensorflow(c, g)),
    ),
    ("InvalidArgumentError", TENSORFLOW, lambda c, g: tf.matmul(c, g[..., :2])),
]


def sums(a):
    return gram(a) * a.shape[1] * a.shape[2]


def lecture_torch(a_s, a_g):
    """The assignment's way, with the size of one picture for both."""
    places = a_g.shape[2] * a_g.shape[3]
    s, g = a_s.flatten(2)[0], a_g.flatten(2)[0]
    squares = (s @ s.T - g @ g.T).square().sum()
    return squares / (4 * len(s) ** 2 * places**2)


LAYER_COST = [
    (
        "sums over the places",
        NUMPY,
        lambda s, g: np.sum((sums(s) - sums(g)) ** 2) / (4 * s.shape[-1] ** 2),
    ),
    (
        "counts squared",
        NUMPY,
        lambda s, g: np.sum((gram(s) - gram(g)) ** 2) / (4 * s.shape[-1]),
    ),
    (
        "normalisation is missing",
        NUMPY,
        lambda s, g: np.sum((gram(s) - gram(g)) ** 2),
    ),
    ("another one", NUMPY, lambda s, g: np.mean((gram(s) - gram(g)) ** 2)),
    ("twice", NUMPY, lambda s, g: layer(s, g) / (g.shape[1] * g.shape[2]) ** 2),
    (
        "cancel",
        NUMPY,
        lambda s, g: np.sum(gram(s) - gram(g)) / (4 * s.shape[-1] ** 2),
    ),
    (
        "absolute",
        NUMPY,
        lambda s, g: np.sum(abs(gram(s) - gram(g))) / (4 * s.shape[-1] ** 2),
    ),
    ("length", NUMPY, lambda s, g: np.linalg.norm(gram(s) - gram(g))),
    (
        "one number",
        NUMPY,
        lambda s, g: (gram(s) - gram(g)) ** 2 / (4 * s.shape[-1] ** 2),
    ),
    (
        "products of channels",
        NUMPY,
        lambda s, g: (
            np.sum((s.mean((1, 2)) - g.mean((1, 2))) ** 2)
            / (4 * s.shape[-1] ** 2)
        ),
    ),
    ("one size", TORCH, lecture_torch),
    (
        "relative error",
        TORCH,
        lambda s, g: (
            (gram_torch(s) - gram_torch(g)).square().sum()
            / gram_torch(s).square().sum()
        ),
    ),
    (
        "mixes channels",
        TORCH,
        lambda s, g: layer_torch(
            *(
                x.reshape(1, -1, x.shape[1]).transpose(1, 2)[..., None]
                for x in (s, g)
            )
        ),
    ),
    ("not a tensor", TORCH, lambda s, g: float(layer_torch(s, g))),
    ("gradient", TORCH, lambda s, g: layer_torch(s, g.detach())),
    ("changes what", TORCH, lambda s, g: layer_torch(s, g.clamp_(max=1))),
    ("another one", TENSORFLOW, lambda s, g: 4 * layer_tensorflow(s, g)),
    ("length", TENSORFLOW, lambda s, g: tf.sqrt(layer_tensorflow(s, g))),
    (
        "not hold the channels",
        TENSORFLOW,
        lambda s, g: layer_tensorflow(
            tf.transpose(s, (0, 3, 2, 1)), tf.transpose(g, (0, 3, 2, 1))
        ),
    ),
    (
        "gradient",
        TENSORFLOW,
        lambda s, g: tf.constant(layer(s.numpy(), g.numpy())),
    ),
]


STYLE_COST = [
    ("ignored", NUMPY, lambda s, g, w: sum(layer(s[n], g[n]) for n in w)),
    ("ignored", NUMPY, lambda s, g, w: np.mean([layer(s[n], g[n]) for n in w])),
    (
        "without a weight",
        NUMPY,
        lambda s, g, w: sum(layer(s[n], g[n]) for n in s),
    ),
    (
        "one layer",
        NUMPY,
        lambda s, g, w: [w[n] * layer(s[n], g[n]) for n in w][-1],
    ),
    (
        "not averaged",
        NUMPY,
        lambda s, g, w: np.mean([w[n] * layer(s[n], g[n]) for n in w]),
    ),
    (
        "whatever their sum",
        NUMPY,
        lambda s, g, w: style_with(layer)(s, g, w) / sum(w.values()),
    ),
    (
        "twice",
        NUMPY,
        lambda s, g, w: sum(w[n] ** 2 * layer(s[n], g[n]) for n in w),
    ),
    (
        "with itself",
        NUMPY,
        lambda s, g, w: sum(w[n] * layer(g[n], g[n]) for n in w),
    ),
    ("Gram matrices", NUMPY, style_with(lambda s, g: np.mean((s - g) ** 2))),
    ("Gram matrices", NUMPY, style_with(content)),
    (
        "multiplied",
        NUMPY,
        lambda s, g, w: np.prod([w[n] * layer(s[n], g[n]) for n in w]),
    ),
    (
        "not yet the sum",
        NUMPY,
        lambda s, g, w: {n: w[n] * layer(s[n], g[n]) for n in w},
    ),
    (
        "divided",
        NUMPY,
        lambda s, g, w: sum(layer(s[n], g[n]) / w[n] for n in w),
    ),
    (
        "KeyError",
        NUMPY,
        lambda s, g, w: sum(w[n] * layer(s[n], g[n]) for n in s),
    ),
    (
        "with itself",
        TORCH,
        lambda s, g, w: sum(w[n] * layer_torch(s[n], s[n]) for n in w),
    ),
    (
        "not yet the sum",
        TORCH,
        lambda s, g, w: [w[n] * layer_torch(s[n], g[n]) for n in w],
    ),
    (
        "not a tensor",
        TORCH,
        lambda s, g, w: sum(w[n] * layer_torch(s[n], g[n]).item() for n in w),
    ),
    (
        "gradient",
        TORCH,
        lambda s, g, w: style_with(layer_torch)(
            s, {n: x.detach() for n, x in g.items()}, w
        ),
    ),
    (
        "changes what",
        TORCH,
        lambda s, g, w: style_with(layer_torch)(
            s, g, {n: w.pop(n) for n in list(w)}
        ),
    ),
    (
        "ignored",
        TENSORFLOW,
        lambda s, g, w: tf.add_n([layer_tensorflow(s[n], g[n]) for n in w]),
    ),
    (
        "paired",
        TENSORFLOW,
        lambda s, g, w: sum(
            v * layer_tensorflow(s[n], g[n])
            for n, v in zip(w, list(w.values())[::-1], strict=True)
        ),
    ),
]

TOTAL_COST = [
    (
        "changed places",
        NUMPY,
        lambda c, s, alpha=10, beta=40: beta * c + alpha * s,
    ),
    ("whatever alpha", NUMPY, lambda c, s, alpha=10, beta=40: 10 * c + 40 * s),
    ("not used at all", NUMPY, lambda c, s, alpha=10, beta=40: c + s),
    ("alpha is not", NUMPY, lambda c, s, alpha=10, beta=40: c + beta * s),
    ("beta is not", NUMPY, lambda c, s, alpha=10, beta=40: alpha * c + s),
    (
        "style's part is missing",
        NUMPY,
        lambda c, s, alpha=10, beta=40: alpha * c,
    ),
    (
        "content's part is missing",
        NUMPY,
        lambda c, s, alpha=10, beta=40: beta * s,
    ),
    (
        "same weight",
        NUMPY,
        lambda c, s, alpha=10, beta=40: (alpha + beta) * (c + s),
    ),
    ("wrong sign", NUMPY, lambda c, s, alpha=10, beta=40: alpha * c - beta * s),
    (
        "should be added",
        NUMPY,
        lambda c, s, alpha=10, beta=40: alpha * c * beta * s,
    ),
    (
        "one number",
        NUMPY,
        lambda c, s, alpha=10, beta=40: (alpha * c, beta * s),
    ),
    ("10 and 40", NUMPY, lambda c, s, alpha=1, beta=1: alpha * c + beta * s),
    (
        "stops with TypeError",
        NUMPY,
        lambda c, s, alpha, beta: alpha * c + beta * s,
    ),
    (
        "whole numbers",
        NUMPY,
        lambda c, s, alpha=10, beta=40: int(alpha * c + beta * s),
    ),
    (
        "need not be 1",
        TORCH,
        lambda c, s, alpha=10, beta=40: (
            total(c, s, alpha, beta) / (alpha + beta)
        ),
    ),
    (
        "not a tensor",
        TORCH,
        lambda c, s, alpha=10, beta=40: total(c, s, alpha, beta).item(),
    ),
    (
        "gradient",
        TORCH,
        lambda c, s, alpha=10, beta=40: total(c.detach(), s, alpha, beta),
    ),
    (
        "changes what",
        TORCH,
        lambda c, s, alpha=10, beta=40: c.mul_(alpha) + beta * s,
    ),
    (
        "changed places",
        TENSORFLOW,
        lambda c, s, alpha=40, beta=10: alpha * c + beta * s,
    ),
    (
        "gradient",
        TENSORFLOW,
        lambda c, s, *w: tf.constant(total(c.numpy(), s.numpy(), *w)),
    ),
]


def step_torch_that_adds_up(image, cost, learning_rate=0.02):
    image.requires_grad_()
    cost(image).backward()
    return (image.detach() - learning_rate * image.grad).clamp(0, 1)


def step_torch_in_place(image, cost, learning_rate=0.02):
    image.sub_(learning_rate * gradient_torch(image, cost)).clamp_(0, 1)
    return image


def step_tensorflow_unwatched(image, cost, learning_rate=0.02):
    with tf.GradientTape() as tape:
        j = cost(image)
    return image - learning_rate * tape.gradient(j, image)


TRAIN_STEP = [
    (
        "climbs",
        NUMPY,
        lambda x, cost, rate=1: np.clip(x + rate * cost(x)[1], 0, 1),
    ),
    ("leave the range", NUMPY, lambda x, cost, rate=1: x - rate * cost(x)[1]),
    (
        "both sides",
        NUMPY,
        lambda x, cost, rate=1: np.clip(x - rate * cost(x)[1], 0, 255),
    ),
    (
        "leave the range",
        NUMPY,
        lambda x, cost, rate=1: np.clip(x, 0, 1) - rate * cost(x)[1],
    ),
    (
        "the picture should be",
        NUMPY,
        lambda x, cost, rate=1: x - rate * np.clip(cost(x)[1], 0, 1),
    ),
    ("not used", NUMPY, lambda x, cost, rate=1: np.clip(x - cost(x)[1], 0, 1)),
    (
        "sign of the gradient",
        NUMPY,
        lambda x, cost, rate=1: np.clip(x - rate * np.sign(cost(x)[1]), 0, 1),
    ),
    (
        "by its size",
        NUMPY,
        lambda x, cost, rate=1: np.clip(
            x - rate * (g := cost(x)[1]) / np.linalg.norm(g), 0, 1
        ),
    ),
    ("has not moved", NUMPY, lambda x, cost, rate=1: x),
    ("is the gradient", NUMPY, lambda x, cost, rate=1: cost(x)[1]),
    ("is the cost", NUMPY, lambda x, cost, rate=1: cost(x)[0]),
    (
        "only the new picture",
        NUMPY,
        lambda x, cost, rate=1: (step(x, cost, rate), cost(x)[0]),
    ),
    ("stops with TypeError", NUMPY, lambda x, cost, rate=1: x - rate * cost(x)),
    (
        "two steps",
        NUMPY,
        lambda x, cost, rate=1: step(step(x, cost, rate), cost, rate),
    ),
    ("differently", TORCH, step_torch_that_adds_up),
    ("changes what", TORCH, step_torch_in_place),
    (
        "climbs",
        TORCH,
        lambda x, cost, rate=1: (x + rate * gradient_torch(x, cost)).clamp(
            0, 1
        ),
    ),
    (
        "not a tensor",
        TORCH,
        lambda x, cost, rate=1: step_torch(x, cost, rate).numpy(),
    ),
    ("NoneType", TENSORFLOW, step_tensorflow_unwatched),
    (
        "leave the range",
        TENSORFLOW,
        lambda x, cost, rate=1: x - rate * gradient_tensorflow(x, cost),
    ),
    ("is the cost", TENSORFLOW, lambda x, cost, rate=1: cost(x)),
]

TOTAL_VARIATION = [
    (
        "absolute",
        NUMPY,
        lambda x: (
            (abs(np.diff(x, axis=1)).sum() + abs(np.diff(x, axis=2)).sum())
            / x.size
        ),
    ),
    ("size of the picture is missing", NUMPY, lambda x: variation(x) * x.size),
    (
        "directions is missing",
        NUMPY,
        lambda x: np.sum(np.diff(x, axis=1) ** 2) / x.size,
    ),
    (
        "not neighbours",
        NUMPY,
        lambda x: (
            (np.sum(np.diff(x, axis=2) ** 2) + np.sum(np.diff(x, axis=3) ** 2))
            / x.size
        ),
    ),
    (
        "wraps around",
        NUMPY,
        lambda x: (
            sum(np.sum((x - np.roll(x, -1, axis)) ** 2) for axis in (1, 2))
            / x.size
        ),
    ),
    (
        "both directions",
        NUMPY,
        lambda x: (
            np.mean(np.diff(x, axis=1) ** 2) + np.mean(np.diff(x, axis=2) ** 2)
        ),
    ),
    ("not pixels", NUMPY, lambda x: 3 * variation(x)),
    (
        "cancel",
        NUMPY,
        lambda x: (
            (np.diff(x, axis=1).sum() + np.diff(x, axis=2).sum()) / x.size
        ),
    ),
    ("root", NUMPY, lambda x: np.sqrt(variation(x))),
    (
        "diagonal",
        NUMPY,
        lambda x: np.sum((x[:, 1:, 1:] - x[:, :-1, :-1]) ** 2) / x.size,
    ),
    (
        "loses pairs",
        NUMPY,
        lambda x: (
            (
                np.sum(np.diff(x, axis=1)[:, :, :-1] ** 2)
                + np.sum(np.diff(x, axis=2)[:, :-1] ** 2)
            )
            / x.size
        ),
    ),
    ("twice", NUMPY, lambda x: 2 * variation(x)),
    ("variance", NUMPY, np.var),
    (
        "not neighbours",
        TORCH,
        lambda x: (
            (x.diff(dim=1).square().sum() + x.diff(dim=2).square().sum())
            / x.numel()
        ),
    ),
    ("gradient", TORCH, lambda x: variation_torch(x.detach())),
    ("not a tensor", TORCH, lambda x: variation_torch(x).item()),
    (
        "changes what",
        TORCH,
        lambda x: (
            x.sub_(0.1).diff(dim=2).square().sum()
            + x.diff(dim=3).square().sum()
        ),
    ),
    (
        "absolute",
        TENSORFLOW,
        lambda x: tf.reduce_sum(tf.image.total_variation(x)),
    ),
    ("once", TENSORFLOW, lambda x: variation_tensorflow(x) / 2),
]

PRESERVE_COLOR = [
    ("changed places", NUMPY, lambda p, x: preserve(x, p)),
    ("leave the range", NUMPY, lambda p, x: x + ((p - x) @ SHARES)[..., None]),
    (
        "both sides",
        NUMPY,
        lambda p, x: np.maximum(x + ((p - x) @ SHARES)[..., None], 0),
    ),
    ("equally bright", NUMPY, lambda p, x: preserve(p, x, np.full(3, 1 / 3))),
    ("red and blue", NUMPY, lambda p, x: preserve(p, x, SHARES[::-1])),
    (
        "another standard",
        NUMPY,
        lambda p, x: preserve(p, x, np.array([0.2126, 0.7152, 0.0722])),
    ),
    (
        "only its change",
        NUMPY,
        lambda p, x: np.clip(x + (p @ SHARES)[..., None], 0, 1),
    ),
    (
        "wrong sign",
        NUMPY,
        lambda p, x: np.clip(x + ((x - p) @ SHARES)[..., None], 0, 1),
    ),
    (
        "is scaled",
        NUMPY,
        lambda p, x: np.clip(x * (p @ SHARES / (x @ SHARES))[..., None], 0, 1),
    ),
    ("each channel", NUMPY, lambda p, x: np.clip(x + (p - x) * SHARES, 0, 1)),
    ("grey", NUMPY, lambda p, x: np.repeat((p @ SHARES)[..., None], 3, -1)),
    ("nothing of the photograph", NUMPY, lambda p, x: p),
    ("nothing of the painting", NUMPY, lambda p, x: x),
    ("mixture", NUMPY, lambda p, x: (p + x) / 2),
    (
        "whole picture",
        NUMPY,
        lambda p, x: np.clip(
            x + (p @ SHARES).mean() - (x @ SHARES).mean(), 0, 1
        ),
    ),
    ("change of brightness alone", NUMPY, lambda p, x: (p - x) @ SHARES),
    ("stops with ValueError", NUMPY, lambda p, x: x + (p - x) @ SHARES),
    ("whole numbers", NUMPY, lambda p, x: np.uint8(255 * preserve(p, x))),
    ("changed places", TORCH, lambda p, x: preserve_torch(x, p)),
    ("changes what", TORCH, lambda p, x: preserve_torch(p.mul_(1.1), x)),
    ("not a tensor", TENSORFLOW, lambda p, x: preserve(p.numpy(), x.numpy())),
    (
        "equally bright",
        TENSORFLOW,
        lambda p, x: tf.clip_by_value(
            x + tf.reduce_mean(p - x, axis=-1, keepdims=True), 0.0, 1.0
        ),
    ),
]


WRONG = [
    (check, framework, hint, function)
    for check, versions in (
        (checks.check_gram_matrix, GRAM_MATRIX),
        (checks.check_compute_content_cost, CONTENT_COST),
        (checks.check_compute_layer_style_cost, LAYER_COST),
        (checks.check_compute_style_cost, STYLE_COST),
        (checks.check_total_cost, TOTAL_COST),
        (checks.check_train_step, TRAIN_STEP),
        (checks.check_total_variation, TOTAL_VARIATION),
        (checks.check_preserve_color, PRESERVE_COLOR),
    )
    for hint, framework, function in versions
]
