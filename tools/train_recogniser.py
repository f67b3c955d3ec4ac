"""Train the recogniser that the course ships, and measure all of notebook 06.

    python -m tools.train_recogniser weights    (20 s on one core)
    python -m tools.train_recogniser measure    (half an hour on one core)

Both write into course_utils/faces/recogniser, with one thread, so that the
same machine repeats the same digits. ``measure`` goes on where it was stopped;
delete measured.json to measure anew.
"""

import argparse
import functools
import json
from collections.abc import Callable, Iterator

import numpy as np
import torch

from course_utils.faces import training
from course_utils.style import vgg

SPLITS, SEEDS = range(4), range(3)
MEASURED = training.FOLDER / "measured.json"


def main() -> None:
    """Do what the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("what", choices=["weights", "measure"])
    what = options.parse_args().what
    torch.set_num_threads(1)
    training.FOLDER.mkdir(exist_ok=True)
    data = load_orl()
    if what == "weights":
        save_weights(data)
    else:
        measure(data)


def load_orl():
    z = np.load("/tmp/train/orl.npz")
    import cv2

    g = np.array(
        [
            cv2.resize(
                cv2.cvtColor(c, cv2.COLOR_RGB2GRAY),
                (56, 56),
                interpolation=cv2.INTER_AREA,
            )
            for c in z["crops"]
        ]
    )
    return g, np.repeat(np.arange(40), 10), z["crops"], z["vec"]


def measure(data) -> None:
    """Measure every method on every split; a line of the file is one run."""
    rows = json.loads(MEASURED.read_text()) if MEASURED.exists() else []
    done = {tuple(row[key] for key in RUN) for row in rows}
    for run, vectors in runs(data):
        if run in done:
            continue
        row = dict(zip(RUN, run, strict=True)) | rates(run, vectors(), data)
        print(row, flush=True)
        rows.append(row)
        lines = ",\n".join(map(json.dumps, rows))
        MEASURED.write_text(f"[\n{lines}\n]\n")


RUN = ("method", "people", "split", "seed")


def runs(data) -> Iterator[tuple[tuple, Callable]]:
    """Yield what to measure, and the function that makes the embeddings."""
    pictures, people, _, sface = data
    closed_form = {
        "SFace": lambda known: sface,
        "pixels": lambda known: pixels(pictures, known),
        "eigenfaces": lambda known: eigenfaces(pictures, known),
        "fisherfaces": lambda known: fisher(pictures, people, known),
        "VGG": lambda known: fisher(vgg_features(), people, known),
    }
    for method, vectors in closed_form.items():
        for split in SPLITS:
            known = people // 10 != split
            yield (method, 30, split, 0), lambda v=vectors, k=known: v(k)
    for seed in SEEDS:
        for split in SPLITS:
            run = ("untrained", 30, split, seed)
            yield run, lambda s=seed: untrained(pictures, s)
    for seed in SEEDS:
        for method, count in (
            *((method, 30) for method in training.LOSSES),
            *(("arcface", count) for count in (5, 10, 20)),
        ):
            for split in SPLITS:
                run = (method, count, split, seed)
                yield run, lambda r=run: trained(pictures, people, r)


def pixels(pictures, known):
    """Return the pixels, less the mean face of those that are known."""
    flat = pictures.reshape(len(pictures), -1).astype(float)
    return flat - flat[known].mean(axis=0)


def eigenfaces(pictures, known, count=100):
    """Return the first principal components, all made equally strong."""
    centred = pixels(pictures, known)
    _, strengths, faces = np.linalg.svd(centred[known], full_matrices=False)
    return centred @ faces[:count].T / strengths[:count]


def fisher(features, people, known, count=80):
    """Return Fisher's linear discriminants of the principal components.

    Directions in which the people differ most, compared with the pictures of
    one person: Belhumeur, Hespanha and Kriegman, "Eigenfaces vs. Fisherfaces",
    IEEE Transactions on Pattern Analysis and Machine Intelligence 19, 1997.
    """
    components = eigenfaces(features, known, count) * np.sqrt(known.sum())
    learned, who = components[known], people[known]
    within = np.concatenate(
        [
            learned[who == name] - learned[who == name].mean(axis=0)
            for name in np.unique(who)
        ]
    )
    spread, directions = np.linalg.eigh(within.T @ within / len(within))
    kept = len(np.unique(who)) - 1  # the smallest spreads come first
    return components @ directions[:, :kept] / np.sqrt(spread[:kept])


@functools.cache
def vgg_features() -> np.ndarray:
    """Return conv4_1 of every face, halved by averaging: (400, 7, 7, 512)."""
    return np.stack(
        [
            vgg.features(crop, "conv4_1")["conv4_1"]
            .reshape(7, 2, 7, 2, 512)
            .mean(axis=(1, 3))
            for crop in load_orl()[2]
        ]
    )


def untrained(pictures, seed):
    """Return the embeddings of a network that has learned nothing."""
    torch.manual_seed(seed)
    return training.embed(training.network(), pictures)


def learners_of(people, count, split, seed):
    """Say which pictures to learn from: of some people, none of the split."""
    names = np.setdiff1d(people, people[people // 10 == split])
    if count < len(names):
        generator = np.random.default_rng([split, seed])
        names = generator.choice(names, count, replace=False)
    return np.isin(people, names)


def trained(pictures, people, run):
    """Train a network for one run; return its embeddings of all pictures."""
    method, count, split, seed = run
    known = learners_of(people, count, split, seed)
    for step in training.train(
        pictures[known], people[known], method, seed=seed
    ):
        pass
    return training.embed(step.model, pictures)


def rates(run, vectors, data):
    """Return the error rates on the unseen and on the seen people."""
    people = data[1]
    _, count, split, seed = run
    known = learners_of(people, count, split, seed)
    held_out = people // 10 == split
    unseen = training.compare_all(vectors[held_out], people[held_out])
    seen = training.compare_all(vectors[known], people[known])
    return {
        "eer": round(unseen.eer, 4),
        "tar": round(unseen.true_accept_rate_at(0.01), 4),
        "seen_eer": round(seen.eer, 4),
    }


def save_weights(data) -> None:
    """Train on the first split with ArcFace; store as float32."""
    pictures, people = data[:2]
    known = learners_of(people, 30, 0, 0)
    for step in training.train(pictures[known], people[known]):
        pass
    state = {k: v.numpy() for k, v in step.model.state_dict().items()}
    np.savez_compressed(training.FOLDER / "weights.npz", **state)


if __name__ == "__main__":
    main()
