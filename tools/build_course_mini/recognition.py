"""SFace, dressed as the ArcFace recogniser that InsightFace expects.

SFace: Zhong et al., "SFace: Sigmoid-Constrained Hypersphere Loss for Robust
Face Recognition", IEEE Transactions on Image Processing 2021.
"""

from .graph import Graph
from .quantised import import_network


def build_recognition(sface):
    """Return the recogniser's ONNX bytes.

    Input (batch, 3, 112, 112), RGB 0-255, an aligned face; output
    (batch, 128), an embedding that is not normalised.
    """
    graph = Graph("sface_as_arcface")
    # The two nodes that normalise the pixels keep their names "_minusscalar0"
    # and "_mulscalar0" and come first: see Graph.
    import_network(graph, sface, first=("_minus", "_mul"))
    return graph.serialise(
        {"data": ["batch", 3, 112, 112]}, {"fc1": ["batch", 128]}
    )
