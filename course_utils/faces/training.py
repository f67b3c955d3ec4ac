"""Train a small face recogniser in PyTorch: notebook 06 takes it apart.

``faces`` itself does not import this file: detecting never waits for PyTorch.
``pictures`` are grey aligned faces, ``uint8`` (count, 56, 56), ``people`` the
numbers of the persons on them, integers (count,). A loss takes embeddings,
(m, 64), and people, (m,).
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from course_utils import hardware
from course_utils.faces.orl import orl
from course_utils.faces.verification import Calibration, calibrate

hardware.prepare()
hardware.load_triton()
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

FOLDER = Path(__file__).with_name("recogniser")
SIZE = 56  # pixels, both sides of a picture
DIMENSIONS = 64  # of an embedding
STEPS = 240  # with 300 pictures, 40 times through all of them
BATCH = 50
PEAK_RATE = 2e-3
WEIGHT_DECAY = 0.05


class Block(nn.Module):
    """A residual block: two convolutions, and a short way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.first = convolution(inputs, outputs, 3, stride)
        self.second = convolution(outputs, outputs, 3)
        self.shortcut = convolution(inputs, outputs, 1, stride)

    def forward(self, x):
        """(m, inputs, h, w) to (m, outputs, h / stride, w / stride)."""
        changed = self.second(functional.relu(self.first(x)))
        return functional.relu(changed + self.shortcut(x))


def convolution(inputs, outputs, size, stride=1) -> nn.Sequential:
    """Return a convolution that keeps the size, and its batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def network() -> nn.Sequential:
    """Return the untrained network: (m, 1, 56, 56) to embeddings (m, 64)."""
    layers = nn.Sequential(
        convolution(1, 16, 3, 2),
        nn.ReLU(),
        Block(16, 24),
        Block(24, 32, 2),
        Block(32, 64, 2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, DIMENSIONS, bias=False),
        nn.BatchNorm1d(DIMENSIONS),
    )
    return layers.to(memory_format=torch.channels_last)


def trained_network() -> nn.Sequential:
    """Return the network with the weights that the course ships."""
    result = network()
    with np.load(FOLDER / "weights.npz") as arrays:
        state = {name: torch.tensor(arrays[name]) for name in arrays.files}
    result.load_state_dict(state)
    return result.eval()


def aligned_orl(app) -> tuple[np.ndarray, np.ndarray]:
    """Detect and align every ORL face, in about ten seconds.

    Returns RGB (400, 112, 112, 3), as InsightFace feeds its recognisers, and
    the people, 0 to 39.
    """
    from insightface.utils.face_align import norm_crop

    photographs, people = orl()

    def align(place):
        photograph = photographs[place]
        found = app.detect(np.ascontiguousarray(photograph[..., ::-1]))
        best = max(found, key=lambda face: face.det_score)
        return norm_crop(photograph, best.kps, 112)

    with ThreadPoolExecutor(hardware.usable_cores()) as pool:
        crops = [*pool.map(align, range(len(people)))]
    return np.stack(crops), people


def shrink(crops: np.ndarray) -> np.ndarray:
    """Turn aligned faces, RGB (count, 112, 112, 3), into pictures."""
    grey = crops.mean(axis=3).reshape(-1, SIZE, 2, SIZE, 2)
    return np.uint8(grey.mean(axis=(2, 4)) + 0.5)  # rounded


def to_tensor(pictures: np.ndarray) -> torch.Tensor:
    """Turn pictures into float32 (count, 1, 56, 56), -1 to 1."""
    return torch.tensor(pictures[:, None] / 127.5 - 1, dtype=torch.float32)


def embed(model: nn.Module, pictures: np.ndarray) -> np.ndarray:
    """Return unit vectors (count, 64), of pictures with their mirror images.

    Leaves the model in evaluation mode.
    """
    x = to_tensor(pictures)
    model.eval()
    with torch.no_grad():
        views = [functional.normalize(model(view)) for view in (x, x.flip(3))]
        return functional.normalize(sum(views)).numpy()


def compare_all(vectors: np.ndarray, people: np.ndarray) -> Calibration:
    """Compare every picture with every other one; see ``faces.calibrate``."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = np.triu_indices(len(unit), k=1)
    similarities = np.sum(unit[first] * unit[second], axis=1)
    return calibrate(similarities, people[first] == people[second])


class Softmax(nn.Module):
    """Cross-entropy of a linear layer with one output a person."""

    def __init__(self, count: int):
        super().__init__()
        self.linear = nn.Linear(DIMENSIONS, count)

    def forward(self, embeddings, people):
        """(m, 64) and (m,) to one number."""
        return functional.cross_entropy(self.linear(embeddings), people)


class ArcFace(nn.Module):
    """Cross-entropy of cosines, the right one's angle made larger.

    Deng and others, "ArcFace", CVPR 2019.
    """

    def __init__(self, count: int, margin: float = 0.4, scale: float = 24):
        """Take the number of people; the margin is in radians."""
        super().__init__()
        self.centres = nn.Parameter(torch.randn(count, DIMENSIONS))
        self.margin, self.scale = margin, scale

    def forward(self, embeddings, people):
        """(m, 64) and (m,) to one number."""
        directions = functional.normalize(embeddings)
        cosines = directions @ functional.normalize(self.centres).T
        # The slope of acos is infinite at -1 and 1.
        angles = torch.acos(cosines.clamp(-1 + 1e-6, 1 - 1e-6))
        right = functional.one_hot(people, len(self.centres)).bool()
        harder = torch.where(right, torch.cos(angles + self.margin), cosines)
        return functional.cross_entropy(self.scale * harder, people)


