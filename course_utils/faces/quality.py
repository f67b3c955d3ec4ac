"""Which face of a photograph may be enrolled: exactly one, large and sharp."""

from collections.abc import Sequence

import numpy as np

from course_utils.faces.analysis import embed_faces, largest_face

# Measured with course_mini on ORL: of 200 photographs, searched among five
# sharp ones of each of 40 people, all reach the search threshold at 20 pixels,
# 94 % at 16; of blurred ones all from sharpness 6 on, 86 % between 4 and 5.
MIN_FACE_WIDTH = 20  # pixels
MIN_SHARPNESS = 6.0  # faces of the sample photographs have 13 to 4272
# Standing, 417 faces score 0.87 to 0.95; lying or upside down at most 0.911:
# the best of four directions is right, and below 0.915 the others are tried.
STANDING_SCORE = 0.915
LOWEST_STANDING_SCORE = 0.85  # no cup that looks like a face upside down


class EnrolmentError(ValueError):
    """A photograph cannot be enrolled; the message says why."""


def face_to_enrol(app, image: np.ndarray, which_face: int | None = None):
    """Embed the face to enrol, or raise NoFaceError or EnrolmentError."""
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


def find_upright(app, image: np.ndarray) -> tuple[np.ndarray, list]:
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


def _best_score(found: Sequence) -> float:
    return max((face.det_score for face in found), default=0)


def _sharpness(image: np.ndarray, face) -> float:
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
