"""Which face of a photograph may be enrolled: exactly one, large and sharp."""

from __future__ import annotations

from collections.abc import Sequence
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


def face_to_enrol(
    app: FaceAnalysis, image: np.ndarray, which_face: int | None = None
) -> Face:
    """Embed the face to enrol; raise NoFaceError or EnrolmentError.

    Of several faces ``which_face`` names one, 0 being the leftmost.
    """
    image, found = find_upright(app, image)
    face = largest_face(found)
    if which_face in range(len(found)):
        face = found[which_face]
    elif which_face is not None or len(found) > 1:
        raise EnrolmentError(
            f"The photograph shows {len(found)} faces: say which_face=, "
            f"from left to right 0 to {len(found) - 1}, or cut out one "
            "person."
        )
    width = face.bbox[2] - face.bbox[0]
    if width < MIN_FACE_WIDTH:
        raise EnrolmentError(
            f"The face is {width:.0f} pixels wide and needs "
            f"{MIN_FACE_WIDTH}: use a larger or closer photograph."
        )
    sharpness = _sharpness(image, face)
    if sharpness < MIN_SHARPNESS:
        raise EnrolmentError(
            f"The face is blurred (sharpness {sharpness:.1f}, needed "
            f"{MIN_SHARPNESS:.1f}): use a sharper photograph."
        )
    return face


def find_upright(
    app: FaceAnalysis, image: np.ndarray
) -> tuple[np.ndarray, list[Face]]:
    """Embed all faces; of a picture that lies on its side, in a standing copy.

    A face that is turned by a quarter or more is often found, but its
    embedding says nothing: its similarity to itself upright is about 0.
    Returns the picture, turned if need be, and the faces in it.
    """
    found = embed_faces(app, image)
    if _best_score(found) >= STANDING_SCORE:
        return image, found
    directions = [(image, found)]
    for quarters in (1, 2, 3):
        turned = np.rot90(image, quarters)
        found = embed_faces(app, turned)
        if _best_score(found) >= LOWEST_STANDING_SCORE:
            directions.append((turned, found))
    return max(directions, key=lambda direction: _best_score(direction[1]))


def _best_score(found: Sequence[Face]) -> float:
    return max((face.det_score for face in found), default=0)


def _sharpness(image: np.ndarray, face: Face) -> float:
    """Variance of the Laplacian of the aligned face, in squared grey levels.

    After Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy"
    (ICPR 2000), section 2. Taken on the 112x112 crop that the recognition
    model sees, so that it does not depend on the photograph's size.
    """
    import cv2
    from insightface.utils.face_align import norm_crop

    crop = norm_crop(image, face.kps)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())
