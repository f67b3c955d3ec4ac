"""The style exercises: right answers in other words, wrong ones of no table."""

import copy
import math

import cv2
import numpy as np
import torch

from course_utils import checks
from course_utils.style.tensorflow_backend import tf

NUMPY, TORCH, TENSORFLOW = "numpy", "torch", "tensorflow"


def gram(a):
    flat = a.reshape(len(a), -1, a.shape[-1])
    return flat.transpose(0, 2, 1) @ flat / flat.shape[1]


def gram_torch(a):
    flat = a.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def gram_tensorflow(a):
    return tf.einsum("mijc,mijd->mcd", a, a) / (a.shape[1] * a.shape[2])


def content(a_c, a_g):
    return np.mean((a_c - a_g) ** 2) / 4


def content_torch(a_c, a_g):
    return (a_c - a_g).square().mean() / 4


def content_tensorflow(a_c, a_g):
    _, n_h, n_w, n_c = a_g.shape
    squares = tf.square(tf.subtract(a_c, a_g))
    return tf.reduce_sum(squares) / (4 * n_h * n_w * n_c)


def layer(a_s, a_g):
    return np.mean((gram(a_s) - gram(a_g)) ** 2) / 4


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


def style_by_place(style, generated, weights):
    """Take the layers as they come; the one without a weight is in between."""
    triples = zip(style.values(), generated.values(), weights.values())  # noqa: B905
    return sum(weight * layer_torch(s, g) for s, g, weight in triples)


def total(j_content, j_style, alpha=10, beta=40):
    return alpha * j_content + beta * j_style


def capture_with(store, give=lambda x: x):
    """Capture like the article: what is stored, and what a module gets."""

    def function(x, modules, names):
        features = {}
        for name, module in modules.items():
            x = module(give(x))
            if name in names:
                features[name] = store(x)
        return features

    return function


capture_in_place = capture_with(lambda x: x)
capture = capture_with(lambda x: x.clone())

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
mean, spread = torch.tensor([MEAN, SPREAD])[:, :, None, None]


def module_index(name):
    block, number = int(name[4]), int(name[6])
    return {1: 0, 2: 5, 3: 10, 4: 17, 5: 24}[block] + 2 * (number - 1)


def scaled_size(height, width, long_side):
    if height > width:
        return long_side, round(width * long_side / height)
    return round(height * long_side / width), long_side


def size_in_an_array(height, width, long_side):
    factor = long_side / max(height, width)
    return np.round(factor * np.array([height, width])).astype(int)


def step(image, cost, learning_rate=0.02):
    _, gradient = cost(image)
    return np.clip(image - learning_rate * gradient, 0, 1)


def step_torch(image, cost, learning_rate=0.02):
    pixels = image.detach().clone().requires_grad_()
    cost(pixels).backward()
    return (image - learning_rate * pixels.grad).clamp(0, 1)


def step_by(optimizer):
    def function(image, cost, learning_rate=0.02):
        pixels = image.detach().clone().requires_grad_()
        steps = optimizer([pixels], lr=learning_rate)
        cost(pixels).backward()
        steps.step()
        return pixels.detach().clamp(0, 1)

    return function


def step_that_adds_up(image, cost, learning_rate=0.02):
    image.requires_grad_()
    cost(image).backward()
    return (image.detach() - learning_rate * image.grad).clamp(0, 1)


def step_tensorflow(image, cost, learning_rate=0.02, watch=True):
    with tf.GradientTape() as tape:
        if watch:
            tape.watch(image)
        j = cost(image)
    change = learning_rate * tape.gradient(j, image)
    return tf.clip_by_value(image - change, 0.0, 1.0)


def keras_step_by(optimizer):
    def function(image, cost, learning_rate=0.02):
        picture = tf.Variable(image)
        with tf.GradientTape() as tape:
            j = cost(picture)
        steps = optimizer(learning_rate)
        steps.apply_gradients([(tape.gradient(j, picture), picture)])
        picture.assign(tf.clip_by_value(picture, 0.0, 1.0))
        return picture

    return function


def assignment_step(image, cost, learning_rate=0.02):
    with tf.GradientTape() as tape:
        tape.watch(image)
        j = cost(image)
    adam = tf.keras.optimizers.Adam(learning_rate)
    adam.apply_gradients([(tape.gradient(j, image), image)])
    image.assign(tf.clip_by_value(image, 0.0, 1.0))


def choose_targets(photo, painting, get_features):
    style_features, _ = get_features(painting)
    _, content_features = get_features(photo)
    return [style_features, content_features]


def variation(x):
    squares = (np.diff(x, axis=axis) ** 2 for axis in (1, 2))
    return sum(each.sum(keepdims=True) for each in squares) / x.size


def variation_torch(x):
    down, across = x.diff(dim=2), x.diff(dim=3)
    return (down.square().sum() + across.square().sum()) / x.numel()


