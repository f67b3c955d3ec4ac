"""What learners may write in notebook 06: right and wrong answers."""

import numpy as np
import torch
from torch.nn import functional

from course_utils.style.tensorflow_backend import tf

EXAMPLE = "a small example goes wrong"
RIGHT, WRONG = {}, {}


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


RIGHT["arcface_logits"] = [(logits, logits_torch, logits_tensorflow)]
WRONG["arcface_logits"] = [
    (EXAMPLE, lambda a, b, right, m=0.4, s=24: logits(a, b, right, m / 9, s)),
    ("shape", lambda a, b, right, *m: logits(a, b, right, *m)[right > 0]),
    (EXAMPLE, lambda *inputs: logits_torch(*inputs).softmax(1), "torch"),
]


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


RIGHT["semi_hard_triplets"] = [(triplets,)]
WRONG["semi_hard_triplets"] = [
    (
        "negative 2) is missing. Its people are 0, 0 and 1; from the anchor",
        lambda d, people, margin=0.2: triplets(d, people, margin / 2),
    ),
    ("shape", lambda *inputs: np.argwhere(triplets(*inputs))),
]


def aside(people, every=4, first=0):
    chosen = sorted(set(people.tolist()))[first::every]
    return np.array([name in chosen for name in people])


def first_photographs(people, every=4):
    _, places = np.unique(people, return_index=True)
    return np.isin(np.arange(len(people)), places)


RIGHT["put_aside"] = [(aside,)]
WRONG["put_aside"] = [
    (EXAMPLE, first_photographs),
    (EXAMPLE, lambda *inputs: aside(*inputs, first=1)),
]
