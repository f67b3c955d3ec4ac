"""VGG16's convolutional trunk: names, geometry, weights, preprocessing.

Layers are named after Simonyan and Zisserman's table 1 (2015, column D):
``conv4_2`` is the second convolution of the fourth block, and always means its
output *after* the ReLU. Source: arXiv:1409.1556.
"""

import functools
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_utils import images
from course_utils import weights as weight_files

BACKENDS = ("torch", "tensorflow")
"""The frameworks. Each has a module, imported only when asked for."""

BLOCKS = {1: (64, 2), 2: (128, 2), 3: (256, 3), 4: (512, 3), 5: (512, 3)}
"""Block number: (output channels, number of 3 by 3 convolutions)."""

LAYERS = tuple(
    f"conv{block}_{number}"
    for block, (_, count) in BLOCKS.items()
    for number in range(1, count + 1)
)
"""The thirteen layer names, shallow to deep: conv1_1 ... conv5_3."""

WEIGHTS = ("vgg16_hed", "vgg16_caffe")
"""Weight sets by name. The first is embedded, the other is downloaded."""

CAFFE_MEAN = np.array([123.68, 116.779, 103.939], np.float32)
"""Mean red, green and blue of ImageNet, 0-255, subtracted from the pixels."""


@dataclass(frozen=True)
class Weights:
    """Convolution weights, in one layout for both frameworks: float32.

    A layer's kernel is (3, 3, input channels, output channels), its bias
    (output channels,). The first kernel reads red, green, blue.
    """

    layers: dict[str, tuple[np.ndarray, np.ndarray]]  # kernel and bias
    mean: np.ndarray  # subtracted from pixels in 0-255 before


def load_backend(name: str):
    """Import a backend's module. Raises ValueError for an unknown name."""
    if name not in BACKENDS:
        raise ValueError(
            f"{name!r} is not a backend: use {' or '.join(BACKENDS)}."
        )
    return importlib.import_module(f".{name}_backend", __package__)


def block_of(layer: str) -> int:
    """Return the block number, 1 to 5, of a layer name."""
    check_layers([layer])
    return int(layer[4])


def starts_block(layer: str) -> bool:
    """Say whether a 2 by 2 pooling comes just before this layer."""
    return layer.endswith("_1") and layer != "conv1_1"


def check_layers(layers: Iterable[str]) -> None:
    """Raise ValueError unless every name is one of LAYERS."""
    for layer in layers:
        if layer not in LAYERS:
            raise ValueError(
                f"{layer!r} is not a layer of VGG16: use one of "
                f"{', '.join(LAYERS)}."
            )


def layers_up_to_deepest(layers: Iterable[str]) -> tuple[str, ...]:
    """Return the layers that must run to reach all of the named ones."""
    layers = list(layers)
    check_layers(layers)
    return LAYERS[: max((LAYERS.index(name) + 1 for name in layers), default=0)]


def smallest_side(layers: Iterable[str]) -> int:
    """Return the fewest pixels a side needs so that no layer is empty."""
    return max((2 ** (block_of(name) - 1) for name in layers), default=1)


def multiply_adds(layer: str, height: int, width: int) -> int:
    """Count the multiply-adds of one layer on a (height, width) picture."""
    block, place = block_of(layer), LAYERS.index(layer)
    scale = 2 ** (block - 1)
    channels = BLOCKS[block][0]
    inputs = BLOCKS[block_of(LAYERS[place - 1])][0] if place else 3
    return 9 * inputs * channels * (height // scale) * (width // scale)


def features(
    image: np.ndarray,
    layers: str | Iterable[str] = LAYERS,
    backend: str = "torch",
    *,
    weights: str = "vgg16_hed",
    pooling: str = "max",
    precision: str = "float32",
) -> dict[str, np.ndarray]:
    """Run a picture through VGG16 and return what the layers answer.

    The answer maps each layer name to float32 (height / stride, width /
    stride, channels). Only the layers up to the deepest named one are run.
    Raises ValueError for an unknown name, ImageError for what is no picture
    or is smaller than the deepest layer can see.
    """
    layers = (layers,) if isinstance(layers, str) else tuple(layers)
    images.require_rgb(image, smallest_side(layers))
    network = load_network(layers, backend, weights, pooling, precision)
    return network.features(np.float32(image) / 255, layers)


def load_network(
    layers: Iterable[str],
    backend: str = "torch",
    weights: str = "vgg16_hed",
    pooling: str = "max",
    precision: str = "auto",
):
    """Return a backend's Network, as deep as the layers need."""
    if precision == "auto":
        precision = load_backend(backend).best_precision()
    needed = layers_up_to_deepest(layers)
    return _kept_network(backend, weights, needed, pooling, precision)


# Two, so that switching between frameworks or precisions loads and compiles
# nothing, while a long series of experiments does not fill the memory.
@functools.lru_cache(maxsize=2)
def _kept_network(backend, weights, layers, pooling, precision):
    loaded = load_weights(weights, layers)
    return load_backend(backend).Network(loaded, pooling, precision)


def load_weights(
    name: str = "vgg16_hed", layers: Iterable[str] = LAYERS
) -> Weights:
    """Read a weight set, only as deep as the layers need.

    - ``vgg16_hed``: embedded. The trunk of Xie and Tu's edge detector
      (arXiv:1504.06375): VGG16 trained on ImageNet, then trained a little
      further to mark edges on the photographs of BSDS500. Shallow layers
      hardly moved; deep ones answer more weakly than the originals.
    - ``vgg16_caffe``: the original authors' ImageNet weights, as Keras
      distributes them.
    """
    if name not in WEIGHTS:
        raise ValueError(
            f"{name!r} is not a weight set: use one of {', '.join(WEIGHTS)}."
        )
    arrays = _read_keras(weight_files.find(name), layers_up_to_deepest(layers))
    return Weights(arrays, CAFFE_MEAN)


def _read_keras(path: Path, layers: Iterable[str]) -> dict:
    """Read an HDF5 file written by Keras, either of its two layouts."""
    import h5py

    with h5py.File(path) as file:
        read = {name: _read_keras_layer(file, name) for name in layers}
    kernel, bias = read["conv1_1"]
    # These files read blue, green, red: turn the first kernel round once, and
    # everything else can stay RGB.
    read["conv1_1"] = np.ascontiguousarray(kernel[:, :, ::-1]), bias
    return read


def torchvision_index(layer: str) -> int:
    """Return the convolution's index in torchvision's ``vgg16().features``.

    There the ReLUs and poolings count too: conv1_1 is 0, conv4_2 is 19.
    """
    return block_of(layer) - 1 + 2 * LAYERS.index(layer)


def _read_keras_layer(file, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a layer's two arrays: by name the kernel comes before the bias.

    Keras 3 writes ``block1/layers/conv2d_1/vars/0`` (this trunk's blocks are
    its own layers), Keras 1 ``block1_conv2/block1_conv2_W_1:0``.
    """
    block, number = block_of(layer), int(layer[-1])
    group = file.get(f"block{block}_conv{number}")
    if group is None:
        suffix = "" if number == 1 else f"_{number - 1}"
        group = file[f"block{block}/layers/conv2d{suffix}/vars"]
    kernel, bias = (np.asarray(a, np.float32) for a in group.values())
    return kernel, bias
