"""Draw what the models found onto a copy of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course_utils import images

if TYPE_CHECKING:
    from insightface.app.common import Face

# Okabe and Ito's palette, which colour-blind readers can tell apart.
COLORS = {
    "orange": (230, 159, 0),
    "sky blue": (86, 180, 233),
    "green": (0, 158, 115),
    "yellow": (240, 228, 66),
    "blue": (0, 114, 178),
    "vermilion": (213, 94, 0),
}
_POINT = COLORS["sky blue"]
_LANDMARKS = {"5": "kps", "106": "landmark_2d_106", "68": "landmark_3d_68"}


def draw_faces(
    image: np.ndarray,
    faces: Sequence[Face],
    *,
    boxes: bool = True,
    landmarks: str | None = "5",
    labels: Sequence[str] | None = None,
) -> np.ndarray:
    """Draw a box, points and a label for each face.

    Args:
        image: RGB ``uint8``, shape (height, width, 3); it is not changed.
        faces: from ``detect_faces``.
        boxes: draw the boxes.
        landmarks: "5" (key points), "106", "68" (3-D points seen from the
            front), or None.
        labels: a text a face; default the detection score. Empty strings draw
            nothing.

    Returns:
        A new picture of the same shape.

    Raises:
        images.ImageError: ``image`` is not a picture.
        ValueError: unknown ``landmarks``, a model that the pack lacks, not one
            label each, or a single face instead of a list.
    """
    import cv2

    if landmarks is not None and landmarks not in _LANDMARKS:
        raise ValueError(
            f"landmarks is one of {', '.join(map(repr, _LANDMARKS))} or None, "
            f"not {landmarks!r}."
        )
    if isinstance(faces, dict):  # InsightFace's Face is one
        raise ValueError("draw_faces takes a list of faces: write [face].")
    if labels is None:
        labels = [f"{face.det_score:.2f}" for face in faces]
    if len(labels) != len(faces):
        raise ValueError(f"{len(faces)} faces need {len(faces)} labels.")
    canvas = images.require_rgb(image).copy()
    line = _line_width(canvas)
    for face in faces:
        if boxes:
            x0, y0, x1, y1 = np.rint(face.bbox).astype(int).tolist()
            cv2.rectangle(canvas, (x0, y0), (x1, y1), COLORS["yellow"], line)
        if landmarks is not None:
            _draw_points(canvas, _points(face, landmarks), _radius(face))
    return _draw_labels(canvas, faces, labels)


def draw_pose(image: np.ndarray, face: Face) -> np.ndarray:
    """Draw the axes of the head: right (orange), down (green), forward (blue).

    Args:
        image: RGB ``uint8``, shape (height, width, 3); it is not changed.
        face: with ``pose`` (pitch, yaw, roll) in degrees, from a pack that has
            3-D landmarks.

    Returns:
        A new picture of the same shape.

    Raises:
        images.ImageError: ``image`` is not a picture.
        ValueError: the face has no pose.
    """
    import cv2

    if face.get("pose") is None:
        raise ValueError("This face has no pose: the pack lacks 3-D landmarks.")
    canvas = images.require_rgb(image).copy()
    centre = face.kps[2]  # the tip of the nose
    length = 0.6 * (face.bbox[2] - face.bbox[0])
    for axis, color in zip(
        head_axes(face.pose), ("vermilion", "green", "blue"), strict=True
    ):
        tip = centre + length * axis[:2]
        cv2.arrowedLine(
            canvas,
            tuple(np.rint(centre).astype(int).tolist()),
            tuple(np.rint(tip).astype(int).tolist()),
            COLORS[color],
            _line_width(canvas) + 1,
            cv2.LINE_AA,
            tipLength=0.2,
        )
    return canvas


def head_axes(pose: np.ndarray) -> np.ndarray:
    """Turn a pose into the directions in which the head's axes point.

    Args:
        pose: (pitch, yaw, roll) in degrees as InsightFace gives them, the
            Euler angles of R = Rz(roll) Ry(yaw) Rx(pitch).

    Returns:
        Unit vectors, shape (3, 3): rows right, down and forward as seen in
        the picture; columns x (to the right), y (down), z (to the viewer).
    """
    (cx, cy, cz), (sx, sy, sz) = (
        np.cos(np.deg2rad(pose)),
        np.sin(np.deg2rad(pose)),
    )
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return (about_z @ about_y @ about_x).T


def _points(face: Face, landmarks: str) -> np.ndarray:
    points = face.get(_LANDMARKS[landmarks])
    if points is None:
        raise ValueError(f"This pack has no model for {landmarks} landmarks.")
    return points[:, :2]


def _draw_points(canvas: np.ndarray, points: np.ndarray, radius: int) -> None:
    import cv2

    # Sixteenths of a pixel: rounding to whole ones would misplace small faces.
    # The dark rim keeps the points visible on any skin.
    for x, y in np.rint(points * 16).astype(int).tolist():
        for size, color in ((radius * 24, (0, 0, 0)), (radius * 16, _POINT)):
            cv2.circle(canvas, (x, y), size, color, -1, cv2.LINE_AA, 4)


def _draw_labels(canvas, faces, labels) -> np.ndarray:
    from PIL import Image, ImageDraw

    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    font = _font(max(11, round(max(canvas.shape[:2]) / 45)))
    for face, label in zip(faces, labels, strict=True):
        if label:
            _write_in_box(pen, label, font, face.bbox, picture.size)
    return np.asarray(picture).copy()


def _write_in_box(pen, label: str, font, box, size) -> None:
    """Write above the face, or inside its box where there is no room above."""
    left, top, right, bottom = pen.textbbox((0, 0), label, font=font)
    width, height = right - left + 6, bottom - top + 6
    x = float(np.clip(box[0], 0, max(0, size[0] - width)))
    y = box[1] - height if box[1] >= height else max(0.0, box[1])
    pen.rectangle((x, y, x + width, y + height), fill=COLORS["yellow"])
    pen.text((x + 3 - left, y + 3 - top), label, fill="black", font=font)


@cache
def _font(size: int):
    """DejaVu Sans comes with matplotlib and writes most alphabets."""
    import matplotlib
    from PIL import ImageFont

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(fonts / "DejaVuSans.ttf"), size)


def _line_width(image: np.ndarray) -> int:
    return max(1, round(max(image.shape[:2]) / 400))


def _radius(face: Face) -> int:
    return max(1, round((face.bbox[2] - face.bbox[0]) / 90))
