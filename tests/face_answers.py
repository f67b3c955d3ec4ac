"""What learners may write in the face exercises: right and wrong answers."""

import cv2
import numpy as np
import torch
from insightface.utils.face_align import arcface_dst, norm_crop

from course_utils import checks, faces
from course_utils.style.tensorflow_backend import tf


def squares(a, b):
    return np.sum((a - b) ** 2, axis=1)


def relu(x):
    return np.maximum(x, 0)


def triplet_loss(anchor, positive, negative, alpha=0.2):
    near = np.sum((anchor - positive) ** 2, axis=1)
    far = np.sum((anchor - negative) ** 2, axis=1)
    return np.sum(np.maximum(near - far + alpha, 0))


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


def squared_distance(a, b):
    return np.sum((as_unit(a) - as_unit(b)) ** 2)


def verify(embedding, identity, database, threshold=1.274):
    x = embedding / np.linalg.norm(embedding)
    y = database[identity] / np.linalg.norm(database[identity])
    distance = np.linalg.norm(x - y) ** 2
    return distance, bool(distance <= threshold)


def who_is_it(embedding, database, threshold=1.274):
    smallest, identity = 100, None
    for name, other in database.items():
        cosine = embedding @ other
        cosine /= np.linalg.norm(embedding) * np.linalg.norm(other)
        if 2 - 2 * cosine < smallest:
            smallest, identity = 2 - 2 * cosine, name
    return smallest, identity if smallest <= threshold else None


def who_is_it_in_one_product(embedding, database, threshold=1.274):
    names = np.array(list(database))
    rows = np.stack([as_unit(other) for other in database.values()])
    distances = 2 - 2 * rows @ as_unit(embedding)
    nearest = distances.argmin()
    known = distances[nearest] <= threshold
    return distances[nearest], names[nearest] if known else None


def similarity_transform(source, target=arcface_dst):
    """Umeyama's way, by a singular value decomposition."""
    centred, wanted = source - source.mean(0), target - target.mean(0)
    u, stretch, v = np.linalg.svd(wanted.T @ centred)
    mirror = np.array([1, np.sign(np.linalg.det(u @ v))])
    scale = (stretch * mirror).sum() / (centred**2).sum()
    linear = scale * u @ np.diag(mirror) @ v
    return np.column_stack([linear, target.mean(0) - linear @ source.mean(0)])


def align_face(image, landmarks):
    matrix = similarity_transform(landmarks)
    return cv2.warpAffine(image, matrix, (112, 112))


def align_with(change):
    return lambda image, landmarks: cv2.warpAffine(
        image, change(similarity_transform(landmarks)), (112, 112)
    )


def roc_curve(similarities, same):
    curve = faces.calibrate(similarities, same)
    return curve.thresholds, curve.true_accept_rate, curve.false_accept_rate


def loop_over(thresholds, similarities, same, accepts=np.greater_equal):
    accepted = [accepts(similarities, t) for t in thresholds]
    return (
        np.array(thresholds),
        np.array([a[same].mean() for a in accepted]),
        np.array([a[~same].mean() for a in accepted]),
    )


def levels(similarities):
    return [np.inf, *sorted(set(similarities), reverse=True)]


SOLUTIONS = [
    (checks.check_triplet_loss, "numpy", triplet_loss),
    (checks.check_triplet_loss, "torch", triplet_loss_torch),
    (checks.check_triplet_loss, "tensorflow", triplet_loss_tensorflow),
    (checks.check_verify, "numpy", verify),
    (checks.check_who_is_it, "numpy", who_is_it),
    (checks.check_who_is_it, "numpy", who_is_it_in_one_product),
    (checks.check_align_face, "numpy", align_face),
    (checks.check_align_face, "numpy", norm_crop),
    (checks.check_roc_curve, "numpy", roc_curve),
    (
        checks.check_roc_curve,
        "numpy",
        lambda s, same: loop_over(levels(s), s, same),
    ),
    (
        checks.check_roc_curve,
        "numpy",
        lambda *pairs: np.stack(roc_curve(*pairs)),
    ),
]


