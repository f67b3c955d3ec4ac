"""YuNet and SFace as OpenCV runs them, to be compared with the pack."""

import cv2
import numpy as np
import onnx

from . import sources

SIZE = 640, 640
NO_CONFIGURATION = np.empty(0, np.uint8)


def detector(threshold):
    """Return YuNet for BGR pictures of SIZE."""
    model = np.frombuffer(sources.YUNET.load(), np.uint8)
    overlap = 0.4  # InsightFace's limit
    return cv2.FaceDetectorYN.create(
        *("onnx", model, NO_CONFIGURATION, SIZE, threshold, overlap)
    )


def recogniser():
    """Return SFace."""
    model = onnx.load_from_string(sources.SFACE.load())
    # The file lists its weights as inputs too; OpenCV 5 wants one input.
    del model.graph.input[1:]
    model = np.frombuffer(model.SerializeToString(), np.uint8)
    return cv2.FaceRecognizerSF.create("onnx", model, NO_CONFIGURATION)
