"""A painter in one pass: a network that has learned one painting by heart.

After Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style
transfer and super-resolution", ECCV 2016, with the instance normalisation of
Ulyanov, Vedaldi and Lempitsky, arXiv:1607.08022. Notebook 12 shows it.

Tensors are float32 0-1, (count, 3, height, width). ``style`` itself does not
import this file: nobody has to wait for PyTorch unasked.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_utils import images

from . import vgg
from .pyramid import match_colors
from .recipe import StyleRecipe
from .torch_backend import F, gram_matrix, to_numpy, torch

nn = torch.nn

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CONTENT_LAYERS = ("conv3_3", "conv4_2")
STYLE_LAYERS = StyleRecipe().style_layers
STYLE_WEIGHT = 60.0
TONE_WEIGHT = 0.5
MARGIN = 32  # pixels around a photograph that are painted and cut off
SMALLEST = 36  # pixels of a side, which has to be mirrored that far


class Convolution(nn.Module):
    """Pad by mirroring, convolve, normalise each picture by itself."""

    def __init__(self, inputs, outputs, size, stride=1, separable=False):
        """Separable: each channel by itself, then across the channels."""
        super().__init__()
        self.padding = (size // 2,) * 4
        self.convolve = nn.Conv2d(inputs, outputs, size, stride)
        if separable:
            self.convolve = nn.Sequential(
                nn.Conv2d(inputs, inputs, size, groups=inputs, bias=False),
                nn.Conv2d(inputs, outputs, 1),
            )
        self.normalise = nn.InstanceNorm2d(outputs, affine=True)

    def forward(self, x):
        """(m, inputs, h, w) to (m, outputs, h / stride, w / stride)."""
        return self.normalise(self.convolve(F.pad(x, self.padding, "reflect")))


class Block(nn.Module):
    """Two convolutions, and a short way around them."""

    def __init__(self, channels):
        super().__init__()
        self.first = Convolution(channels, channels, 3, separable=True)
        self.second = Convolution(channels, channels, 3, separable=True)

    def forward(self, x):
        """(m, channels, h, w), and no other size."""
        return x + self.second(F.relu(self.first(x)))


class Painter(nn.Module):
    """From a recoloured photograph to a painting; 104,275 parameters."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            Convolution(4, 16, 9),
            nn.ReLU(),
            Convolution(16, 32, 3, stride=2),
            nn.ReLU(),
            Convolution(32, 64, 3, stride=2),
            nn.ReLU(),
        )
        self.residual = nn.Sequential(*(Block(64) for _ in range(5)))
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2),
            Convolution(64, 32, 3),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            Convolution(32, 16, 3),
            nn.ReLU(),
            nn.ReflectionPad2d(4),
            nn.Conv2d(16, 3, 9),
            nn.Sigmoid(),
        )
        self.to(DEVICE)

    def forward(self, photographs, noise):
        """Paint; ``noise``, (m, 1, h, w), gives flat skies something to be.

        Height and width are multiples of 4.
        """
        x = torch.cat([2 * photographs - 1, noise], 1)
        return self.decoder(self.residual(self.encoder(x)))


def starry_night() -> Painter:
    """Return the painter that the course ships."""
    return read(Path(__file__).with_name("starry_night") / "weights.npz")[0]


def read(file: Path) -> tuple[Painter, int]:
    """Return a painter from its file, and the steps it has behind it."""
    with np.load(file) as arrays:
        state = {name: torch.tensor(arrays[name]) for name in arrays.files}
    steps = int(state.pop("steps"))
    painter = Painter()
    painter.load_state_dict(state)
    return painter, steps


@torch.no_grad()
def paint(
    painter: Painter, photograph: np.ndarray, painting: np.ndarray
) -> np.ndarray:
    """Paint a photograph in one pass; pictures are RGB ``uint8``.

    ``painting`` is the one that the painter has learned, for its colours.
    Raises ImageError for a side of less than 36 pixels.
    """
    height, width, _ = images.require_rgb(photograph, SMALLEST).shape
    # Near the border a network paints what it paints nowhere else.
    padding = (MARGIN, MARGIN + -width % 4, MARGIN, MARGIN + -height % 4)
    content = F.pad(recolored(photograph, painting), padding, "reflect")
    painted = painter(
        content, _noise(content, torch.Generator().manual_seed(0))
    )
    inside = painted[0, :, MARGIN:, MARGIN:][:, :height, :width]
    return np.round(255 * to_numpy(inside.permute(1, 2, 0))).astype(np.uint8)


def to_tensor(picture: np.ndarray) -> torch.Tensor:
    """Turn RGB ``uint8``, or float32 0-1, into a tensor (1, 3, h, w)."""
    unit = np.float32(picture) / 255 if picture.dtype == np.uint8 else picture
    return torch.tensor(unit.transpose(2, 0, 1)[None], device=DEVICE)


def recolored(photograph: np.ndarray, painting: np.ndarray) -> torch.Tensor:
    """Give a photograph a painting's colours, as in the recipe's "recolor"."""
    units = (np.float32(picture) / 255 for picture in (photograph, painting))
    return to_tensor(match_colors(*units))


