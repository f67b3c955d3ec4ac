"""The article's bugs, to be mended."""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, exercise
from course_utils.style import vgg


def _rectify_in_place(x):
    """ReLU, in place"""
    x[x < 0] = 0
    return x


def _convolve(x):
    """2 * x - 0.3"""
    return 2 * x - 0.3


def _small_network(generator):
    """Convolution and ReLU in turns; multiplying stands for the first.

    Only the first module gets what the caller holds, and leaves it alone.
    """
    modules = {}
    for number in range(1, generator.integers(2, 5)):
        modules[f"conv{number}"] = _convolve
        modules[f"relu{number}"] = _rectify_in_place
    x = generator.integers(-2, 3, (1, 1, 1, 2)).astype(float)
    return x, modules, ("conv1", f"conv{number}")


@exercise(
    draw=_small_network,
    frameworks=("numpy", "torch"),
    gradient=(0,),
    mistakes={
        "what it captured was overwritten afterwards: there is nothing "
        "negative left in it.": [
            lambda *inputs: capture_features(*inputs, np.asarray)
        ],
    },
)
def capture_features(x, modules, names, keep=np.copy):
    features = {}
    for name, module in modules.items():
        x = module(x)
        if name in names:
            features[name] = keep(x)
    return features


def _equal_blocks(layer):
    return 5 * (int(layer[4]) - 1) + 2 * (int(layer[6]) - 1)


def _last_block_early(layer):
    return vgg.torchvision_index(layer) - 2 * (layer[4] == "5")


@exercise(
    draw=lambda generator: (str(generator.choice(vgg.LAYERS)),),
    draws=100,
    mistakes={
        "conv1_1, conv2_1 and conv3_1 are right, conv4_1 is not. How many "
        "convolutions has block 3?": [_equal_blocks],
        "blocks 1 to 4 are right, block 5 is not. How many convolutions has "
        "block 4?": [_last_block_early],
        "where are the poolings?": [lambda layer: 2 * vgg.LAYERS.index(layer)],
        "where are the ReLUs?": [vgg.LAYERS.index],
    },
)
def module_index(layer):
    return vgg.torchvision_index(layer)


MEAN = np.array([0.485, 0.456, 0.406])  # of ImageNet, torchvision's values
SPREAD = np.array([0.229, 0.224, 0.225])


def _few_pixels(generator):
    height, width = generator.integers(1, 3, 2)
    return (generator.integers(0, 11, (1, height, width, 3)) / 10,)


@exercise(
    draw=_few_pixels,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0,),
    mistakes={
        "the pixels are still 0 to 1; the network was not trained with "
        "those.": [lambda x: x],
        "0 to 255 is another network's unit.": [lambda x: 255 * x],
        "both are needed, the mean and the spread.": [
            lambda x: x - MEAN,
            lambda x: x / SPREAD,
        ],
        "every channel has a mean and a spread of its own.": [
            lambda x: (x - MEAN) / SPREAD.mean()
        ],
    },
)
def normalise(pixels):
    return (pixels - MEAN) / SPREAD


def _size(generator):
    """A picture to be made smaller or larger.

    Powers of two as long sides leave nothing half-way between two integers.
    """
    long_side = int(generator.choice([16, 64, 256]))
    return *generator.integers(20, 100, 2).tolist(), long_side


@exercise(
    draw=_size,
    tolerance=1e-6,
    mistakes={
        "every picture gets the same shape, whatever shape it had.": [
            lambda h, w, long_side: (256, 512)
        ],
        "the longer side is to be long_side, whichever of the two it is.": [
            lambda *inputs: scaled_size(*inputs, side=min),
            lambda h, w, long_side: (round(h * long_side / w), long_side),
        ],
        "a part of a pixel is cut off instead of rounded.": [
            lambda *inputs: scaled_size(*inputs, rounded=int)
        ],
    },
)
def scaled_size(height, width, long_side, rounded=round, side=max):
    scaled = (n * long_side / side(height, width) for n in (height, width))
    return tuple(rounded(n) for n in scaled)
