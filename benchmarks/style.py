"""How fast is style transfer? Beside three well-known programs, in one run.

Each program's published settings, written again from its text as a plain
PyTorch loop, float32, on the embedded VGG16. Total variation is left out:
TensorFlow's tutorial begins without it, and Gordić's program adds up absolute
differences, where course_utils has squares. A program ends with the picture
that it saves, 8 bits and cut off at 0-1. Ours minimises the same loss with
course_utils, until its picture is as good, judged by the program's own loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from benchmarks.timing import interleave
from course_utils import images
from course_utils.style import StyleRecipe, vgg
from course_utils.style.losses import Targets
from course_utils.style.optimizers import Lbfgs
from course_utils.style.torch_backend import F, best_precision, torch

# torchvision's VGG16 without its normalisation, on pixels from 0 to 1, does
# what the embedded one does without the mean, on pixels from 0 to RAW, with
# activations that are RAW times smaller.
RAW = 57.6


@dataclass(frozen=True)
class Program:
    """What a program minimises, and how it goes about it.

    Weights belong to mean squared errors, of the features and of the channels'
    products averaged over all positions; ``content`` and ``style`` map layers
    to them. Pixels run from 0 to ``unit``.
    """

    content: dict[str, float]
    style: dict[str, float]
    optimizer: Callable
    evaluations: int
    unit: float = 1.0
    clamps: bool = False  # after every step
    raw: bool = False  # no normalisation: one of the article's flaws
    deepest: str = "conv5_3"  # the layer up to which it runs


PROGRAMS = {
    # Notebook 09 explains its flaws. Its Gram matrices are divided by the
    # channels too, which their weights take over.
    "the article": Program(
        content={"conv3_3": RAW**-2},
        style={
            "conv1_1": 1e6 / 64**2 * RAW**-4,
            "conv2_1": 1e6 / 128**2 * RAW**-4,
            "conv3_1": 1e6 / 256**2 * RAW**-4,
            "conv3_3": 1e6 / 256**2 * RAW**-4,
        },
        optimizer=torch.optim.LBFGS,
        evaluations=401,  # in steps of 20
        raw=True,
    ),
    # tensorflow.org/tutorials/generative/style_transfer
    "TensorFlow's tutorial": Program(
        content={"conv5_2": 1e4},
        style={f"conv{block}_1": 1e-2 / 5 for block in range(1, 6)},
        optimizer=partial(
            torch.optim.Adam, lr=0.02, betas=(0.99, 0.999), eps=0.1
        ),
        evaluations=1000,
        clamps=True,
        deepest="conv5_2",
    ),
    # github.com/gordicaleksa/pytorch-neural-style-transfer, its VGG16
    "Gordić's program": Program(
        content={"conv2_2": 1e5},
        style=dict.fromkeys(
            ("conv1_2", "conv2_2", "conv3_3", "conv4_3"), 3e4 / 4
        ),
        optimizer=partial(
            torch.optim.LBFGS, max_iter=1000, line_search_fn="strong_wolfe"
        ),
        evaluations=1000,
        unit=255.0,
        deepest="conv4_3",
    ),
}


def main():
    """Print, for each program, what both sides need for its picture."""
    size = (256, 128)
    content, painting = (
        np.asarray(Image.open(images.sample(name)).resize(size))
        for name in ("content/china_pavilion", "styles/hokusai_great_wave")
    )
    precisions = dict.fromkeys(["float32", best_precision()])
    for name, program in PROGRAMS.items():
        loop = Loop(program, content, painting)
        ours = {
            f"ours, {backend}, {precision}": Ours(loop, backend, precision)
            for backend in vgg.BACKENDS
            for precision in precisions
        }
        runs = {side: each.step for side, each in ours.items()}
        seconds = interleave({name: loop.evaluate} | runs, 5)
        evaluations, picture = loop.paint()
        loss = loop.judge(picture)
        counts = {name: evaluations} | {
            side: each.evaluations_until(loss) for side, each in ours.items()
        }
        print(
            f"\n{size[0]} x {size[1]}, until the program's loss is {loss:.4g}"
        )
        for side, count in counts.items():
            whole = count * seconds[side]
            gain = evaluations * seconds[name] / whole
            print(
                f"{side:26} {count:5} evaluations of {seconds[side]:6.3f} s "
                f"= {whole:7.1f} s {gain:6.1f} x"
            )


class Loop:
    """A program's own loop."""

    def __init__(self, program, content, painting):
        """Compute the targets, as it does before its loop."""
        self.program, self.pictures = program, (content, painting)
        layers = vgg.layers_up_to_deepest([program.deepest])
        weights = vgg.load_weights(layers=layers).layers
        self.weights = {
            name: (tensor(kernel.transpose(3, 2, 0, 1)), tensor(bias))
            for name, (kernel, bias) in weights.items()
        }
        self.start = self.pixels(content)
        with torch.no_grad():
            self.content = self.features(self.start)
            painted = self.features(self.pixels(painting))
        self.grams = {layer: gram(painted[layer]) for layer in program.style}

    def pixels(self, picture):
        """Turn a picture into (1, 3, height, width) in the program's unit."""
        array = np.float32(picture).transpose(2, 0, 1)[None]
        return tensor(array * (self.program.unit / 255))

    def features(self, x):
        """Run all layers that the program runs."""
        if self.program.raw:
            x = RAW * x
        else:
            mean = tensor(vgg.CAFFE_MEAN)[:, None, None]
            x = x * (255 / self.program.unit) - mean
        found = {}
        for name, (kernel, bias) in self.weights.items():
            if vgg.starts_block(name):
                x = F.max_pool2d(x, 2)
            x = found[name] = F.relu(F.conv2d(x, kernel, bias, padding=1))
        return found

    def loss(self, x):
        """Return the weighted sum of its errors."""
        found = self.features(x)
        content = [
            weight * F.mse_loss(found[layer], self.content[layer])
            for layer, weight in self.program.content.items()
        ]
        style = [
            weight * F.mse_loss(gram(found[layer]), self.grams[layer])
            for layer, weight in self.program.style.items()
        ]
        return sum(content + style)

    def evaluate(self):
        """Do one evaluation."""
        x = self.start.clone().requires_grad_(True)
        self.loss(x).backward()
        return x.grad.cpu()

    def paint(self):
        """Run the loop; return (evaluations, the picture that it saves)."""
        x = self.start.clone().requires_grad_(True)
        optimizer, count = self.program.optimizer([x]), 0

        def closure():
            nonlocal count
            count += 1
            optimizer.zero_grad()
            loss = self.loss(x)
            loss.backward()
            return loss

        while count < self.program.evaluations:
            optimizer.step(closure)
            if self.program.clamps:
                x.data.clamp_(0, self.program.unit)
        pixels = (x.detach() / self.program.unit).clamp(0, 1)[0].cpu().numpy()
        return count, np.uint8(255 * pixels).transpose(1, 2, 0)

    def judge(self, picture) -> float:
        """Return the loss of a saved picture."""
        with torch.no_grad():
            return self.loss(self.pixels(picture)).item()


