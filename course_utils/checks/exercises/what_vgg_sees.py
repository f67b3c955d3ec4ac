"""One Gram matrix for each picture of a batch, averaged over the places.

Source: Gatys, Ecker and Bethge, "Image style transfer using convolutional
neural networks", CVPR 2016, equation 3, divided by the number of places.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, exercise


def draw_features(generator, count=1, channels=None):
    """Return whole numbers, (count, n_H, n_W, n_C), of few places."""
    height, width, any_channels = generator.integers(1, 4, 3)
    shape = (count, height, width, channels or any_channels)
    return generator.integers(0, 4, shape).astype(float)


def _batch(generator):
    return (draw_features(generator, count=generator.integers(1, 3)),)


def gram_sum(a):
    """Return the Gram matrix of each picture: the sum over its places."""
    return np.einsum("mijc,mijd->mcd", a, a)


def places(a):
    """Return how many places a picture has."""
    return a.shape[1] * a.shape[2]


def _reshaped(a):
    """Reshape channels-last memory as if the channels came first."""
    rows = a.reshape(len(a), a.shape[-1], -1)
    return rows @ rows.transpose(0, 2, 1) / places(a)


def _reshaped_torch(a):
    """Reshape channels-first memory as if the channels came last."""
    rows = np.moveaxis(a, -1, 1).reshape(len(a), -1, a.shape[-1])
    return rows.transpose(0, 2, 1) @ rows / places(a)


def _of_places(a):
    rows = a.reshape(len(a), -1, a.shape[-1])
    return rows @ rows.transpose(0, 2, 1)


@exercise(
    draw=_batch,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0,),
    mistakes={
        "that is the sum over the places; the average was asked for.": [
            gram_sum
        ],
        "each picture of the batch has a Gram matrix of its own.": [
            lambda a: gram_matrix(a).sum(axis=0),
            lambda a: gram_matrix(a)[0],
        ],
        "transposed: it compares places with places, not channels.": [
            _of_places
        ],
        "reshape mixes channels and places: move the axes first.": [
            _reshaped,
            _reshaped_torch,
        ],
        "only the places are averaged, not the channels, not the batch.": [
            lambda a: gram_matrix(a) / a.shape[-1],
            lambda a: gram_matrix(a) / len(a),
        ],
    },
)
def gram_matrix(a):
    return gram_sum(a) / places(a)