def variation_tensorflow(x):
    down, across = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
    squares = tf.reduce_sum(down**2) + tf.reduce_sum(across**2)
    return squares / tf.cast(tf.size(x), tf.float32)


def preserve(painting, photo):
    """By way of Y, I and Q, with both matrices as television printed them."""
    to_yiq = [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322]]
    to_yiq = np.array([*to_yiq, [0.211, -0.523, 0.312]])
    to_rgb = np.array(
        [[1, 0.956, 0.621], [1, -0.272, -0.647], [1, -1.106, 1.703]]
    )
    both = photo @ to_yiq.T
    both[..., 0] = painting @ to_yiq[0]
    return np.clip(both @ to_rgb.T, 0, 1)


def preserve_torch(painting, photo):
    shares = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    change = ((painting - photo) * shares).sum(1, keepdim=True)
    return (photo + change).clamp(0, 1)


def preserve_tensorflow(painting, photo):
    yiq = tf.image.rgb_to_yiq
    both = tf.concat([yiq(painting)[..., :1], yiq(photo)[..., 1:]], axis=-1)
    return tf.clip_by_value(tf.image.yiq_to_rgb(both), 0.0, 1.0)


def preserve_in(there, back, place):
    """Swap one channel of another colour space."""

    def function(painting, photo):
        painted, both = (
            cv2.cvtColor(np.float32(x[0]), there) for x in (painting, photo)
        )
        both[..., place] = painted[..., place]
        return cv2.cvtColor(both, back)[None]

    return function


EVERYWHERE = (
    (checks.check_gram_matrix, gram, gram_torch, gram_tensorflow),
    (
        checks.check_compute_content_cost,
        content,
        content_torch,
        content_tensorflow,
    ),
    (
        checks.check_compute_layer_style_cost,
        layer,
        layer_torch,
        layer_tensorflow,
    ),
    (
        checks.check_compute_style_cost,
        *map(style_with, (layer, layer_torch, layer_tensorflow)),
    ),
    (checks.check_total_cost, total, total, total),
    (
        checks.check_normalise,
        lambda x: x / SPREAD - np.array(MEAN) / SPREAD,
        lambda x: (x.double() - mean) / spread,
        lambda x: (x - tf.constant(MEAN)) / tf.constant(SPREAD),
    ),
    (checks.check_train_step, step, step_torch, step_tensorflow),
    (
        checks.check_train_step,
        step,
        step_by(torch.optim.SGD),
        keras_step_by(tf.keras.optimizers.SGD),
    ),
    (checks.check_choose_targets, *[choose_targets] * 3),
    (
        checks.check_total_variation,
        variation,
        variation_torch,
        variation_tensorflow,
    ),
    (
        checks.check_preserve_color,
        preserve,
        preserve_torch,
        preserve_tensorflow,
    ),
)
SOLUTIONS = [
    (check, framework, solution)
    for check, *solutions in EVERYWHERE
    for framework, solution in zip(
        (NUMPY, TORCH, TENSORFLOW), solutions, strict=True
    )
]
SOLUTIONS += [
    (checks.check_capture_features, NUMPY, capture_with(lambda x: 1 * x)),
    (checks.check_capture_features, TORCH, capture),
    # Another repair: what a module gets is a copy, so it may spoil it.
    (
        checks.check_capture_features,
        TORCH,
        capture_with(lambda x: x, lambda x: x.clone()),
    ),
    (checks.check_module_index, NUMPY, module_index),
    (checks.check_scaled_size, NUMPY, scaled_size),
    (checks.check_scaled_size, NUMPY, size_in_an_array),
]