class Ours:
    """The same loss in course_utils."""

    def __init__(self, loop, backend, precision):
        """Build the network and its objective."""
        self.loop = loop
        program = loop.program
        used = [*program.content, *program.style]
        weights = vgg.load_weights(layers=vgg.layers_up_to_deepest(used))
        if program.raw:
            # A network multiplies its pixels by 255.
            kernel, bias = weights.layers["conv1_1"]
            first = {"conv1_1": (kernel * (RAW / 255), bias)}
            no_mean = np.zeros(3, np.float32)
            weights = vgg.Weights({**weights.layers, **first}, no_mean)
        network = vgg.load_backend(backend).Network(weights, "max", precision)
        self.targets = targets(network, loop)
        self.objective = network.objective(self.targets)
        self.optimizer = self._begin()

    def step(self):
        """Do one evaluation and what the optimiser makes of it."""
        terms, gradient = self.objective(self.optimizer.trial)
        self.optimizer.tell(self.targets.losses(terms).total, gradient)

    def evaluations_until(self, loss) -> float:
        """Return how many it takes until a saved picture has this loss."""
        self.optimizer = self._begin()
        for count in range(1, self.loop.program.evaluations):
            self.step()
            picture = np.uint8(np.round(255 * self.optimizer.best))
            if self.loop.judge(picture) <= loss:
                return count
        return float("inf")

    def _begin(self):
        return Lbfgs(np.float32(self.loop.pictures[0]) / 255)


def targets(network, loop) -> Targets:
    """Give course_utils a program's loss, absolute as it is.

    Here errors are relative to the targets: their sizes are constants, which
    move into the layers' weights.
    """
    content, painting = (np.float32(p) / 255 for p in loop.pictures)
    program = loop.program
    features = network.features(content, list(program.content))
    grams = network.gram_matrices(painting, list(program.style))
    recipe = StyleRecipe(
        content_layers={
            n: program.content[n] * np.square(f).mean()
            for n, f in features.items()
        },
        style_layers={
            n: program.style[n] * np.square(g).mean() for n, g in grams.items()
        },
        style_weight=1.0,
    )
    return Targets(features, grams, recipe)


def gram(features):
    """Return the products of channels, averaged over all positions."""
    flat = features.flatten(2)[0]
    return flat @ flat.T / flat.shape[1]


def tensor(array):
    """Bring an array to the device on which PyTorch computes."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.tensor(np.ascontiguousarray(array), device=device)


if __name__ == "__main__":
    main()
