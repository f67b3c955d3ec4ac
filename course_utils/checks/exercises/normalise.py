"""Find the bug: pixels that the network was not trained with."""

import numpy as np

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise

MEAN = np.array([0.485, 0.456, 0.406])  # of ImageNet, torchvision's values
SPREAD = np.array([0.229, 0.224, 0.225])


def _pictures(generator):
    sides = generator.integers(4, 9, (2, 2))
    return [(generator.random((1, *side, 3)),) for side in sides]


check_normalise = Exercise(
    name="normalise",
    notebook="8 · Style transfer in PyTorch",
    frameworks=ALL_FRAMEWORKS,
    gradient=(0,),
    cases=_pictures,
    solution=lambda x: (x - MEAN) / SPREAD,
    mistakes={
        "the pixels are still 0 to 1; the network was not trained with "
        "those.": [lambda x: x],
        "0 to 255 is another network's unit.": [
            lambda x: 255 * x,
            lambda x: 255 * x - 255 * MEAN,
            lambda x: 255 * x - MEAN,
            lambda x: (255 * x - MEAN) / SPREAD,
            lambda x: (x / 255 - MEAN) / SPREAD,
        ],
        "the mean is removed, the spread is not.": [lambda x: x - MEAN],
        "the spread is removed, the mean is not.": [lambda x: x / SPREAD],
        "in the other order: first the mean, then the spread.": [
            lambda x: x / SPREAD - MEAN
        ],
        "divide by the spread, do not multiply.": [
            lambda x: (x - MEAN) * SPREAD
        ],
        "subtract the mean, do not add it.": [lambda x: (x + MEAN) / SPREAD],
        "mean and spread have changed places.": [lambda x: (x - SPREAD) / MEAN],
        "the three channels are in another order than their means.": [
            lambda x: (x - MEAN[::-1]) / SPREAD[::-1],
            lambda x: (x[..., ::-1] - MEAN) / SPREAD,
            lambda x: (x[..., ::-1] - MEAN[::-1]) / SPREAD[::-1],
        ],
        "every channel has a mean and a spread of its own.": [
            lambda x: (x - MEAN.mean()) / SPREAD.mean(),
            lambda x: (x - 0.5) / 0.5,
            lambda x: 2 * x - 1,
        ],
        "those are the mean and the spread of this picture. The network "
        "wants those of the pictures that it was trained with.": [
            lambda x: (x - x.mean()) / x.std(),
            lambda x: (x - x.mean(axis=(1, 2))) / x.std(axis=(1, 2)),
            lambda x: (x - x.mean(axis=(1, 2))) / x.std(axis=(1, 2), ddof=1),
        ],
    },
)
