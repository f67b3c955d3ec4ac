"""Cut out the upright face by the least-squares similarity transform.

Source: Umeyama, "Least-squares estimation of transformation parameters between
two point patterns", IEEE Transactions on Pattern Analysis and Machine
Intelligence 13(4), 1991. In the plane the problem is linear in a = s cos(angle)
and b = s sin(angle), which is how it is solved here.
"""

import numpy as np

from course_utils.checks.exercise import Exercise

NOTEBOOK = "2 · Face landmarks"
POINTS = (
    "left eye",
    "right eye",
    "nose",
    "left corner of the mouth",
    "right corner of the mouth",
)


def _template():
    """Where InsightFace wants the five landmarks, in 112 x 112 pixels."""
    from insightface.utils.face_align import arcface_dst

    return np.float64(arcface_dst)


def _tilted(generator):
    """Return five landmarks of a tilted face that no transform fits quite."""
    angle = generator.choice([-1, 1]) * generator.uniform(0.25, 0.6)
    a, b = generator.uniform(1.2, 1.5) * np.array(
        [np.cos(angle), np.sin(angle)]
    )
    tilted = (_template() - 56) @ np.array([[a, b], [-b, a]]) + [110, 100]
    return tilted + generator.normal(scale=4, size=(5, 2))


def _tilted_faces(generator):
    """Two smooth pictures of 240 x 220 pixels, each with landmarks."""
    import cv2

    cases = []
    for _ in range(2):
        coarse = generator.integers(0, 256, (9, 11, 3), np.uint8)
        image = cv2.resize(coarse, (240, 220), interpolation=cv2.INTER_CUBIC)
        cases.append((image, _tilted(generator)))
    return cases


def _one_bright_point(generator):
    """A dark picture in which only one of five landmarks shines."""
    import cv2

    landmarks = _tilted(generator)
    image = np.zeros((220, 240, 3), np.uint8)
    x, y = landmarks[generator.integers(5)].round().astype(int).tolist()
    cv2.circle(image, (x, y), 3, (255, 255, 255), -1)
    return image, landmarks


def _where_it_lands(case, answer, right):
    """Say where the bright point is, and where it belongs."""
    image, landmarks = case
    bright = _centre(image)
    name = POINTS[np.argmin(np.linalg.norm(landmarks - bright, axis=1))]
    belongs = _centre(right)
    where = f"it belongs at ({belongs[0]:.1f}, {belongs[1]:.1f})."
    if not answer.any():
        return f"your {name} lands outside the picture, {where}"
    lands = _centre(answer)
    if np.linalg.norm(lands - belongs) < 2:
        return None
    return f"your {name} lands at ({lands[0]:.0f}, {lands[1]:.0f}), {where}"


def _centre(image):
    """Return x and y of a picture's centre of brightness."""
    rows, columns = np.indices(image.shape[:2])
    brightness = image.sum(axis=2) / image.sum()
    return np.array([(columns * brightness).sum(), (rows * brightness).sum()])


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


def _without_outliers(landmarks, template):
    """Fit to those of the points that agree (RANSAC)."""
    import cv2

    return cv2.estimateAffinePartial2D(landmarks, template)[0]


def _turned_back(landmarks, template):
    return _similarity(landmarks, template) * [[1, -1, 1], [-1, 1, 1]]


def _align_with(fit, points=slice(None)):
    """Return a version of align_face with another fit, or fewer points."""

    def version(image, landmarks):
        import cv2

        matrix = fit(landmarks[points], _template()[points])
        return cv2.warpAffine(image, matrix, (112, 112))

    return version


check_align_face = Exercise(
    name="align_face",
    notebook=NOTEBOOK,
    cases=_tilted_faces,
    small=_one_bright_point,
    describe=_where_it_lands,
    solution=_align_with(_similarity),
    # Interpolation may differ: 5 of 255 grey levels are less than one pixel.
    tolerance=0.02,
    mistakes={
        "that is the matrix; the picture was asked for.": [
            lambda image, landmarks: _similarity(landmarks, _template())
        ],
        "points are left out: all five should have a say.": [
            _align_with(_similarity, slice(2)),
            _align_with(_without_outliers),
        ],
        "it can shear: six free numbers are too many for a similarity.": [
            _align_with(_affine),
            _align_with(_affine, slice(3)),
        ],
        "the rotation has the wrong sense.": [_align_with(_turned_back)],
        "the transform goes from the template to the picture, not back.": [
            _align_with(lambda points, template: _similarity(template, points))
        ],
    },
)
