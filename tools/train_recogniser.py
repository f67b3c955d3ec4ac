"""Train the recogniser that the course ships, and measure all of notebook 06.

    python -m tools.train_recogniser weights    (half a minute on one core)
    python -m tools.train_recogniser measure    (half an hour on one core)

Both write into course_utils/faces/recogniser, with one thread, so that the
same machine repeats the same digits. ``measure`` goes on where it was stopped;
delete measured.json to measure anew.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import torch

from course_utils import faces
from course_utils.faces import training
from course_utils.style import vgg

SPLITS, SEEDS = range(4), range(3)
MEASURED = training.FOLDER / "measured.json"


@dataclass(frozen=True)
class Run:
    """What one row of measured.json is about.

    Attributes:
        method: name of what makes the embeddings.
        people: how many are learned from.
        split: 0 to 3, which ten people are never seen: 0 to 9, 10 to 19, ...
        seed: of everything that is drawn.
    """

    method: str
    people: int
    split: int
    seed: int


@dataclass(frozen=True)
class Orl:
    """The ORL faces: crops and pictures as in training.py, who, and SFace's.

    Crops and SFace's embeddings are twice as many: the mirror images follow.
    """

    crops: np.ndarray
    pictures: np.ndarray
    people: np.ndarray
    sface: np.ndarray

    def unseen(self, run: Run) -> np.ndarray:
        """Say which pictures show the ten people who are put aside."""
        return self.people // 10 == run.split

    def seen(self, run: Run) -> np.ndarray:
        """Say which pictures are learned from: some of the thirty others."""
        names = np.unique(self.people[~self.unseen(run)])
        if run.people < len(names):
            generator = np.random.default_rng([run.split, run.seed])
            names = generator.choice(names, run.people, replace=False)
        return np.isin(self.people, names)


def main() -> None:
    """Do what the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("what", choices=["weights", "measure"])
    what = options.parse_args().what
    torch.set_num_threads(1)
    if what == "weights":
        save_weights(load_orl())
    else:
        measure(load_orl())


def load_orl() -> Orl:
    """Align all faces and embed them with the embedded pack."""
    app = faces.load_face_analysis()
    crops, people = training.aligned_orl(app)
    pictures = training.shrink(crops)
    crops = np.concatenate([crops, crops[:, :, ::-1]])
    recogniser = app.models["recognition"]
    # One by one: hundreds at once take gigabytes.
    sface = np.vstack([recogniser.get_feat(crop[..., ::-1]) for crop in crops])
    return Orl(crops, pictures, people, sface)


def save_weights(orl: Orl) -> None:
    """Train with ArcFace on the thirty people that the notebook sees."""
    run = Run("arcface", 30, 0, 0)
    state = train(orl, run).state_dict()
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    np.savez_compressed(training.FOLDER / "weights.npz", **arrays)


def measure(orl: Orl) -> None:
    """Measure every run that measured.json lacks."""
    rows = json.loads(MEASURED.read_text()) if MEASURED.exists() else []
    names = [field.name for field in fields(Run)]
    done = {Run(*(row[name] for name in names)) for row in rows}
    for run, embed in runs():
        if run in done:
            continue
        rows.append(vars(run) | rates(orl, run, embed(orl, run)))
        print(rows[-1], flush=True)
        lines = ",\n".join(map(json.dumps, rows))
        MEASURED.write_text(f"[\n{lines}\n]\n")


def runs() -> Iterator[tuple[Run, Callable]]:
    """Yield what to measure, and what makes the embeddings: (orl, run)."""
    closed_form = {
        "SFace": lambda orl, run: orl.sface,
        "pixels": lambda orl, run: centred(both(orl), orl.seen(run)),
        "eigenfaces": lambda orl, run: eigenfaces(both(orl), orl.seen(run)),
        "fisherfaces": lambda orl, run: fisher(orl, run, both(orl)),
        "VGG": lambda orl, run: fisher(orl, run, vgg_features(orl)),
    }
    for method, embed in closed_form.items():
        for split in SPLITS:
            yield Run(method, 30, split, 0), partial(added, embed)
    for seed in SEEDS:
        for split in SPLITS:
            yield Run("untrained", 30, split, seed), untrained
            for people in (5, 10, 20):
                yield Run("arcface", people, split, seed), trained
        for method in training.LOSSES:
            for split in SPLITS:
                yield Run(method, 30, split, seed), trained


