"""The training lab trains for real, stops, and keeps the best network."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from course_utils.faces import training
from course_utils.widgets import TrainingLab


@pytest.fixture(scope="module")
def orl(app):
    crops, people = training.aligned_orl(app)
    return training.shrink(crops), people


def in_a_notebook(work):
    """Run a coroutine function on a loop, as cells of a notebook run."""
    return asyncio.run(work())


def test_a_training_is_watched_and_the_best_is_kept(orl):
    async def work():
        lab = TrainingLab(*orl)
        lab.steps.value, lab.people.value = 30, 10
        lab.train.click()
        assert lab.train.disabled and not lab.stop.disabled
        await lab.finished()
        return lab

    lab = in_a_notebook(work)
    assert repr(lab) == "TrainingLab(loss='arcface', people=10, steps=30)"
    assert lab.message.value == ""
    assert [row[0] for row in lab.curve] == [10, 20, 30]
    assert lab.stop.disabled and not lab.train.disabled
    pictures, people = orl
    vectors = training.embed(lab.model, pictures[people < 10])
    best = min(row[1] for row in lab.curve)
    rate = training.compare_all(vectors, people[people < 10]).eer
    assert rate == pytest.approx(best, abs=0.002)
    assert f"{best:.1%}" in lab.status.value
    assert np.asarray(Image.open(io.BytesIO(lab.view.value))).std() > 10


def test_stop_ends_it_and_the_next_begins_anew(orl):
    async def work():
        lab = TrainingLab(*orl)
        lab.loss.value, lab.people.value = "softmax", 5
        lab.train.click()
        while not lab.curve:
            await asyncio.sleep(0.05)
        lab.stop.click()
        await lab.finished()
        first = lab.curve
        lab.train.click()
        lab.stop.click()
        await lab.finished()
        return lab, first

    lab, first = in_a_notebook(work)
    assert len(first) < lab.steps.value / 10 and lab.curve == []
    assert "before the first look" in lab.status.value
    assert lab.model is None and not lab.train.disabled


def test_only_what_a_loss_has_can_be_set(orl):
    lab = TrainingLab(*orl)
    shown = {}
    for loss in ("softmax", "triplet", "arcface"):
        lab.loss.value = loss
        controls = lab.margin, lab.scale
        shown[loss] = [c.layout.display != "none" for c in controls]
    assert shown == {
        "softmax": [False, False],
        "triplet": [True, False],
        "arcface": [True, True],
    }


def test_outside_a_notebook_it_says_so(orl):
    lab = TrainingLab(*orl)
    lab.train.click()
    assert "running notebook" in lab.message.value
    assert not lab.train.disabled
