"""The drawings show the pairs and the rates that they were given."""

import numpy as np
import pytest

from course_utils import faces


@pytest.fixture
def calibrations():
    """A network that separates 400 pairs well, and one that does so badly."""
    generator = np.random.default_rng(0)
    same = np.arange(400) < 100
    noise = generator.normal(0, 0.1, 400)
    return {
        name: faces.calibrate(noise + distance * same, same)
        for name, distance in (("good", 0.6), ("bad", 0.2))
    }


def test_each_panel_holds_all_pairs_of_its_network(calibrations):
    panels = faces.plot_similarities(calibrations).axes
    assert [axis.get_title() for axis in panels] == ["good", "bad"]
    for axis in panels:
        areas = [
            sum(bar.get_width() * bar.get_height() for bar in hill)
            for hill in axis.containers
        ]
        assert areas == pytest.approx([1, 1])  # no pair outside the bins


def test_the_mark_stands_on_each_curve_at_the_asked_rate(calibrations):
    (axis,) = faces.plot_roc(calibrations, far=0.01).axes
    marks = [line for line in axis.lines if line.get_marker() == "o"]
    found = [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in marks]
    assert found == [
        (0.01, each.true_accept_rate_at(0.01)) for each in calibrations.values()
    ]
    bottom, top = axis.get_ylim()
    assert all(bottom < rate < top for _, rate in found)
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    good = calibrations["good"].threshold_at(0.01)
    assert labels[0] == f"good: threshold {good:.2f}"
