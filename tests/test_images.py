"""Every kind of file becomes an RGB array or one clear sentence."""

from pathlib import Path

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
        ("LA", (100, 255), (100, 100, 100)),
        ("RGBA", RED + (0,), (255, 255, 255)),  # laid on white
        ("P", 0, (0, 0, 0)),
        ("I;16", 25700, (100, 100, 100)),
        ("CMYK", (0, 255, 255, 0), RED),
    ],
)
def test_every_mode_becomes_rgb(tmp_path, mode, colour, expected):
    name = "a.tiff" if mode == "CMYK" else "a.png"
    path = saved(tmp_path, Image.new(mode, (3, 2), colour), name)
    image = images.load_image(path)
    assert image.shape == (2, 3, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image[1, 2], expected)
    image[:] = 0  # it may be changed


@pytest.mark.parametrize("mode", ["F", "I"])
def test_numbers_of_32_bits_are_refused(tmp_path, mode):
    path = saved(tmp_path, Image.new(mode, (2, 2), 1), "a.tiff")
    with pytest.raises(ImageError, match="^This picture has numbers of 32"):
        images.load_image(path)


# Orientation 6, and XResolution as a text: some programs write that.
SLOPPY_EXIF = (
    b"Exif\0\0II*\0\x08\0\0\0\2\0\x12\1\3\0\1\0\0\0\6\0\0\0"
    b"\x1a\1\2\0\4\0\0\x00300\0\0\0\0\0"
)


def test_sloppy_exif_does_not_lose_the_picture(tmp_path):
    picture = Image.new("RGB", (40, 20), "white")
    picture.paste(RED, (0, 0, 16, 16))
    path = saved(tmp_path, picture, "a.jpg", exif=SLOPPY_EXIF)
    image = images.load_image(path)
    assert image.shape == (40, 20, 3)
    assert np.abs(image[4, 16].astype(int) - RED).max() < 20


@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
def test_a_picture_is_turned_as_its_exif_says(tmp_path, name):
    upright = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    sensor = np.ascontiguousarray(upright.transpose(1, 0, 2)[::-1])
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, Image.fromarray(sensor), name, exif=exif)
    np.testing.assert_array_equal(images.load_image(path), upright)


@pytest.mark.parametrize(
    "size, small",
    [
        ((400, 100), (400, 100)),  # never enlarged
        ((1000, 100), (500, 50)),
        ((20_000, 10), (500, 1)),
        ((1, 2600), (1, 500)),
    ],
)
def test_max_side_shrinks_and_leaves_at_least_a_pixel(tmp_path, size, small):
    path = saved(tmp_path, Image.new("RGB", size, RED))
    assert images.load_image(path).shape[1::-1] == size
    assert images.load_image(path, max_side=500).shape[1::-1] == small


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ("nothing.jpg", "does not exist"),
        (".", "Is a directory"),
        ("empty.jpg", "is not a picture"),
        ("notes.jpg", "notes.jpg is not a picture"),
        ("https://example.org/me.jpg", "is an address: save the picture"),
        (Path("http://example.org/me.jpg"), "is an address"),
    ],
    ids=str,
)
def test_what_cannot_be_read(tmp_path, monkeypatch, wrong, sentence):
    monkeypatch.chdir(tmp_path)
    Path("empty.jpg").touch()
    Path("notes.jpg").write_text("buy milk")
    with pytest.raises(ImageError, match=sentence):
        images.load_image(wrong)


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png"])
def test_truncated_file(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=f"{name} is damaged"):
        images.load_image(path)


def test_decompression_bomb(tmp_path):
    path = saved(tmp_path, Image.new("1", (14_000, 14_000)))
    assert path.stat().st_size < 100_000
    with pytest.raises(ImageError, match="too many pixels"):
        images.load_image(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_saved_pictures_come_back(tmp_path, name):
    image = np.full((20, 30, 3), (200, 100, 50), np.uint8)
    path = images.save_image(image, tmp_path / name)
    difference = images.load_image(path).astype(int) - image
    assert np.abs(difference).max() <= 3


def test_a_tilde_is_the_home_folder(home):
    path = images.save_image(np.zeros((2, 2, 3), np.uint8), "~/a.png")
    assert path == home / "a.png"
    assert images.load_image("~/a.png").shape == (2, 2, 3)


def test_a_private_picture_stays_private(tmp_path):
    image = np.zeros((2, 2, 3), np.uint8)
    path = images.save_image(image, tmp_path / "a.png")
    path.chmod(0o600)
    images.save_image(image, path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_interrupted_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = images.save_image(np.zeros((2, 2, 3), np.uint8), tmp_path / "a.png")
    before = path.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        images.save_image(np.ones((9, 9, 3), np.uint8), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_save_errors(tmp_path):
    image = np.zeros((2, 2, 3), np.uint8)
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="should end in .jpg"):
        images.save_image(image, tmp_path / "a.txt")
    for name in ("absent/a.png", "file/a.png"):
        with pytest.raises(ImageError, match="cannot be written"):
            images.save_image(image, tmp_path / name)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize(
    "wrong, word",
    [
        (None, "None"),
        ([[1, 2, 3]], "list"),
        (np.zeros((4, 4, 3)), "float64"),
        (np.zeros((4, 4), np.uint8), r"\(4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), "4 x 0 pixels"),
    ],
)
def test_what_is_not_a_picture_array(wrong, word):
    with pytest.raises(ImageError, match=word):
        images.require_rgb(wrong)


@pytest.mark.parametrize("kind", images.KINDS)
def test_all_samples_can_be_read_and_are_credited(kind):
    files = images.samples(kind)
    credits = (files[0].parents[1] / "CREDITS.md").read_text()
    for file in files:
        assert images.sample(f"{kind}/{file.stem}") == file
        assert images.load_image(file).any()
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
    for wrong, titles in ((pictures, ["a"]), ([], None)):
        with pytest.raises(ImageError, match="at least one picture, and a"):
            images.show(wrong, titles)
    with pytest.raises(ImageError, match="cv2.imread returns None"):
        images.show(None)
