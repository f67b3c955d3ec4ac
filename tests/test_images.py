"""Every kind of file becomes an RGB array or one clear sentence."""

import io
import os
import struct
import subprocess
import sys
import warnings
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
        ("L", 100, (100, 100, 100)),
        ("LA", (100, 255), (100, 100, 100)),
        ("RGB", RED, RED),
        ("RGBA", RED + (255,), RED),
        ("P", 0, (0, 0, 0)),
        ("I;16", 25700, (100, 100, 100)),
    ],
)
def test_every_png_mode_becomes_rgb(tmp_path, mode, colour, expected):
    path = saved(tmp_path, Image.new(mode, (3, 2), colour))
    image = images.load_image(path)
    assert image.shape == (2, 3, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image[1, 2], expected)


def grey_file(tmp_path, values, dtype, **options):
    picture = Image.fromarray(np.array([values], dtype))
    return saved(tmp_path, picture, "grey.tiff", **options)


# White is neither known nor the largest value: it is assumed, and said.
@pytest.mark.parametrize(
    "values, dtype, white, grey",
    [
        ([0, 0.5, 1.001] + [0.5] * 20, np.float32, 1, 128),
        ([0, 0.5, np.inf] + [0.5] * 20, np.float32, 1, 128),
        ([0, 0.5, np.nan] + [0.5] * 20, np.float32, 1, 128),
        ([0, 0.5] + [1.001] * 20, np.float32, 1, 128),
        ([0, 100.0, 255, 255], np.float32, 255, 100),
        ([0, 25700, 65535, 65535], np.int32, 65535, 100),
        ([0, 2**31 - 1, 2**31 - 1], np.int32, 2**32 - 1, 127),
        ([0, 2056, 4095, 4095], np.uint16, 65535, 8),  # 12 bits, or dark?
    ],
)
def test_a_range_that_the_file_does_not_tell(
    tmp_path, values, dtype, white, grey
):
    path = grey_file(tmp_path, values, dtype)
    with pytest.warns(UserWarning, match=f"white: {white} was assumed"):
        image = images.load_image(path)
    assert image[0, :2, 0] == pytest.approx([0, grey], abs=1)


@pytest.mark.parametrize(
    "values, dtype, white",
    [
        ([0, 2048, 4095], np.uint16, 4095),
        ([0, 50.0, 100], np.float32, 100),
        ([0, 32768, 65535], np.int32, 65535),
    ],
)
def test_a_range_that_the_file_tells(tmp_path, values, dtype, white):
    path = grey_file(tmp_path, values, dtype, tiffinfo={341: white})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = images.load_image(path)
    assert image[0, :, 0] == pytest.approx([0, 128, 255], abs=1)


def test_cmyk_tiff_and_grey_with_more_than_8_bits(tmp_path):
    picture = Image.new("CMYK", (3, 2), (0, 255, 255, 0))
    path = saved(tmp_path, picture, "picture.tiff")
    np.testing.assert_array_equal(images.load_image(path)[0, 0], RED)
    plain = tmp_path / "grey.pgm"
    plain.write_bytes(b"P5 3 1 4095 " + struct.pack(">3H", 0, 2048, 4095))
    assert images.load_image(plain)[0, :, 0] == pytest.approx([0, 128, 255], 1)


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


def sloppy_exif(*others):
    """Orientation 6, and then what some program wrote: (tag, type, value)."""
    entries = [(0x0112, 3, struct.pack("<HH", 6, 0)), *others]
    data, place = b"", 8 + 2 + 12 * len(entries) + 4
    directory = struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        directory += struct.pack("<HHI", tag, kind, 1 if kind != 2 else 4)
        if len(value) > 4:
            directory += struct.pack("<I", place + len(data))
            data += value
        else:
            directory += value.ljust(4, b"\0")
    header = b"Exif\0\0II*\0" + struct.pack("<I", 8)
    return header + directory + struct.pack("<I", 0) + data


