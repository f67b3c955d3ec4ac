"""YuNet and SFace as OpenCV runs them, to be compared with the pack."""

import cv2
import numpy as np
import onnx

from . import sources

SIZE = 640
NO_CONFIGURATION = np.empty(0, np.uint8)


def detector(threshold):
    """Return YuNet for pictures of `letterbox`."""
    model = np.frombuffer(sources.YUNET.load(), np.uint8)
    overlap = 0.4  # InsightFace's limit
    return cv2.FaceDetectorYN.create(
        *("onnx", model, NO_CONFIGURATION, (SIZE, SIZE), threshold, overlap)
    )


def recogniser():
    """Return SFace."""
    model = onnx.load_from_string(sources.SFACE.load())
    # The file lists its weights as inputs too; OpenCV 5 wants one input.
    del model.graph.input[1:]
    model = np.frombuffer(model.SerializeToString(), np.uint8)
    return cv2.FaceRecognizerSF.create("onnx", model, NO_CONFIGURATION)


def letterbox(image):
    """Scale a BGR image into a black square, as InsightFace does."""
    scale = SIZE / max(image.shape[:2])
    height, width = (int(side * scale + 1e-6) for side in image.shape[:2])
    square = np.zeros((SIZE, SIZE, 3), np.uint8)
    square[:height, :width] = cv2.resize(image, (width, height))
    return square