class Triplet(nn.Module):
    """FaceNet's loss, with the semi-hard negatives of the batch.

    Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015. Where a pair has
    no semi-hard negative, the farthest of all takes its place.
    """

    def __init__(self, count: int, margin: float = 0.2):
        """Take the margin, a squared distance; the count does not matter."""
        super().__init__()
        self.margin = margin

    def forward(self, embeddings, people):
        """(m, 64) and (m,) to one number."""
        unit = functional.normalize(embeddings)
        distances = 2 - 2 * unit @ unit.T
        same = people[:, None] == people
        pairs = same & ~torch.eye(len(people), dtype=torch.bool)
        anchor, positive = torch.nonzero(pairs, as_tuple=True)
        near, others = distances[anchor, positive], distances[anchor]
        strangers = ~same[anchor]
        semi_hard = strangers & (others > near[:, None])
        nearest = torch.where(semi_hard, others, math.inf).amin(1)
        farthest = torch.where(strangers, others, -math.inf).amax(1)
        far = torch.where(semi_hard.any(1), nearest, farthest)
        return functional.relu(near - far + self.margin).mean()


LOSSES = {"softmax": Softmax, "arcface": ArcFace, "triplet": Triplet}


def augment(pictures: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Change each picture a little, at random; who it shows stays the same."""
    return np.stack([_augment_one(each, generator) for each in pictures])


def _augment_one(picture, generator):
    if generator.random() < 0.5:
        picture = picture[:, ::-1]
    middle, edges = SIZE / 2 - 0.5, cv2.BORDER_REPLICATE
    angle, scale = generator.uniform(-10, 10), generator.uniform(0.92, 1.08)
    matrix = cv2.getRotationMatrix2D((middle, middle), angle, scale)
    matrix[:, 2] += generator.uniform(-3, 3, 2)
    picture = np.ascontiguousarray(picture)
    moved = cv2.warpAffine(picture, matrix, (SIZE, SIZE), borderMode=edges)
    gamma = math.exp(generator.uniform(-0.4, 0.4))
    from_the_side = np.linspace(-1, 1, SIZE) * generator.uniform(-0.25, 0.25)
    light = generator.uniform(0.75, 1.25) * (1 + from_the_side)
    lit = (moved / 255) ** gamma * light
    if generator.random() < 0.5:
        height, width = generator.integers(7, 22, 2)
        top = generator.integers(SIZE - height)
        left = generator.integers(SIZE - width)
        lit[top : top + height, left : left + width] = generator.random()
    return np.uint8(255 * lit.clip(0, 1))


def shuffled_batches(
    people: np.ndarray, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the places of a batch's pictures, for ever, each as often."""
    size = min(BATCH, len(people))
    while True:
        order = generator.permutation(len(people))
        for start in range(0, len(order) - size + 1, size):
            yield order[start : start + size]


def batches_by_person(
    people: np.ndarray, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the places of five pictures of each of ten people, for ever."""
    names = np.unique(people)
    while True:
        drawn = generator.choice(names, min(10, len(names)), replace=False)
        places = [
            generator.choice(np.flatnonzero(people == name), 5, replace=False)
            for name in drawn
        ]
        yield np.concatenate(places)


def learning_rate(progress: float) -> float:
    """Return the rate at a share of the training, 0 to 1: up, then down."""
    if progress < 0.2:
        return PEAK_RATE * progress / 0.2
    return PEAK_RATE * (1 + math.cos(math.pi * (progress - 0.2) / 0.8)) / 2


@dataclass(frozen=True)
class Step:
    """Where a training stands."""

    step: int  # from 1
    steps: int
    loss: float  # of the last batch
    model: nn.Module  # learns on with the next step, whatever mode it is in


def train(
    pictures: np.ndarray,
    people: np.ndarray,
    loss: str = "arcface",
    steps: int = STEPS,
    seed: int = 0,
    **settings: float,
) -> Iterator[Step]:
    """Train a network; yield after every step, and stop when not asked on.

    ``loss`` is a name from LOSSES, ``settings`` are the loss's, for instance
    ``margin``. Each step takes a batch of fifty pictures.
    """
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    names, targets = np.unique(people, return_inverse=True)
    model = network()
    criterion = LOSSES[loss](len(names), **settings)
    weights = [*model.parameters(), *criterion.parameters()]
    optimizer = torch.optim.AdamW(weights, weight_decay=WEIGHT_DECAY)
    draw = batches_by_person if loss == "triplet" else shuffled_batches
    batches = draw(targets, generator)
    for step in range(1, steps + 1):
        batch = next(batches)
        optimizer.param_groups[0]["lr"] = learning_rate(step / steps)
        model.train()
        embeddings = model(to_tensor(augment(pictures[batch], generator)))
        value = criterion(embeddings, torch.tensor(targets[batch]))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        yield Step(step, steps, value.item(), model)
