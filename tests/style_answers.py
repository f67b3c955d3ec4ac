"""The style exercises: right answers in other words, wrong ones of no table."""

import copy
import math

import numpy as np
import torch

from course_utils.style.tensorflow_backend import tf

EXAMPLE = "a small example goes wrong"
TORCH, TENSORFLOW = "torch", "tensorflow"
RIGHT, WRONG = {}, {}


def gram(a):
    flat = a.reshape(len(a), -1, a.shape[-1])
    return flat.transpose(0, 2, 1) @ flat / flat.shape[1]


def gram_torch(a):
    flat = a.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def gram_tensorflow(a):
    return tf.einsum("mijc,mijd->mcd", a, a) / (a.shape[1] * a.shape[2])


GRAMS = gram, gram_torch, gram_tensorflow
RIGHT["gram_matrix"] = [GRAMS]
WRONG["gram_matrix"] = [
    (EXAMPLE, lambda a: np.triu(gram(a))),
    ("the sum", lambda a: gram_torch(a) * a[0, 0].numel(), TORCH),
]


MEANS = np.mean, torch.mean, tf.reduce_mean


def content_with(mean):
    return lambda a_c, a_g: mean((a_c - a_g) ** 2) / 4


RIGHT["compute_content_cost"] = [tuple(map(content_with, MEANS))]
WRONG["compute_content_cost"] = [
    (EXAMPLE, lambda c, g: np.sum(c**2 - g**2) / (4 * c.size)),
    (EXAMPLE, lambda c, g: torch.nn.functional.huber_loss(c, g) / 2, TORCH),
]


def layer_with(gram, mean):
    return lambda a_s, a_g: mean((gram(a_s) - gram(a_g)) ** 2) / 4


LAYER_COSTS = tuple(map(layer_with, GRAMS, MEANS))
layer = LAYER_COSTS[0]
RIGHT["compute_layer_style_cost"] = [LAYER_COSTS]
WRONG["compute_layer_style_cost"] = [
    (EXAMPLE, lambda s, g: np.sum(abs(gram(s) - gram(g)))),
    (EXAMPLE, lambda s, g: np.mean((s.mean((1, 2)) - g.mean((1, 2))) ** 2)),
]


def style_with(cost):
    return lambda style, generated, weights: sum(
        weight * cost(style[name], generated[name])
        for name, weight in weights.items()
    )


RIGHT["compute_style_cost"] = [tuple(map(style_with, LAYER_COSTS))]
WRONG["compute_style_cost"] = [
    (EXAMPLE, lambda s, g, w: sum(layer(s[n], g[n]) ** w[n] for n in w)),
    (EXAMPLE, lambda s, g, w: max(w[n] * layer(s[n], g[n]) for n in w)),
]


def total(j_content, j_style, alpha=10, beta=40):
    return alpha * j_content + beta * j_style


RIGHT["total_cost"] = [(total, total, total)]
WRONG["total_cost"] = [
    (EXAMPLE, lambda c, s, alpha=10, beta=40: alpha * c),
    (EXAMPLE, lambda *inputs: int(total(*inputs))),
]


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


RIGHT["capture_features"] = [
    (capture_with(lambda x: 1 * x), capture_with(lambda x: x.clone())),
    # Another repair: what a module gets is a copy, so it may spoil it.
    (None, capture_with(lambda x: x, lambda x: x.clone())),
]
WRONG["capture_features"] = [
    ("gradient", capture_with(lambda x: torch.tensor(x.tolist())), TORCH),
    ("RuntimeError", capture_with(copy.deepcopy), TORCH),
]

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
mean, spread = torch.tensor([MEAN, SPREAD])[:, :, None, None]


def normalise_torch(x):
    mean, spread = x.new_tensor([MEAN, SPREAD])[:, :, None, None]
    return (x - mean) / spread


