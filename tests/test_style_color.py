"""Keeping the photograph's colours."""

import numpy as np
import pytest

from course_utils import images, style
from course_utils.style import pyramid


def load(name):
    return images.load_image(images.sample(name), 96)


@pytest.fixture(scope="module")
def photo():
    return load("content/dahlia")


@pytest.fixture(scope="module")
def painting():
    return load("styles/vangogh_starry_night")


def test_luminance_is_yiq(photo):
    import cv2

    ours = pyramid.luminance(photo.astype(np.float32) / 255)[..., 0] * 255
    theirs = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    assert np.abs(ours - theirs).max() <= 1


def test_recolor_replaces_the_luminance_only(photo):
    from skimage.color import rgb2yiq

    content = photo.astype(np.float32) / 255 * 0.5 + 0.25
    bright = pyramid.luminance(content) * 0.9 + 0.05
    result = pyramid.recolor(bright, content)
    assert pyramid.luminance(result) == pytest.approx(bright, abs=1e-6)
    assert rgb2yiq(result)[..., 1:] == pytest.approx(
        rgb2yiq(content)[..., 1:], abs=1e-3
    )


def test_match_colors_moves_mean_and_covariance(photo, painting):
    # Compressed into the middle, so that nothing is cut off at 0 or 1.
    content, artwork = (
        0.4 + 0.2 * picture.astype(np.float32) / 255
        for picture in (photo, painting)
    )
    matched = pyramid.match_colors(artwork, content)
    assert matched.min() > 0 and matched.max() < 1
    ours, wanted = matched.reshape(-1, 3), content.reshape(-1, 3)
    assert ours.mean(0) == pytest.approx(wanted.mean(0), abs=1e-4)
    covariance, aim = np.cov(ours.T), np.cov(wanted.T)
    assert np.abs(covariance - aim).max() <= 0.02 * np.abs(aim).max()


def test_match_luminance_moves_mean_and_spread():
    random = np.random.default_rng(0)
    content = 0.5 + 0.05 * random.standard_normal((40, 40, 1))
    artwork = random.random((30, 30, 1))
    matched = pyramid.match_luminance(artwork, content)
    assert matched.mean() == pytest.approx(content.mean(), abs=1e-3)
    assert matched.std() == pytest.approx(content.std(), rel=1e-3)


def test_flat_pictures_stay_finite():
    flat = np.full((8, 8, 3), 0.5, np.float32)
    assert np.isfinite(pyramid.match_colors(flat, flat)).all()
    grey = pyramid.luminance(flat)
    assert np.isfinite(pyramid.match_luminance(grey, grey)).all()


@pytest.mark.parametrize("way", ["luminance", "match"])
def test_painting_keeps_the_photographs_colors(photo, painting, way):
    """Of the mean chroma, most of the shift towards the painting goes."""

    def chroma_shift(preserve):
        recipe = style.StyleRecipe(
            sizes=(96,), steps=25, preserve_color=preserve
        )
        image = style.transfer(photo, painting, recipe).image / 255
        shift = (image - photo / 255).reshape(-1, 3)
        return np.abs((shift - shift.mean(1, keepdims=True)).mean(0)).max()

    assert chroma_shift(way) < 0.3 * chroma_shift(None)


def test_luminance_paints_one_channel(photo, painting):
    recipe = style.StyleRecipe(sizes=(96,), steps=3, preserve_color="luminance")
    result = style.transfer(photo, painting, recipe)
    assert result.state.optimizer.best.shape[-1] == 1
    assert result.image.shape == photo.shape
