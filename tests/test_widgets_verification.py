"""Every control of the VerificationExplorer, with the real networks."""

import io

import numpy as np
import pytest
from PIL import Image

from course_utils import faces, images
from course_utils.images import ImageError
from course_utils.widgets import VerificationExplorer


@pytest.fixture(scope="module")
def calibrations():
    """Invented pairs: the sums must be right whatever the pairs are."""
    random = np.random.default_rng(0)
    same = np.repeat([True, False], 1000)
    return {
        name: faces.calibrate(
            np.clip(
                np.concatenate(
                    [
                        random.normal(centre, 0.12, 1000),
                        random.normal(0.1, 0.1, 1000),
                    ]
                ),
                -1,
                1,
            ),
            same,
        )
        for name, centre in (("near", 0.7), ("from afar", 0.5))
    }


@pytest.fixture(scope="module")
def _loaded(app, calibrations):
    return VerificationExplorer(calibrations, app=app)


@pytest.fixture
def explorer(_loaded):
    """The one explorer, all controls back where they start."""
    for control, value in (
        (_loaded.first.picker.menu, "obama_1"),
        (_loaded.second.picker.menu, "obama_2"),
        (_loaded.calibration, "near"),
        (_loaded.threshold, 0.363),
    ):
        control.value = value
    return _loaded


def scale(explorer):
    return np.asarray(Image.open(io.BytesIO(explorer.scale.value)))


def line(explorer):
    """Where the solid black line stands, as a share of the width."""
    dark = scale(explorer).max(axis=2) < 60
    return np.flatnonzero(dark[80:200].all(axis=0)).mean() / (dark.shape[1] - 1)


def test_it_agrees_with_verify(explorer, app, photo):
    result = faces.verify(
        app,
        images.load_image(images.sample("faces/obama_1"), 1280),
        images.load_image(images.sample("faces/obama_2"), 1280),
    )
    assert explorer.similarity == pytest.approx(result.similarity, abs=1e-6)
    assert explorer.threshold.value == result.threshold
    assert f"Similarity {result.similarity:.3f}" in explorer.verdict.value
    assert "<b>same person</b>" in explorer.verdict.value
    assert repr(explorer) == (
        "VerificationExplorer(first='obama_1', second='obama_2', "
        "threshold=0.363)"
    )


def test_the_threshold_decides(explorer):
    explorer.threshold.value = 0.9
    assert "&lt; threshold 0.900" in explorer.verdict.value
    assert "<b>different people</b>" in explorer.verdict.value
    explorer.second.picker.menu.value = "biden_1"
    explorer.threshold.value = 0.05
    assert "≥ threshold 0.050" in explorer.verdict.value
    assert "<b>same person</b>" in explorer.verdict.value


@pytest.mark.parametrize("threshold", [-0.3, 0.0, 0.363, 0.7, 1.0])
def test_line_slider_and_axis_are_in_line(explorer, threshold):
    explorer.threshold.value = threshold
    slider = explorer.threshold
    share = (threshold - slider.min) / (slider.max - slider.min)
    assert line(explorer) == pytest.approx(share, abs=0.003)


def test_slider_and_number_follow_each_other(explorer):
    explorer.exact_threshold.value = 0.412
    assert explorer.threshold.value == 0.412
    explorer.threshold.value = 0.36299999999999993  # as the slider sends it
    assert explorer.exact_threshold.value == 0.363


def test_the_rates_are_those_of_the_chosen_pairs(explorer, calibrations):
    for name, pairs in calibrations.items():
        explorer.calibration.value = name
        for far in (0.01, 0.05):
            explorer.threshold.value = pairs.threshold_at(far)
            missed = 1 - pairs.true_accept_rate_at(far)
            assert f"<b>{far:.2%}</b> of 1,000 pairs of different" in (
                explorer.rates.value
            )
            assert f"<b>{missed:.2%}</b> of 1,000 pairs of one" in (
                explorer.rates.value
            )


