"""Where the 106 and the 68 landmarks lie on MediaPipe's mesh of 468 points.

The order of the 106 points is the one of InsightFace's mark-up figure
(github.com/deepinsight/insightface, alignment/coordinate_reg); the 68 follow
Sagonas et al., "300 Faces in-the-Wild Challenge", 2013. Left and right mean
left and right in the picture. A landmark is the mean of the mesh points in
its row, if nothing else is said.
"""

import numpy as np

MESH_POINTS = 468

# The jaw is a chain of mesh points from beside the eye to the chin.
_LEFT_JAW = 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152
_RIGHT_JAW = 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152
# Contour points lie between the chain's points: 2.02 is 2 % of the way from
# the third to the fourth. The 106 have equal arc lengths between them on the
# mean mesh of seven frontal sample photographs.
_JAW_POSITIONS_106 = (
    *(0.7, 1.35, 2.02, 2.68, 3.32, 3.94, 4.51, 5.08, 5.73),
    *(6.46, 7.22, 7.95, 8.83, 9.72, 10.56, 11.32, 12.0),
)
# The 68 are where InsightFace's own mean face, fitted to the same meshes, has
# its jaw; only so does it derive the right head pose from them.
_JAW_POSITIONS_68 = 0.69, 2.08, 3.62, 4.87, 5.97, 7.15, 8.47, 10.04, 12.0
# The mesh ends on the front of the chin. The visible outline lies this part of
# the way from the nose's base further out, fading to nothing at the jaw's
# corner (seen on the same photographs).
_CHIN_DROP = 0.06
_JAW_CORNER = 6
_NOSE_BASE = 2
_LEFT_CONTOUR = 1, *range(9, 17), *range(2, 9), 0
_RIGHT_CONTOUR = 17, *range(25, 33), *range(18, 25)  # the chin has one point

_LEFT_EYE = 33, 133, 160, 158, 144, 153
_RIGHT_EYE = 263, 362, 387, 385, 373, 380
_MESH_106 = {
    # Left eye: outer corner, upper lid, inner corner, lower lid, centre.
    **{35: (33,), 41: (161, 160), 40: (159,), 42: (158, 157), 39: (133,)},
    **{37: (153, 154), 33: (145,), 36: (163, 144)},
    **{34: _LEFT_EYE, 38: _LEFT_EYE},
    # Right eye: inner corner, upper lid, outer corner, lower lid, centre.
    **{89: (362,), 95: (385, 384), 94: (386,), 96: (388, 387), 93: (263,)},
    **{91: (390, 373), 87: (374,), 90: (380, 381)},
    **{88: _RIGHT_EYE, 92: _RIGHT_EYE},
    # Brows: left outer tip, upper edges from left to right, right outer tip,
    # the lower inner ends.
    **{43: (70, 46), 48: (63,), 49: (105,), 51: (66,), 50: (107,)},
    **{46: (55,), 97: (285,)},
    **{102: (336,), 103: (296,), 104: (334,), 105: (293,), 101: (300, 276)},
    # Nose: bridge to tip, sides of the root, wings from above, base.
    **{72: (168, 6), 73: (197,), 74: (195, 5), 86: (4,)},
    **{75: (245, 122), 81: (465, 351), 76: (198,), 82: (420,)},
    **{77: (64, 129), 83: (294, 358)},
    **{78: (98,), 79: (97,), 80: (2,), 85: (326,), 84: (327,)},
    # Outer lip line: left corner, upper edge, right corner, lower edge.
    **{52: (61,), 64: (40, 39), 63: (37,), 71: (0,), 67: (267,)},
    **{68: (269, 270), 61: (291,)},
    **{58: (321, 405), 59: (314,), 53: (17,), 56: (84,), 55: (181, 91)},
    # Inner lip line, the same way round.
    **{65: (78,), 66: (81,), 62: (13,), 70: (311,), 69: (308,)},
    **{57: (402,), 60: (14,), 54: (178,)},
}
# The mesh's lower brow line runs through the middle of the brow; the lower
# edge is this part of the lines' distance below it. (lower, upper) points.
_BROW_DROP = 0.4
_LOWER_BROWS_106 = {
    **{44: (53, 63), 45: (52, 105), 47: (65, 66)},
    **{98: (295, 296), 99: (282, 334), 100: (283, 293)},
}

_MESH_68 = (
    *((70,), (63,), (105,), (66,), (107, 55)),  # left brow, inwards
    *((336, 285), (296,), (334,), (293,), (300,)),  # right brow, outwards
    *((168, 6), (197,), (195, 5), (4,)),  # nose, bridge to tip
    *((98,), (97,), (2,), (326,), (327,)),  # nose base, left to right
    *((33,), (160,), (158,), (133,), (153,), (144,)),  # left eye, clockwise
    *((362,), (385,), (387,), (263,), (373,), (380,)),  # right eye, clockwise
    *((61,), (40, 39), (37,), (0,), (267,), (269, 270)),  # outer upper lip
    *((291,), (321, 405), (314,), (17,), (84,), (181, 91)),  # outer lower lip
    *((78,), (81,), (13,), (311,)),  # inner upper lip
    *((308,), (402,), (14,), (178,)),  # inner lower lip
)


def mesh_weights_106():
    """Return the float32 matrix (106, 468) that maps mesh to landmarks."""
    weights = np.zeros((106, MESH_POINTS), np.float32)
    for landmark, points in _MESH_106.items():
        weights[landmark, list(points)] = 1 / len(points)
    for landmark, (lower, upper) in _LOWER_BROWS_106.items():
        weights[landmark, [lower, upper]] = 1 + _BROW_DROP, -_BROW_DROP
    for contour, jaw in (
        (_LEFT_CONTOUR, _LEFT_JAW),
        (_RIGHT_CONTOUR, _RIGHT_JAW),
    ):
        _add_jaw(weights, contour, jaw, _JAW_POSITIONS_106)
        _drop_chin(weights, contour, _JAW_POSITIONS_106)
    return weights


def mesh_weights_68():
    """Return the float32 matrix (68, 468) that maps mesh to landmarks."""
    weights = np.zeros((68, MESH_POINTS), np.float32)
    _add_jaw(weights, range(9), _LEFT_JAW, _JAW_POSITIONS_68)
    _add_jaw(weights, range(16, 8, -1), _RIGHT_JAW, _JAW_POSITIONS_68)
    for landmark, points in enumerate(_MESH_68, start=17):
        weights[landmark, list(points)] = 1 / len(points)
    return weights


def _add_jaw(weights, landmarks, chain, positions):
    for landmark, position in zip(landmarks, positions, strict=False):
        start = min(int(position), len(chain) - 2)
        weights[landmark, chain[start]] = start + 1 - position
        weights[landmark, chain[start + 1]] = position - start


def _drop_chin(weights, landmarks, positions):
    ramp = (np.array(positions) - _JAW_CORNER) / (positions[-1] - _JAW_CORNER)
    for landmark, part in zip(landmarks, ramp.clip(0), strict=False):
        weights[landmark] *= 1 + part * _CHIN_DROP
        weights[landmark, _NOSE_BASE] -= part * _CHIN_DROP
