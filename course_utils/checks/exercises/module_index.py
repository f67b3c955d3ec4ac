"""Find the bug: the layer is not the one that it is taken for."""

from course_utils.checks.exercise import Exercise
from course_utils.style import vgg


def _layers(generator):
    return [(layer,) for layer in generator.permutation(vgg.LAYERS).tolist()]


def _parts(layer):
    """Return block and place in it, counted from 0: conv4_2 gives 3, 1."""
    return int(layer[4]) - 1, int(layer[6]) - 1


def _in_steps(per_block):
    return lambda layer: per_block * _parts(layer)[0] + 2 * _parts(layer)[1]


check_module_index = Exercise(
    name="module_index",
    notebook="8 · Style transfer in PyTorch",
    cases=_layers,
    solution=vgg.torchvision_index,
    mistakes={
        "conv1_1, conv2_1 and conv3_1 are right, conv4_1 is not. How many "
        "convolutions has block 3?": [_in_steps(5)],
        "conv1_1 is right, conv2_1 is not. How many convolutions has block "
        "1?": [_in_steps(7)],
        "where are the poolings?": [
            lambda layer: 2 * vgg.LAYERS.index(layer),
            _in_steps(4),
            _in_steps(6),
        ],
        "where are the ReLUs?": [
            vgg.LAYERS.index,
            lambda layer: vgg.LAYERS.index(layer) + _parts(layer)[0],
        ],
        "that is the ReLU behind the convolution.": [
            lambda layer: vgg.torchvision_index(layer) + 1
        ],
        "that is the module before the convolution.": [
            lambda layer: vgg.torchvision_index(layer) - 1
        ],
        "a pooling stands at the end of a block, not before each of its "
        "convolutions.": [
            lambda layer: 3 * vgg.LAYERS.index(layer),
            lambda layer: 3 * vgg.LAYERS.index(layer) + 1,
            lambda layer: 3 * vgg.LAYERS.index(layer) + 2,
        ],
        "every layer gets the same module.": [lambda layer: 15],
        "the name of a module is a text; asked for is a number.": [
            lambda layer: str(vgg.torchvision_index(layer)),
            lambda layer: str(_in_steps(5)(layer)),
        ],
    },
)
