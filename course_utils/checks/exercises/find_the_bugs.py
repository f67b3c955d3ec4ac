"""The article's bugs, to be mended."""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise
from course_utils.style import vgg

NOTEBOOK = "9 · Find the bugs"


# -- capture_features ----------------------------------------------------------


def _rectify_in_place(x):
    """ReLU, in place"""
    x[x < 0] = 0
    return x


def _network(scales):
    """Return convolution and ReLU in turns; multiplying stands for the first.

    Only the first module gets what the caller holds, and leaves it alone.
    """
    modules = {}
    for number, scale in enumerate(scales, 1):
        convolve = lambda x, scale=scale: scale * x - 0.3  # noqa: E731
        convolve.__doc__ = f"{scale:g} * x - 0.3"
        modules[f"conv{number}"] = convolve
        modules[f"relu{number}"] = _rectify_in_place
    return modules


def _small_networks(generator):
    cases = []
    for count in (2, 3):
        modules = _network(generator.uniform(0.5, 1.5, count))
        x = generator.normal(size=(1, 3, 4, 2))
        cases.append((x, modules, ("conv1", f"conv{count}")))
    return cases


def _smallest_network(generator):
    x = generator.integers(-2, 3, (1, 1, 1, 2)).astype(float)
    names = ("conv1", "conv2")[: generator.integers(1, 3)]
    return x, _network([1.0, 2.0]), names


def _capture(x, modules, names, keep=np.copy):
    features = {}
    for name, module in modules.items():
        x = module(x)
        if name in names:
            features[name] = keep(x)
    return features


def _capture_inputs(x, modules, names):
    features = {}
    for name, module in modules.items():
        if name in names:
            features[name] = x.copy()
        x = module(x)
    return features


check_capture_features = Exercise(
    name="capture_features",
    notebook=NOTEBOOK,
    frameworks=("numpy", "torch"),
    gradient=(0,),
    cases=_small_networks,
    small=_smallest_network,
    solution=_capture,
    mistakes={
        "what it captured was overwritten afterwards: there is nothing "
        "negative left in it.": [
            lambda x, modules, names: _capture(x, modules, names, np.asarray),
            lambda x, modules, names: _capture(
                x, modules, names, lambda a: np.maximum(a, 0)
            ),
        ],
        "it captures what goes into a module, not what comes out.": [
            _capture_inputs
        ],
        "every module gets the picture; it should get what the module before "
        "it gave.": [
            lambda x, modules, names: {n: modules[n](x.copy()) for n in names}
        ],
        "it leaves modules out: the ReLUs belong to the network, too.": [
            lambda x, modules, names: _capture(
                x, {n: modules[n] for n in list(modules)[::2]}, names
            )
        ],
    },
)


# -- module_index --------------------------------------------------------------


def _layers(generator):
    return [(layer,) for layer in generator.permutation(vgg.LAYERS).tolist()]


def _parts(layer):
    """Return block and place in it, counted from 0: conv4_2 gives 3, 1."""
    return int(layer[4]) - 1, int(layer[6]) - 1


def _in_steps(per_block):
    return lambda layer: per_block * _parts(layer)[0] + 2 * _parts(layer)[1]


def _last_block_moved(by):
    return lambda layer: (
        vgg.torchvision_index(layer) + by * (_parts(layer)[0] == 4)
    )


check_module_index = Exercise(
    name="module_index",
    notebook=NOTEBOOK,
    cases=_layers,
    small=lambda generator: (str(generator.choice(vgg.LAYERS)),),
    solution=vgg.torchvision_index,
    mistakes={
        "conv1_1, conv2_1 and conv3_1 are right, conv4_1 is not. How many "
        "convolutions has block 3?": [_in_steps(5)],
        "blocks 1 to 4 are right, block 5 is not. How many convolutions has "
        "block 4?": [_last_block_moved(by) for by in (-3, -2, -1, 1, 2, 3)],
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
        "that is a module beside the convolution.": [
            lambda layer: vgg.torchvision_index(layer) + 1,
            lambda layer: vgg.torchvision_index(layer) - 1,
        ],
    },
)


