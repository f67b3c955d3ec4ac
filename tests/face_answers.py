"""The face exercises: right answers in other words, wrong ones of no table."""

import cv2
import numpy as np
from insightface.utils.face_align import arcface_dst, norm_crop

from course_utils import checks, faces
from course_utils.style.tensorflow_backend import tf


def intersection_over_union(box1, box2):
    width = min(box1[2], box2[2]) - max(box1[0], box2[0])
    height = min(box1[3], box2[3]) - max(box1[1], box2[1])
    if width <= 0 or height <= 0:
        return 0
    shared = width * height
    return shared / (area(box1) + area(box2) - shared)


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


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


def suppress_by_last(boxes, scores, threshold=0.4):
    kept = []
    for n in np.argsort(-scores):
        if not kept or (
            intersection_over_union(boxes[n], boxes[kept[-1]]) <= threshold
        ):
            kept.append(n)
    return kept


def similarity_transform(source, target=arcface_dst):
    """Umeyama's way, by a singular value decomposition."""
    centred, wanted = source - source.mean(0), target - target.mean(0)
    u, stretch, v = np.linalg.svd(wanted.T @ centred)
    mirror = np.array([1, np.sign(np.linalg.det(u @ v))])
    scale = (stretch * mirror).sum() / (centred**2).sum()
    linear = scale * u @ np.diag(mirror) @ v
    return np.column_stack([linear, target.mean(0) - linear @ source.mean(0)])


def align_with(change, size=(112, 112)):
    return lambda image, landmarks: cv2.warpAffine(
        image, change(similarity_transform(landmarks)), size
    )


align_face = align_with(lambda matrix: matrix)


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


def as_unit(x):
    return x / np.linalg.norm(x)


def verify(embedding, identity, database, threshold=1.274):
    distance = np.linalg.norm(as_unit(embedding) - as_unit(database[identity]))
    return distance**2, bool(distance**2 <= threshold)


def assignment_verify(image_path, identity, database, model):
    encoding = img_to_encoding(image_path, model)  # noqa: F821
    distance = np.linalg.norm(encoding - database[identity])
    return distance, distance < 0.7


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


def search_from_zero(embedding, database, threshold=1.274):
    best, identity = 0, None
    for name in database:
        distance, _ = verify(embedding, name, database)
        if distance < best:
            best, identity = distance, name
    return best, identity


def best_people(similarities, people, k):
    best = {}
    for n in np.argsort(-similarities):
        best.setdefault(int(people[n]), similarities[n])
    return np.array([*best][:k]), np.array([*best.values()][:k])


def roc_curve(similarities, same):
    curve = faces.calibrate(similarities, same)
    return curve.thresholds, curve.true_accept_rate, curve.false_accept_rate


def roc_curve_by_loop(similarities, same):
    thresholds = [np.inf, *sorted(set(similarities), reverse=True)]
    return np.array(
        [
            thresholds,
            [(similarities[same] >= t).mean() for t in thresholds],
            [(similarities[~same] >= t).mean() for t in thresholds],
        ]
    )


def choose_threshold(similarities, same, rate):
    different = np.sort(similarities[~same])[::-1]
    first_rejected = different[int(rate * len(different))]
    return similarities[similarities > first_rejected].min()


def calibrated(similarities, same, rate):
    return faces.calibrate(similarities, same).threshold_at(rate)


SOLUTIONS = [
    (checks.check_intersection_over_union, "numpy", intersection_over_union),
    (checks.check_non_max_suppression, "numpy", suppress),
    (
        checks.check_non_max_suppression,
        "numpy",
        lambda *inputs: np.array(suppress(*inputs)),
    ),
    (
        checks.check_cosine_similarity,
        "numpy",
        lambda a, b: np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)),
    ),
    (checks.check_cosine_similarity, "numpy", faces.cosine_similarity),
    (checks.check_align_face, "numpy", align_face),
    (checks.check_align_face, "numpy", norm_crop),
    (checks.check_triplet_loss, "numpy", triplet_loss),
    (checks.check_triplet_loss, "torch", triplet_loss_torch),
    (checks.check_triplet_loss, "tensorflow", triplet_loss_tensorflow),
    (checks.check_verify, "numpy", verify),
    (checks.check_who_is_it, "numpy", who_is_it),
    (checks.check_best_people, "numpy", best_people),
    (checks.check_roc_curve, "numpy", roc_curve),
    (checks.check_roc_curve, "numpy", roc_curve_by_loop),
    (checks.check_choose_threshold, "numpy", choose_threshold),
    (
        checks.check_choose_threshold,
        "numpy",
        lambda *inputs: np.float32(calibrated(*inputs)),
    ),
]

