"""The sizes a picture is painted at, and the photograph's colours."""

import numpy as np
import pytest

from course_utils import images
from course_utils.style import StyleRecipe, pyramid


def load(name):
    picture = images.load_image(images.sample(name), 96)
    return picture.astype(np.float32) / 255


PHOTO = load("content/dahlia")
PAINTING = load("styles/vangogh_starry_night")


@pytest.mark.parametrize(
    ("shape", "sizes", "expected"),
    [
        ((300, 400), (100, 200, 400), [(75, 100), (150, 200), (300, 400)]),
        ((30, 40), (100, 200, 400), [(30, 40)]),
        ((150, 150), (100, 200, 400), [(100, 100), (150, 150)]),
        ((8, 4000), (100, 200), [(8, 4000)]),
        ((40, 4000), (100, 1000), [(8, 800), (10, 1000)]),
    ],
)
def test_sizes_keep_the_ratio_and_never_enlarge(shape, sizes, expected):
    content = np.zeros((*shape, 3), np.uint8)
    style_picture = np.zeros((60, 90, 3), np.uint8)
    levels = pyramid.build(content, [style_picture], StyleRecipe(sizes=sizes))
    assert [level.content.shape[:2] for level in levels] == expected
    for level in levels:
        height, width = level.styles[0].shape[:2]
        assert height <= 60 and width <= 90
        assert width / height == pytest.approx(1.5, rel=0.05)


def test_an_untouched_photograph_goes_up_with_its_detail():
    picture = np.uint8(np.round(255 * PHOTO))
    recipe = StyleRecipe(sizes=(24, 48, 96))
    lower, _, upper = pyramid.build(picture, [picture], recipe)
    carried = pyramid.carry_up(lower.content, lower, upper, recipe)
    assert carried == pytest.approx(upper.content, abs=1e-6)


# Colours


def test_recolor_replaces_the_luminance_only():
    from skimage.color import rgb2yiq

    content = PHOTO * 0.5 + 0.25
    bright = pyramid.luminance(content) * 0.9 + 0.05
    result = pyramid.recolor(bright, content)
    assert pyramid.luminance(result) == pytest.approx(bright, abs=1e-6)
    assert rgb2yiq(result)[..., 1:] == pytest.approx(
        rgb2yiq(content)[..., 1:], abs=1e-3
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_match_colors_moves_mean_and_covariance(channels):
    # Compressed into the middle, so that nothing is cut off at 0 or 1.
    content = 0.4 + 0.2 * PHOTO[..., :channels]
    artwork = 0.4 + 0.2 * PAINTING[..., :channels]
    matched = pyramid.match_colors(artwork, content)
    assert matched.min() > 0 and matched.max() < 1
    ours, wanted = (p.reshape(-1, channels) for p in (matched, content))
    assert ours.mean(0) == pytest.approx(wanted.mean(0), abs=1e-4)
    covariance, aim = np.cov(ours.T), np.cov(wanted.T)
    assert np.abs(covariance - aim).max() <= 0.02 * np.abs(aim).max()