TRIPLET_LOSS = [
    (
        "margin",
        lambda a, p, n, alpha=0: np.sum(relu(squares(a, p) - squares(a, n))),
    ),
    (
        "sign",
        lambda a, p, n, alpha=0.2: np.sum(
            relu(squares(a, p) - squares(a, n) - alpha)
        ),
    ),
    (
        "whatever alpha",
        lambda a, p, n, alpha=0: np.sum(
            relu(squares(a, p) - squares(a, n) + 0.2)
        ),
    ),
    (
        "changed places",
        lambda a, p, n, alpha=0.2: np.sum(
            relu(squares(a, n) - squares(a, p) + alpha)
        ),
    ),
    (
        "squared",
        lambda a, p, n, alpha=0.2: np.sum(
            relu(
                np.linalg.norm(a - p, axis=1)
                - np.linalg.norm(a - n, axis=1)
                + alpha
            )
        ),
    ),
    (
        "zero",
        lambda a, p, n, alpha=0.2: np.sum(
            squares(a, p) - squares(a, n) + alpha
        ),
    ),
    (
        "each triplet",
        lambda a, p, n, alpha=0.2: max(
            np.sum(squares(a, p) - squares(a, n) + alpha), 0
        ),
    ),
    (
        "each triplet",
        lambda a, p, n, alpha=0.2: np.maximum(
            np.sum(squares(a, p) - squares(a, n) + alpha), 0
        ),
    ),
    (
        "mean",
        lambda a, p, n, alpha=0.2: np.mean(
            relu(squares(a, p) - squares(a, n) + alpha)
        ),
    ),
    (
        "not yet the loss",
        lambda a, p, n, alpha=0.2: relu(squares(a, p) - squares(a, n) + alpha),
    ),
    (
        "wrong axis",
        lambda a, p, n, alpha=0.2: np.sum(
            relu(np.sum((a - p) ** 2, 0) - np.sum((a - n) ** 2, 0) + alpha)
        ),
    ),
    (
        "anchor",
        lambda a, p, n, alpha=0.2: np.sum(
            relu(squares(a, p) - squares(p, n) + alpha)
        ),
    ),
    (
        "value by value",
        lambda a, p, n, alpha=0.2: np.sum(
            relu((a - p) ** 2 - (a - n) ** 2 + alpha)
        ),
    ),
    (
        "not means",
        lambda a, p, n, alpha=0.2: np.sum(
            relu(np.mean((a - p) ** 2, 1) - np.mean((a - n) ** 2, 1) + alpha)
        ),
    ),
    (
        "drops the rest",
        lambda a, p, n, alpha=0.2: np.sum(
            np.minimum(squares(a, p) - squares(a, n) + alpha, 0)
        ),
    ),
    ("2 times as large", lambda *inputs: 2 * triplet_loss(*inputs)),
    ("sign is wrong", lambda *inputs: -triplet_loss(*inputs)),
    ("not what was asked", lambda *inputs: str(triplet_loss(*inputs))),
]

VERIFY = [
    (
        "directions",
        lambda e, i, d, t=1.274: (
            np.sum((e - d[i]) ** 2),
            bool(np.sum((e - d[i]) ** 2) <= t),
        ),
    ),
    (
        "directions",
        lambda e, i, d, t=1.274: (
            np.linalg.norm(e - d[i]),
            bool(np.linalg.norm(e - d[i]) <= t),
        ),
    ),
    (
        "its square",
        lambda e, i, d, t=1.274: (
            squared_distance(e, d[i]) ** 0.5,
            bool(squared_distance(e, d[i]) ** 0.5 <= t),
        ),
    ),
    (
        "cosine",
        lambda e, i, d, t=1.274: (
            as_unit(e) @ as_unit(d[i]),
            bool(as_unit(e) @ as_unit(d[i]) >= t),
        ),
    ),
    (
        "averaged",
        lambda e, i, d, t=1.274: (
            np.mean((as_unit(e) - as_unit(d[i])) ** 2),
            bool(np.mean((as_unit(e) - as_unit(d[i])) ** 2) <= t),
        ),
    ),
    (
        "wrong way round",
        lambda e, i, d, t=1.274: (
            squared_distance(e, d[i]),
            bool(squared_distance(e, d[i]) >= t),
        ),
    ),
    (
        "without looking",
        lambda e, i, d, t=1.274: (
            squared_distance(e, d[i]),
            bool(squared_distance(e, d[i]) <= 0.7),
        ),
    ),
    (
        "without looking",
        lambda e, i, d, t=1.274: (squared_distance(e, d[i]), True),
    ),
    (
        "equals",
        lambda e, i, d, t=1.274: (
            squared_distance(e, d[i]),
            bool(squared_distance(e, d[i]) < t),
        ),
    ),
    (
        "claimed",
        lambda e, i, d, t=1.274: (
            who_is_it(e, d)[0],
            bool(who_is_it(e, d)[0] <= t),
        ),
    ),
    (
        "claimed",
        lambda e, i, d, t=1.274: (who_is_it(e, d)[0], who_is_it(e, d)[1] == i),
    ),
    ("wrong order", lambda *inputs: verify(*inputs)[::-1]),
    ("only the decision", lambda *inputs: verify(*inputs)[1]),
    ("only the distance", lambda *inputs: verify(*inputs)[0]),
    ("2 values", lambda *inputs: (*verify(*inputs), 1.274)),
    (
        "value 2 of 2",
        lambda *inputs: (verify(*inputs)[0], int(verify(*inputs)[1])),
    ),
    ("value 2 of 2", lambda *inputs: (verify(*inputs)[0], "yes")),
    ("KeyError", lambda e, i, d, t=1.274: d["Alan"]),
]