def test_another_calibration_moves_the_hills(explorer):
    before = scale(explorer).astype(int)
    explorer.calibration.value = "from afar"
    after = scale(explorer)
    assert (np.abs(before - after).max(axis=2) > 60).mean() > 0.02


def test_wrong_decisions_are_solid(explorer):
    """A strict threshold rejects same pairs: solid blue; a lax one accepts
    different pairs: solid orange.
    """
    blue, orange = (0, 114, 178), (213, 94, 0)

    def solid(color):
        distance = np.abs(scale(explorer)[60:230].astype(int) - color)
        return int((distance.max(axis=2) < 30).sum())

    explorer.threshold.value = 1.0
    assert solid(blue) > 5_000 and solid(orange) < 500
    explorer.threshold.value = -0.3
    assert solid(orange) > 5_000 and solid(blue) < 500


def test_the_aligned_faces_are_shown(explorer, app):
    from insightface.utils.face_align import norm_crop

    explorer.first.picker.menu.value = "group8_office"
    found = faces.detect_faces(app, explorer.first.picker.image)
    largest = faces.largest_face(found)
    crop = np.asarray(Image.open(io.BytesIO(explorer.first.crop.value)))
    expected = norm_crop(explorer.first.picker.image, largest.kps)
    assert np.abs(crop.astype(int) - expected).mean() < 5  # JPEG
    assert explorer.first.caption.value == "Aligned face, the largest of 8"
    assert explorer.second.caption.value == "Aligned face"


def test_a_picture_without_a_face_is_explained(explorer):
    explorer.second.picker.menu.value = "noface_cat"
    assert "No face was found" in explorer.second.message.value
    assert explorer.second.crop.layout.visibility == "hidden"
    assert explorer.similarity is None
    assert explorer.verdict.value == "There are no two faces to compare."
    explorer.threshold.value = 0.5
    assert "No face was found" in explorer.second.message.value
    assert line(explorer) == pytest.approx(0.8 / 1.3, abs=0.003)
    explorer.second.picker.menu.value = "obama_3"
    assert explorer.second.message.value == ""
    assert "<b>same person</b>" in explorer.verdict.value


def test_uploads_are_compared(explorer, upload):
    file = images.sample("faces/hopper_1")
    upload(explorer.first.picker.upload, "me.jpg", file.read_bytes())
    upload(explorer.second.picker.upload, "me too.jpg", file.read_bytes())
    assert explorer.similarity == pytest.approx(1)
    upload(explorer.second.picker.upload, "notes.jpg", b"no picture")
    assert "notes.jpg is not a picture" in explorer.second.picker.message.value
    assert explorer.similarity == pytest.approx(1)


def test_without_pairs_there_are_no_rates(app):
    explorer = VerificationExplorer(
        app=app, start=("obama_1", "biden_1"), threshold=0.5
    )
    assert explorer.calibration.layout.display == "none"
    assert explorer.rates.value == ""
    assert "<b>different people</b>" in explorer.verdict.value
    assert line(explorer) == pytest.approx(0.8 / 1.3, abs=0.003)


def test_an_error_is_one_sentence(explorer, monkeypatch):
    def broken(*_):
        raise RuntimeError("no cosine today")

    with monkeypatch.context() as patch:
        patch.setattr(faces, "cosine_similarity", broken)
        explorer.first.picker.menu.value = "obama_3"
    assert "RuntimeError: no cosine today" in explorer.message.value
    explorer.first.picker.menu.value = "obama_1"
    assert explorer.message.value == ""


def test_a_pack_without_a_published_threshold_needs_one(app, monkeypatch):
    monkeypatch.setattr(app, "model_dir", "somewhere/my_pack")
    with pytest.raises(ValueError, match="give threshold="):
        VerificationExplorer(app=app)
    with pytest.raises(ImageError, match="no sample picture"):
        VerificationExplorer(app=app, start=("obama_1", "x"), threshold=0.4)
