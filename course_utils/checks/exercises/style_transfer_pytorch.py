"""The costs in the lecture's form, and the article's bugs, to be mended.

Source of the costs: Gatys, Ecker and Bethge, CVPR 2016, equations 1, 4 and 5,
for Gram matrices that are averages, so that both pictures may have a size of
their own.
"""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise
from course_utils.checks.exercises.what_vgg_sees import (
    draw_features,
    draw_few_features,
    gram,
    gram_sum,
    places,
)
from course_utils.style import vgg

NOTEBOOK = "8 · Style transfer in PyTorch"


def _squares(first, second):
    return np.sum((first - second) ** 2)


# -- compute_content_cost ------------------------------------------------------


def _two_of_one_size(generator):
    cases = []
    for _ in range(2):
        features = draw_features(generator)
        cases.append((features, generator.uniform(0, 2, features.shape)))
    return cases


def _two_small_ones(generator):
    size = generator.integers(1, 3, 2)
    return tuple(draw_few_features(generator, *size) for _ in "CG")


def _content_cost(a_C, a_G):
    return _squares(a_C, a_G) / (4 * a_C.size)


check_compute_content_cost = Exercise(
    name="compute_content_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=_two_of_one_size,
    small=_two_small_ones,
    solution=_content_cost,
    mistakes={
        "the normalisation is missing: large layers would count more.": [
            _squares,
            lambda c, g: _squares(c, g) / 4,
            lambda c, g: _squares(c, g) / (4 * places(c)),
        ],
        "the sizes are divided by, but the constant in front is another one.": [
            lambda c, g: _squares(c, g) / c.size,
            lambda c, g: _squares(c, g) / (2 * c.size),
            lambda c, g: 4 * _squares(c, g) / c.size,
        ],
        "what stands below the line needs brackets, or a division each.": [
            lambda c, g: _squares(c, g) / 4 * c.size
        ],
        "the differences themselves are to be squared, then added up.": [
            lambda c, g: np.sum(c - g) / (4 * c.size),
            lambda c, g: np.sum(c - g) ** 2 / (4 * c.size),
            lambda c, g: np.sum(abs(c - g)) / (4 * c.size),
        ],
        "that is the length of the difference: leave it squared.": [
            lambda c, g: np.sqrt(_squares(c, g)),
            lambda c, g: np.sqrt(_squares(c, g)) / (4 * c.size),
        ],
        "that is the relative error of the notebook; use the lecture's form.": [
            lambda c, g: _squares(c, g) / np.sum(c**2)
        ],
    },
)


# -- compute_layer_style_cost --------------------------------------------------


def _two_of_other_sizes(generator):
    """Two pictures of one size, and two of different sizes."""
    style = draw_features(generator)
    other_style = draw_features(generator, channels=5)
    wide = np.concatenate([other_style, other_style[:, ::-1]], axis=2)
    return [
        (style, generator.uniform(0, 2, style.shape)),
        (other_style, generator.uniform(0, 2, wide.shape)),
    ]


def _layer_style_cost(a_S, a_G):
    return _squares(gram(a_S), gram(a_G)) / (4 * a_S.shape[-1] ** 2)


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
    cases=_two_of_other_sizes,
    small=_two_small_ones,
    solution=_layer_style_cost,
    mistakes={
        "right only if both pictures have one size: average each by itself.": [
            _lecture,
            lambda s, g: _lecture(g, s),
        ],
        "the Gram matrices are sums over the places; take averages.": [
            lambda s, g: _gram_error(s, g, gram_sum) / (4 * s.shape[-1] ** 2),
            lambda s, g: _gram_error(s, g, gram_sum),
        ],
        "it divides by the places twice: the Gram matrices are averages.": [
            lambda s, g: _layer_style_cost(s, g) / places(g) ** 2,
            lambda s, g: _layer_style_cost(s, g) / places(s) ** 2,
        ],
        "the constant is another one: 4, and the number of channels squared.": [
            _gram_error,
            lambda s, g: _gram_error(s, g) / (4 * s.shape[-1]),
            lambda s, g: _gram_error(s, g) / s.shape[-1] ** 2,
        ],
        "what stands below the line needs brackets, or a division each.": [
            lambda s, g: _gram_error(s, g) / 4 * s.shape[-1] ** 2
        ],
        "that is the relative error of the notebook; use the lecture's form.": [
            lambda s, g: _gram_error(s, g) / np.sum(gram(s) ** 2)
        ],
    },
)


# -- compute_style_cost --------------------------------------------------------

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")