def nearest_by(measure, embedding, database, choose=min):
    return choose((measure(embedding, v), name) for name, v in database.items())


def first_near_enough(embedding, database, threshold=1.274):
    for name, other in database.items():
        if squared_distance(embedding, other) <= threshold:
            return squared_distance(embedding, other), name
    return who_is_it(embedding, database, threshold)


def without_else(embedding, database, threshold=1.274):
    distance, name = who_is_it(embedding, database, threshold)
    if distance <= threshold:
        return distance, name


WHO_IS_IT = [
    (
        "directions",
        lambda e, d, t=1.274: (
            nearest_by(lambda a, b: np.sum((a - b) ** 2), e, d)
            if min(np.sum((e - v) ** 2) for v in d.values()) <= t
            else (min(np.sum((e - v) ** 2) for v in d.values()), None)
        ),
    ),
    (
        "its square",
        lambda e, d, t=1.274: (
            who_is_it(e, d, t**2)[0] ** 0.5,
            who_is_it(e, d, t**2)[1],
        ),
    ),
    (
        "cosine",
        lambda e, d, t=1.274: (
            nearest_by(lambda a, b: as_unit(a) @ as_unit(b), e, d, max)[0],
            who_is_it(e, d, t)[1],
        ),
    ),
    (
        "farthest",
        lambda e, d, t=1.274: (
            (m := nearest_by(squared_distance, e, d, max))[:1]
            + (m[1] if m[0] <= t else None,)
        ),
    ),
    ("nearest: look", first_near_enough),
    ("a name", lambda e, d, t=1.274: nearest_by(squared_distance, e, d)),
    ("without looking", lambda e, d, t=1.274: who_is_it(e, d)),
    (
        "None itself",
        lambda *inputs: (
            who_is_it(*inputs)[0],
            who_is_it(*inputs)[1] or "unknown",
        ),
    ),
    (
        "number",
        lambda e, d, t=1.274: (
            who_is_it(e, d, t)[0],
            list(d).index(who_is_it(e, d, t)[1])
            if who_is_it(e, d, t)[1]
            else None,
        ),
    ),
    ("wrong order", lambda *inputs: who_is_it(*inputs)[::-1]),
    ("only the name", lambda *inputs: who_is_it(*inputs)[1]),
    ("only the distance", lambda *inputs: who_is_it(*inputs)[0]),
    (
        "one person",
        lambda e, d, t=1.274: who_is_it(e, dict([list(d.items())[-1]]), t),
    ),
    ("equals", lambda e, d, t=1.274: who_is_it(e, d, t - 1e-9)),
    (
        "wrong way",
        lambda e, d, t=1.274: (
            who_is_it(e, d)[0],
            None if who_is_it(e, d)[0] <= t else who_is_it(e, d, 9)[1],
        ),
    ),
    ("2 values", without_else),
    (
        "changes what it was given",
        lambda e, d, t=1.274: (d.pop("Joan", None), who_is_it(e, d, t))[1],
    ),
]

ALIGN_FACE = [
    ("matrix", lambda image, points: similarity_transform(points)),
    (
        "eyes",
        lambda image, points: cv2.warpAffine(
            image, similarity_transform(points[:2], arcface_dst[:2]), (112, 112)
        ),
    ),
    (
        "shear",
        lambda image, points: cv2.warpAffine(
            image,
            cv2.getAffineTransform(np.float32(points[:3]), arcface_dst[:3]),
            (112, 112),
        ),
    ),
    (
        "shear",
        lambda image, points: cv2.warpAffine(
            image,
            np.linalg.lstsq(np.c_[points, np.ones(5)], arcface_dst, rcond=None)[
                0
            ].T,
            (112, 112),
        ),
    ),
    (
        "outliers",
        lambda image, points: cv2.warpAffine(
            image,
            cv2.estimateAffinePartial2D(points, arcface_dst)[0],
            (112, 112),
        ),
    ),
    ("shift", align_with(lambda m: m * [1, 1, 0])),
    ("sense", align_with(lambda m: m * [[1, -1, 1], [-1, 1, 1]])),
    (
        "not back",
        lambda image, points: cv2.warpAffine(
            image,
            similarity_transform(np.float64(arcface_dst), points),
            (112, 112),
        ),
    ),
    (
        "not back",
        lambda image, points: cv2.warpAffine(
            image,
            similarity_transform(points),
            (112, 112),
            flags=cv2.WARP_INVERSE_MAP,
        ),
    ),
    ("x and y", lambda image, points: align_face(image, points[:, ::-1])),
    (
        "left and right",
        lambda image, points: align_face(image, points[[1, 0, 2, 4, 3]]),
    ),
    (
        "red and blue",
        lambda image, points: cv2.cvtColor(
            align_face(image, points), cv2.COLOR_RGB2BGR
        ),
    ),
    (
        "without looking",
        lambda image, points: cv2.resize(
            image, (112, 112), interpolation=cv2.INTER_LINEAR
        ),
    ),
    (
        "shape (128, 128, 3)",
        lambda image, points: cv2.warpAffine(
            image, similarity_transform(points), (128, 128)
        ),
    ),
    ("decimals", lambda image, points: align_face(image, points) / 255),
    (
        "whole numbers",
        lambda image, points: align_face(image, points).astype(int),
    ),
    (
        "changes what",
        lambda image, points: (points.__isub__(1), align_face(image, points))[
            1
        ],
    ),
]

