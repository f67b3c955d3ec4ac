"""The painter in one pass: what it paints, and how it learns."""

import numpy as np
import pytest

from course_utils import images
from course_utils.style import painter
from course_utils.style.torch_backend import torch

STARRY = images.load_image(images.sample("styles/vangogh_starry_night"), 512)
# Put aside in its training.
CASTLE = images.load_image(images.sample("content/neuschwanstein"), 256)


@pytest.mark.parametrize("shape", [(171, 256), (36, 36), (37, 201)])
def test_it_paints_any_size(shape):
    photograph = CASTLE[: shape[0], : shape[1]]
    artist = painter.starry_night()
    painted = painter.paint(artist, photograph, STARRY)
    assert painted.shape == photograph.shape and painted.dtype == np.uint8
    again = painter.paint(artist, photograph, STARRY)
    assert painted.tobytes() == again.tobytes()


def test_the_shipped_one_paints_what_it_never_saw():
    """Ten times nearer to the painting, and still the same castle."""
    painted = painter.paint(painter.starry_night(), CASTLE, STARRY)
    other = images.load_image(images.sample("content/dahlia"), 256)
    network = painter.LossNetwork(STARRY)

    def losses(picture):
        pair = map(painter.to_tensor, (picture, CASTLE))
        return [float(loss) for loss in network.losses(*pair)]

    _, untouched = losses(CASTLE)
    content, painted_style = losses(painted)
    assert painted_style < untouched / 10
    assert content < losses(other[: CASTLE.shape[0]])[0]


def test_what_cannot_be_painted_is_said():
    with pytest.raises(images.ImageError, match="36 are needed"):
        painter.paint(
            painter.starry_night(), np.zeros((35, 99, 3), np.uint8), STARRY
        )


def test_training_learns_and_goes_on_where_it_stopped():
    wave = images.load_image(images.sample("styles/hokusai_great_wave"), 128)
    learner = painter.starry_night()

    def learn(steps, done=0):
        return list(
            painter.train(learner, wave, [CASTLE], steps, size=64, done=done)
        )

    first = learn(8)
    then = learn(12, done=8)
    assert [step.step for step in first + then] == list(range(1, 13))
    assert np.mean([s.style for s in then]) < first[0].style / 2


def test_what_the_tool_saves_can_be_read(tmp_path):
    from tools import train_painter

    torch.manual_seed(1)
    learner = painter.Painter()
    train_painter.save(learner, 7, tmp_path / "painter.npz")
    copy, steps = painter.read(tmp_path / "painter.npz")
    assert steps == 7
    for name, tensor in copy.state_dict().items():
        half = learner.state_dict()[name].half().float()
        assert torch.equal(tensor.cpu(), half), name
