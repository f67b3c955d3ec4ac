"""The face exercises: right answers in other words, wrong ones of no table."""

import numpy as np
from insightface.utils.face_align import norm_crop

from course_utils import faces
from course_utils.style.tensorflow_backend import tf

EXAMPLE = "a small example goes wrong"
RIGHT, WRONG = {}, {}


def intersection_over_union(box1, box2):
    width = min(box1[2], box2[2]) - max(box1[0], box2[0])
    height = min(box1[3], box2[3]) - max(box1[1], box2[1])
    if width <= 0 or height <= 0:
        return 0
    shared = width * height
    return shared / (area(box1) + area(box2) - shared)


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


RIGHT["intersection_over_union"] = [(intersection_over_union,)]
WRONG["intersection_over_union"] = [
    (EXAMPLE, lambda a, b: round(intersection_over_union(a, b), 1)),
    (EXAMPLE, lambda a, b: max(1 - intersection_over_union(a, b), 0)),
]


def suppress(boxes, scores, threshold=0.4):
    rest, kept = np.argsort(scores)[::-1], []
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(best)
        overlaps = [
            intersection_over_union(boxes[best], boxes[n]) for n in rest
        ]
        rest = rest[np.array(overlaps) < threshold] if len(rest) else rest
    return kept


RIGHT["non_max_suppression"] = [
    (suppress,),
    (lambda *inputs: np.array(suppress(*inputs)),),
]
WRONG["non_max_suppression"] = [
    (EXAMPLE, lambda *inputs: suppress(*inputs)[:2]),
    (EXAMPLE, lambda boxes, scores, limit=0.4: np.argsort(-scores).tolist()),
]


def as_unit(x):
    return x / np.linalg.norm(x)


RIGHT["cosine_similarity"] = [
    (lambda a, b: np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)),),
    (faces.cosine_similarity,),
]
WRONG["cosine_similarity"] = [
    (EXAMPLE, lambda a, b: abs(faces.cosine_similarity(a, b))),
    ("it should have none", lambda a, b: as_unit(a) * as_unit(b)),
]


RIGHT["align_face"] = [(norm_crop,)]  # by a singular value decomposition
WRONG["align_face"] = [
    ("lands outside", lambda image, points: norm_crop(image, points + 200)),
    ("lands at (", lambda image, points: norm_crop(image, points + 9)),
    ("shape (128, 128, 3)", lambda *inputs: norm_crop(*inputs, 128)),
]


def triplet_loss(anchor, positive, negative, alpha=0.2):
    loss = 0
    for a, p, n in zip(anchor, positive, negative, strict=True):
        loss += max(((a - p) ** 2).sum() - ((a - n) ** 2).sum() + alpha, 0)
    return loss


def triplet_loss_torch(anchor, positive, negative, alpha=0.2):
    near = (anchor - positive).square().sum(1)
    far = (anchor - negative).square().sum(1)
    return (near - far + alpha).clamp(min=0).sum()


def triplet_loss_tensorflow(anchor, positive, negative, alpha=0.2):
    near = tf.reduce_sum(tf.square(anchor - positive), axis=-1)
    far = tf.reduce_sum(tf.square(anchor - negative), axis=-1)
    return tf.reduce_sum(tf.maximum(near - far + alpha, 0.0))


RIGHT["triplet_loss"] = [
    (triplet_loss, triplet_loss_torch, triplet_loss_tensorflow)
]
WRONG["triplet_loss"] = [
    (EXAMPLE, lambda *inputs: triplet_loss(*inputs) ** 2),
    (EXAMPLE, lambda a, p, n, *alpha: ((a - p) ** 2).sum(1)),
    ("not a tensor", lambda *i: triplet_loss_torch(*i).item(), "torch"),
]


def verify(embedding, identity, database, threshold=1.274):
    distance = np.linalg.norm(as_unit(embedding) - as_unit(database[identity]))
    return distance**2, bool(distance**2 <= threshold)


def assignment_verify(image_path, identity, database, model):
    encoding = img_to_encoding(image_path, model)  # noqa: F821
    distance = np.linalg.norm(encoding - database[identity])
    return distance, distance < 0.7


def verify_any_length(embedding, identity, database, threshold=1.274):
    distance = np.linalg.norm(embedding - database[identity])
    return distance, bool(distance < 0.7)


RIGHT["verify"] = [(verify,)]
WRONG["verify"] = [
    ("assignment", assignment_verify),
    ("assignment", verify_any_length),
    (EXAMPLE, lambda e, i, d, t=1.274: verify(e, i, d, t - 1e-9)),
]


def who_is_it(embedding, database, threshold=1.274):
    names = np.array(list(database))
    rows = np.stack([as_unit(other) for other in database.values()])
    distances = 2 - 2 * rows @ as_unit(embedding)
    nearest = distances.argmin()
    known = distances[nearest] <= threshold
    return distances[nearest], names[nearest] if known else None


def assignment_search(embedding, database, threshold=1.274):
    smallest = 100
    for name, other in database.items():
        distance = np.linalg.norm(embedding - other)
        if distance < smallest:
            smallest, identity = distance, name
    return smallest, identity


RIGHT["who_is_it"] = [(who_is_it,)]
WRONG["who_is_it"] = [
    ("assignment", assignment_search),
    ("nobody is ever found", lambda e, d, t=1.274: (0, None)),
    (EXAMPLE, lambda e, d, t=1.274: who_is_it(e, d, t - 1e-9)),
]


def best_people(similarities, people, k):
    best = {}
    for n in np.argsort(-similarities):
        best.setdefault(int(people[n]), similarities[n])
    return np.array([*best][:k]), np.array([*best.values()][:k])


RIGHT["best_people"] = [(best_people,)]
WRONG["best_people"] = [
    (EXAMPLE, lambda s, people, k: best_people(-s, people, k)),
    ("1 of 2: the result has", lambda s, people, k: best_people(s, people, 99)),
]


def roc_curve(similarities, same):
    thresholds = [np.inf, *sorted(set(similarities), reverse=True)]
    rates = (
        [(similarities[chosen] >= t).mean() for t in thresholds]
        for chosen in (same, ~same)
    )
    return np.array([thresholds, *rates])


RIGHT["roc_curve"] = [
    (roc_curve,),
    (lambda *inputs: tuple(roc_curve(*inputs)),),
]
WRONG["roc_curve"] = [
    ("a small", lambda s, same: roc_curve(s, same)[[0, 2, 1]]),
    ("3 values", lambda s, same: roc_curve(s, same)[1:]),
]


def choose_threshold(similarities, same, rate):
    different = np.sort(similarities[~same])[::-1]
    first_rejected = different[int(rate * len(different))]
    return similarities[similarities > first_rejected].min()


def strictest(similarities, same, rate):
    different = np.sort(similarities[~same])
    return different[-1 - int(rate * len(different))]


RIGHT["choose_threshold"] = [
    (choose_threshold,),
    (lambda s, same, rate: np.float32(choose_threshold(s, same, rate)),),
]
WRONG["choose_threshold"] = [
    (EXAMPLE, lambda s, same, rate: (s[same].min() + s[~same].max()) / 2),
    (EXAMPLE, strictest),
]
