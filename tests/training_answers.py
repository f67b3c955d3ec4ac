"""What learners may write in notebook 06: right and wrong answers."""

import numpy as np
import torch
from torch.nn import functional

from course_utils import checks, faces
from course_utils.style.tensorflow_backend import tf


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def arcface_logits(embeddings, centres, is_person, margin=0.4, scale=24):
    cosines = unit(embeddings) @ unit(centres).T
    angles = np.arccos(cosines)
    for row, column in np.argwhere(is_person):
        cosines[row, column] = np.cos(angles[row, column] + margin)
    return scale * cosines


def arcface_logits_torch(a, b, is_person, margin=0.4, scale=24):
    cosines = functional.normalize(a) @ functional.normalize(b).T
    angles = torch.acos(cosines) + margin * is_person
    return scale * torch.cos(angles)


def arcface_logits_tensorflow(a, b, is_person, margin=0.4, scale=24):
    a, b = tf.linalg.l2_normalize(a, 1), tf.linalg.l2_normalize(b, 1)
    angles = tf.acos(tf.matmul(a, b, transpose_b=True))
    return scale * tf.cos(angles + margin * is_person)


def arcface_with(change):
    """A version with another way from angle, margin and place to a logit."""

    def version(a, b, is_person, margin=0.4, scale=24):
        angles = np.arccos(unit(a) @ unit(b).T)
        return scale * change(angles, is_person * margin)

    return version


def semi_hard_triplets(distances, people, margin=0.2):
    count = len(people)
    found = np.zeros((count, count, count), bool)
    for a in range(count):
        for p in range(count):
            if a == p or people[a] != people[p]:
                continue
            low = distances[a, p]
            between = (distances[a] > low) & (distances[a] < low + margin)
            found[a, p] = between & (people != people[a])
    return found


def triplets_with(keep, positive=True):
    """All triplets (or with oneself as positive) that keep() lets through."""

    def version(distances, people, margin=0.2):
        same = people[:, None] == people
        pairs = same & ~np.eye(len(people), dtype=bool) if positive else same
        near, far = distances[:, :, None], distances[:, None, :]
        return pairs[:, :, None] & ~same[:, None, :] & keep(near, far, margin)

    return version


def between(near, far, margin):
    return (far > near) & (far < near + margin)


def put_aside(people, every=4):
    chosen = sorted(set(people.tolist()))[::every]
    return np.array([name in chosen for name in people])


def unseen_eer(embeddings, people, unseen):
    rows, who = unit(embeddings)[unseen], people[unseen]
    similarities, same = [], []
    for i in range(len(rows)):
        for j in range(i):
            similarities.append(rows[i] @ rows[j])
            same.append(who[i] == who[j])
    return faces.calibrate(similarities, same).eer


def calibration(embeddings, people, unseen, prepare=unit, whole=False):
    rows, who = prepare(embeddings[unseen]), people[unseen]
    first, second = (
        np.indices((len(rows), len(rows))).reshape(2, -1)
        if whole
        else np.triu_indices(len(rows), k=1)
    )
    return faces.calibrate(
        (rows @ rows.T)[first, second], who[first] == who[second]
    )


SOLUTIONS = [
    (checks.check_arcface_logits, "numpy", arcface_logits),
    (checks.check_arcface_logits, "torch", arcface_logits_torch),
    (checks.check_arcface_logits, "tensorflow", arcface_logits_tensorflow),
    (checks.check_semi_hard_triplets, "numpy", semi_hard_triplets),
    (checks.check_put_aside, "numpy", put_aside),
    (checks.check_unseen_eer, "numpy", unseen_eer),
]

