"""Train the recogniser that the course ships, and measure all of notebook 06.

    python -m tools.train_recogniser weights    (half a minute on one core)
    python -m tools.train_recogniser measure    (half an hour on one core)

Both write into course_utils/faces/recogniser, with one thread, so that the
same machine repeats the same digits.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from course_utils import faces
from course_utils.faces import training
from course_utils.style import vgg

SPLITS, SEEDS = range(4), range(3)


@dataclass(frozen=True)
class Run:
    """What one row of measured.json is about."""

    method: str  # what makes the embeddings
    people: int  # how many are learned from
    split: int  # which ten are never seen: 0 to 9, 10 to 19, ...
    seed: int  # of everything that is drawn


class Orl:
    """The ORL faces; see training.py for what crops and pictures are.

    All arrays but ``people`` are twice as long: the mirror images follow.
    """

    def __init__(self):
        self.app = faces.load_face_analysis()
        crops, self.people = training.aligned_orl(self.app)
        self.crops = np.concatenate([crops, crops[:, :, ::-1]])
        self.pictures = training.shrink(self.crops)

    @cached_property
    def sface(self) -> np.ndarray:
        """SFace's embeddings."""
        embed = self.app.models["recognition"].get_feat
        # One by one: hundreds at once take gigabytes.
        return np.vstack([embed(crop[..., ::-1]) for crop in self.crops])

    @cached_property
    def vgg(self) -> np.ndarray:
        """Layer conv4_1 of VGG, averaged to half: (800, 7, 7, 512)."""
        found = (vgg.features(crop, "conv4_1") for crop in self.crops)
        layers = (layer["conv4_1"].reshape(7, 2, 7, 2, 512) for layer in found)
        return np.stack([layer.mean(axis=(1, 3)) for layer in layers])

    def unseen(self, run: Run) -> np.ndarray:
        """Return the places of the ten people who are put aside."""
        return np.flatnonzero(self.people // 10 == run.split)

    def seen(self, run: Run) -> np.ndarray:
        """Return the places of some of the others, who are learned from."""
        names = np.setdiff1d(self.people, self.people[self.unseen(run)])
        if run.people < len(names):
            generator = np.random.default_rng([run.split, run.seed])
            names = generator.choice(names, run.people, replace=False)
        return np.flatnonzero(np.isin(self.people, names))


def main() -> None:
    """Do what the command line asks for."""
    commands = {"weights": save_weights, "measure": measure}
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("command", choices=commands)
    chosen = options.parse_args().command
    torch.set_num_threads(1)
    commands[chosen](Orl())


def save_weights(orl: Orl) -> None:
    """Train with ArcFace on the thirty people that the notebook sees."""
    state = train(orl, Run("arcface", 30, 0, 0)).state_dict()
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    np.savez_compressed(training.FOLDER / "weights.npz", **arrays)


def measure(orl: Orl) -> None:
    """Measure every run and write measured.json."""
    rows = []
    for run in runs():
        rows.append(vars(run) | rates(orl, run))
        print(rows[-1], flush=True)
    lines = ",\n".join(map(json.dumps, rows))
    (training.FOLDER / "measured.json").write_text(f"[\n{lines}\n]\n")


def runs() -> Iterator[Run]:
    """Yield what to measure."""
    for method in CLOSED_FORM:
        for split in SPLITS:
            yield Run(method, 30, split, 0)
    for seed in SEEDS:
        for split in SPLITS:
            yield Run("untrained", 30, split, seed)
            for people in (5, 10, 20):
                yield Run("arcface", people, split, seed)
        for method in training.LOSSES:
            for split in SPLITS:
                yield Run(method, 30, split, seed)


def rates(orl: Orl, run: Run) -> dict[str, float]:
    """Return the error rates on the unseen and on the seen people."""
    vectors = embed(orl, run)
    unseen, seen = (
        training.compare_all(vectors[chosen], orl.people[chosen])
        for chosen in (orl.unseen(run), orl.seen(run))
    )
    return {
        "eer": round(unseen.eer, 4),
        "tar": round(unseen.true_accept_rate_at(0.01), 4),
        "seen_eer": round(seen.eer, 4),
    }


def embed(orl: Orl, run: Run) -> np.ndarray:
    """Return embeddings, (400, any), of pictures with their mirror images."""
    count = len(orl.people)
    if run.method in CLOSED_FORM:
        vectors = CLOSED_FORM[run.method](orl, orl.seen(run))
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit[:count] + unit[count:]
    if run.method == "untrained":
        torch.manual_seed(run.seed)
        model = training.network()
    else:
        model = train(orl, run)
    return training.embed(model, orl.pictures[:count])


def train(orl: Orl, run: Run) -> torch.nn.Module:
    """Train a network to the end."""
    seen = orl.seen(run)
    *_, last = training.train(
        orl.pictures[seen], orl.people[seen], run.method, seed=run.seed
    )
    return last.model


def centred(features: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return features as rows, less the mean of those at known places."""
    flat = features.reshape(len(features), -1).astype(float)
    return flat - flat[known].mean(axis=0)


def eigenfaces(
    features: np.ndarray, known: np.ndarray, count: int = 100
) -> np.ndarray:
    """Return the first principal components, all made equally strong."""
    rows = centred(features, known)
    _, strengths, directions = np.linalg.svd(rows[known], full_matrices=False)
    return rows @ directions[:count].T / strengths[:count]


def fisherfaces(features: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return Fisher's linear discriminants of eighty principal components.

    Directions in which the people differ most, compared with the pictures of
    one person: Belhumeur, Hespanha and Kriegman, "Eigenfaces vs. Fisherfaces",
    IEEE Transactions on Pattern Analysis and Machine Intelligence 19, 1997.
    """
    components = eigenfaces(features, known, 80) * np.sqrt(len(known))
    people = components[known].reshape(-1, 10, 80)  # ten pictures of each
    within = people - people.mean(axis=1, keepdims=True)
    within = within.reshape(-1, 80)
    spread, directions = np.linalg.eigh(within.T @ within / len(within))
    kept = len(people) - 1  # the smallest spreads come first
    return components @ directions[:, :kept] / np.sqrt(spread[:kept])


CLOSED_FORM = {
    "SFace": lambda orl, known: orl.sface,
    "pixels": lambda orl, known: centred(orl.pictures, known),
    "eigenfaces": lambda orl, known: eigenfaces(orl.pictures, known),
    "fisherfaces": lambda orl, known: fisherfaces(orl.pictures, known),
    "VGG": lambda orl, known: fisherfaces(orl.vgg, known),
}


if __name__ == "__main__":
    main()
