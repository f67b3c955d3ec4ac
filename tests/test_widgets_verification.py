"""Every control of the VerificationExplorer, with the real networks."""

import numpy as np
import pytest
from pictures import pixels

from course_utils import faces, images
from course_utils.widgets import VerificationExplorer

MIDDLE = 0.5  # a threshold


@pytest.fixture(scope="module")
def calibrations():
    """Invented pairs: the sums must be right whatever the pairs are."""
    random = np.random.default_rng(0)
    same = np.repeat([True, False], 1000)
    different = random.normal(0.1, 0.1, 1000)
    similar = {"near": 0.7, "from afar": 0.5}
    return {
        name: faces.calibrate(
            np.hstack([random.normal(centre, 0.08, 1000), different]), same
        )
        for name, centre in similar.items()
    }


@pytest.fixture
def explorer(app, calibrations):
    return VerificationExplorer(calibrations, app=app)


def line(explorer):
    """Where the solid black line stands, as a share of the width."""
    dark = pixels(explorer.scale).max(axis=2) < 90
    return np.flatnonzero(dark[70:170].all(axis=0)).mean() / (dark.shape[1] - 1)


def test_it_agrees_with_verify(explorer, app):
    paths = (images.sample(f"faces/obama_{k}") for k in (1, 2))
    result = faces.verify(app, *(images.load_image(p, 1280) for p in paths))
    assert explorer.similarity == pytest.approx(result.similarity, abs=1e-6)
    assert explorer.threshold.value == result.threshold
    assert f"Similarity {result.similarity:.3f}" in explorer.verdict.value
    assert "<b>same person</b>" in explorer.verdict.value


@pytest.mark.parametrize("threshold", [-0.3, 0.363, 1.0])
def test_line_slider_and_axis_are_in_line(explorer, threshold):
    explorer.threshold.value = threshold
    slider = explorer.threshold.slider
    share = slider.value / slider.max
    assert line(explorer) == pytest.approx(share, abs=0.003)


def test_what_is_shown_never_contradicts_the_verdict(explorer):
    similarity = explorer.similarity
    for threshold in (round(similarity, 3), round(similarity + 0.0005, 3)):
        explorer.threshold.field.value = f"{threshold}"
        shown = float(explorer.verdict.value.split()[1])
        same = "same person" in explorer.verdict.value
        assert same == (shown >= threshold)


def test_the_rates_are_those_of_the_chosen_pairs(explorer, calibrations):
    for explorer.calibration.value, pairs in calibrations.items():
        for threshold in (0.25, 0.4):
            explorer.threshold.value = threshold
            accepted = pairs.similarities >= threshold
            wrong = (accepted & ~pairs.same).sum() / 1000
            missed = (~accepted & pairs.same).sum() / 1000
            rates = explorer.rates.value
            assert f"<b>{wrong:.2%}</b> of 1,000 pairs of different" in rates
            assert f"<b>{missed:.2%}</b> of 1,000 pairs of one" in rates


def test_wrong_decisions_are_solid(explorer):
    """A strict threshold rejects same pairs, a lax one accepts others."""

    def solid(color):
        distance = np.abs(pixels(explorer.scale)[55:175].astype(int) - color)
        return int((distance.max(axis=2) < 30).sum())

    blue, orange = (0, 114, 178), (213, 94, 0)
    explorer.threshold.value = 1.0
    assert solid(blue) > 5_000 and solid(orange) < 500
    explorer.threshold.value = -0.3
    assert solid(orange) > 5_000 and solid(blue) < 500


def test_a_picture_without_a_face_is_explained(explorer):
    explorer.second.picker.menu.value = "noface_cat"
    explorer.threshold.value = MIDDLE
    assert "No face was found" in explorer.second.message.value
    assert explorer.similarity is None
    assert explorer.verdict.value == "There are no two faces to compare."
    assert line(explorer) == pytest.approx(0.8 / 1.3, abs=0.003)
    explorer.second.picker.menu.value = "obama_3"
    assert "<b>same person</b>" in explorer.verdict.value


def test_without_pairs_there_are_no_rates(app):
    explorer = VerificationExplorer(
        app=app, start=("obama_1", "biden_1"), threshold=MIDDLE
    )
    assert explorer.calibration.layout.display == "none"
    assert explorer.rates.value == ""
    assert "<b>different people</b>" in explorer.verdict.value
    assert line(explorer) == pytest.approx(0.8 / 1.3, abs=0.003)
