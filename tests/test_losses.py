"""The loss as it is reported, and what keeps it finite."""

import numpy as np
import pytest

from course_utils.style.losses import Targets

TARGETS = Targets(
    content={"conv4_2": np.full((2, 3, 4), 2, np.float32)},
    style={
        "conv1_1": np.full((4, 4), 3, np.float32),
        "conv2_1": np.zeros((4, 4), np.float32),  # a flat picture's
    },
    content_layers={"conv4_2": 0.5},
    style_layers={"conv1_1": 0.25, "conv2_1": 0.75},
    content_weight=2.0,
    style_weight=10.0,
    tv_weight=0.1,
)


def test_terms_are_relative_errors():
    scales = TARGETS.scales()
    assert scales[:2] == pytest.approx([1 / 4, 1 / 9])
    assert scales[-1] == 1  # the total variation is what it is
    assert np.isfinite(scales).all()


def test_losses_are_sorted_and_weighted():
    losses = TARGETS.losses(np.float32([1, 2, 3, 4]))
    assert losses.content_layers == {"conv4_2": 1}
    assert losses.style_layers == {"conv1_1": 2, "conv2_1": 3}
    assert losses.content == 0.5
    assert losses.style == 0.25 * 2 + 0.75 * 3
    assert losses.tv == 4
    assert losses.total == pytest.approx(
        2 * losses.content + 10 * losses.style + 0.1 * losses.tv
    )