@pytest.mark.parametrize(
    "exif",
    [
        sloppy_exif((0x011A, 2, b"300\0")),  # XResolution as text
        sloppy_exif((0x011A, 10, struct.pack("<ii", -72, 1))),  # negative
        sloppy_exif((0x011A, 5, struct.pack("<II", 72, 0))),  # over zero
        sloppy_exif((0x0128, 2, b"2\0")),  # a unit as text
        sloppy_exif((0x8769, 4, struct.pack("<I", 99999))),  # leads nowhere
        sloppy_exif((0x9999, 77, b"what")),  # no such type
        b"Exif\0\0" + sloppy_exif(),  # the header twice
    ],
)
def test_sloppy_exif_does_not_lose_the_picture(tmp_path, exif):
    picture = Image.new("RGB", (40, 20), "white")
    picture.paste(RED, (0, 0, 16, 16))
    image = images.load_image(saved(tmp_path, picture, "a.jpg", exif=exif))
    assert image.shape == (40, 20, 3)
    assert np.abs(image[4, 16].astype(int) - RED).max() < 20


def test_every_orientation_of_every_format_comes_out_the_same(tmp_path):
    upright = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    stored = {  # as the camera's sensor saw it
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }
    for orientation, array in stored.items():
        picture = Image.fromarray(np.ascontiguousarray(array))
        exif = Image.Exif()
        exif[0x0112] = orientation
        for name in ("a.png", "a.tiff"):
            path = saved(tmp_path, picture, name, exif=exif)
            np.testing.assert_array_equal(images.load_image(path), upright)


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


@pytest.mark.parametrize(
    "size, small",
    [
        ((1, 1), (1, 1)),
        ((20_000, 10), (500, 1)),
        ((1, 2600), (1, 500)),
        ((2600, 1), (500, 1)),
    ],
)
def test_extreme_sizes(tmp_path, size, small):
    path = saved(tmp_path, Image.new("RGB", size, RED))
    assert images.load_image(path).shape[1::-1] == size
    assert images.load_image(path, max_side=500).shape[1::-1] == small


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


@pytest.mark.parametrize("name", ["long" * 100 + ".jpg", "a\0b.jpg"])
def test_a_name_that_no_file_can_have(name):
    with pytest.raises(ImageError, match="does not exist"):
        images.load_image(name)


def test_an_address_is_not_read():
    with pytest.raises(ImageError, match="is an address: save the picture"):
        images.load_image("https://example.org/me.jpg")
    with pytest.raises(ImageError, match="is an address"):
        images.load_image(Path("http://example.org/me.jpg"))


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
@pytest.mark.parametrize("pillows_limit", [Image.MAX_IMAGE_PIXELS, None])
@pytest.mark.parametrize("side", [10_000, 14_000])
def test_decompression_bomb(tmp_path, monkeypatch, side, pillows_limit):
    path = saved(tmp_path, Image.new("1", (side, side)))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillows_limit)
    with pytest.raises(ImageError, match="more than 89 million pixels"):
        images.load_image(path)


def test_pillow_without_a_limit_reads_pictures():
    program = (
        "from PIL import Image; Image.MAX_IMAGE_PIXELS = None\n"
        "from course_utils import images\n"
        "images.load_image(images.sample('faces/obama_1'))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


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


@pytest.mark.parametrize("length", [246, 251, 255])  # bytes; 255 is the limit
def test_names_as_long_as_names_can_be(tmp_path, length):
    name = "ü" * ((length - 4) // 2) + "x" * (length % 2) + ".png"
    assert len(name.encode()) == length
    path = images.save_image(np.zeros((2, 2, 3), np.uint8), tmp_path / name)
    assert images.load_image(path).shape == (2, 2, 3)


def test_a_tilde_is_the_home_folder(home):
    path = images.save_image(np.zeros((2, 2, 3), np.uint8), "~/a.png")
    assert path == home / "a.png"
    assert images.load_image("~/a.png").shape == (2, 2, 3)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_saved_picture_is_as_public_as_other_files(tmp_path):
    image = np.zeros((2, 2, 3), np.uint8)
    before = os.umask(0o027)
    try:
        path = images.save_image(image, tmp_path / "a.png")
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o600)
        images.save_image(image, path)
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


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