EXAMPLE = "a small example goes wrong"
CHANGES = "changes what it was given"
GRADIENT = "its gradient is not"
NO_TENSOR = "not a tensor"
GRAM_MATRIX = [
    (EXAMPLE, NUMPY, lambda a: np.triu(gram(a))),
    (GRADIENT, TORCH, lambda a: gram_torch(a.detach())),
    (
        "transposed",
        TENSORFLOW,
        lambda a: tf.matmul(
            f := tf.reshape(a, (len(a), -1, a.shape[-1])), f, transpose_b=True
        ),
    ),
]
CONTENT_COST = [
    (EXAMPLE, NUMPY, lambda c, g: np.sum(c**2 - g**2) / (4 * c.size)),
    (EXAMPLE, TORCH, lambda c, g: torch.nn.functional.huber_loss(c, g) / 2),
    (GRADIENT, TORCH, lambda c, g: content_torch(c, g.detach())),
]
LAYER_COST = [
    (EXAMPLE, NUMPY, lambda s, g: np.sum(abs(gram(s) - gram(g)))),
    (
        EXAMPLE,
        NUMPY,
        lambda s, g: np.mean((s.mean((1, 2)) - g.mean((1, 2))) ** 2),
    ),
    (GRADIENT, TORCH, lambda s, g: layer_torch(s, g.detach())),
]
STYLE_COST = [
    ("by its name", TORCH, style_by_place),
    (EXAMPLE, NUMPY, lambda s, g, w: max(w[n] * layer(s[n], g[n]) for n in w)),
    (
        GRADIENT,
        TORCH,
        lambda s, g, w: style_with(layer_torch)(
            s, {n: x.detach() for n, x in g.items()}, w
        ),
    ),
]
TOTAL_COST = [
    (EXAMPLE, NUMPY, lambda c, s, alpha=10, beta=40: alpha * c),
    (
        EXAMPLE,
        NUMPY,
        lambda c, s, alpha=10, beta=40: int(total(c, s, alpha, beta)),
    ),
    (GRADIENT, TORCH, lambda c, s, *weights: total(c.detach(), s, *weights)),
]
CAPTURES = [
    (GRADIENT, TORCH, capture_with(lambda x: x.detach().clone())),
    (GRADIENT, TORCH, capture_with(lambda x: x.data.clone())),
    (GRADIENT, TORCH, capture_with(lambda x: torch.tensor(x.tolist()))),
    ("RuntimeError", TORCH, capture_with(copy.deepcopy)),
]
NORMALISED = [
    ("of its own", TORCH, lambda x: (x - mean) / 0.226),
    (EXAMPLE, TORCH, lambda x: (x - mean.flip(0)) / spread.flip(0)),
    (GRADIENT, TORCH, lambda x: (x.detach() - mean) / spread),
]
INDICES = [
    (
        "block 5 is not",
        NUMPY,
        lambda n: [0, 5, 10, 17, 22][int(n[4]) - 1] + 2 * int(n[6]) - 2,
    ),
    (EXAMPLE, NUMPY, lambda n: min(module_index(n), 26)),
]
SIZES = [
    (
        EXAMPLE,
        NUMPY,
        lambda h, w, side: tuple(
            math.ceil(n * side / max(h, w)) for n in (h, w)
        ),
    ),
    (EXAMPLE, NUMPY, lambda h, w, side: (side, w) if h > w else (h, side)),
]
TRAIN_STEP = [
    (
        EXAMPLE,
        NUMPY,
        lambda x, cost, rate=1: x - np.clip(rate * cost(x)[1], 0, 1),
    ),
    ("two values", NUMPY, lambda x, cost, rate=1: x - rate * cost(x)),
    (
        "two values",
        NUMPY,
        lambda x, cost, rate=1: x - rate * np.gradient(cost(x)),
    ),
    ("answers differently", TORCH, step_that_adds_up),
    ("Adam", TORCH, step_by(torch.optim.Adam)),
    (
        "has to be watched",
        TENSORFLOW,
        lambda *inputs: step_tensorflow(*inputs, watch=False),
    ),
    ("Adam", TENSORFLOW, keras_step_by(tf.keras.optimizers.Adam)),
    ("Adam", TENSORFLOW, assignment_step),
]
TARGETS = [
    (EXAMPLE, TORCH, lambda photo, painting, get: get((photo + painting) / 2)),
    (
        EXAMPLE,
        TORCH,
        lambda photo, painting, get: (get(painting)[0], get(photo)[0]),
    ),
]
TOTAL_VARIATION = [
    (EXAMPLE, NUMPY, np.var),
    (
        EXAMPLE,
        NUMPY,
        lambda x: np.sum((x[:, 1:, 1:] - x[:, :-1, :-1]) ** 2) / x.size,
    ),
    (EXAMPLE, TENSORFLOW, lambda x: tf.reduce_sum(tf.image.total_variation(x))),
]
PRESERVE_COLOR = [
    ("HSV", NUMPY, preserve_in(cv2.COLOR_RGB2HSV, cv2.COLOR_HSV2RGB, 2)),
    (EXAMPLE, NUMPY, preserve_in(cv2.COLOR_RGB2LAB, cv2.COLOR_LAB2RGB, 0)),
    (NO_TENSOR, TENSORFLOW, lambda p, x: preserve(p.numpy(), x.numpy())),
]
WRONG = [
    (check, framework, hint, function)
    for check, versions in (
        (checks.check_gram_matrix, GRAM_MATRIX),
        (checks.check_compute_content_cost, CONTENT_COST),
        (checks.check_compute_layer_style_cost, LAYER_COST),
        (checks.check_compute_style_cost, STYLE_COST),
        (checks.check_total_cost, TOTAL_COST),
        (checks.check_capture_features, CAPTURES),
        (checks.check_normalise, NORMALISED),
        (checks.check_module_index, INDICES),
        (checks.check_scaled_size, SIZES),
        (checks.check_train_step, TRAIN_STEP),
        (checks.check_choose_targets, TARGETS),
        (checks.check_total_variation, TOTAL_VARIATION),
        (checks.check_preserve_color, PRESERVE_COLOR),
    )
    for hint, framework, function in versions
]
