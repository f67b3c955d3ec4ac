"""Cut out the upright face by the least-squares similarity transform.

Source: Umeyama, "Least-squares estimation of transformation parameters between
two point patterns", IEEE Transactions on Pattern Analysis and Machine
Intelligence 13(4), 1991. In the plane the problem is linear in a = s cos(angle)
and b = s sin(angle), which is how it is solved here.
"""

import numpy as np

from course_utils.checks.exercise import Exercise


def _template():
    """Where InsightFace wants the five landmarks, in 112 x 112 pixels."""
    from insightface.utils.face_align import arcface_dst

    return np.float64(arcface_dst)


def _tilted_faces(generator):
    """A smooth picture, and five landmarks as of a tilted face inside it."""
    import cv2

    cases = []
    for direction in (-1, 1):
        coarse = generator.integers(0, 256, (9, 11, 3), np.uint8)
        image = cv2.resize(coarse, (400, 340), interpolation=cv2.INTER_CUBIC)
        angle = direction * generator.uniform(0.25, 0.6)
        a, b = generator.uniform(1.2, 1.5) * np.array(
            [np.cos(angle), np.sin(angle)]
        )
        upright = _template() - 56
        landmarks = upright @ np.array([[a, b], [-b, a]]) + [200, 170]
        noise = generator.normal(scale=4, size=(5, 2))
        cases.append((image, landmarks + noise))
    return cases


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


def _with_linear_part(change):
    """Fit, change scale and rotation, and keep the centre of the points."""

    def fit(landmarks, template):
        linear = change(_similarity(landmarks, template)[:, :2])
        shift = template.mean(axis=0) - linear @ landmarks.mean(axis=0)
        return np.column_stack([linear, shift])

    return fit


def _cut_out(image, matrix):
    import cv2

    return cv2.warpAffine(image, matrix, (112, 112))


def _cut_out_backwards(image, landmarks):
    """Take the right matrix for its own inverse."""
    import cv2

    matrix = _similarity(landmarks, _template())
    return cv2.warpAffine(image, matrix, (112, 112), flags=cv2.WARP_INVERSE_MAP)


def _shrunk(image):
    import cv2

    return cv2.resize(image, (112, 112))


def _align_with(fit, points=slice(None)):
    """Return a version of align_face with another fit, or fewer points."""
    return lambda image, landmarks: _cut_out(
        image, fit(landmarks[points], _template()[points])
    )


_align_face = _align_with(_similarity)

check_align_face = Exercise(
    name="align_face",
    notebook="2 · Face landmarks",
    cases=_tilted_faces,
    solution=_align_face,
    # Interpolation may differ: 5 of 255 grey levels are less than one pixel.
    tolerance=0.02,
    mistakes={
        "that is the matrix; the picture was asked for.": [
            lambda image, landmarks: _similarity(landmarks, _template())
        ],
        "only the eyes are used: all five points should have a say.": [
            _align_with(_similarity, slice(2))
        ],
        "it leaves points out as outliers: all five should have a say.": [
            _align_with(_without_outliers)
        ],
        "it can shear: six free numbers are too many for a similarity.": [
            _align_with(_affine),
            _align_with(_affine, slice(3)),
            _align_with(_affine, [0, 1, 3]),
            _align_with(_affine, [0, 1, 4]),
        ],
        "the face keeps its size: the scale is missing.": [
            _align_with(
                _with_linear_part(lambda m: m / np.sqrt(np.linalg.det(m)))
            )
        ],
        "the face stays tilted: the rotation is missing.": [
            _align_with(
                _with_linear_part(
                    lambda m: np.sqrt(np.linalg.det(m)) * np.eye(2)
                )
            )
        ],
        "it is only moved: scale and rotation are missing.": [
            _align_with(_with_linear_part(lambda m: np.eye(2)))
        ],
        "the rotation has the wrong sense.": [
            _align_with(_with_linear_part(np.transpose)),
            _align_with(
                lambda landmarks, template: (
                    _similarity(landmarks, template) * [[1, -1, 1], [-1, 1, 1]]
                )
            ),
        ],
        "the shift is missing.": [
            _align_with(
                lambda landmarks, template: (
                    _similarity(landmarks, template) * [1, 1, 0]
                )
            )
        ],
        "the transform goes from the template to the picture, not back.": [
            _align_with(
                lambda landmarks, template: _similarity(template, landmarks)
            ),
            _cut_out_backwards,
        ],
        "x and y have changed places.": [
            lambda image, landmarks: _align_face(image, landmarks[:, ::-1])
        ],
        "left and right have changed places.": [
            lambda image, landmarks: _align_face(
                image, landmarks[[1, 0, 2, 4, 3]]
            )
        ],
        "red and blue have changed places.": [
            lambda image, landmarks: _align_face(image, landmarks)[..., ::-1]
        ],
        "the picture is cut or shrunk without looking at the landmarks.": [
            lambda image, landmarks: image[:112, :112],
            lambda image, landmarks: _shrunk(image),
        ],
    },
)
