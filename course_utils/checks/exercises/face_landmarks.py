"""Cut out the upright face by the least-squares similarity transform.

Source: Umeyama, "Least-squares estimation of transformation parameters between
two point patterns", IEEE Transactions on Pattern Analysis and Machine
Intelligence 13(4), 1991. In the plane the problem is linear in a = s cos(angle)
and b = s sin(angle), which is how it is solved here.
"""

import numpy as np

from course_utils.checks.exercise import exercise

GREY = 40


def _template():
    """Where InsightFace wants the five landmarks, in 112 x 112 pixels."""
    from insightface.utils.face_align import arcface_dst

    return np.float64(arcface_dst)


def _face_with_one_bright_point(generator):
    """A grey picture in which only one of five landmarks shines, in colour."""
    import cv2

    angle = generator.choice([-1, 1]) * generator.uniform(0.25, 0.6)
    scale = generator.uniform(1.2, 1.5)
    a, b = scale * np.cos(angle), scale * np.sin(angle)
    tilted = (_template() - 56) @ np.array([[a, b], [-b, a]]) + [110, 100]
    # No transform fits quite.
    landmarks = tilted + generator.normal(scale=4, size=(5, 2))
    image = np.full((220, 240, 3), GREY, np.uint8)
    x, y = landmarks[generator.integers(5)].round().astype(int).tolist()
    cv2.circle(image, (x, y), 9, (255, 200, 90), -1)
    return cv2.GaussianBlur(image, None, 4), landmarks


def _where_it_lands(_case, answer, right):
    """Say where the bright landmark is, and where it belongs."""
    if answer.max() <= 2 * GREY:
        return "one of the landmarks lands outside the picture."
    lands, belongs = _bright_point(answer), _bright_point(right)
    if np.linalg.norm(lands - belongs) < 2:
        return None
    return (
        "a landmark lands at ({:.0f}, {:.0f}), it belongs at ({:.1f}, {:.1f}), "
        "where the best fit of all five brings it; none hits every target."
    ).format(*lands, *belongs)


def _bright_point(image):
    """Return x and y of a picture's centre of brightness."""
    rows, columns = np.indices(image.shape[:2])
    weights = np.maximum(image.mean(axis=2) - GREY, 0)
    return np.array(
        [np.average(axis, None, weights) for axis in (columns, rows)]
    )


def _similarity(landmarks, template):
    """Fit the 2 x 3 matrix of a similarity transform to points (n, 2)."""
    (x, y), one = landmarks.T, np.ones(len(landmarks))
    for_x = np.column_stack([x, -y, one, 0 * one])
    for_y = np.column_stack([y, x, 0 * one, one])
    equations = np.vstack([for_x, for_y])
    solved = np.linalg.lstsq(equations, template.T.ravel(), rcond=None)
    a, b, shift_x, shift_y = solved[0]
    return np.array([[a, -b, shift_x], [b, a, shift_y]])


def _affine(landmarks, template):
    """Fit a matrix with six free numbers."""
    equations = np.column_stack([landmarks, np.ones(len(landmarks))])
    return np.linalg.lstsq(equations, template, rcond=None)[0].T


@exercise(
    draw=_face_with_one_bright_point,
    describe=_where_it_lands,
    # Interpolation may differ: 5 of 255 grey levels are less than one pixel.
    tolerance=0.02,
    mistakes={
        "points are left out: all five should have a say.": [
            lambda *inputs: align_face(
                *inputs, lambda points, to: _similarity(points[:2], to[:2])
            )
        ],
        "it can shear: six free numbers are too many for a similarity.": [
            lambda *inputs: align_face(*inputs, _affine)
        ],
        "the transform goes from the template to the picture, not back.": [
            lambda *inputs: align_face(
                *inputs, lambda points, to: _similarity(to, points)
            )
        ],
    },
)
def align_face(image, landmarks, fit=_similarity):
    import cv2

    matrix = fit(landmarks, _template())
    return cv2.warpAffine(image, matrix, (112, 112))
