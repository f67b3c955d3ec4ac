"""The article's two style transfer loops, as the baseline of style.py.

Written again from its text with its own constants and its own flaws, which
notebooks 8 and 10 explain: pixels outside 0-1 that saving cuts off, no
normalisation of the input and 420 evaluations (PyTorch), a content target
taken from the style picture (TensorFlow). Both read the embedded weights.
Pictures are RGB uint8, content and style of one size.
"""

import numpy as np

from course_utils.style import vgg
from course_utils.style.losses import Targets

TORCHVISION_MEAN = np.float32([0.485, 0.456, 0.406])
TORCHVISION_STD = np.float32([0.229, 0.224, 0.225])
# Brings the embedded weights' activations to the size of torchvision's.
ACTIVATION = 57.6
STYLE_WEIGHT = 1e6


class TorchArticle:
    """The PyTorch loop: L-BFGS, all 31 modules, [0, 1] fed in raw."""

    content_layers = ("conv3_3",)
    style_layers = ("conv1_1", "conv2_1", "conv3_1", "conv3_3")
    content_is_style = False

    def __init__(self, content, style):
        """Compute the targets, as the article does before its loop."""
        from course_utils.style.torch_backend import torch

        self.torch = torch
        self.model = _torchvision_trunk()
        self.device = next(self.model.parameters()).device
        self.content = self._tensor(content)
        with torch.no_grad():
            self.content_features = self._features(self.content)["15"]
            features = self._features(self._tensor(style))
        self.style_grams = {k: self._gram(v) for k, v in features.items()}

    def run(self):
        """Run the loop; yield (evaluations, picture) every 20 or so."""
        output = self.content.clone().requires_grad_(True)
        optimizer = self.torch.optim.LBFGS([output])
        count = 0

        def closure():
            nonlocal count
            optimizer.zero_grad()
            loss = self._loss(output)
            loss.backward()
            count += 1
            return loss

        while count <= 400:
            optimizer.step(closure)
            yield count, self._picture(output)

    def evaluation(self):
        """Return a function that does one evaluation."""
        output = self.content.clone().requires_grad_(True)

        def evaluate():
            output.grad = None
            loss = self._loss(output)
            loss.backward()
            return loss.item()

        return evaluate

    def judge(self, picture) -> float:
        """Return the loop's own loss of a picture."""
        with self.torch.no_grad():
            return self._loss(self._tensor(picture)).item()

    def weights(self) -> vgg.Weights:
        """Return the same network for course_utils: raw [0, 1] in."""
        weights = _torchvision_weights(self.content_layers)
        kernel, bias = weights["conv1_1"]
        weights["conv1_1"] = kernel / 255, bias
        return vgg.Weights(weights, np.zeros(3, np.float32))

    def _features(self, x):
        found = {}
        for name, layer in self.model._modules.items():
            x = layer(x)
            if name in ("0", "5", "10", "15"):
                found[name] = x
        return found

    def _gram(self, features):
        batch, channels, height, width = features.shape
        flat = features.view(batch, channels, height * width)
        products = self.torch.bmm(flat, flat.transpose(1, 2))
        return products / (channels * height * width)

    def _loss(self, x):
        features = self._features(x)
        content = (features["15"] - self.content_features).square().mean()
        style = sum(
            (self._gram(features[name]) - gram).square().mean()
            for name, gram in self.style_grams.items()
        )
        return content + STYLE_WEIGHT * style

    def _tensor(self, picture):
        array = np.float32(picture).transpose(2, 0, 1)[None] / 255
        array = np.ascontiguousarray(array)
        return self.torch.tensor(array, device=self.device)

    def _picture(self, tensor):
        array = tensor.detach().clamp(0, 1)[0].cpu().numpy()
        return np.uint8(255 * array).transpose(1, 2, 0)


