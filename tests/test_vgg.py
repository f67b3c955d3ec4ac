"""The network's names, geometry and weights, held against the originals."""

import h5py
import numpy as np
import pytest

from course_utils import images
from course_utils import weights as weight_files
from course_utils.style import vgg

PHOTO = images.load_image(images.sample("content/coffee"), 64)


def test_keras_file_gives_what_keras_gives(tmp_path, monkeypatch):
    """The layout of Keras' published file, through the official path."""
    vgg.load_backend("tensorflow")  # Keras imports TensorFlow, less carefully
    import keras

    model = keras.applications.VGG16(weights=None, include_top=False)
    convolutions = [layer for layer in model.layers if "conv" in layer.name]
    file = tmp_path / "vgg16.h5"
    with h5py.File(file, "w") as target:
        for layer in convolutions:
            kernel, bias = layer.get_weights()
            group = target.create_group(layer.name)
            group[f"{layer.name}_W_1:0"] = kernel
            group[f"{layer.name}_b_1:0"] = bias
    every = keras.Model(model.inputs, [each.output for each in convolutions])
    pixels = (PHOTO.astype(np.float32) - vgg.CAFFE_MEAN)[None, ..., ::-1]
    outputs = every.predict(pixels, verbose=0)
    monkeypatch.setattr(weight_files, "find", lambda name: file)
    vgg._kept_network.cache_clear()
    for backend in vgg.BACKENDS:
        ours = vgg.features(PHOTO, backend=backend, weights="vgg16_caffe")
        for layer, (theirs,) in zip(vgg.LAYERS, outputs, strict=True):
            assert ours[layer].shape == theirs.shape
            assert np.abs(theirs).max() > 0
            difference = np.abs(ours[layer] - theirs).max()
            assert difference <= 1e-5 * np.abs(theirs).max()
    vgg._kept_network.cache_clear()


def test_torchvision_index_finds_the_convolutions():
    import torch
    import torchvision
    from torch.nn import Conv2d

    with torch.device("meta"):  # no numbers
        model = torchvision.models.vgg16(weights=None).features
    places = [n for n, module in enumerate(model) if isinstance(module, Conv2d)]
    assert [vgg.torchvision_index(layer) for layer in vgg.LAYERS] == places


def test_unknown_names_are_explained():
    with pytest.raises(ValueError, match="'relu3_3' is not a layer"):
        vgg.features(PHOTO, "relu3_3")
    with pytest.raises(ValueError, match="'jax' is not a backend"):
        vgg.features(PHOTO, backend="jax")
    with pytest.raises(ValueError, match="'resnet' is not a weight set"):
        vgg.features(PHOTO, weights="resnet")


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_what_is_no_picture_is_explained(backend):
    """TensorFlow used to end the process, or to answer nonsense."""
    for wrong in (None, PHOTO / 255, PHOTO > 99, PHOTO[..., 0], "photo.jpg"):
        with pytest.raises(images.ImageError):
            vgg.features(wrong, "conv1_1", backend)
    with pytest.raises(images.ImageError, match="8 are needed on each side"):
        vgg.features(PHOTO[:7], "conv4_1", backend)