ARCFACE = [
    ("numpy", "no margin yet", arcface_with(lambda t, m: np.cos(t))),
    (
        "numpy",
        "scale is missing",
        lambda a, b, right, margin=0.4, scale=24: arcface_logits(
            a, b, right, margin, 1
        ),
    ),
    (
        "numpy",
        "a length is still in",
        lambda a, b, right, margin=0.4, scale=24: (
            scale
            * np.cos(np.arccos(np.clip(unit(a) @ b.T, -1, 1)) + margin * right)
        ),
    ),
    (
        "numpy",
        "added to every angle",
        lambda a, b, right, *settings: arcface_logits(
            a, b, np.ones_like(right), *settings
        ),
    ),
    (
        "numpy",
        "wrong people",
        lambda a, b, right, *settings: arcface_logits(
            a, b, 1 - right, *settings
        ),
    ),
    ("numpy", "smaller", arcface_with(lambda t, m: np.cos(t - m))),
    ("numpy", "CosFace", arcface_with(lambda t, m: np.cos(t) - m)),
    (
        "numpy",
        "radians",
        arcface_with(lambda t, m: np.cos(t + m * np.pi / 180)),
    ),
    ("numpy", "those are angles", arcface_with(lambda t, m: t + m)),
    (
        "numpy",
        "it ignores the margin or the scale",
        lambda a, b, right, margin=0.4, scale=24: arcface_logits(a, b, right),
    ),
    ("numpy", "transposed", lambda *inputs: arcface_logits(*inputs).T),
    (
        "torch",
        "probabilities",
        lambda *inputs: arcface_logits_torch(*inputs).softmax(1),
    ),
    (
        "torch",
        "gradient",
        lambda a, b, *rest: arcface_logits_torch(a.detach(), b, *rest),
    ),
    (
        "tensorflow",
        "not a tensor",
        lambda *inputs: arcface_logits_tensorflow(*inputs).numpy(),
    ),
]

SEMI_HARD = [
    ("all triplets", triplets_with(lambda near, far, m: near > -1)),
    (
        "the hard ones are among them",
        triplets_with(lambda near, far, m: far < near + m),
    ),
    ("those are the hard ones", triplets_with(lambda near, far, m: far < near)),
    (
        "the easy ones are among them",
        triplets_with(lambda near, far, m: far > near),
    ),
    (
        "those are the easy ones",
        triplets_with(lambda near, far, m: far > near + m),
    ),
    ("its own positive", triplets_with(between, positive=False)),
    (
        "wrong way round",
        triplets_with(lambda near, far, m: between(far, near, m)),
    ),
    (
        "another order",
        lambda *inputs: semi_hard_triplets(*inputs).swapaxes(1, 2),
    ),
    (
        "places were not asked for",
        lambda *inputs: np.argwhere(semi_hard_triplets(*inputs)),
    ),
    (
        "ignores the margin",
        lambda distances, people, margin=0: semi_hard_triplets(
            distances, people
        ),
    ),
]

PUT_ASIDE = [
    (
        "photographs aside, not people",
        lambda people, every=4: np.arange(len(people)) % every == 0,
    ),
    (
        "still a split by photographs",
        lambda people, every=4: np.isin(
            np.arange(len(people)), np.unique(people, return_index=True)[1]
        ),
    ),
    ("gaps", lambda people, every=4: people % every == 0),
    (
        "not as they appear",
        lambda people, every=4: np.isin(
            people, list(dict.fromkeys(people))[::every]
        ),
    ),
    (
        "begin with the first",
        lambda people, every=4: np.isin(people, np.unique(people)[1::every]),
    ),
    ("wrong way round", lambda *inputs: ~put_aside(*inputs)),
    (
        "first ones",
        lambda people, every=4: np.isin(people, np.unique(people)[:every]),
    ),
    ("how many to skip", lambda people, every=4: put_aside(people)),
    ("names the people", lambda people, every=4: np.unique(people)[::every]),
    (
        "names the photographs",
        lambda *inputs: np.flatnonzero(put_aside(*inputs)),
    ),
]

UNSEEN_EER = [
    ("everybody", lambda e, p, u: unseen_eer(e, p, u | True)),
    ("has seen", lambda e, p, u: unseen_eer(e, p, ~u)),
    (
        "lengths",
        lambda *inputs: calibration(*inputs, prepare=lambda rows: rows).eer,
    ),
    ("with itself", lambda *inputs: calibration(*inputs, whole=True).eer),
    ("wrong way round", lambda *inputs: 1 - unseen_eer(*inputs)),
    ("percent", lambda *inputs: 100 * unseen_eer(*inputs)),
    ("another rate", lambda *inputs: calibration(*inputs).auc),
    ("threshold", lambda *inputs: calibration(*inputs).threshold_at(0.01)),
]

WRONG = [(checks.check_arcface_logits, *answer) for answer in ARCFACE] + [
    (check, "numpy", words, function)
    for check, answers in (
        (checks.check_semi_hard_triplets, SEMI_HARD),
        (checks.check_put_aside, PUT_ASIDE),
        (checks.check_unseen_eer, UNSEEN_EER),
    )
    for words, function in answers
]
