"""The costs in the lecture's form, and the article's bugs, to be mended.

Source of the costs: Gatys, Ecker and Bethge, CVPR 2016, equations 1, 4 and 5,
for Gram matrices that are averages, so that both pictures may have a size of
their own.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise, draws
from course_utils.checks.exercises.what_vgg_sees import (
    draw_features,
    gram,
    gram_sum,
    places,
)
from course_utils.style import vgg

NOTEBOOK = "8 · Style transfer in PyTorch"
BRACKETS = "what stands below the line needs brackets, or a division each."


def _squares(first, second):
    return np.sum((first - second) ** 2)


def _two_of_one_size(generator):
    features = draw_features(generator)
    return features, generator.permuted(features) + generator.integers(2)


def _content_cost(a_C, a_G):
    return _squares(a_C, a_G) / (4 * a_C.size)


check_compute_content_cost = Exercise(
    name="compute_content_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=draws(_two_of_one_size),
    solution=_content_cost,
    mistakes={
        "the normalisation is missing: large layers would count more.": [
            _squares,
            lambda c, g: _squares(c, g) / 4,
        ],
        "the sizes are divided by, but the constant in front is another one.": [
            lambda c, g: _squares(c, g) / c.size,
            lambda c, g: _squares(c, g) / (2 * c.size),
        ],
        BRACKETS: [lambda c, g: _squares(c, g) / 4 * c.size],
        "the differences themselves are to be squared, then added up.": [
            lambda c, g: np.sum(c - g) ** 2 / (4 * c.size),
            lambda c, g: np.sum(abs(c - g)) / (4 * c.size),
        ],
    },
)


def _two_of_other_sizes(generator):
    style = draw_features(generator)
    return style, draw_features(generator, channels=style.shape[-1])


def _layer_style_cost(a_S, a_G):
    return _gram_error(a_S, a_G) / (4 * a_S.shape[-1] ** 2)


def _gram_error(a_S, a_G, matrix=gram):
    return _squares(matrix(a_S), matrix(a_G))


def _lecture(a_S, a_G):
    """Compare sums, and divide by the places of one picture."""
    divisor = 4 * (a_S.shape[-1] * places(a_G)) ** 2
    return _gram_error(a_S, a_G, gram_sum) / divisor


check_compute_layer_style_cost = Exercise(
    name="compute_layer_style_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=draws(_two_of_other_sizes),
    solution=_layer_style_cost,
    mistakes={
        "right only if both pictures have one size: average each by itself.": [
            _lecture
        ],
        "the Gram matrices are sums over the places; take averages.": [
            lambda s, g: _gram_error(s, g, gram_sum) / (4 * s.shape[-1] ** 2)
        ],
        "the constant is another one: 4, and the number of channels squared.": [
            _gram_error,
            lambda s, g: _gram_error(s, g) / (4 * s.shape[-1]),
        ],
        BRACKETS: [lambda s, g: _gram_error(s, g) / 4 * s.shape[-1] ** 2],
    },
)

LAYERS = ("conv1_1", "conv2_1", "conv3_1")


def _three_layers(generator):
    """Features of three layers, of which the second has no weight."""
    style, generated = (
        {layer: draw_features(generator, channels=2) for layer in LAYERS}
        for _ in "SG"
    )
    weights = generator.permutation([0.5, 2, 3])[:2].tolist()
    return style, generated, dict(zip(LAYERS[::2], weights, strict=True))


def _weighted(style, generated, weights):
    """Return the weighted cost of each layer, in a list."""
    return [
        weight * _layer_style_cost(style[layer], generated[layer])
        for layer, weight in weights.items()
    ]


def _style_cost(style_features, generated_features, layer_weights):
    return sum(_weighted(style_features, generated_features, layer_weights))


check_compute_style_cost = Exercise(
    name="compute_style_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=draws(_three_layers),
    solution=_style_cost,
    mistakes={
        "the weights of the layers are ignored.": [
            lambda s, g, weights: _style_cost(s, g, dict.fromkeys(weights, 1))
        ],
        "find the features of a layer by its name, not by its place.": [
            lambda s, g, weights: _style_cost(
                s, g, dict(zip(LAYERS[:2], weights.values(), strict=True))
            )
        ],
        "that is one layer only: does the loop add them up?": [
            lambda *inputs: _weighted(*inputs)[-1],
            lambda *inputs: _weighted(*inputs)[0],
        ],
        "the weighted costs are added up; nothing is averaged.": [
            lambda *inputs: np.mean(_weighted(*inputs))
        ],
    },
)


def _costs(generator):
    """Two costs, and maybe other weights than those of the docstring."""
    costs = map(np.array, generator.integers(1, 8, 2) / 4)
    return *costs, *((), (2.0, 3.0))[generator.integers(2)]


def _total_cost(J_content, J_style, alpha=10, beta=40):
    return alpha * J_content + beta * J_style


check_total_cost = Exercise(
    name="total_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1),
    cases=draws(_costs),
    solution=_total_cost,
    mistakes={
        "alpha and beta have changed places.": [
            lambda c, s, alpha=10, beta=40: _total_cost(c, s, beta, alpha)
        ],
        "it always uses the same weights, whatever alpha and beta are.": [
            lambda c, s, *_: _total_cost(c, s)
        ],
        "without weights given, it should use 10 and 40.": [
            lambda c, s, alpha=1, beta=1: _total_cost(c, s, alpha, beta)
        ],
    },
)


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
        convolve.__doc__ = f"{scale} * x - 0.3"
        modules[f"conv{number}"] = convolve
        modules[f"relu{number}"] = _rectify_in_place
    return modules


def _small_network(generator):
    count = generator.integers(1, 4)
    x = generator.integers(-2, 3, (1, 1, 1, 2)).astype(float)
    names = ("conv1",) if count == 1 else ("conv1", f"conv{count}")
    return x, _network([1.0, 2.0, 1.5][:count]), names


def _capture(x, modules, names, keep=np.copy):
    features = {}
    for name, module in modules.items():
        x = module(x)
        if name in names:
            features[name] = keep(x)
    return features


check_capture_features = Exercise(
    name="capture_features",
    notebook=NOTEBOOK,
    frameworks=("numpy", "torch"),
    gradient=(0,),
    cases=draws(_small_network),
    solution=lambda x, modules, names: _capture(x, modules, names),
    mistakes={
        "what it captured was overwritten afterwards: there is nothing "
        "negative left in it.": [
            lambda *inputs: _capture(*inputs, keep=np.asarray),
            lambda *inputs: _capture(*inputs, keep=lambda x: np.maximum(x, 0)),
        ],
    },
)


def _equal_blocks(layer):
    return 5 * (int(layer[4]) - 1) + 2 * (int(layer[6]) - 1)


def _last_block_early(layer):
    return vgg.torchvision_index(layer) - 2 * (layer[4] == "5")


check_module_index = Exercise(
    name="module_index",
    notebook=NOTEBOOK,
    cases=lambda generator: [
        (layer,) for layer in generator.permutation(vgg.LAYERS).tolist()
    ],
    solution=vgg.torchvision_index,
    mistakes={
        "conv1_1, conv2_1 and conv3_1 are right, conv4_1 is not. How many "
        "convolutions has block 3?": [_equal_blocks],
        "blocks 1 to 4 are right, block 5 is not. How many convolutions has "
        "block 4?": [_last_block_early],
        "where are the poolings?": [lambda layer: 2 * vgg.LAYERS.index(layer)],
        "where are the ReLUs?": [vgg.LAYERS.index],
    },
)

MEAN = np.array([0.485, 0.456, 0.406])  # of ImageNet, torchvision's values
SPREAD = np.array([0.229, 0.224, 0.225])


def _few_pixels(generator):
    height, width = generator.integers(1, 3, 2)
    return (generator.integers(0, 11, (1, height, width, 3)) / 10,)


check_normalise = Exercise(
    name="normalise",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0,),
    cases=draws(_few_pixels),
    solution=lambda pixels: (pixels - MEAN) / SPREAD,
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


def _size(generator):
    """A picture to be made smaller or larger.

    Powers of two as long sides leave nothing half-way between two integers.
    """
    long_side = int(generator.choice([16, 64, 256]))
    return *generator.integers(20, 100, 2).tolist(), long_side


def _scaled_size(height, width, long_side, rounded=round, side=max):
    scaled = (n * long_side / side(height, width) for n in (height, width))
    return tuple(rounded(n) for n in scaled)


check_scaled_size = Exercise(
    name="scaled_size",
    notebook=NOTEBOOK,
    cases=draws(_size),
    solution=lambda height, width, long_side: _scaled_size(
        height, width, long_side
    ),
    mistakes={
        "every picture gets the same shape, whatever shape it had.": [
            lambda h, w, long_side: (256, 512)
        ],
        "the longer side is to be long_side, whichever of the two it is.": [
            lambda *inputs: _scaled_size(*inputs, side=min),
            lambda h, w, long_side: (round(h * long_side / w), long_side),
        ],
        "a part of a pixel is cut off instead of rounded.": [
            lambda *inputs: _scaled_size(*inputs, rounded=int)
        ],
    },
    tolerance=1e-6,
)
