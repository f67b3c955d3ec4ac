"""Which face of a photograph may be enrolled: exactly one, large and sharp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_utils.faces.analysis import embed_faces, largest_face

if TYPE_CHECKING:
    from insightface.app import FaceAnalysis
    from insightface.app.common import Face

# Measured with course_mini on ORL: 200 photographs, made smaller or blurred,
# searched among five sharp ones of each of the 40 people. At 20 pixels all of
# them still reach the search threshold, at 16 only 94 %, at 13 only 68 %.
MIN_FACE_WIDTH = 20  # pixels
# Blurred with a Gaussian of 1 to 8 pixels of the aligned crop: from sharpness
# 6 on all 391 reach it, of those between 4 and 5 only 86 %, below 3.5 only 8 %.
# Faces of the sample photographs have 13 to 4272.
MIN_SHARPNESS = 6.0
# Scores of course_mini's detector, ORL and the sample photographs with one
# face: standing, 417 faces have 0.87 to 0.95; lying or upside down at most
# 0.911, if they are found. So the best of four directions was right each time,
# and looking at the other three pays below 0.915: 26 of the 417.
STANDING_SCORE = 0.915
LOWEST_STANDING_SCORE = 0.85  # no cup that looks like a face upside down


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


def face_to_enrol(
    app: FaceAnalysis, image: np.ndarray, which_face: int | None = None
) -> Face:
    """Embed the face to enrol, or say why there is none.

    Args:
        app: from ``load_face_analysis``.
        image: may lie on its side or upside down.
        which_face: which one of several it is, 0 being the leftmost.

    Raises:
        NoFaceError: there is none.
        SeveralFacesError: several faces and no ``which_face``, or no such one.
        PoorFaceError: narrower than ``MIN_FACE_WIDTH``, or less sharp than
            ``MIN_SHARPNESS``.
    """
    if which_face is None:
        image, found = find_upright(app, image)
        if len(found) > 1:
            raise SeveralFacesError(
                f"The photograph shows {len(found)} faces: say which_face=, "
                f"from left to right 0 to {len(found) - 1}, or cut out one "
                "person."
            )
        face = largest_face(found)
    else:
        found = embed_faces(app, image)  # as the caller has numbered them
        if not 0 <= which_face < len(found):
            raise SeveralFacesError(
                f"There is no face {which_face}: they are numbered from left "
                f"to right, 0 to {len(found) - 1}."
            )
        face = found[which_face]
    _refuse_poor(image, face)
    return face


def find_upright(
    app: FaceAnalysis, image: np.ndarray, find: Callable = embed_faces
) -> tuple[np.ndarray, list[Face]]:
    """Find faces; of a picture that lies on its side, in the copy that stands.

    A face that is turned by a quarter or more is often found, but its
    embedding says nothing: its similarity to itself upright is about 0.

    Args:
        app: from ``load_face_analysis``.
        image: any picture.
        find: ``embed_faces`` or ``detect_faces``.

    Returns:
        The picture, turned if need be, and the faces in it.
    """
    found = find(app, image)
    if _best_score(found) >= STANDING_SCORE:
        return image, found
    directions = [(image, found)]
    for quarters in (1, 2, 3):
        turned = np.ascontiguousarray(np.rot90(image, quarters))
        found = find(app, turned)
        if _best_score(found) >= LOWEST_STANDING_SCORE:
            directions.append((turned, found))
    return max(directions, key=lambda direction: _best_score(direction[1]))


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


def _best_score(found: Sequence[Face]) -> float:
    return max((float(face.det_score) for face in found), default=0.0)


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
