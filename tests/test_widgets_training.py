"""The training lab trains for real, stops, and keeps the best network."""

import asyncio

import cv2
import numpy as np
import pytest
from pictures import pixels

from course_utils import faces
from course_utils.faces import training
from course_utils.widgets import TrainingLab

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def orl():
    """The photographs, small; alignment would take a detector's time."""
    photographs, people = faces.orl()
    small = [cv2.resize(each[..., 0], (56, 56)) for each in photographs]
    return np.stack(small), people


@pytest.fixture
def lab(orl):
    return TrainingLab(*orl)


async def test_a_training_is_watched_and_the_best_is_kept(lab, orl):
    lab.steps.value, lab.people.value = 30, 10
    lab.train.click()
    assert lab.train.disabled and not lab.stop.disabled
    await lab.finished()
    assert lab.message.value == ""
    assert [row[0] for row in lab.curve] == [10, 20, 30]
    assert lab.stop.disabled and not lab.train.disabled
    pictures, people = orl
    vectors = training.embed(lab.model, pictures[people < 10])
    best = min(row[1] for row in lab.curve)
    rate = training.compare_all(vectors, people[people < 10]).eer
    assert rate == pytest.approx(best, abs=0.002)
    assert f"{best:.1%}" in lab.status.value
    assert pixels(lab.view).std() > 10


async def test_stop_ends_it_and_the_next_begins_anew(lab):
    lab.loss.value, lab.people.value = "softmax", 5
    lab.train.click()
    while not lab.curve:
        await asyncio.sleep(0.001)
    lab.stop.click()
    await lab.finished()
    assert len(lab.curve) == 1 and lab.model is not None
    lab.train.click()
    lab.stop.click()
    await lab.finished()
    assert lab.curve == [] and lab.model is None
    assert "before the first look" in lab.status.value
    assert not lab.train.disabled


def test_a_loss_without_a_margin_has_no_knob_for_it(lab):
    for loss, shown in ("softmax", False), ("triplet", True), ("arcface", True):
        lab.loss.value = loss
        assert (lab.margin.layout.display != "none") == shown
