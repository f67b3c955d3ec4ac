"""Train a painter in one pass, as the one that the course ships was trained.

    python -m tools.train_painter NAME FILE [--steps 3000]

NAME is a painting of images/styles. FILE.npz holds the weights; where it
exists, training goes on from it. Stop it when you like: what it has learned
is saved. On two cores a step takes six seconds and more, so it wants a GPU.
"""

import argparse
import contextlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from course_utils import images
from course_utils.style import painter
from course_utils.style.torch_backend import to_numpy, torch

# Photographs that it never sees, to judge it by.
PUT_ASIDE = ("neuschwanstein", "china_pavilion", "statue_of_liberty", "dahlia")
FACES = (
    "biden_1",
    "collins_1",
    "crowd_crossing",
    "giunchedi_1",
    "group8_office",
    "hopper_1",
    "noface_cat",
    "obama_3",
    "paumier_profile",
    "rushmore_stone_faces",
)


def main():
    """Train, show the losses, save every hundred steps and at the end."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("name")
    options.add_argument("file", type=Path)
    options.add_argument("--steps", type=int, default=3000)
    choice = options.parse_args()
    torch.manual_seed(0)
    learner, done = painter.Painter(), 0
    if choice.file.exists():
        learner, done = painter.read(choice.file)
    painting = images.load_image(
        images.sample(f"styles/{choice.name}"), max_side=512
    )
    steps = painter.train(
        learner,
        painting,
        photographs(),
        choice.steps,
        size=256,
        batch=8,
        rate=2e-3,
        done=done,
    )
    bar = tqdm(steps, initial=done, total=choice.steps)
    with contextlib.suppress(KeyboardInterrupt):
        for now in bar:
            done = now.step
            bar.set_postfix(content=now.content, style=now.style, tone=now.tone)
            if done % 100 == 0:
                save(learner, done, choice.file)
    save(learner, done, choice.file)


def photographs() -> list[np.ndarray]:
    """Return the pictures to learn from."""
    files = [f for f in images.samples("content") if f.stem not in PUT_ASIDE]
    files += [f for f in images.samples("faces") if f.stem in FACES]
    return [images.load_image(file, max_side=1024) for file in files]


def save(learner: painter.Painter, done: int, file: Path) -> None:
    """Write the weights, in half precision, and the steps behind them."""
    state = {
        name: np.float16(to_numpy(tensor))
        for name, tensor in learner.state_dict().items()
    }
    unfinished = file.with_suffix(".part.npz")
    np.savez_compressed(unfinished, steps=done, **state)
    unfinished.replace(file)


if __name__ == "__main__":
    main()
