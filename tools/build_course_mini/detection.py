"""YuNet, dressed as the SCRFD detector that InsightFace expects.

YuNet: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023.
The decoding follows OpenCV's FaceDetectorYN (modules/objdetect).
"""

from .graph import Graph
from .quantised import import_network

STRIDES = 8, 16, 32


def build_detection(yunet):
    """Return the detector's ONNX bytes.

    Input (1, 3, height, width), both multiples of 32, RGB as
    (pixel - 127.5) / 128. For each stride: scores, boxes as distances to the
    left, top, right and bottom, and five key points, in units of the stride.
    """
    graph = Graph("yunet_as_scrfd")
    pixels = graph.add("Mul", "input.1", 128.0)
    pixels = graph.add("Add", pixels, 127.5)
    # OpenCV feeds BGR, InsightFace RGB.
    pixels = graph.add("Gather", pixels, [2, 1, 0], axis=1)
    import_network(graph, yunet, {"input": pixels})
    outputs = [_scores(graph, stride) for stride in STRIDES]
    outputs += [_boxes(graph, stride) for stride in STRIDES]
    outputs += [_key_points(graph, stride) for stride in STRIDES]
    widths = [1, 1, 1, 4, 4, 4, 10, 10, 10]
    return graph.serialise(
        {"input.1": [1, 3, "height", "width"]},
        {
            name: [1, f"anchors_{name}", width]
            for name, width in zip(outputs, widths, strict=True)
        },
    )


def _scores(graph, stride):
    product = graph.add("Mul", f"cls_{stride}", f"obj_{stride}")
    return _two_anchors(graph, graph.add("Sqrt", product), 1, f"score_{stride}")


def _boxes(graph, stride):
    # YuNet gives the centre's offset and the logarithm of the size.
    offset, log_size = graph.add(
        "Split",
        f"bbox_{stride}",
        [2, 2],
        name=f"split_{stride}",
        outputs=[f"offset_{stride}", f"log_size_{stride}"],
        axis=2,
    )
    half = graph.add("Mul", graph.add("Exp", log_size), 0.5)
    left_top = graph.add("Sub", half, offset)
    right_bottom = graph.add("Add", half, offset)
    boxes = graph.add("Concat", left_top, right_bottom, axis=2)
    return _two_anchors(graph, boxes, 4, f"box_{stride}")


def _key_points(graph, stride):
    name = f"key_points_{stride}"
    return _two_anchors(graph, f"kps_{stride}", 10, name)


def _two_anchors(graph, values, width, name):
    """Give every cell the second anchor that SCRFD has: zeros, never found."""
    pairs = graph.add("Pad", values, [0, 0, 0, 0, 0, width])
    return graph.add("Reshape", pairs, [1, -1, width], name=name)
