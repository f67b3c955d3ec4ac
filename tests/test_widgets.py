"""Controls are moved for real, and the picture is looked at."""

import io

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from course_utils.widgets import Explorer


def grey(level=10, size="small", inverted=False):
    side = {"small": 20, "large": 60}[size]
    value = 255 - level if inverted else level
    return np.full((side, side, 3), value, np.uint8)


@pytest.fixture
def explorer():
    return Explorer(
        grey, level=(0, 200, 5), size=["small", "large"], inverted=False
    )


def shown(explorer):
    return np.asarray(Image.open(io.BytesIO(explorer.picture.value)))


def test_it_starts_with_the_defaults(explorer):
    assert explorer.level.value == 10
    assert shown(explorer).shape == (20, 20, 3)
    assert repr(explorer) == "Explorer(level=10, size='small', inverted=False)"


def test_every_control_changes_the_picture(explorer):
    explorer.level.value = 200
    assert abs(int(shown(explorer)[5, 5, 0]) - 200) <= 2
    explorer.inverted.value = True
    assert abs(int(shown(explorer)[5, 5, 0]) - 55) <= 2
    explorer.size.value = "large"
    assert shown(explorer).shape == (60, 60, 3)


def test_sliders_wait_until_they_stop(explorer):
    assert explorer.level.continuous_update is False
    assert explorer.level.description == "level"


def test_an_error_is_shown_and_the_picture_stays():
    def fragile(number=1):
        return np.full((9, 9, 3), 100 // number, np.uint8)

    explorer = Explorer(fragile, number=(0, 5))
    before = explorer.picture.value
    explorer.number.value = 0
    assert "ZeroDivisionError" in explorer.message.value
    assert explorer.picture.value == before
    explorer.number.value = 2
    assert explorer.message.value == ""


def test_figures_can_be_drawn():
    def line(slope=1.0):
        figure, axis = plt.subplots(figsize=(2, 1))
        axis.plot([0, slope])
        plt.close(figure)
        return figure

    explorer = Explorer(line, slope=(0.0, 2.0))
    first = explorer.picture.value
    explorer.slope.value = 2.0
    assert explorer.picture.value != first