RIGHT["normalise"] = [
    (
        lambda x: x / SPREAD - np.array(MEAN) / SPREAD,
        normalise_torch,
        lambda x: (x - tf.constant(MEAN)) / tf.constant(SPREAD),
    )
]
WRONG["normalise"] = [
    ("of its own", lambda x: (x - mean) / 0.226, TORCH),
    (EXAMPLE, lambda x: (x - mean.flip(0)) / spread.flip(0), TORCH),
]


def module_index(name, starts=(0, 5, 10, 17, 24)):
    return starts[int(name[4]) - 1] + 2 * (int(name[6]) - 1)


RIGHT["module_index"] = [(module_index,)]
WRONG["module_index"] = [
    ("block 5 is not", lambda n: module_index(n, (0, 5, 10, 17, 22))),
    (EXAMPLE, lambda n: min(module_index(n), 26)),
]


def scaled_size(height, width, long_side, rounded=round):
    longer = max(height, width)
    return rounded(height * long_side / longer), rounded(
        width * long_side / longer
    )


RIGHT["scaled_size"] = [
    (scaled_size,),
    (lambda *inputs: np.array(scaled_size(*inputs)),),
]
WRONG["scaled_size"] = [
    (EXAMPLE, lambda *inputs: scaled_size(*inputs, rounded=math.ceil)),
    (EXAMPLE, lambda h, w, side: (side, w) if h > w else (h, side)),
]


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


def step_tensorflow(image, cost, learning_rate=0.02, watch=True):
    with tf.GradientTape() as tape:
        if watch:
            tape.watch(image)
        j = cost(image)
    change = learning_rate * tape.gradient(j, image)
    return tf.clip_by_value(image - change, 0.0, 1.0)


def keras_step_by(optimizer, prepare=tf.Variable):
    def function(image, cost, learning_rate=0.02):
        picture = prepare(image)
        with tf.GradientTape() as tape:
            tape.watch(picture)
            j = cost(picture)
        steps = optimizer(learning_rate)
        steps.apply_gradients([(tape.gradient(j, picture), picture)])
        picture.assign(tf.clip_by_value(picture, 0.0, 1.0))
        return picture

    return function


keras = tf.keras.optimizers
RIGHT["train_step"] = [
    (step, step_torch, step_tensorflow),
    (None, step_by(torch.optim.SGD), keras_step_by(keras.SGD)),
]
WRONG["train_step"] = [
    (EXAMPLE, lambda x, cost, rate=1: x - np.clip(rate * cost(x)[1], 0, 1)),
    ("two values", lambda x, cost, rate=1: x - rate * cost(x)),
    ("two values", lambda x, cost, rate=1: x - rate * np.gradient(cost(x))),
    ("Adam", step_by(torch.optim.Adam), TORCH),
    ("watched", lambda *i: step_tensorflow(*i, watch=False), TENSORFLOW),
    ("Adam", keras_step_by(keras.Adam), TENSORFLOW),
    ("Adam", keras_step_by(keras.Adam, lambda image: image), TENSORFLOW),
]


def choose_targets(photo, painting, get_features):
    style_features, _ = get_features(painting)
    _, content_features = get_features(photo)
    return [style_features, content_features]


RIGHT["choose_targets"] = [(choose_targets,) * 3]
WRONG["choose_targets"] = [
    (EXAMPLE, lambda photo, art, get: get((photo + art) / 2), TORCH),
    (EXAMPLE, lambda photo, art, get: (get(art)[0], get(photo)[0]), TORCH),
]


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


RIGHT["total_variation"] = [(variation, variation_torch, variation_tensorflow)]
WRONG["total_variation"] = [
    (EXAMPLE, np.var),
    (EXAMPLE, lambda x: variation(x) ** 0.5),
]


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


RIGHT["preserve_color"] = [(preserve, preserve_torch, preserve_tensorflow)]
WRONG["preserve_color"] = [
    (EXAMPLE, lambda painting, photo: painting),
    ("a tensor", lambda *i: preserve(*(x.numpy() for x in i)), TENSORFLOW),
]