# -- normalise -----------------------------------------------------------------

MEAN = np.array([0.485, 0.456, 0.406])  # of ImageNet, torchvision's values
SPREAD = np.array([0.229, 0.224, 0.225])


def _pixels(generator):
    sides = generator.integers(4, 9, (2, 2))
    return [(generator.random((1, *side, 3)),) for side in sides]


def _one_pixel(generator):
    return (generator.integers(0, 11, (1, 1, 1, 3)) / 10,)


def _normalise(pixels):
    return (pixels - MEAN) / SPREAD


check_normalise = Exercise(
    name="normalise",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0,),
    cases=_pixels,
    small=_one_pixel,
    solution=_normalise,
    mistakes={
        "the pixels are still 0 to 1; the network was not trained with "
        "those.": [lambda x: x],
        "0 to 255 is another network's unit.": [
            lambda x: 255 * x,
            lambda x: 255 * x - 255 * MEAN,
            lambda x: (x / 255 - MEAN) / SPREAD,
        ],
        "both are needed, the mean and the spread.": [
            lambda x: x - MEAN,
            lambda x: x / SPREAD,
        ],
        "first subtract the mean, then divide by the spread.": [
            lambda x: x / SPREAD - MEAN,
            lambda x: x - MEAN / SPREAD,
            lambda x: (x - MEAN) * SPREAD,
        ],
        "every channel has a mean and a spread of its own.": [
            lambda x: (x - MEAN.mean()) / SPREAD.mean(),
            lambda x: (x - MEAN) / SPREAD.mean(),
            lambda x: (x - 0.5) / 0.5,
        ],
        "those are the mean and the spread of this picture. The network "
        "wants those of the pictures that it was trained with.": [
            lambda x: (x - x.mean()) / x.std(),
            lambda x: (x - x.mean(axis=(1, 2))) / x.std(axis=(1, 2)),
        ],
    },
)


# -- scaled_size ---------------------------------------------------------------


def _sizes(generator):
    """Wide, tall and square pictures, to be made smaller and larger.

    Powers of two as long sides leave nothing half-way between two integers;
    one of the first is to be rounded up, one down.
    """
    cases = [(200, 200, 128), (150, 110, 128), (200, 130, 128)]
    for long_side in (512, 64, 1024):
        short, long = generator.integers((100, 150), (140, 250)).tolist()
        cases += [(short, long, long_side), (long, short, long_side)]
    return cases


def _small_size(generator):
    sides = generator.choice([[10, 30], [20, 30], [20, 50], [30, 30]])
    return *generator.permutation(sides).tolist(), 64


def _scaled_size(height, width, long_side, rounded=round, side=max):
    scaled = (n * long_side / side(height, width) for n in (height, width))
    return tuple(rounded(n) for n in scaled)


check_scaled_size = Exercise(
    name="scaled_size",
    notebook=NOTEBOOK,
    cases=_sizes,
    small=_small_size,
    solution=_scaled_size,
    mistakes={
        "every picture gets the same shape, whatever shape it had.": [
            lambda h, w, long_side: (256, 512),
            lambda h, w, long_side: (long_side // 2, long_side),
            lambda h, w, long_side: (long_side, long_side),
        ],
        "height and width have changed places.": [
            lambda h, w, long_side: _scaled_size(w, h, long_side)
        ],
        "the longer side is to be long_side, whichever of the two it is.": [
            lambda h, w, long_side: _scaled_size(h, w, long_side, side=min),
            lambda h, w, long_side: (round(h * long_side / w), long_side),
            lambda h, w, long_side: (long_side, round(w * long_side / h)),
        ],
        "a small picture is to be enlarged.": [
            lambda h, w, side: _scaled_size(h, w, min(side, max(h, w)))
        ],
        "a part of a pixel is cut off instead of rounded.": [
            lambda h, w, long_side: _scaled_size(h, w, long_side, int)
        ],
        "a picture has a whole number of pixels.": [
            lambda h, w, long_side: _scaled_size(h, w, long_side, float)
        ],
    },
    tolerance=1e-6,
)