EXAMPLE = "a small example goes wrong"
CHANGES = "changes what it was given"
BOXES = [
    (EXAMPLE, lambda a, b: round(intersection_over_union(a, b), 1)),
    (EXAMPLE, lambda a, b: max(1 - intersection_over_union(a, b), 0)),
]
SUPPRESSED = [
    (EXAMPLE, suppress_by_last),
    (EXAMPLE, lambda boxes, scores, limit=0.4: np.argsort(-scores).tolist()),
]
COSINES = [
    (EXAMPLE, lambda a, b: abs(faces.cosine_similarity(a, b))),
    ("it should have none", lambda a, b: as_unit(a) * as_unit(b)),
]
ALIGNED = [
    ("lands outside", align_with(lambda m: m + [0, 0, 500])),
    ("lands at (", align_with(lambda m: m + [0, 0, 5])),
    ("shape (128, 128, 3)", align_with(lambda m: m, size=(128, 128))),
]
TRIPLETS = [
    (EXAMPLE, lambda *inputs: triplet_loss(*inputs) ** 2),
    (EXAMPLE, lambda a, p, n, *alpha: ((a - p) ** 2).sum(1)),
]
VERIFIED = [
    ("assignment", assignment_verify),
    (
        "assignment",
        lambda e, i, d, t=1.274: (
            np.linalg.norm(e - d[i]),
            bool(np.linalg.norm(e - d[i]) < 0.7),
        ),
    ),
    (EXAMPLE, lambda e, i, d, t=1.274: verify(e, i, d, t - 1e-9)),
]
CURVES = [
    (
        "a small",
        lambda s, same: (lambda t, a, b: (t, b, a))(*roc_curve(s, same)),
    ),
    ("3 values", lambda s, same: roc_curve(s, same)[1:]),
]
THRESHOLDS = [
    (EXAMPLE, lambda s, same, rate: (s[same].min() + s[~same].max()) / 2),
    (
        EXAMPLE,
        lambda s, same, rate: np.sort(s[~same])[-1 - int(rate * sum(~same))],
    ),
]
SEARCHES = [
    ("assignment", assignment_search),
    ("nobody is ever found", search_from_zero),
    (EXAMPLE, lambda e, d, t=1.274: who_is_it(e, d, t - 1e-9)),
]
PEOPLE = [
    (EXAMPLE, lambda s, people, k: best_people(-s, people, k)),
    (
        "value 1 of 2: the result has",
        lambda s, people, k: best_people(s, people, 99),
    ),
]
TRIPLETS_ELSEWHERE = [
    ("torch", "not a tensor", lambda *i: triplet_loss_torch(*i).item()),
    (
        "torch",
        "gradient",
        lambda a, p, n, *m: triplet_loss_torch(a.detach(), p, n, *m),
    ),
    (
        "tensorflow",
        "gradient",
        lambda a, p, n, *m: triplet_loss_tensorflow(
            a, tf.stop_gradient(p), n, *m
        ),
    ),
]
WRONG = [
    (check, "numpy", hint, function)
    for check, versions in (
        (checks.check_intersection_over_union, BOXES),
        (checks.check_non_max_suppression, SUPPRESSED),
        (checks.check_cosine_similarity, COSINES),
        (checks.check_align_face, ALIGNED),
        (checks.check_triplet_loss, TRIPLETS),
        (checks.check_verify, VERIFIED),
        (checks.check_roc_curve, CURVES),
        (checks.check_choose_threshold, THRESHOLDS),
        (checks.check_who_is_it, SEARCHES),
        (checks.check_best_people, PEOPLE),
    )
    for hint, function in versions
]
WRONG += [(checks.check_triplet_loss, *each) for each in TRIPLETS_ELSEWHERE]
