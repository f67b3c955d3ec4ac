"""Draw what the models found onto a copy of the picture."""

import contextlib
import functools
import math
import warnings
from collections.abc import Sequence

import numpy as np

from course_utils import images

# Okabe and Ito's palette, which colour-blind readers can tell apart.
_YELLOW = (240, 228, 66)
_SKY_BLUE = (86, 180, 233)
_VERMILION = (213, 94, 0)
_GREEN = (0, 158, 115)
_BLUE = (0, 114, 178)
_LANDMARKS = {"5": "kps", "106": "landmark_2d_106", "68": "landmark_3d_68"}


def draw_faces(
    image: np.ndarray,
    faces: Sequence,
    *,
    boxes: bool = True,
    landmarks: str | None = "5",
    labels: Sequence | None = None,
) -> np.ndarray:
    """Draw a box, points and a label for each face into a copy.

    ``landmarks`` are "5" (key points), "106", "68" (3-D points seen from the
    front), or None. ``labels`` are one a face, "" draws none; by default the
    detection score, rounded down: at this threshold the face still counts.
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
        labels = [rounded_down(face.det_score) for face in faces]
    if len(labels) != len(faces):
        raise ValueError(f"{len(faces)} faces need {len(faces)} labels.")
    canvas = images.require_rgb(image).copy()
    line = _line_width(canvas)
    for face in faces:
        if boxes:
            x0, y0, x1, y1 = np.rint(face.bbox).astype(int).tolist()
            cv2.rectangle(canvas, (x0, y0), (x1, y1), _YELLOW, line)
        if landmarks is not None:
            _draw_points(canvas, _points(face, landmarks), _radius(face))
    return _draw_labels(canvas, faces, [str(label) for label in labels])


def rounded_down(score: float, digits: int = 2) -> str:
    """Write a score so that it looks lower than every threshold it misses."""
    # The last bit of a float32 that stands for 0.65 is not to be trusted.
    whole = math.floor(10**digits * float(score) + 1e-4)
    return f"{whole / 10**digits:.{digits}f}"


def draw_pose(image: np.ndarray, face) -> np.ndarray:
    """Draw the head's axes: right (orange), down (green), forward (blue)."""
    import cv2

    if face.get("pose") is None:
        raise ValueError("This face has no pose: the pack lacks 3-D landmarks.")
    canvas = images.require_rgb(image).copy()
    centre = face.kps[2]  # the tip of the nose
    length = 0.6 * (face.bbox[2] - face.bbox[0])
    axes, colors = head_axes(face.pose), (_VERMILION, _GREEN, _BLUE)
    for axis, color in zip(axes, colors, strict=True):
        tip = centre + length * axis[:2]
        cv2.arrowedLine(
            canvas,
            np.rint(centre).astype(int).tolist(),
            np.rint(tip).astype(int).tolist(),
            color,
            _line_width(canvas) + 1,
            cv2.LINE_AA,
            tipLength=0.2,
        )
    return canvas


def head_axes(pose: np.ndarray) -> np.ndarray:
    """Turn a pose into the directions in which the head's axes point.

    ``pose`` is (pitch, yaw, roll) in degrees, the Euler angles of InsightFace:
    R = Rz(roll) Ry(yaw) Rx(pitch). Returns unit vectors, shape (3, 3): rows
    right, down and forward; columns x (to the right), y (down), z (to the
    viewer).
    """
    angles = np.deg2rad(pose)
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return (about_z @ about_y @ about_x).T


def _points(face, landmarks: str) -> np.ndarray:
    points = face.get(_LANDMARKS[landmarks])
    if points is None:
        raise ValueError(f"This pack has no model for {landmarks} landmarks.")
    return points[:, :2]


def _draw_points(canvas: np.ndarray, points: np.ndarray, radius: int) -> None:
    import cv2

    # Sixteenths of a pixel: rounding to whole ones would misplace small faces.
    # The dark rim keeps the points visible on any skin.
    for x, y in np.rint(points * 16).astype(int).tolist():
        for size, color in ((radius * 24, (0, 0, 0)), (radius * 16, _SKY_BLUE)):
            cv2.circle(canvas, (x, y), size, color, -1, cv2.LINE_AA, 4)


def _draw_labels(canvas, faces, labels) -> np.ndarray:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    size = max(11, round(max(canvas.shape[:2]) / 45))
    for face, label in zip(faces, labels, strict=True):
        if label:
            font = ImageFont.truetype(_font_file(frozenset(label)), size)
            _write_in_box(pen, label, font, face.bbox)
    return np.asarray(picture).copy()


def _write_in_box(pen, label: str, font, box) -> None:
    """Write above the face, or inside its box where there is no room above."""
    left, top, right, bottom = pen.textbbox((0, 0), label, font=font)
    width, height = right - left + 6, bottom - top + 6
    x = float(np.clip(box[0], 0, max(0, pen.im.size[0] - width)))
    y = box[1] - height if box[1] >= height else max(0.0, box[1])
    pen.rectangle((x, y, x + width, y + height), fill=_YELLOW)
    pen.text((x + 3 - left, y + 3 - top), label, fill="black", font=font)


@functools.cache
def _font_file(letters: frozenset[str]) -> str:
    """The first font that has all letters, or else the most of them.

    DejaVu Sans, which comes with matplotlib, writes most alphabets, but no
    Chinese, Japanese, Korean, Thai or Hindi. Then the system's fonts come in.
    """
    import matplotlib

    best = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf"
    lacking = _lacking(best, letters)
    for path in _system_fonts() if lacking else ():
        with contextlib.suppress(RuntimeError, OSError):  # a damaged file
            lacks = _lacking(path, letters)
            if len(lacks) < len(lacking):
                best, lacking = path, lacks
    if lacking:
        warnings.warn(
            f"No font of this machine has the letters {lacking}: install one "
            "that does, for instance from the Noto family.",
            stacklevel=2,
        )
    return best


def _lacking(path: str, letters: frozenset[str]) -> str:
    from matplotlib.ft2font import FT2Font

    font = FT2Font(path)
    seen = sorted(filter(str.isprintable, letters))
    if not font.scalable:  # coloured emoji, of one size
        return "".join(seen)
    return "".join(c for c in seen if not font.get_char_index(ord(c)))


def _system_fonts() -> list[str]:
    """Plain fonts without serifs first; no font of boxes for every letter."""
    from matplotlib.font_manager import findSystemFonts

    fonts = [path for path in findSystemFonts() if "LastResort" not in path]
    return sorted(fonts, key=lambda f: ("Sans" not in f, "Regular" not in f, f))


def _line_width(image: np.ndarray) -> int:
    return max(1, round(max(image.shape[:2]) / 400))


def _radius(face) -> int:
    return max(1, round((face.bbox[2] - face.bbox[0]) / 90))
