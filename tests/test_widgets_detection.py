"""Every control of the DetectionExplorer, with the real detector."""

import re

import numpy as np
import pytest
from pictures import pixels

from course_utils import faces, images
from course_utils.widgets import DetectionExplorer

YELLOW = (240, 228, 66)  # boxes and labels
BLUE = (86, 180, 233)  # points
GREEN = (0, 158, 115)


@pytest.fixture
def explorer():
    return DetectionExplorer()


def pixels_like(image, color):
    return int((np.abs(image.astype(int) - color).max(axis=2) < 40).sum())


def rows(explorer):
    return re.findall(r"<tr><td>(.*?)</td></tr>", explorer.table.value)


def test_it_starts_with_the_defaults_of_the_pack(explorer):
    assert len(explorer.faces) == len(rows(explorer)) == 8
    assert "<b>8 faces</b>; the next candidate scores 0.60" in (
        explorer.summary.value
    )


def test_filtering_equals_a_detector_with_that_threshold(explorer, monkeypatch):
    explorer.picker.menu.value = "crowd_crossing"
    monkeypatch.setattr(explorer._app, "detect", None)  # it does not run again
    bgr = np.ascontiguousarray(explorer.picker.image[..., ::-1])
    for threshold in (0.9, 0.1):
        explorer.threshold.value = threshold
        app = faces.load_face_analysis(det_thresh=threshold)
        expected = sorted(app.detect(bgr), key=lambda face: -face.det_score)
        np.testing.assert_array_equal(
            [face.bbox for face in explorer.faces],
            [face.bbox for face in expected],
        )
        assert len(rows(explorer)) == len(expected)
    # What a lax threshold finds is no face yet.
    assert explorer.summary.value == (
        f"<b>{len(expected)} candidates</b>; no other scores 0.1 or more."
    )


def test_the_detector_size_decides_what_is_found(explorer):
    explorer.picker.menu.value = "crowd_crossing"
    for size, count in ((192, 6), (640, 16)):  # as in notebook 1
        explorer.detector_size.value = size
        assert len(explorer.faces) == count


def test_the_picture_can_be_changed_and_uploaded(explorer, upload):
    explorer.picker.menu.value = "noface_cat"
    assert explorer.faces == [] and "<b>0 faces</b>" in explorer.summary.value
    file = images.sample("faces/obama_1")
    upload(explorer.picker.upload, "me.jpg", file.read_bytes())
    assert "<b>1 face</b>" in explorer.summary.value
    assert pixels(explorer.picture).shape == explorer.picker.image.shape


def test_each_mark_is_drawn_when_ticked_and_only_then(explorer):
    explorer.picker.menu.value = "obama_1"
    for tick in (explorer.boxes, explorer.five_points, explorer.numbers):
        tick.value = False
    bare = pixels(explorer.picture)
    for tick, color in (
        (explorer.boxes, YELLOW),
        (explorer.five_points, BLUE),
        (explorer.points_106, BLUE),
        (explorer.points_68, BLUE),
        (explorer.pose, GREEN),
        (explorer.numbers, YELLOW),
    ):
        tick.value = True
        marked = pixels(explorer.picture)
        assert pixels_like(marked, color) > pixels_like(bare, color) + 20, tick
        has_pose = "pitch" in explorer.table.value
        assert has_pose == (tick is explorer.pose)
        tick.value = False
        np.testing.assert_array_equal(pixels(explorer.picture), bare)


def test_marks_run_their_models_once_for_all_candidates(explorer, monkeypatch):
    explorer.picker.menu.value = "hopper_1"
    explorer.points_106.value = True
    monkeypatch.setattr(explorer._app.models["landmark_2d_106"], "get", None)
    explorer.threshold.value = 0.1
    explorer.points_106.value = False
    explorer.points_106.value = True
    assert explorer.message.value == ""


def test_a_score_that_misses_the_threshold_looks_lower(explorer):
    *_, last = rows(explorer)
    looks = float(last.split("</td><td>")[1])
    assert 0 <= explorer.faces[-1].det_score - looks < 0.01
    explorer.threshold.value = looks + 0.01
    assert f"the next candidate scores {looks:.2f}" in explorer.summary.value
