"""MediaPipe's face mesh as InsightFace's two landmark models.

Face mesh: Kartynnik et al., "Real-time Facial Surface Geometry from Monocular
Video on Mobile GPUs", 2019: 468 points of a 192x192 crop that must be upright
and 1.5 times as large as the face. InsightFace's crop is neither, so the
graph runs the network twice: on the middle of InsightFace's crop, and on the
upright region that the first pass finds.
"""

import numpy as np

from .graph import Graph
from .landmark_points import MESH_POINTS, mesh_weights_68, mesh_weights_106
from .tflite import import_tflite

SIZE = 192
LEFT_EYE_CORNER, RIGHT_EYE_CORNER = 33, 263  # outer corners, in the picture
# InsightFace cuts 1.5 times the detector's box; the first pass looks at 1.25.
FIRST_REGION = 1.25 / 1.5
SECOND_REGION = 1.5  # times the mesh of the first pass, as MediaPipe does
# The mesh's depth grows away from the camera and is too flat: fitted to ten
# sample faces, InsightFace's mean face is this much deeper (median).
DEPTH_SCALE = -1.15
# InsightFace reads the last 68 of 1103 rows (the first were a dense mesh).
ROWS_3D = 1103


def build_landmarks_106(face_mesh):
    """Return the ONNX bytes of `landmark_2d_106`.

    Input (batch, 3, 192, 192), RGB as (pixel - 127.5) / 128; output
    (batch, 212): x and y of 106 points, -1 to 1 across the crop.
    """
    graph = _TwoPasses("face_mesh_as_landmark_2d_106", face_mesh)
    points, _ = graph.detect()
    points = graph.add("MatMul", mesh_weights_106(), points)
    return graph.serialise_points(points, 106 * 2)


def build_landmarks_68(face_mesh):
    """Return the ONNX bytes of `landmark_3d_68`.

    Input as for 106 points; output (batch, 3309): x, y and z of 1103 points,
    zeros but for the last 68. z has the scale of x and y and grows towards
    the camera, as in InsightFace's mean face.
    """
    graph = _TwoPasses("face_mesh_as_landmark_3d_68", face_mesh)
    points, depth = graph.detect()
    depth = graph.add("Mul", depth, DEPTH_SCALE)
    points = graph.add("Concat", points, depth, axis=2)
    points = graph.add("MatMul", mesh_weights_68(), points)
    points = graph.add("Pad", points, [0, ROWS_3D - 68, 0, 0, 0, 0])
    return graph.serialise_points(points, ROWS_3D * 3)


class _TwoPasses(Graph):
    """Coordinates run from -1 to 1 across InsightFace's crop.

    A region is a pair of tensors: its centre, (batch, 1, 2), and the half
    axes that lead from there to its right and lower edge, (batch, 2, 2), one
    a row.
    """

    def __init__(self, name, face_mesh):
        super().__init__(name)
        self._face_mesh = face_mesh

    def serialise_points(self, points, values):
        self.add("Flatten", points, name="fc1", axis=1)
        return self.serialise(
            {"data": ["batch", 3, SIZE, SIZE]}, {"fc1": ["batch", values]}
        )

    def detect(self):
        """Append both passes; return points (batch, 468, 2) and depths."""
        pixels = self.add("Mul", "data", 128 / 255)
        pixels = self.add("Add", pixels, 0.5)
        points, _ = self._run(self._middle(pixels))
        centre, axes = self._region(self.add("Mul", points, FIRST_REGION))
        points, depth = self._run(self._cut(pixels, centre, axes))
        points = self.add("MatMul", points, axes)
        points = self.add("Add", points, centre)
        return points, self.add("Mul", depth, self._length(axes))

    def _middle(self, pixels):
        start = round(SIZE * (1 - FIRST_REGION) / 2)
        end = SIZE - start
        middle = self.add("Slice", pixels, [start] * 2, [end] * 2, [2, 3])
        scale = SIZE / (end - start)
        scales = [1, 1, scale, scale]
        return self.add("Resize", middle, "", scales, mode="linear")

    def _run(self, pixels):
        """Append the network; points and depth from -1 to 1 of its input."""
        mesh = import_tflite(self, self._face_mesh, pixels)
        mesh = self.add("Reshape", mesh, [-1, MESH_POINTS, 3])
        mesh = self.add("Mul", mesh, 2 / SIZE)
        points, depth = self.add(
            "Split",
            mesh,
            [2, 1],
            name=f"split_{mesh}",
            outputs=[f"points_{mesh}", f"depth_{mesh}"],
            axis=2,
        )
        return self.add("Sub", points, 1.0), depth

    def _region(self, points):
        """Append the smallest upright square around the points, enlarged."""
        upright = self._upright_axes(points)
        across = self.add("Transpose", upright, perm=[0, 2, 1])
        turned = self.add("MatMul", points, across)
        low = self.add("ReduceMin", turned, axes=[1])
        high = self.add("ReduceMax", turned, axes=[1])
        centre = self.add("Mul", self.add("Add", low, high), 0.5)
        extent = self.add("Sub", high, low)
        extent = self.add("ReduceMax", extent, axes=[2])
        half = self.add("Mul", extent, SECOND_REGION / 2)
        axes = self.add("Mul", upright, half)
        return self.add("MatMul", centre, upright), axes

    def _upright_axes(self, points):
        """Append unit vectors along and across the line through the eyes."""
        right, left = (
            self.add("Gather", points, [corner], axis=1)
            for corner in (RIGHT_EYE_CORNER, LEFT_EYE_CORNER)
        )
        across = self.add("Sub", right, left)
        across = self.add("Div", across, self._length(across))
        down = self.add("MatMul", across, [[0.0, 1.0], [-1.0, 0.0]])
        return self.add("Concat", across, down, axis=1)

    def _length(self, vectors):
        """Append the length of the first row of each batch entry."""
        first = self.add("Gather", vectors, [0], axis=1)
        return self.add("ReduceL2", first, axes=[2])

    def _cut(self, pixels, centre, axes):
        """Append the picture of a region, black outside InsightFace's crop."""
        middles = (np.arange(SIZE) * 2 + 1) / SIZE - 1
        grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
        grid = self.add("MatMul", grid, axes)
        grid = self.add("Add", grid, centre)
        grid = self.add("Reshape", grid, [-1, SIZE, SIZE, 2])
        return self.add("GridSample", pixels, grid, mode="bilinear")
