"""Every kind of file becomes an RGB array or one clear sentence."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from course_utils import images
from course_utils.images import ImageError

RED = (255, 0, 0)


def saved(tmp_path, picture, name="picture.png", **options):
    path = tmp_path / name
    picture.save(path, **options)
    return path


@pytest.mark.parametrize(
    "mode, colour, expected",
    [
        ("1", 1, (255, 255, 255)),
        ("L", 100, (100, 100, 100)),
        ("LA", (100, 255), (100, 100, 100)),
        ("RGB", RED, RED),
        ("RGBA", RED + (255,), RED),
        ("P", 0, (0, 0, 0)),
        ("I;16", 25700, (100, 100, 100)),
        ("I;16", 200, (1, 1, 1)),  # a dark 16-bit picture stays dark
    ],
)
def test_every_png_mode_becomes_rgb(tmp_path, mode, colour, expected):
    path = saved(tmp_path, Image.new(mode, (3, 2), colour))
    image = images.load_image(path)
    assert image.shape == (2, 3, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image[1, 2], expected)


@pytest.mark.parametrize(
    "mode, colour, expected",
    [
        ("F", 0.5, (128, 128, 128)),
        ("F", 100.0, (100, 100, 100)),
        ("I", 65535, (255, 255, 255)),
        ("CMYK", (0, 255, 255, 0), RED),
    ],
)
def test_tiff_modes_become_rgb(tmp_path, mode, colour, expected):
    path = saved(tmp_path, Image.new(mode, (3, 2), colour), "picture.tiff")
    np.testing.assert_array_equal(images.load_image(path)[0, 0], expected)


def test_cmyk_jpeg(tmp_path):
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    image = images.load_image(saved(tmp_path, picture, "picture.jpg"))
    assert np.abs(image[8, 8].astype(int) - RED).max() < 40


def test_transparency_is_laid_on_white(tmp_path):
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (0, 0, 255, 255))
    image = images.load_image(saved(tmp_path, picture))
    np.testing.assert_array_equal(image, [[[255, 255, 255], [0, 0, 255]]])


def test_palette_with_transparency(tmp_path):
    picture = Image.new("P", (1, 1), 0)
    path = saved(tmp_path, picture, "picture.gif", transparency=0)
    np.testing.assert_array_equal(images.load_image(path)[0, 0], [255] * 3)


def test_exif_rotation_is_applied(tmp_path):
    picture = Image.new("RGB", (4, 2), "white")
    picture.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    image = images.load_image(saved(tmp_path, picture, exif=exif))
    assert image.shape == (4, 2, 3)
    np.testing.assert_array_equal(image[0, 1], RED)


def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (2, 2), c) for c in ("red", "blue")]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(images.load_image(path)[0, 0], RED)


def test_upload_from_memory():
    data = io.BytesIO()
    Image.new("RGB", (5, 4), RED).save(data, "PNG")
    data.seek(0)
    assert images.load_image(data).shape == (4, 5, 3)


def test_max_side_shrinks_but_never_enlarges(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (400, 100)))
    assert images.load_image(path, max_side=200).shape == (50, 200, 3)
    assert images.load_image(path, max_side=1000).shape == (100, 400, 3)


@pytest.mark.parametrize("size", [(1, 1), (20_000, 10)])
def test_extreme_sizes(tmp_path, size):
    path = saved(tmp_path, Image.new("RGB", size, RED))
    assert images.load_image(path).shape == (size[1], size[0], 3)
    assert max(images.load_image(path, max_side=500).shape) <= 500


def test_missing_folder_and_empty(tmp_path):
    (tmp_path / "empty.jpg").touch()
    for name, word in [
        ("nothing.jpg", "does not exist"),
        (".", "is a folder"),
        ("empty.jpg", "is empty"),
    ]:
        with pytest.raises(ImageError, match=word):
            images.load_image(tmp_path / name)


@pytest.mark.parametrize("wrong", [None, 3, b"bytes", np.zeros((2, 2, 3))])
def test_neither_a_name_nor_an_open_file(wrong):
    with pytest.raises(ImageError, match="takes the name of a file or an open"):
        images.load_image(wrong)


def test_a_name_that_no_file_can_have():
    with pytest.raises(ImageError, match="does not exist"):
        images.load_image("long" * 100 + ".jpg")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("RGB", (3, 2)))

    def locked(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", locked)  # root may read everything
    with pytest.raises(ImageError, match="ask for permission to read it"):
        images.load_image(path)


def test_a_picture_may_be_changed():
    image = images.load_image(images.sample("faces/obama_1"))
    image[:10] = 0
    assert not image[:10].any()


def test_not_a_picture(tmp_path):
    path = tmp_path / "notes.jpg"
    path.write_text("buy milk")
    with pytest.raises(ImageError, match="notes.jpg is not a picture"):
        images.load_image(path)


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png", "cut.gif"])
def test_truncated_file(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=f"{name} is damaged"):
        images.load_image(path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 14_000])
def test_decompression_bomb(tmp_path, side):
    path = saved(tmp_path, Image.new("1", (side, side)))
    assert path.stat().st_size < 100_000
    with pytest.raises(ImageError, match="million pixels"):
        images.load_image(path)


@pytest.mark.parametrize("wrong", [0, -5, 2.5, "300", float("nan")])
def test_max_side_is_a_whole_number(wrong):
    with pytest.raises(ImageError, match="whole number, at least 1"):
        images.load_image(images.sample("faces/obama_1"), max_side=wrong)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_saved_pictures_come_back(tmp_path, name):
    image = np.full((20, 30, 3), (200, 100, 50), np.uint8)
    path = images.save_image(image, tmp_path / name)
    difference = images.load_image(path).astype(int) - image
    assert np.abs(difference).max() <= 3


def test_interrupted_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = images.save_image(np.zeros((2, 2, 3), np.uint8), tmp_path / "a.png")
    before = path.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        images.save_image(np.ones((9, 9, 3), np.uint8), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_save_errors(tmp_path):
    image = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ImageError, match="ends? in .jpg"):
        images.save_image(image, tmp_path / "a.txt")
    with pytest.raises(ImageError, match="cannot be written.*make its folder"):
        images.save_image(image, tmp_path / "absent" / "a.png")
    long = np.zeros((1, 70_000, 3), np.uint8)
    for name in ("long.jpg", "long.webp"):
        with pytest.raises(ImageError, match="70000 x 1 pixels are too many"):
            images.save_image(long, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong, word",
    [
        (None, "None"),
        ([[1, 2, 3]], "list"),
        (np.zeros((4, 4, 3)), "float64"),
        (np.zeros((4, 4), np.uint8), r"\(4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
    ],
)
def test_what_is_not_a_picture_array(wrong, word):
    with pytest.raises(ImageError, match=word):
        images.require_rgb(wrong)


@pytest.mark.parametrize(
    "kind, least", [("faces", 18), ("styles", 15), ("content", 14)]
)
def test_all_samples_can_be_read(kind, least):
    files = images.samples(kind)
    assert len(files) >= least
    for file in files:
        assert images.sample(f"{kind}/{file.stem}") == file
        assert max(images.load_image(file).shape) <= 1024


def test_every_sample_is_credited():
    credits = (
        images.sample("faces/obama_1").parents[1] / "CREDITS.md"
    ).read_text()
    for kind in images.KINDS:
        for file in images.samples(kind):
            assert f"{kind}/{file.name}" in credits


def test_unknown_sample_suggests_names():
    with pytest.raises(ImageError, match="did you mean faces/obama_1"):
        images.sample("obama_1")
    with pytest.raises(ImageError, match="kind is one of"):
        images.samples("cats")


def test_show_lays_out_a_grid(tmp_path):
    pictures = [np.zeros((10, 20, 3), np.uint8)] * 3
    figure = images.show(pictures, titles=["a", "b", "c"], columns=2)
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c", ""]
    figure.savefig(tmp_path / "grid.png")
    with pytest.raises(ImageError, match="3 pictures need 3 titles"):
        images.show(pictures, titles=["a"])
    with pytest.raises(ImageError, match="no picture"):
        images.show([])
    with pytest.raises(ImageError, match="cv2.imread returns None"):
        images.show(None)
