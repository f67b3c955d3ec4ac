"""What learners may write in notebook 06: right and wrong answers."""

import numpy as np
import torch
from torch.nn import functional

from course_utils import checks, faces
from course_utils.style.tensorflow_backend import tf

EXAMPLE = "a small example goes wrong"


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def logits(embeddings, centres, is_person, margin=0.4, scale=24):
    cosines = unit(embeddings) @ unit(centres).T
    for row, column in np.argwhere(is_person):
        angle = np.arccos(cosines[row, column])
        cosines[row, column] = np.cos(angle + margin)
    return scale * cosines


def logits_torch(a, b, is_person, margin=0.4, scale=24):
    cosines = functional.normalize(a) @ functional.normalize(b).T
    return scale * torch.cos(torch.acos(cosines) + margin * is_person)


def logits_tensorflow(a, b, is_person, margin=0.4, scale=24):
    a, b = tf.linalg.l2_normalize(a, 1), tf.linalg.l2_normalize(b, 1)
    angles = tf.acos(tf.matmul(a, b, transpose_b=True))
    return scale * tf.cos(angles + margin * is_person)


def logits_with(change):
    def version(a, b, is_person, margin=0.4, scale=24):
        angles = np.arccos(unit(a) @ unit(b).T)
        return scale * change(angles, is_person * margin)

    return version


def triplets(distances, people, margin=0.2):
    count = len(people)
    found = np.zeros((count, count, count), bool)
    for a in range(count):
        for p in range(count):
            if a != p and people[a] == people[p]:
                low = distances[a, p]
                between = (distances[a] > low) & (distances[a] < low + margin)
                found[a, p] = between & (people != people[a])
    return found


def triplets_that(keep):
    def version(distances, people, margin=0.2):
        pairs = (people[:, None] == people) & ~np.eye(len(people), dtype=bool)
        others = people[:, None] != people
        near, far = distances[:, :, None], distances[:, None, :]
        return pairs[:, :, None] & others[:, None, :] & keep(near, far, margin)

    return version


def aside(people, every=4):
    chosen = sorted(set(people.tolist()))[::every]
    return np.array([name in chosen for name in people])


def calibration(embeddings, people, unseen):
    rows, who = unit(embeddings)[unseen], people[unseen]
    pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
    return faces.calibrate(
        [rows[i] @ rows[j] for i, j in pairs],
        [who[i] == who[j] for i, j in pairs],
    )


def eer(*inputs):
    return calibration(*inputs).eer


SOLUTIONS = [
    (checks.check_arcface_logits, "numpy", logits),
    (checks.check_arcface_logits, "torch", logits_torch),
    (checks.check_arcface_logits, "tensorflow", logits_tensorflow),
    (checks.check_semi_hard_triplets, "numpy", triplets),
    (checks.check_put_aside, "numpy", aside),
    (checks.check_unseen_eer, "numpy", eer),
]

LOGITS = [
    (EXAMPLE, logits_with(lambda angle, m: np.cos(angle + np.radians(m)))),
    (EXAMPLE, logits_with(lambda angle, m: angle + m)),
    ("shape", lambda a, b, right, *m: logits(a, b, right, *m)[right > 0]),
]
TRIPLETS = [
    (EXAMPLE, triplets_that(lambda near, far, m: (near < far) & (far < m))),
    ("shape", lambda *inputs: np.argwhere(triplets(*inputs))),
]
ASIDE = [
    (
        EXAMPLE,
        lambda people, every=4: np.isin(
            np.arange(len(people)), np.unique(people, return_index=True)[1]
        ),
    ),
    (
        EXAMPLE,
        lambda people, every=4: np.isin(people, np.unique(people)[1::every]),
    ),
]
RATES = [
    (EXAMPLE, lambda *inputs: calibration(*inputs).auc),
    (EXAMPLE, lambda *inputs: 1 - eer(*inputs)),
]
WRONG = [
    (check, "numpy", hint, function)
    for check, versions in (
        (checks.check_arcface_logits, LOGITS),
        (checks.check_semi_hard_triplets, TRIPLETS),
        (checks.check_put_aside, ASIDE),
        (checks.check_unseen_eer, RATES),
    )
    for hint, function in versions
]
WRONG += [
    (checks.check_arcface_logits, *each)
    for each in (
        (
            "torch",
            "gradient",
            lambda a, b, *rest: logits_torch(a.detach(), b, *rest),
        ),
        (
            "torch",
            EXAMPLE,
            lambda *inputs: logits_torch(*inputs).softmax(1),
        ),
        (
            "tensorflow",
            "not a tensor",
            lambda *inputs: logits_tensorflow(*inputs).numpy(),
        ),
    )
]
