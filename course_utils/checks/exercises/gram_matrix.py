"""One Gram matrix for each picture of a batch, averaged over the places.

Source: Gatys, Ecker and Bethge, "Image style transfer using convolutional
neural networks", CVPR 2016, equation 3, divided by the number of places.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise
from course_utils.checks.exercises.features import (
    draw_features,
    gram,
    gram_sum,
)


def _batches(generator):
    return [(draw_features(generator, count),) for count in (2, 3)]


def _wrong_channel_axis(axis):
    """Return versions that take another axis for the channels."""

    def average(a):
        return gram(np.swapaxes(a, axis, 3))

    def total(a):
        return gram_sum(np.swapaxes(a, axis, 3))

    return [average, total]


def _flatten_wrongly(a):
    """Reshape channels-last memory as if the channels came first."""
    flat = a.reshape(len(a), a.shape[-1], -1)
    return flat @ flat.transpose(0, 2, 1) / flat.shape[2]


def _flatten_wrongly_torch(a):
    """Reshape channels-first memory as if the channels came last."""
    flat = np.moveaxis(a, -1, 1).reshape(len(a), -1, a.shape[-1])
    return flat.transpose(0, 2, 1) @ flat / flat.shape[1]


def _of_places(a):
    flat = a.reshape(len(a), -1, a.shape[-1])
    return flat @ flat.transpose(0, 2, 1)


def _places(a):
    return a.shape[1] * a.shape[2]


def _centred(a):
    return a - a.mean(axis=(1, 2), keepdims=True)


def _correlation(a):
    sizes = np.sqrt(np.einsum("mcc->mc", gram(a)))
    return gram(a) / sizes[:, :, None] / sizes[:, None, :]


check_gram_matrix = Exercise(
    name="gram_matrix",
    notebook="7 · What VGG sees",
    frameworks=ALL_FRAMEWORKS,
    gradient=(0,),
    cases=_batches,
    solution=gram,
    mistakes={
        "that is the sum over the places; the average was asked for.": [
            gram_sum
        ],
        "the batch is ignored: each picture has a Gram matrix of its own.": [
            lambda a: gram_sum(a).sum(axis=0),
            lambda a: gram(a).sum(axis=0),
            lambda a: gram(a).mean(axis=0),
            lambda a: gram_sum(a).mean(axis=0),
            lambda a: gram(a).mean(axis=0, keepdims=True),
            lambda a: gram(a).sum(axis=0, keepdims=True),
        ],
        "only one picture of the batch is looked at.": [
            lambda a: gram(a)[0],
            lambda a: gram_sum(a)[0],
            lambda a: gram(a)[:1],
            lambda a: gram(a)[-1],
        ],
        "transposed: it compares places with places, not channels.": [
            _of_places,
            lambda a: _of_places(a) / _places(a),
            lambda a: _of_places(a) / a.shape[-1],
        ],
        "that axis does not hold the channels.": [
            *_wrong_channel_axis(1),
            *_wrong_channel_axis(2),
        ],
        "reshape mixes channels and places: move the axes first.": [
            _flatten_wrongly,
            lambda a: _flatten_wrongly(a) * _places(a),
            _flatten_wrongly_torch,
            lambda a: _flatten_wrongly_torch(a) * _places(a),
        ],
        "the divisor is too large: only the places are averaged.": [
            lambda a: gram(a) / a.shape[-1],
            lambda a: gram(a) / len(a),
            lambda a: gram(a) / a.shape[-1] / len(a),
            lambda a: gram(a) / _places(a),
        ],
        "that is the divisor of something else: what is averaged here?": [
            lambda a: gram_sum(a) / a.shape[-1],
            lambda a: gram_sum(a) / a.shape[1],
            lambda a: gram_sum(a) / a.shape[2],
            lambda a: gram_sum(a) / (4 * _places(a)),
        ],
        "the mean of each channel is subtracted: that is the covariance.": [
            lambda a: gram(_centred(a)),
            lambda a: gram(_centred(a)) * _places(a) / (_places(a) - 1),
            lambda a: gram_sum(_centred(a)),
        ],
        "that is the correlation: the strength of a channel should count.": [
            _correlation
        ],
        "only the diagonal is there: channels with themselves.": [
            lambda a: (a**2).mean(axis=(1, 2)),
            lambda a: (a**2).sum(axis=(1, 2)),
            lambda a: gram(a) * np.eye(a.shape[-1]),
        ],
    },
)