class LossNetwork:
    """VGG16, and how it sees one painting; the paper's name."""

    def __init__(self, painting: np.ndarray):
        """Look at a painting, RGB ``uint8``, whole and half as large."""
        layers = (*CONTENT_LAYERS, *STYLE_LAYERS)
        self.network = vgg.load_network(layers, pooling="avg")
        with torch.no_grad():
            views = self._views(to_tensor(painting))
        self.targets = [_gram_matrices(view) for view in views]

    def losses(self, painted: torch.Tensor, content: torch.Tensor):
        """Return the content loss and the style loss of one picture."""
        views = self._views(painted)
        with torch.no_grad():
            wanted = self._features(content)
        content_losses = [
            relative_error(views[0][layer], wanted[layer])
            for layer in CONTENT_LAYERS
        ]
        style_losses = [
            weight * relative_error(gram[layer], target[layer])
            for gram, target in zip(
                map(_gram_matrices, views), self.targets, strict=True
            )
            for layer, weight in STYLE_LAYERS.items()
        ]
        return sum(content_losses) / len(CONTENT_LAYERS), sum(style_losses) / 2

    def _views(self, picture):
        """Strokes have two sizes: look at the picture, and at its half."""
        return [
            self._features(picture),
            self._features(F.avg_pool2d(picture, 2)),
        ]

    def _features(self, picture):
        # VGG16 pads with zeros, and would see a border: let it see a mirror.
        mirrored = F.pad(picture, (8,) * 4, "reflect")
        return self.network.run(mirrored[0].permute(1, 2, 0))


def relative_error(found, wanted) -> torch.Tensor:
    """Return the mean squared error, as a share of the mean square."""
    wanted = wanted.float()
    return F.mse_loss(found.float(), wanted) / wanted.square().mean()


def tone_loss(painted: torch.Tensor, content: torch.Tensor) -> torch.Tensor:
    """Compare the brightness of squares of 8 pixels, in the whole batch."""
    light, wanted = (
        F.avg_pool2d(pictures.mean(1, keepdim=True), 8)
        for pictures in (painted, content)
    )
    return F.mse_loss(light, wanted) / wanted.var()


@dataclass(frozen=True)
class Step:
    """Where a training stands: losses of the last batch."""

    step: int  # from 1
    steps: int
    content: float
    style: float
    tone: float


def train(
    painter: Painter,
    painting: np.ndarray,
    photographs: Sequence[np.ndarray],
    steps: int,
    *,
    size: int = 160,
    batch: int = 2,
    rate: float = 1e-3,
    done: int = 0,
) -> Iterator[Step]:
    """Teach a painter one painting; yield after every step.

    A step takes ``batch`` square pieces of the photographs, ``size`` pixels
    wide. Stop asking whenever you like: the painter keeps what it has learned.
    ``done`` steps of the ``steps`` were taken before.
    """
    network = LossNetwork(painting)
    contents = [recolored(each, painting) for each in photographs]
    drawn = batches(contents, size, batch, seed=done)
    optimizer = torch.optim.Adam(painter.parameters())
    for step in range(done + 1, steps + 1):
        optimizer.param_groups[0]["lr"] = rate * _rate_share(step / steps)
        pieces, noise = next(drawn)
        painted = painter(pieces, noise)
        losses = map(network.losses, painted.split(1), pieces.split(1))
        content, style = (
            sum(loss) / batch for loss in zip(*losses, strict=True)
        )
        tone = tone_loss(painted, pieces)
        optimizer.zero_grad()
        (content + STYLE_WEIGHT * style + TONE_WEIGHT * tone).backward()
        nn.utils.clip_grad_norm_(
            painter.parameters(), 5.0, error_if_nonfinite=True
        )
        optimizer.step()
        yield Step(step, steps, content.item(), style.item(), tone.item())


def batches(
    contents: Sequence[torch.Tensor], size: int, batch: int, seed: int = 0
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield pieces of the contents, and noise for each, for ever."""
    generator = np.random.default_rng(seed)
    noises = torch.Generator().manual_seed(seed)
    while True:
        drawn = [_piece(contents, size, generator) for _ in range(batch)]
        pieces = torch.cat(drawn)
        yield pieces, _noise(pieces, noises)


def _piece(contents, size: int, generator: np.random.Generator) -> torch.Tensor:
    """Cut a square out of one of them, near or far, mirrored or not."""
    content = contents[generator.integers(len(contents))]
    height, width = content.shape[2:]
    side = int(min(generator.uniform(0.75, 2.5) * size, height, width))
    top = generator.integers(height - side + 1)
    left = generator.integers(width - side + 1)
    square = content[:, :, top : top + side, left : left + side]
    piece = F.interpolate(square, (size, size), mode="bilinear", antialias=True)
    return piece.flip(3) if generator.random() < 0.5 else piece


def _rate_share(progress: float) -> float:
    """Return the share of the learning rate: quickly up, slowly down."""
    return min(1, 20 * progress) * (1 + math.cos(math.pi * progress)) / 2


def _gram_matrices(features) -> dict[str, torch.Tensor]:
    return {layer: gram_matrix(features[layer]) for layer in STYLE_LAYERS}


def _noise(pictures, generator: torch.Generator) -> torch.Tensor:
    """Draw a value a pixel, the same ones on every device."""
    noise = torch.randn(pictures[:, :1].shape, generator=generator)
    return noise.to(DEVICE)
