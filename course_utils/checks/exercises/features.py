"""What the style exercises share: random features and their Gram matrices."""

import numpy as np


def draw_features(generator, count=1, channels=None):
    """Return features after a ReLU: (count, n_H, n_W, n_C), sides differ."""
    height, width, depth = generator.choice(np.arange(5, 10), 3, replace=False)
    return generator.uniform(0, 2, (count, height, width, channels or depth))


def gram(a):
    """Return the Gram matrix of each picture: the average over its places."""
    return gram_sum(a) / (a.shape[1] * a.shape[2])


def gram_sum(a):
    """Return the Gram matrix of each picture: the sum over its places."""
    return np.einsum("mijc,mijd->mcd", a, a)
