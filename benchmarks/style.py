"""How fast is style transfer? Beside the article's PyTorch loop, in one run.

    python -m benchmarks.style [--quick]

The loop is written again from its text with its own constants and flaws, which
notebook 09 explains: all 31 modules, no normalisation of the input, pixels
outside 0-1 that saving cuts off, 420 evaluations. It reads the embedded
weights. Ours minimises the same loss.
"""

import itertools
import sys

import numpy as np
from PIL import Image

from benchmarks.timing import interleave
from course_utils import images
from course_utils.style import vgg
from course_utils.style.losses import Targets
from course_utils.style.optimizers import Lbfgs
from course_utils.style.torch_backend import torch

MODULES = {"0": "conv1_1", "5": "conv2_1", "10": "conv3_1", "15": "conv3_3"}
STYLE_WEIGHT = 1e6
TORCHVISION_MEAN = np.float32([0.485, 0.456, 0.406])
TORCHVISION_STD = np.float32([0.229, 0.224, 0.225])
# Brings the embedded weights' activations to the size of torchvision's.
ACTIVATION = 57.6


def main():
    """Time both sides until a saved picture is as good as the article's."""
    size = (256, 128) if "--quick" in sys.argv else (512, 256)
    article = Article(
        *(
            np.asarray(Image.open(images.sample(name)).resize(size))
            for name in ("content/china_pavilion", "styles/hokusai_great_wave")
        )
    )
    choices = itertools.product(vgg.BACKENDS, ("float32", "bfloat16"))
    ours = {", ".join(choice): Ours(article, *choice) for choice in choices}
    runs = {name: side.step for name, side in ours.items()}
    seconds = interleave({"the article": article.evaluate} | runs, 5)
    evaluations, picture = article.paint()
    loss = article.judge(picture)
    counts = {"the article": evaluations}
    for name, side in ours.items():
        counts[name] = side.evaluations_until(loss)
    print(f"{'':22} an evaluation   the picture of loss {loss:.4g}")
    for name, count in counts.items():
        each, whole = seconds[name], count * seconds[name]
        ratio = seconds["the article"] / each
        gain = evaluations * seconds["the article"] / whole
        print(
            f"{name:22} {each:7.3f} s {ratio:5.2f} x "
            f"{count:5} evaluations {whole:7.2f} s {gain:6.1f} x"
        )
    print("Judged by the article's own loss of the clipped 8-bit picture.")


class Article:
    """The loop: L-BFGS on [0, 1] fed in raw."""

    def __init__(self, content, painting):
        """Compute the targets, as the article does before its loop."""
        self.pictures = content, painting
        self.model = torchvision_trunk()
        self.start = as_tensor(content)
        with torch.no_grad():
            self.content = self.features(self.start)["15"]
            features = self.features(as_tensor(painting))
        self.grams = {name: gram(found) for name, found in features.items()}

    def features(self, x):
        """Return what the loop keeps on the way through all modules."""
        found = {}
        for name, module in self.model.named_children():
            x = module(x)
            if name in MODULES:
                found[name] = x
        return found

    def loss(self, x):
        """Return content loss + 1e6 * style loss."""
        features = self.features(x)
        errors = [
            (gram(features[name]) - target).square().mean()
            for name, target in self.grams.items()
        ]
        content = (features["15"] - self.content).square().mean()
        return content + STYLE_WEIGHT * sum(errors)

    def evaluate(self):
        """Do one evaluation."""
        x = self.start.clone().requires_grad_(True)
        self.loss(x).backward()
        return x.grad.cpu()

    def paint(self):
        """Run the loop; return (evaluations, saved picture)."""
        output = self.start.clone().requires_grad_(True)
        optimizer = torch.optim.LBFGS([output])
        count = 0

        def closure():
            nonlocal count
            count += 1
            optimizer.zero_grad()
            loss = self.loss(output)
            loss.backward()
            return loss

        while count <= 400:
            optimizer.step(closure)
        pixels = output.detach().clamp(0, 1)[0].cpu().numpy()
        return count, np.uint8(255 * pixels).transpose(1, 2, 0)

    def judge(self, picture) -> float:
        """Return the loss of a saved picture."""
        with torch.no_grad():
            return self.loss(as_tensor(picture)).item()


class Ours:
    """The same loss in course_utils."""

    def __init__(self, article, backend, precision):
        """Build the network and its objective."""
        self.article = article
        layers = torchvision_weights(["conv3_3"])
        kernel, bias = layers["conv1_1"]
        layers["conv1_1"] = kernel / 255, bias
        weights = vgg.Weights(layers, np.zeros(3, np.float32))
        network = vgg.load_backend(backend).Network(weights, "max", precision)
        self.targets = article_targets(network, *article.pictures)
        self.objective = network.objective(self.targets)
        self.optimizer = self._begin()

    def step(self):
        """Do one evaluation and what the optimiser makes of it."""
        terms, gradient = self.objective(self.optimizer.trial)
        self.optimizer.tell(self.targets.losses(terms).total, gradient)

    def evaluations_until(self, loss) -> float:
        """Return how many it takes until a saved picture has this loss."""
        self.optimizer = self._begin()
        for count in range(1, 101):
            self.step()
            picture = np.uint8(np.round(255 * self.optimizer.best))
            if self.article.judge(picture) <= loss:
                return count
        return float("inf")

    def _begin(self):
        return Lbfgs(np.float32(self.article.pictures[0]) / 255)


def article_targets(network, content, painting) -> Targets:
    """Give course_utils the article's loss, absolute as it is.

    Its Gram matrices are divided by the channels too, and nothing is made
    relative: both are constants, moved into the layers' weights.
    """
    features = network.features(np.float32(content) / 255, ["conv3_3"])
    grams = network.gram_matrices(np.float32(painting) / 255, MODULES.values())
    return Targets(
        features,
        grams,
        {name: np.square(f).mean() for name, f in features.items()},
        {name: np.square(g / len(g)).mean() for name, g in grams.items()},
        content_weight=1.0,
        style_weight=STYLE_WEIGHT,
        tv_weight=0.0,
    )


def torchvision_weights(layers) -> dict:
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


def torchvision_trunk():
    """Return torchvision's 31 modules with the embedded weights."""
    import torchvision  # after the backend has set up PyTorch

    model = torchvision.models.vgg16(weights=None, num_classes=1).features
    for name, (kernel, bias) in torchvision_weights(vgg.LAYERS).items():
        layer = model[vgg.torchvision_index(name)]
        layer.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
        layer.bias.data = torch.tensor(bias)
    return model.to(device()).eval().requires_grad_(False)


def gram(features):
    """Return the article's Gram matrix."""
    batch, channels, height, width = features.shape
    flat = features.view(batch, channels, height * width)
    products = torch.bmm(flat, flat.transpose(1, 2))
    return products / (channels * height * width)


def as_tensor(picture):
    """Return an RGB uint8 picture as (1, 3, height, width) in 0-1."""
    array = np.float32(picture).transpose(2, 0, 1)[None] / 255
    return torch.tensor(np.ascontiguousarray(array), device=device())


def device() -> str:
    """Return where PyTorch computes."""
    return "cuda" if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    main()