class TensorflowArticle:
    """The TensorFlow loop: eager Adam on 0-255, content target mistaken."""

    content_layers = ("conv4_2",)
    style_layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
    content_is_style = True  # the mistake

    def __init__(self, content, style):
        """Compute the targets, as the article does before its loop."""
        from course_utils.style.tensorflow_backend import tf

        self.tf = tf
        self.model = _keras_model((*self.style_layers, *self.content_layers))
        self.content = self._tensor(content)
        features = self.model(self._tensor(style))
        self.content_features = features[-1]
        self.style_grams = [self._gram(f) for f in features[:-1]]

    def run(self):
        """Run the loop; yield (evaluations, picture) every 20."""
        self.tf.random.set_seed(0)
        noise = self.tf.random.uniform(self.content.shape, -20.0, 20.0)
        output = self.tf.Variable(self.content + noise)
        optimizer = self.tf.optimizers.Adam(learning_rate=5.0)
        for step in range(1, 401):
            _, gradient = self._value_and_gradient(output)
            optimizer.apply_gradients([(gradient, output)])
            if step % 20 == 0:
                yield step, self._picture(output)

    def evaluation(self):
        """Return a function that does one evaluation."""
        output = self.tf.Variable(self.content)
        return lambda: self._value_and_gradient(output)[1].numpy()

    def judge(self, picture) -> float:
        """Return the loop's own loss of a picture."""
        return float(self._loss(self._tensor(picture)))

    def weights(self) -> vgg.Weights:
        """Return the same network for course_utils."""
        return vgg.load_weights(layers=self.content_layers)

    def _value_and_gradient(self, x):
        with self.tf.GradientTape() as tape:
            loss = self._loss(x)
        return loss, tape.gradient(loss, x)

    def _gram(self, features):
        x = self.tf.transpose(features, [0, 3, 1, 2])
        batch, channels, height, width = x.shape
        flat = self.tf.reshape(x, (batch, channels, height * width))
        products = self.tf.matmul(flat, flat, transpose_b=True)
        return products / (channels * height * width)

    def _loss(self, x):
        *styles, content = self.model(x)
        mean, square = self.tf.reduce_mean, self.tf.square
        style = self.tf.add_n(
            [
                mean(square(self._gram(found) - gram))
                for found, gram in zip(styles, self.style_grams, strict=True)
            ]
        )
        content = mean(square(content - self.content_features))
        return content + STYLE_WEIGHT * style

    def _tensor(self, picture):
        pixels = (np.float32(picture) - vgg.CAFFE_MEAN)[..., ::-1]
        return self.tf.constant(pixels[None])

    def _picture(self, tensor):
        pixels = tensor.numpy()[0, ..., ::-1] + vgg.CAFFE_MEAN
        return np.uint8(np.clip(pixels, 0, 255))


def targets(article, network, content, style) -> Targets:
    """Give course_utils the article's loss, absolute as it is.

    Its Gram matrices are divided by the channels too, and nothing is made
    relative: both are constants, moved into the layers' weights.
    """
    target = style if article.content_is_style else content
    features = network.features(
        np.float32(target) / 255, article.content_layers
    )
    grams = network.gram_matrices(np.float32(style) / 255, article.style_layers)
    content_weights = {n: np.square(f).mean() for n, f in features.items()}
    style_weights = {
        name: np.square(gram / len(gram)).mean() for name, gram in grams.items()
    }
    return Targets(
        features,
        grams,
        content_weights,
        style_weights,
        content_weight=1.0,
        style_weight=STYLE_WEIGHT,
        tv_weight=0.0,
    )


def _torchvision_weights(layers) -> dict:
    """Bring the embedded weights to torchvision's conventions.

    Input (x - mean) / std of pixels in 0-1, activations of about its size.
    """
    loaded = vgg.load_weights(layers=layers).layers
    weights = {name: (k, b / ACTIVATION) for name, (k, b) in loaded.items()}
    kernel, bias = loaded["conv1_1"]
    shift = 255 * TORCHVISION_MEAN - vgg.CAFFE_MEAN
    bias = bias + np.einsum("hwio,i->o", kernel, shift)
    scale = 255 * TORCHVISION_STD / ACTIVATION
    weights["conv1_1"] = kernel * scale[:, None], bias / ACTIVATION
    return weights


def _torchvision_trunk():
    import torch
    import torchvision

    model = torchvision.models.vgg16(weights=None, num_classes=1).features
    for name, (kernel, bias) in _torchvision_weights(vgg.LAYERS).items():
        layer = model[vgg.torchvision_index(name)]
        layer.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
        layer.bias.data = torch.tensor(bias)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.to(device).eval().requires_grad_(False)


def _keras_model(layers):
    import keras

    model = keras.applications.VGG16(weights=None, include_top=False)
    named = {
        layer: model.get_layer(f"block{layer[4]}_conv{layer[-1]}")
        for layer in vgg.LAYERS
    }
    for name, (kernel, bias) in vgg.load_weights().layers.items():
        if name == "conv1_1":
            kernel = kernel[:, :, ::-1]  # it reads blue, green, red
        named[name].set_weights([kernel, bias])
    model.trainable = False
    return keras.Model(model.inputs, [named[name].output for name in layers])
