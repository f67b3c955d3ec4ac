"""Controls are moved for real, and the picture is looked at."""

import numpy as np
import pytest
from pictures import pixels

from course_utils.widgets import Explorer
from course_utils.widgets.parts import Number


def grey(level=10, size="small", inverted=False):
    side = {"small": 20, "large": 60}[size]
    value = 255 - level if inverted else level
    return np.full((side, side, 3), value, np.uint8)


@pytest.fixture
def explorer():
    return Explorer(
        grey, level=(0, 200, 5), size=["small", "large"], inverted=False
    )


def test_every_control_changes_the_picture(explorer):
    assert repr(explorer) == "Explorer()"
    assert explorer.level.continuous_update is False
    assert pixels(explorer.picture).shape == (20, 20, 3)
    explorer.level.value = 200
    assert abs(int(pixels(explorer.picture)[5, 5, 0]) - 200) <= 2
    explorer.inverted.value = True
    assert abs(int(pixels(explorer.picture)[5, 5, 0]) - 55) <= 2
    explorer.size.value = "large"
    assert pixels(explorer.picture).shape == (60, 60, 3)


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


# Numbers


@pytest.fixture
def threshold(explorer):
    return Number(explorer, "Threshold", 0.463, (0, 1), digits=3)


@pytest.fixture
def weight(explorer):
    return Number(explorer, "Weight", 100, (0.1, 1000), logarithmic=True)


@pytest.mark.parametrize("text", ["0.5", " ,5 ", "0,50"])
def test_a_comma_is_a_point(explorer, threshold, text):
    threshold.field.value = text
    assert threshold.value == 0.5 and threshold.slider.value == 500
    assert threshold.field.value == "0.500" and explorer.message.value == ""


@pytest.mark.parametrize("text", ["", "half", "1,000.5"])
def test_what_is_no_number_is_explained(explorer, threshold, text):
    threshold.field.value = text
    assert "is not a number" in explorer.message.value
    assert (threshold.value, threshold.field.value) == (0.463, "0.463")
    threshold.field.value = "0.2"
    assert threshold.value == 0.2 and explorer.message.value == ""


def test_slider_and_field_follow_each_other(threshold, weight):
    threshold.slider.value -= 100
    assert (threshold.value, threshold.field.value) == (0.363, "0.363")
    threshold.value = 0.41234
    assert threshold.value == 0.412 and threshold.slider.value == 412
    weight.slider.value = 75  # of 200 places between 0.1 and 1000
    assert (weight.value, weight.field.value) == (3.16, "3.16")


@pytest.mark.parametrize("value", [0, 4321.5, 1 / 3])
def test_a_value_off_the_slider_is_kept_exactly(weight, value):
    weight.value = value
    assert weight.value == value
    weight.slider.value = 150
    assert weight.value == 100


def test_a_handle_that_is_put_back_changes_nothing(weight):
    weight.value = 0.25
    weight.slider.value += 1
    weight.value = 0.25
    assert (weight.value, weight.field.value) == (0.25, "0.25")
