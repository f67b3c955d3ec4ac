"""One Gram matrix for each picture of a batch, averaged over the places.

Source: Gatys, Ecker and Bethge, "Image style transfer using convolutional
neural networks", CVPR 2016, equation 3, divided by the number of places.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise

NOTEBOOK = "7 · What VGG sees"


def draw_features(generator, count=1, channels=None):
    """Return features, (count, n_H, n_W, n_C), of which no sides are equal."""
    height, width, depth = generator.choice(np.arange(5, 10), 3, replace=False)
    return generator.uniform(-1, 2, (count, height, width, channels or depth))


def draw_few_features(generator, width=2, channels=2):
    """Return whole numbers: one picture, one row of places."""
    return generator.integers(0, 4, (1, 1, width, channels)).astype(float)


def _batches(generator):
    return [(draw_features(generator, count),) for count in (2, 3)]


def gram(a):
    """Return the Gram matrix of each picture: the average over its places."""
    return gram_sum(a) / places(a)


def gram_sum(a):
    """Return the Gram matrix of each picture: the sum over its places."""
    return np.einsum("mijc,mijd->mcd", a, a)


def places(a):
    """Return how many places a picture has."""
    return a.shape[1] * a.shape[2]


def _reshaped(a):
    """Reshape channels-last memory as if the channels came first."""
    flat = a.reshape(len(a), a.shape[-1], -1)
    return flat @ flat.transpose(0, 2, 1) / flat.shape[2]


def _reshaped_torch(a):
    """Reshape channels-first memory as if the channels came last."""
    flat = np.moveaxis(a, -1, 1).reshape(len(a), -1, a.shape[-1])
    return flat.transpose(0, 2, 1) @ flat / flat.shape[1]


def _of_places(a):
    flat = a.reshape(len(a), -1, a.shape[-1])
    return flat @ flat.transpose(0, 2, 1)


check_gram_matrix = Exercise(
    name="gram_matrix",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0,),
    cases=_batches,
    small=lambda generator: (draw_few_features(generator),),
    solution=gram,
    mistakes={
        "that is the sum over the places; the average was asked for.": [
            gram_sum
        ],
        "each picture of the batch has a Gram matrix of its own.": [
            lambda a: gram_sum(a).sum(axis=0),
            lambda a: gram(a).sum(axis=0),
            lambda a: gram(a).mean(axis=0),
            lambda a: gram(a)[0],
        ],
        "transposed: it compares places with places, not channels.": [
            _of_places,
            lambda a: _of_places(a) / places(a),
            lambda a: _of_places(a) / a.shape[-1],
        ],
        "reshape mixes channels and places: move the axes first.": [
            _reshaped,
            lambda a: _reshaped(a) * places(a),
            _reshaped_torch,
            lambda a: _reshaped_torch(a) * places(a),
        ],
        "only the places are averaged, not the channels, not the batch.": [
            lambda a: gram(a) / a.shape[-1],
            lambda a: gram_sum(a) / a.shape[-1],
            lambda a: gram(a) / len(a),
        ],
    },
)
