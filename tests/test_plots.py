"""The drawings show the pairs and the rates that they were given."""

import numpy as np
import pytest

from course_utils import faces

SAME = np.arange(400) < 100
NOISE = np.random.default_rng(0).normal(0, 0.1, 400)
CALIBRATIONS = {  # a network that separates 400 pairs well, and a bad one
    name: faces.calibrate(NOISE + distance * SAME, SAME)
    for name, distance in (("good", 0.6), ("bad", 0.2))
}


def test_each_panel_holds_all_pairs_of_its_network():
    panels = faces.plot_similarities(CALIBRATIONS).axes
    assert [axis.get_title() for axis in panels] == ["good", "bad"]
    for axis in panels:
        areas = [
            sum(bar.get_width() * bar.get_height() for bar in hill)
            for hill in axis.containers
        ]
        assert areas == pytest.approx([1, 1])  # no pair outside the bins


def test_the_mark_stands_on_each_curve_at_the_asked_rate():
    (axis,) = faces.plot_roc(CALIBRATIONS, far=0.01).axes
    marks = [line for line in axis.lines if line.get_marker() == "o"]
    found = [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in marks]
    assert found == [
        (0.01, each.true_accept_rate_at(0.01)) for each in CALIBRATIONS.values()
    ]
    bottom, top = axis.get_ylim()
    assert all(bottom < rate < top for _, rate in found)
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    good = CALIBRATIONS["good"].threshold_at(0.01)
    assert labels[0] == f"good: threshold {good:.2f}"
