"""Every control of the DetectionExplorer, with the real detector."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from course_utils import faces, images
from course_utils.widgets import DetectionExplorer

YELLOW = (240, 228, 66)  # boxes and labels
BLUE = (86, 180, 233)  # points


@pytest.fixture(scope="module")
def _loaded():
    return DetectionExplorer()


@pytest.fixture
def explorer(_loaded):
    """The one explorer, all controls back where they start."""
    for control, value in (
        (_loaded.picker.menu, "group8_office"),
        (_loaded.threshold, 0.65),
        (_loaded.detector_size, "auto"),
        (_loaded.boxes, True),
        (_loaded.five_points, True),
        (_loaded.points_106, False),
        (_loaded.points_68, False),
        (_loaded.pose, False),
        (_loaded.names, True),
    ):
        control.value = value
    return _loaded


def shown(explorer):
    return np.asarray(Image.open(io.BytesIO(explorer.picture.value)))


def pixels_like(image, color):
    return int((np.abs(image.astype(int) - color).max(axis=2) < 40).sum())


def rows(explorer):
    return re.findall(r"<tr><td>(.*?)</td></tr>", explorer.table.value)


@pytest.fixture
def detector_runs(explorer, monkeypatch):
    """Record the size of each run of the network."""
    detector, runs = explorer._app.det_model, []
    detect = detector.detect

    def counted(*arguments, **options):
        runs.append(detector.input_sizes)
        return detect(*arguments, **options)

    monkeypatch.setattr(detector, "detect", counted)
    return runs


def test_it_starts_with_the_defaults_of_the_pack(explorer):
    assert len(explorer.faces) == len(rows(explorer)) == 8
    assert shown(explorer).shape == explorer.picker.image.shape
    assert "<b>8 faces</b>; the next candidate scores 0.60" in (
        explorer.summary.value
    )
    assert repr(explorer) == (
        "DetectionExplorer(picture='group8_office', threshold=0.65, "
        "detector_size='auto', faces=8)"
    )


def test_filtering_equals_a_detector_with_that_threshold(
    explorer, detector_runs
):
    explorer.picker.menu.value = "crowd_crossing"
    for threshold in (0.9, 0.65, 0.4, 0.1):
        explorer.threshold.value = threshold
        app = faces.load_face_analysis(det_thresh=threshold)
        bgr = np.ascontiguousarray(explorer.picker.image[..., ::-1])
        expected = sorted(app.detect(bgr), key=lambda face: -face.det_score)
        np.testing.assert_array_equal(
            [face.bbox for face in explorer.faces],
            [face.bbox for face in expected],
        )
        assert len(rows(explorer)) == len(expected)
    assert len(detector_runs) == 1  # for the picture; none for a threshold
    # What a lax threshold finds is no face yet.
    assert f"<b>{len(expected)} candidates</b>, 16 of them at the usual" in (
        explorer.summary.value
    )
    assert "no other candidate scores 0.1" in explorer.summary.value


def test_a_detector_size_runs_once_a_picture(explorer, detector_runs):
    explorer.picker.menu.value = "crowd_crossing"
    explorer.detector_size.value = 192
    assert len(explorer.faces) == 6  # as in notebook 1
    explorer.detector_size.value = 640
    assert len(explorer.faces) == 16
    explorer.detector_size.value = 192
    assert len(explorer.faces) == 6
    assert detector_runs == [
        [(128, 128), (640, 640)],
        [(192, 192)],
        [(640, 640)],
    ]


def test_the_picture_can_be_changed_and_uploaded(explorer, upload):
    explorer.picker.menu.value = "noface_cat"
    assert explorer.faces == [] and "<b>0 faces</b>" in explorer.summary.value
    file = images.sample("faces/obama_1")
    upload(explorer.picker.upload, "me.jpg", file.read_bytes())
    assert len(explorer.faces) == 1
    assert "<b>1 face</b>" in explorer.summary.value
    assert shown(explorer).shape == explorer.picker.image.shape


def test_each_mark_is_drawn_when_ticked_and_only_then(explorer):
    explorer.picker.menu.value = "obama_1"
    for tick in (explorer.boxes, explorer.five_points, explorer.names):
        tick.value = False
    bare = shown(explorer)
    for tick, color in (
        (explorer.boxes, YELLOW),
        (explorer.five_points, BLUE),
        (explorer.points_106, BLUE),
        (explorer.points_68, BLUE),
        (explorer.pose, (0, 158, 115)),
        (explorer.names, YELLOW),
    ):
        tick.value = True
        marked = shown(explorer)
        assert pixels_like(marked, color) > pixels_like(bare, color) + 20, tick
        has_pose = "pitch" in explorer.table.value
        assert has_pose == (tick is explorer.pose)
        tick.value = False
        np.testing.assert_array_equal(shown(explorer), bare)


def test_marks_run_their_models_once_for_all_candidates(explorer, monkeypatch):
    explorer.picker.menu.value = "hopper_1"
    candidates = explorer._found["auto"]
    assert not any("landmark_2d_106" in face for face in candidates)
    explorer.points_106.value = True
    assert all("landmark_2d_106" in face for face in candidates)

    def refuse(*_):
        raise AssertionError("the model ran again")

    monkeypatch.setattr(explorer._models["landmark_2d_106"], "get", refuse)
    explorer.threshold.value = 0.1
    explorer.points_106.value = False
    explorer.points_106.value = True
    assert explorer.message.value == ""


def test_an_error_is_one_sentence_and_the_picture_stays(explorer, monkeypatch):
    before = explorer.picture.value

    def broken(*_, **__):
        raise RuntimeError("the <network> is broken")

    with monkeypatch.context() as patch:
        patch.setattr(explorer._app.det_model, "detect", broken)
        explorer.detector_size.value = 960
    assert "RuntimeError: the &lt;network&gt; is broken" in (
        explorer.message.value
    )
    assert explorer.picture.value == before
    explorer.detector_size.value = 640
    assert explorer.message.value == "" and len(explorer.faces) == 8


def test_names_come_from_a_function(app, photo):
    (known,) = faces.detect_faces(app, photo("faces/obama_2"))

    def name_of(face):
        similarity = faces.cosine_similarity(face.embedding, known.embedding)
        return "Obama & <family>" if similarity > 0.363 else "unknown"

    explorer = DetectionExplorer(start="obama_1", name_of=name_of)
    assert explorer.names.description == "names"
    assert "<td>Obama &amp; &lt;family&gt;</td>" in explorer.table.value
    explorer.picker.menu.value = "biden_1"
    assert "<td>unknown</td>" in explorer.table.value


def test_marks_without_a_model_are_greyed_out(tmp_path):
    from course_utils import weights

    detection = weights.find("course_mini") / "detection.onnx"
    (tmp_path / detection.name).write_bytes(detection.read_bytes())
    explorer = DetectionExplorer(tmp_path)
    assert explorer.points_106.disabled and explorer.points_68.disabled
    assert explorer.pose.disabled and not explorer.five_points.disabled
    assert len(explorer.faces) == 9  # InsightFace's default threshold
    assert explorer.threshold.value == 0.5


def test_a_score_that_misses_the_threshold_looks_lower(explorer):
    shown = [float(row.split("</td><td>")[1]) for row in rows(explorer)]
    scores = [face.det_score for face in explorer.faces]
    for looks, score in zip(shown, scores, strict=True):
        assert 0 <= score - looks < 0.01
    explorer.threshold.value = shown[-1] + 0.01
    assert f"the next candidate scores {shown[-1]:.2f}" in (
        explorer.summary.value
    )
