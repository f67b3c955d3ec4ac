"""Pictures are chosen and uploaded for real, with either ipywidgets."""

import io

import ipywidgets
import numpy as np
import pytest
from PIL import Image

from course_utils import images
from course_utils.images import ImageError
from course_utils.widgets import PicturePicker


def encoded(image, file_format="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, file_format)
    return buffer.getvalue()


@pytest.fixture
def picker():
    return PicturePicker("faces", "Picture", start="obama_1", max_side=300)


def test_it_starts_where_it_was_told(picker, photo):
    assert picker.name == picker.menu.value == "obama_1"
    assert repr(picker) == "PicturePicker(name='obama_1')"
    assert max(picker.image.shape) == 300
    shrunk = images.load_image(images.sample("faces/obama_1"), 300)
    np.testing.assert_array_equal(picker.image, shrunk)
    assert PicturePicker("styles", "Style").name == "bruegel_harvesters"


def test_the_menu_holds_every_sample(picker):
    names = [path.stem for path in images.samples("faces")]
    assert list(picker.menu.options) == names


def test_a_choice_is_told_to_observers_and_previewed(picker):
    seen = []
    picker.observe(lambda change: seen.append(picker.name), "image")
    before = picker.preview.value
    picker.menu.value = "hopper_1"
    assert seen == ["hopper_1"] and picker.preview.value != before
    preview = Image.open(io.BytesIO(picker.preview.value))
    assert max(preview.size) == 120


def test_an_upload_is_chosen_and_stays_in_the_menu(picker, upload):
    red = np.full((40, 60, 3), (200, 0, 0), np.uint8)
    seen = []
    picker.observe(lambda change: seen.append(picker.name), "image")
    upload(picker.upload, "mine.png", encoded(red))
    assert seen == ["mine.png"]
    assert picker.name == picker.menu.value == "mine.png"
    np.testing.assert_array_equal(picker.image, red)
    picker.menu.value = "obama_2"
    picker.menu.value = "mine.png"
    np.testing.assert_array_equal(picker.image, red)


def test_the_same_name_again_replaces_the_picture(picker, upload):
    upload(picker.upload, "mine.png", encoded(np.zeros((9, 9, 3), np.uint8)))
    upload(picker.upload, "mine.png", encoded(np.ones((9, 9, 3), np.uint8)))
    assert (picker.image == 1).all()
    assert picker.menu.options.count("mine.png") == 1


def test_a_large_upload_is_shrunk_and_turned_upright(picker, upload):
    sideways = Image.fromarray(np.zeros((400, 800, 3), np.uint8))
    exif = sideways.getexif()
    exif[0x0112] = 6  # the camera was held upright
    buffer = io.BytesIO()
    sideways.save(buffer, "JPEG", exif=exif)
    upload(picker.upload, "phone.jpg", buffer.getvalue())
    assert picker.image.shape == (300, 150, 3)


def test_the_same_file_can_be_uploaded_once_more(picker, upload):
    content = encoded(np.full((5, 7, 3), 9, np.uint8))
    upload(picker.upload, "mine.png", content)
    picker.menu.value = "obama_2"
    upload(picker.upload, "mine.png", content)
    assert picker.name == picker.menu.value == "mine.png"
    assert picker.image.shape == (5, 7, 3)


def huge():
    buffer = io.BytesIO()
    Image.new("1", (10_000, 9_000)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    "name, content, words",
    [
        ("notes.txt", b"no picture", "notes.txt is not a picture"),
        ("empty.jpg", b"", "empty.jpg is not a picture"),
        ("huge.png", huge(), "more than 89 million pixels"),
        ("<i>.jpg", b"?", "&lt;i&gt;.jpg is not a picture"),
    ],
)
def test_a_bad_upload_is_explained_and_changes_nothing(
    picker, upload, name, content, words
):
    before, options = picker.image, picker.menu.options
    upload(picker.upload, name, content)
    assert words in picker.message.value
    assert picker.image is before
    assert picker.name == picker.menu.value == "obama_1"
    assert picker.menu.options == options


def test_a_truncated_upload_is_explained_until_the_next_good_one(
    picker, upload
):
    whole = images.sample("faces/obama_2").read_bytes()
    upload(picker.upload, "half.jpg", whole[:20_000])
    assert "half.jpg is damaged" in picker.message.value
    upload(picker.upload, "whole.jpg", whole)
    assert picker.message.value == "" and picker.name == "whole.jpg"


def test_both_forms_of_an_upload_are_understood(picker):
    """ipywidgets 7 gives a dictionary, 8 a tuple: one is not this one's."""
    content = encoded(np.full((5, 7, 3), 9, np.uint8))
    for name, value in (
        ("seven.png", {"seven.png": {"metadata": {}, "content": content}}),
        (
            "eight.png",
            ({"name": "eight.png", "content": memoryview(content)},),
        ),
    ):
        picker.upload.notify_change(
            {"name": "value", "type": "change", "new": value}
        )
        assert picker.name == name and picker.image.shape == (5, 7, 3)


def test_what_does_not_exist_is_refused():
    with pytest.raises(ImageError, match="kind is one of"):
        PicturePicker("animals", "Picture")
    with pytest.raises(ImageError, match="obama_1"):
        PicturePicker("faces", "Picture", start="obama")


def test_labels_are_whole(picker):
    assert picker.menu.style.description_width == "initial"
    assert picker.upload.layout.width == "auto"
    assert isinstance(picker, ipywidgets.VBox)