def both(orl: Orl) -> np.ndarray:
    """Return the pictures, then their mirror images."""
    return np.concatenate([orl.pictures, orl.pictures[..., ::-1]])


def added(embed: Callable, orl: Orl, run: Run) -> np.ndarray:
    """Add the unit vectors of pictures and mirror images, as the networks."""
    vectors = embed(orl, run)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit[: len(orl.people)] + unit[len(orl.people) :]


def rates(orl: Orl, run: Run, vectors: np.ndarray) -> dict[str, float]:
    """Return the error rates on the unseen and on the seen people."""
    unseen, seen = (
        training.compare_all(vectors[chosen], orl.people[chosen])
        for chosen in (orl.unseen(run), orl.seen(run))
    )
    return {
        "eer": round(unseen.eer, 4),
        "tar": round(unseen.true_accept_rate_at(0.01), 4),
        "seen_eer": round(seen.eer, 4),
    }


def centred(features: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return features as rows, less the mean of those that are known.

    ``known`` speaks of the first half; the others are the mirror images.
    """
    flat = features.reshape(len(features), -1).astype(float)
    return flat - flat[: len(known)][known].mean(axis=0)


def eigenfaces(
    features: np.ndarray, known: np.ndarray, count: int = 100
) -> np.ndarray:
    """Return the first principal components, all made equally strong."""
    rows = centred(features, known)
    learned = rows[: len(known)][known]
    _, strengths, directions = np.linalg.svd(learned, full_matrices=False)
    return rows @ directions[:count].T / strengths[:count]


def fisher(orl: Orl, run: Run, features: np.ndarray) -> np.ndarray:
    """Return Fisher's linear discriminants of eighty principal components.

    Directions in which the people differ most, compared with the pictures of
    one person: Belhumeur, Hespanha and Kriegman, "Eigenfaces vs. Fisherfaces",
    IEEE Transactions on Pattern Analysis and Machine Intelligence 19, 1997.
    """
    known, people = orl.seen(run), orl.people[orl.seen(run)]
    components = eigenfaces(features, known, 80) * np.sqrt(known.sum())
    learned = components[: len(known)][known]
    within = np.concatenate(
        [
            learned[people == name] - learned[people == name].mean(axis=0)
            for name in np.unique(people)
        ]
    )
    spread, directions = np.linalg.eigh(within.T @ within / len(within))
    kept = run.people - 1  # the smallest spreads come first
    return components @ directions[:, :kept] / np.sqrt(spread[:kept])


def vgg_features(orl: Orl) -> np.ndarray:
    """Return conv4_1 of every face, averaged to half: (800, 7, 7, 512)."""
    layers = (vgg.features(crop, "conv4_1")["conv4_1"] for crop in orl.crops)
    return np.stack(
        [layer.reshape(7, 2, 7, 2, 512).mean(axis=(1, 3)) for layer in layers]
    )


def untrained(orl: Orl, run: Run) -> np.ndarray:
    """Return the embeddings of a network that has learned nothing."""
    torch.manual_seed(run.seed)
    return training.embed(training.network(), orl.pictures)


def trained(orl: Orl, run: Run) -> np.ndarray:
    """Return the embeddings of a network that was trained for this run."""
    return training.embed(train(orl, run), orl.pictures)


def train(orl: Orl, run: Run) -> torch.nn.Module:
    """Train a network to the end."""
    seen = orl.seen(run)
    *_, last = training.train(
        orl.pictures[seen], orl.people[seen], run.method, seed=run.seed
    )
    return last.model


if __name__ == "__main__":
    main()
