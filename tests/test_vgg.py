"""The network's names, geometry and weights, held against the originals."""

import numpy as np
import pytest

from course_utils import images, style
from course_utils import weights as weight_files
from course_utils.style import vgg


@pytest.fixture(scope="module")
def photo():
    return images.load_image(images.sample("content/coffee"), 64)


@pytest.fixture(scope="module")
def keras_vgg16():
    vgg.load_backend("tensorflow")  # Keras imports TensorFlow, less carefully
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.VGG16(weights=None, include_top=False)


def network_input(image):
    return image.astype(np.float32) - vgg.CAFFE_MEAN


def test_names_and_geometry():
    assert len(vgg.LAYERS) == 13
    assert vgg.LAYERS[0] == "conv1_1" and vgg.LAYERS[-1] == "conv5_3"
    assert vgg.layers_up_to_deepest(["conv2_1", "conv1_2"]) == (
        "conv1_1",
        "conv1_2",
        "conv2_1",
    )
    # Table of the distill article's calculator for VGG-16.
    sizes = [vgg.receptive_field(layer).size for layer in vgg.LAYERS]
    assert sizes == [3, 5, 10, 14, 24, 32, 40, 60, 76, 92, 132, 164, 196]
    assert vgg.receptive_field("conv5_3").stride == 16


def test_receptive_field_is_what_a_unit_really_sees():
    """Change pixels one by one: exactly those inside the field matter."""
    field = vgg.receptive_field("conv3_1")
    grey = np.full((64, 64, 3), 128, np.uint8)
    before = vgg.features(grey, "conv3_1")["conv3_1"][8, 8]
    changed = []
    for column in range(64):
        touched = grey.copy()
        touched[:, column] = 255 * np.random.default_rng(column).integers(
            0, 2, (64, 3)
        )
        after = vgg.features(touched, "conv3_1")["conv3_1"][8, 8]
        if (after != before).any():
            changed.append(column)
    assert changed[-1] - changed[0] + 1 <= field.size
    assert len(changed) >= field.size - 4


def test_multiply_adds_match_the_facts():
    """24.4 G for the seven layers the article needs of 40.1 G it runs."""
    totals = [
        sum(vgg.multiply_adds(name, 256, 512) for name in layers) / 1e9
        for layers in (vgg.layers_up_to_deepest(["conv3_3"]), vgg.LAYERS)
    ]
    assert totals == pytest.approx([24.4, 40.1], abs=0.06)


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_keras_file_gives_what_keras_gives(
    keras_vgg16, photo, backend, tmp_path, monkeypatch
):
    """The layout of Keras' published file, through the official path."""
    file = tmp_path / "vgg16.h5"
    save_as_keras_publishes(keras_vgg16, file)
    monkeypatch.setattr(weight_files, "find", lambda name: file)
    vgg._kept_network.cache_clear()
    ours = vgg.features(photo, backend=backend, weights="vgg16_caffe")
    vgg._kept_network.cache_clear()
    outputs = keras_outputs(keras_vgg16, network_input(photo)[..., ::-1])
    for layer, theirs in zip(vgg.LAYERS, outputs, strict=True):
        assert_close(ours[layer], theirs)


def save_as_keras_publishes(model, file):
    import h5py

    with h5py.File(file, "w") as target:
        for layer in model.layers:
            if "conv" in layer.name:
                kernel, bias = layer.get_weights()
                group = target.create_group(layer.name)
                group[f"{layer.name}_W_1:0"] = kernel
                group[f"{layer.name}_b_1:0"] = bias


def keras_outputs(model, pixels):
    import keras

    outputs = [layer.output for layer in model.layers if "conv" in layer.name]
    every = keras.Model(model.inputs, outputs)
    return [output[0] for output in every.predict(pixels[None], verbose=0)]


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_torchvision_file_gives_what_torchvision_gives(
    photo, backend, tmp_path, monkeypatch
):
    import torch
    import torchvision

    torch.manual_seed(0)
    # Without the classifier, 0.5 GB that no style transfer reads.
    model = torchvision.models.vgg16(weights=None, num_classes=1).features
    file = tmp_path / "vgg16.pth"
    names = {f"features.{key}": v for key, v in model.state_dict().items()}
    torch.save(names, file)
    monkeypatch.setattr(weight_files, "find", lambda name: file)
    vgg._kept_network.cache_clear()
    ours = vgg.features(photo, backend=backend, weights="vgg16_torchvision")
    vgg._kept_network.cache_clear()
    x = torch.tensor(network_input(photo).transpose(2, 0, 1))[None]
    for index, module in enumerate(model):
        # A copy: torchvision's ReLU is in place and overwrites its input.
        x = module(x.clone())
        for layer in vgg.LAYERS:
            if vgg.torchvision_index(layer) + 1 == index:
                theirs = x[0].permute(1, 2, 0).detach().numpy()
                assert_close(ours[layer], theirs)


def assert_close(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.abs(theirs).max() > 0
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


def test_only_the_needed_layers_are_read_and_built():
    assert list(vgg.load_weights(layers=["conv2_1"]).layers) == [
        "conv1_1",
        "conv1_2",
        "conv2_1",
    ]
    recipe = style.StyleRecipe(
        style_layers="conv1_2", content_layers="conv5_3", content_weight=0
    )
    network = vgg.load_network(recipe.used_layers())
    assert list(network.layers) == ["conv1_1", "conv1_2"]


def test_first_kernel_reads_red_green_blue():
    """Of a red and a blue picture, each excites other filters."""
    kernel = vgg.load_weights(layers=["conv1_1"]).layers["conv1_1"][0]
    assert kernel.shape == (3, 3, 3, 64)
    red, blue = np.zeros((2, 8, 8, 3), np.uint8)
    red[..., 0] = blue[..., 2] = 255
    for picture in (red, blue):
        inside = kernel.sum((0, 1)).T @ network_input(picture)[4, 4]
        seen = vgg.features(picture, "conv1_1")["conv1_1"][4, 4]
        bias = vgg.load_weights(layers=["conv1_1"]).layers["conv1_1"][1]
        assert seen == pytest.approx(np.maximum(inside + bias, 0), rel=1e-4)


def test_unknown_names_are_explained(photo):
    with pytest.raises(ValueError, match="'relu3_3' is not a layer"):
        vgg.features(photo, "relu3_3")
    with pytest.raises(ValueError, match="'jax' is not a backend"):
        vgg.features(photo, backend="jax")
    with pytest.raises(ValueError, match="'resnet' is not a weight set"):
        vgg.features(photo, weights="resnet")


@pytest.mark.parametrize("backend", vgg.BACKENDS)
def test_what_is_no_picture_is_explained(photo, backend):
    """TensorFlow used to end the process, or to answer nonsense."""
    for wrong in (None, photo / 255, photo > 99, photo[..., 0], "photo.jpg"):
        with pytest.raises(images.ImageError):
            vgg.features(wrong, "conv1_1", backend)
    with pytest.raises(images.ImageError, match="needs 8 on each side"):
        vgg.features(photo[:7], "conv4_1", backend)
