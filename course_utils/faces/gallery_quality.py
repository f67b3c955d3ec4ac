"""Which face of a photograph may be enrolled: exactly one, large and sharp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_utils.faces.analysis import largest_face

if TYPE_CHECKING:
    from insightface.app.common import Face

# Measured with course_mini on ORL: 200 photographs, made smaller or blurred,
# searched among five sharp ones of each of the 40 people. At 20 pixels all of
# them still reach the search threshold, at 16 only 94 %, at 13 only 68 %.
MIN_FACE_WIDTH = 20  # pixels
# Blurred with a Gaussian of 1 to 8 pixels of the aligned crop: from sharpness
# 6 on all 391 reach it, of those between 4 and 5 only 86 %, below 3.5 only 8 %.
# Faces of the sample photographs have 13 to 4272.
MIN_SHARPNESS = 6.0


class EnrolmentError(ValueError):
    """A photograph cannot be enrolled; the message says why."""


class SeveralFacesError(EnrolmentError):
    """A photograph shows several people and none of them was named."""


class PoorFaceError(EnrolmentError):
    """A face is too small or too blurred.

    Attributes:
        measured: its width in pixels, or its sharpness.
        limit: the least that is accepted.
    """

    def __init__(self, message: str, measured: float, limit: float):
        """Keep the numbers beside the sentence."""
        super().__init__(message)
        self.measured = measured
        self.limit = limit


def usable_face(
    image: np.ndarray, faces: Sequence[Face], which_face: int | None = None
) -> Face:
    """Return the face to enrol, or say why there is none.

    Args:
        image: RGB ``uint8``, shape (height, width, 3).
        faces: all that the detector found in it, from left to right.
        which_face: place of the wanted one in ``faces``, 0 being the leftmost.
            Needed only where there are several.

    Raises:
        NoFaceError: ``faces`` is empty.
        SeveralFacesError: several faces and no ``which_face``, or no such one.
        PoorFaceError: narrower than ``MIN_FACE_WIDTH``, or less sharp than
            ``MIN_SHARPNESS``.
    """
    face = largest_face(faces) if len(faces) < 2 else None
    if which_face is not None and not 0 <= which_face < len(faces):
        raise SeveralFacesError(
            f"There is no face {which_face}: they are numbered from left to "
            f"right, 0 to {len(faces) - 1}."
        )
    if which_face is not None:
        face = faces[which_face]
    if face is None:
        raise SeveralFacesError(
            f"The photograph shows {len(faces)} faces: say which_face=, from "
            f"left to right 0 to {len(faces) - 1}, or cut out one person."
        )
    _refuse_poor(image, face)
    return face


def face_width(face: Face) -> float:
    """Width of the face's box in the photograph, in pixels."""
    return float(face.bbox[2] - face.bbox[0])


def sharpness(image: np.ndarray, face: Face) -> float:
    """Variance of the Laplacian of the aligned face: low means blurred.

    After Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy"
    (ICPR 2000), section 2. Taken on the 112x112 grey crop that the recognition
    model sees, so the value does not depend on the photograph's size.

    Args:
        image: RGB ``uint8``, shape (height, width, 3).
        face: with its five key points.

    Returns:
        0 (one flat colour) upwards, in squared grey levels.
    """
    import cv2
    from insightface.utils.face_align import norm_crop

    crop = norm_crop(np.ascontiguousarray(image), face.kps)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def _refuse_poor(image: np.ndarray, face: Face) -> None:
    width = face_width(face)
    if width < MIN_FACE_WIDTH:
        raise PoorFaceError(
            f"The face is {width:.0f} pixels wide and needs "
            f"{MIN_FACE_WIDTH}: use a larger or closer photograph.",
            width,
            MIN_FACE_WIDTH,
        )
    measured = sharpness(image, face)
    if measured < MIN_SHARPNESS:
        raise PoorFaceError(
            f"The face is blurred (sharpness {measured:.1f}, needed "
            f"{MIN_SHARPNESS:.1f}): use a sharper photograph.",
            measured,
            MIN_SHARPNESS,
        )
