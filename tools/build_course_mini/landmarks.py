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
from .tflite import TfliteNetwork

SIZE = 192
MESH_OUTPUT = "conv2d_20"
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
    mesh = _Mesh("face_mesh_as_landmark_2d_106", face_mesh)
    points, _ = mesh.detect()
    weights = mesh.graph.constant(mesh_weights_106())
    points = mesh.graph.add("MatMul", weights, points)
    return mesh.serialise(points, 106 * 2)


def build_landmarks_68(face_mesh):
    """Return the ONNX bytes of `landmark_3d_68`.

    Input as for 106 points; output (batch, 3309): x, y and z of 1103 points,
    zeros but for the last 68. z has the scale of x and y and grows towards
    the camera, as in InsightFace's mean face.
    """
    mesh = _Mesh("face_mesh_as_landmark_3d_68", face_mesh)
    graph = mesh.graph
    points, depth = mesh.detect()
    depth = graph.add("Mul", depth, graph.constant(DEPTH_SCALE))
    points = graph.add("Concat", points, depth, axis=2)
    weights = graph.constant(mesh_weights_68())
    points = graph.add("MatMul", weights, points)
    unused = graph.constant([0, ROWS_3D - 68, 0, 0, 0, 0], np.int64)
    return mesh.serialise(graph.add("Pad", points, unused), ROWS_3D * 3)


class _Mesh:
    """The two passes. Coordinates run from -1 to 1 across InsightFace's crop.

    A region is a pair of tensors: its centre, (batch, 1, 2), and the half
    axes that lead from there to its right and lower edge, (batch, 2, 2), one
    a row.
    """

    def __init__(self, name, face_mesh):
        self.graph = Graph(name)
        self._network = TfliteNetwork(face_mesh)

    def serialise(self, points, values):
        self.graph.add("Flatten", points, name="fc1", axis=1)
        return self.graph.serialise(
            {"data": ["batch", 3, SIZE, SIZE]}, {"fc1": ["batch", values]}
        )

    def detect(self):
        """Append both passes; return points (batch, 468, 2) and depths."""
        scaled = self._multiply("data", 128 / 255)
        pixels = self.graph.add("Add", scaled, self.graph.constant(0.5))
        points, _ = self._run(self._middle(pixels))
        centre, axes = self._region(self._multiply(points, FIRST_REGION))
        points, depth = self._run(self._cut(pixels, centre, axes))
        points = self.graph.add("MatMul", points, axes)
        points = self.graph.add("Add", points, centre)
        return points, self.graph.add("Mul", depth, self._length(axes))

    def _middle(self, pixels):
        margin = round(SIZE * (1 - FIRST_REGION) / 2)
        width = SIZE - 2 * margin
        middle = self.graph.add(
            "Slice",
            pixels,
            self.graph.constant([margin, margin], np.int64),
            self.graph.constant([margin + width, margin + width], np.int64),
            self.graph.constant([2, 3], np.int64),
        )
        scales = self.graph.constant([1, 1, SIZE / width, SIZE / width])
        return self.graph.add("Resize", middle, "", scales, mode="linear")

    def _run(self, pixels):
        """Append the network; points and depth from -1 to 1 of its input."""
        graph = self.graph
        mesh = self._network.copy_to(graph, pixels, MESH_OUTPUT)
        shape = graph.constant([-1, MESH_POINTS, 3], np.int64)
        mesh = graph.add("Reshape", mesh, shape)
        mesh = self._multiply(mesh, 2 / SIZE)
        parts = [f"points_{mesh}", f"depth_{mesh}"]
        sizes = graph.constant([2, 1], np.int64)
        graph.add_split("Split", [mesh, sizes], parts, f"split_{mesh}", axis=2)
        points, depth = parts
        return graph.add("Sub", points, graph.constant(1)), depth

    def _region(self, points):
        """Append the smallest upright square around the points, enlarged."""
        graph = self.graph
        upright = self._upright_axes(points)
        turned = graph.add(
            "MatMul", points, graph.add("Transpose", upright, perm=[0, 2, 1])
        )
        low = graph.add("ReduceMin", turned, axes=[1])
        high = graph.add("ReduceMax", turned, axes=[1])
        centre = self._multiply(graph.add("Add", low, high), 0.5)
        extent = graph.add("Sub", high, low)
        extent = graph.add("ReduceMax", extent, axes=[2])
        axes = graph.add(
            "Mul", upright, self._multiply(extent, SECOND_REGION / 2)
        )
        return graph.add("MatMul", centre, upright), axes

    def _upright_axes(self, points):
        """Append unit vectors along and across the line through the eyes."""
        graph = self.graph
        right, left = (
            graph.add("Gather", points, graph.constant([i], np.int64), axis=1)
            for i in (RIGHT_EYE_CORNER, LEFT_EYE_CORNER)
        )
        across = graph.add("Sub", right, left)
        across = graph.add("Div", across, self._length(across))
        quarter_turn = graph.constant([[0, 1], [-1, 0]])
        down = graph.add("MatMul", across, quarter_turn)
        return graph.add("Concat", across, down, axis=1)

    def _length(self, vectors):
        """Append the length of the first row of each batch entry."""
        graph = self.graph
        first = graph.add(
            "Gather", vectors, graph.constant([0], np.int64), axis=1
        )
        return graph.add("ReduceL2", first, axes=[2])

    def _cut(self, pixels, centre, axes):
        """Append the picture of a region, black outside InsightFace's crop."""
        graph = self.graph
        middles = (np.arange(SIZE) * 2 + 1) / SIZE - 1
        grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
        grid = graph.add("MatMul", graph.constant(grid), axes)
        grid = graph.add("Add", grid, centre)
        shape = graph.constant([-1, SIZE, SIZE, 2], np.int64)
        grid = graph.add("Reshape", grid, shape)
        return graph.add("GridSample", pixels, grid, mode="bilinear")

    def _multiply(self, values, factor):
        return self.graph.add("Mul", values, self.graph.constant(factor))