def _several_layers(generator):
    """Features of four layers, of which the second has no weight."""
    cases = []
    for _ in range(2):
        style = {layer: draw_features(generator) for layer in LAYERS}
        generated = {
            layer: generator.uniform(0, 2, features.shape)
            for layer, features in style.items()
        }
        shares = generator.permutation([0.15, 0.25, 0.45]).tolist()
        weighted = [layer for layer in LAYERS if layer != "conv2_1"]
        weights = dict(zip(weighted, shares, strict=True))
        cases.append((style, generated, weights))
    return cases


def _two_small_layers(generator):
    style, generated = (
        {layer: draw_few_features(generator, 1, 1) for layer in LAYERS[:2]}
        for _ in "SG"
    )
    weights = ({"conv1_1": 2.0}, {"conv2_1": 2.0, "conv1_1": 3.0})
    return style, generated, weights[generator.integers(2)]


def _weighted(style, generated, weights, cost=_layer_style_cost):
    """Return the weighted cost of each layer, in a list."""
    return [w * cost(style[n], generated[n]) for n, w in weights.items()]


def _style_cost(style_features, generated_features, layer_weights):
    return sum(_weighted(style_features, generated_features, layer_weights))


def _with_weights(change):
    """Return a version in which the layers have other weights."""
    return lambda style, generated, weights: _style_cost(
        style, generated, change(weights)
    )


check_compute_style_cost = Exercise(
    name="compute_style_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(1,),
    cases=_several_layers,
    small=_two_small_layers,
    solution=_style_cost,
    mistakes={
        "the weights of the layers are ignored.": [
            _with_weights(lambda w: dict.fromkeys(w, 1)),
            _with_weights(lambda w: dict.fromkeys(w, 1 / len(w))),
        ],
        "layers without a weight should not count.": [
            _with_weights(lambda w: dict.fromkeys(LAYERS, 1)),
            _with_weights(lambda w: dict.fromkeys(LAYERS, 1 / len(LAYERS))),
        ],
        "find the features of a layer by its name, not by its place.": [
            _with_weights(
                lambda w: dict(zip(LAYERS[:3], w.values(), strict=True))
            )
        ],
        "that is one layer only: does the loop add them up?": [
            lambda *inputs: _weighted(*inputs)[-1],
            lambda *inputs: _weighted(*inputs)[0],
        ],
        "the weighted costs are added up; nothing is averaged.": [
            lambda *inputs: np.mean(_weighted(*inputs)),
            _with_weights(lambda w: {n: w[n] / sum(w.values()) for n in w}),
        ],
        "features are compared; style compares their Gram matrices.": [
            lambda *inputs: sum(_weighted(*inputs, cost=_content_cost)),
            lambda *inputs: 4 * sum(_weighted(*inputs, cost=_content_cost)),
        ],
    },
)


# -- total_cost ----------------------------------------------------------------


def _costs(generator):
    """The weights of the docstring, and others."""
    content, style, *weights = generator.permutation([0.7, 1.9, 3.1, 5.3])
    jitter = generator.uniform(0.95, 1.05, 2)
    costs = np.array(content * jitter[0]), np.array(style * jitter[1])
    return [costs, (*costs, *map(float, weights))]


def _small_costs(generator):
    costs = generator.integers(1, 8, 2) / 4
    weights = (2.0, 3.0)[: 2 * generator.integers(2)]
    return *map(np.array, costs), *weights


def _total_cost(J_content, J_style, alpha=10, beta=40):
    return alpha * J_content + beta * J_style


check_total_cost = Exercise(
    name="total_cost",
    notebook=NOTEBOOK,
    frameworks=ALL_FRAMEWORKS,
    gradient=(0, 1),
    cases=_costs,
    small=_small_costs,
    solution=_total_cost,
    mistakes={
        "alpha and beta have changed places.": [
            lambda c, s, alpha=10, beta=40: _total_cost(c, s, beta, alpha),
            lambda c, s, alpha=40, beta=10: _total_cost(c, s, alpha, beta),
        ],
        "it always uses the same weights, whatever alpha and beta are.": [
            lambda c, s, *_: _total_cost(c, s)
        ],
        "each cost is multiplied by its own weight.": [
            lambda c, s, *_: c + s,
            lambda c, s, alpha=10, beta=40: alpha * (c + s),
            lambda c, s, alpha=10, beta=40: (alpha + beta) * (c + s),
        ],
        "without weights given, it should use 10 and 40.": [
            lambda c, s, alpha=1, beta=1: _total_cost(c, s, alpha, beta),
            lambda c, s, alpha=1, beta=100: _total_cost(c, s, alpha, beta),
        ],
    },
)


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
