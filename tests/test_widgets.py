"""Controls are moved for real, and the picture is looked at."""

import io

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

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


def shown(explorer):
    return np.asarray(Image.open(io.BytesIO(explorer.picture.value)))


def test_every_control_changes_the_picture(explorer):
    assert repr(explorer) == "Explorer(level=10, size='small', inverted=False)"
    assert shown(explorer).shape == (20, 20, 3)
    explorer.level.value = 200
    assert abs(int(shown(explorer)[5, 5, 0]) - 200) <= 2
    explorer.inverted.value = True
    assert abs(int(shown(explorer)[5, 5, 0]) - 55) <= 2
    explorer.size.value = "large"
    assert shown(explorer).shape == (60, 60, 3)


def test_sliders_wait_until_they_stop(explorer):
    assert explorer.level.continuous_update is False


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


# Numbers


def threshold(explorer, value=0.463):
    return Number(explorer, "Threshold", value, (0, 1), digits=3)


def weight(explorer, value=100):
    return Number(explorer, "Weight", value, (0.1, 1000), logarithmic=True)


@pytest.mark.parametrize("text", ["0.5", "0,5", " ,5 ", "0,50"])
def test_a_comma_is_a_point(explorer, text):
    number = threshold(explorer)
    number.field.value = text
    assert number.value == number.slider.value == 0.5
    assert number.field.value == "0.500" and explorer.message.value == ""


@pytest.mark.parametrize("text", ["", "half", "1,000.5", "nan", "inf"])
def test_what_is_no_number_is_explained(explorer, text):
    number = threshold(explorer)
    number.field.value = text
    assert "is not a number" in explorer.message.value
    assert (number.value, number.field.value) == (0.463, "0.463")
    number.field.value = "0.2"
    assert number.value == 0.2 and explorer.message.value == ""


def test_slider_and_field_follow_each_other(explorer):
    number = threshold(explorer)
    number.slider.value = 0.36299999999999993  # as the slider sends it
    assert (number.value, number.field.value) == (0.363, "0.363")
    number.value = 0.41234
    assert number.value == number.slider.value == 0.412


def test_a_logarithmic_slider_begins_at_a_tenth(explorer):
    number = weight(explorer)
    assert (number.slider.min, number.slider.max) == (-1, 3)
    number.slider.value = 10**0.25
    assert (number.value, number.field.value) == (1.78, "1.78")


@pytest.mark.parametrize("value", [0, 4321.5, 1 / 3])
def test_a_value_off_the_slider_is_kept_exactly(explorer, value):
    number = weight(explorer)
    number.value = value
    assert number.value == value
    number.slider.value = 50
    assert number.value == 50