ROC_CURVE = [
    (
        "equal similarity",
        lambda s, same: loop_over(sorted(s, reverse=True), s, same),
    ),
    ("first point", lambda s, same: loop_over(levels(s)[1:], s, same)),
    ("fall, not rise", lambda s, same: loop_over(levels(s)[::-1], s, same)),
    (
        "accepted, too",
        lambda s, same: loop_over(levels(s), s, same, np.greater),
    ),
    (
        "opposite",
        lambda s, same: (lambda t, a, b: (t, a[::-1], b[::-1]))(
            *roc_curve(s, same)
        ),
    ),
    ("changed places", lambda s, same: loop_over(levels(s), s, ~same)),
    (
        "all pairs",
        lambda s, same: (
            lambda t, a, b: (
                t,
                a * same.sum() / len(s),
                b * (~same).sum() / len(s),
            )
        )(*roc_curve(s, same)),
    ),
    (
        "counts",
        lambda s, same: (
            lambda t, a, b: (t, a * same.sum(), b * (~same).sum())
        )(*roc_curve(s, same)),
    ),
    (
        "same pairs are rejected",
        lambda s, same: (lambda t, a, b: (t, 1 - a, b))(*roc_curve(s, same)),
    ),
    (
        "different pairs are rejected",
        lambda s, same: (lambda t, a, b: (t, a, 1 - b))(*roc_curve(s, same)),
    ),
    ("sklearn", lambda s, same: roc_curve(s, same)[::-1]),
    ("thresholds belong", lambda s, same: roc_curve(s, same)[1:]),
    (
        "value 1 of 3",
        lambda s, same: (
            np.linspace(1, 0, len(levels(s))),
            *roc_curve(s, same)[1:],
        ),
    ),
    ("changes what", lambda s, same: (s.sort(), roc_curve(s, same))[1]),
    ("stops with TypeError", lambda s, same: roc_curve(s)),
]


WRONG = [
    (check, "numpy", hint, function)
    for check, versions in (
        (checks.check_triplet_loss, TRIPLET_LOSS),
        (checks.check_verify, VERIFY),
        (checks.check_who_is_it, WHO_IS_IT),
        (checks.check_align_face, ALIGN_FACE),
        (checks.check_roc_curve, ROC_CURVE),
    )
    for hint, function in versions
]
WRONG += [
    (checks.check_triplet_loss, framework, hint, function)
    for framework, hint, function in (
        (
            "torch",
            "margin",
            lambda a, p, n, alpha=0: triplet_loss_torch(a, p, n, 0),
        ),
        (
            "torch",
            "not a tensor",
            lambda *inputs: triplet_loss_torch(*inputs).item(),
        ),
        (
            "torch",
            "gradient",
            lambda a, p, n, *alpha: triplet_loss_torch(
                a.detach(), p, n, *alpha
            ),
        ),
        (
            "torch",
            "gradient",
            lambda *inputs: torch.tensor(triplet_loss_torch(*inputs).item()),
        ),
        (
            "torch",
            "squared",
            lambda a, p, n, alpha=0.2: (
                ((a - p).norm(dim=1) - (a - n).norm(dim=1) + alpha).relu().sum()
            ),
        ),
        (
            "torch",
            "changes what",
            lambda a, p, n, *alpha: triplet_loss_torch(a, p, n.mul_(2), *alpha),
        ),
        (
            "tensorflow",
            "margin",
            lambda a, p, n, alpha=0: triplet_loss_tensorflow(a, p, n, 0),
        ),
        (
            "tensorflow",
            "not a tensor",
            lambda *inputs: triplet_loss_tensorflow(*inputs).numpy(),
        ),
        (
            "tensorflow",
            "gradient",
            lambda a, p, n, *alpha: triplet_loss_tensorflow(
                a, tf.stop_gradient(p), n, *alpha
            ),
        ),
        (
            "tensorflow",
            "mean",
            lambda a, p, n, *alpha: (
                triplet_loss_tensorflow(a, p, n, *alpha) / len(a)
            ),
        ),
    )
]
