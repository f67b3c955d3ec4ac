"""Pictures are chosen and uploaded for real, with either ipywidgets."""

import io

import numpy as np
import pytest
from PIL import Image

from course_utils import faces, images
from course_utils.images import ImageError
from course_utils.widgets import PicturePicker
from course_utils.widgets.pickers import FacePicker, aligned


def encoded(image, file_format="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, file_format)
    return buffer.getvalue()


def shown(picture):
    return np.asarray(Image.open(io.BytesIO(picture.value)))


@pytest.fixture
def picker():
    return PicturePicker("faces", "Picture", start="obama_1", max_side=300)


def test_it_offers_every_sample_and_starts_where_it_was_told(picker):
    names = [path.stem for path in images.samples("faces")]
    assert list(picker.menu.options) == names
    assert picker.name == picker.menu.value == "obama_1"
    assert repr(picker) == "PicturePicker(name='obama_1')"
    shrunk = images.load_image(images.sample("faces/obama_1"), 300)
    np.testing.assert_array_equal(picker.image, shrunk)
    assert PicturePicker("styles", "Style").name == "bruegel_harvesters"


def test_a_choice_is_told_to_observers_and_previewed(picker):
    seen = []
    picker.observe(lambda change: seen.append(picker.name), "image")
    before = picker.preview.value
    picker.menu.value = "hopper_1"
    assert seen == ["hopper_1"] and picker.preview.value != before
    height, width, _ = shown(picker.preview).shape
    assert height == 120 and width <= 200


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


def test_the_button_counts_what_has_arrived(picker, upload):
    """It says "(0)" when it holds no file, which looks like a failure."""
    upload(picker.upload, "mine.png", encoded(np.ones((9, 9, 3), np.uint8)))
    if isinstance(picker.upload.value, tuple):  # ipywidgets 7 counts apart
        assert [file["name"] for file in picker.upload.value] == ["mine.png"]


def test_name_and_picture_change_together_or_not_at_all(picker, monkeypatch):
    image, preview = picker.image, picker.preview.value

    def unreadable(*_):
        raise ImageError("the file is gone")

    with monkeypatch.context() as patch:
        patch.setattr(images, "load_image", unreadable)
        picker.menu.value = "hopper_1"
    assert "the file is gone" in picker.message.value
    assert picker.name == picker.menu.value == "obama_1"
    assert picker.image is image and picker.preview.value == preview
    picker.menu.value = "hopper_1"
    assert picker.name == "hopper_1" and picker.message.value == ""


def test_a_file_can_be_uploaded_again_and_anew(picker, upload):
    for value in (0, 0, 1):
        picker.menu.value = "obama_2"
        file = encoded(np.full((9, 9, 3), value, np.uint8))
        upload(picker.upload, "mine.png", file)
        assert picker.name == "mine.png" and (picker.image == value).all()
    assert picker.menu.options.count("mine.png") == 1


def test_a_large_upload_is_shrunk_and_turned_upright(picker, upload):
    sideways = Image.fromarray(np.zeros((400, 800, 3), np.uint8))
    exif = sideways.getexif()
    exif[0x0112] = 6  # the camera was held upright
    buffer = io.BytesIO()
    sideways.save(buffer, "JPEG", exif=exif)
    upload(picker.upload, "phone.jpg", buffer.getvalue())
    assert picker.image.shape == (300, 150, 3)


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


def test_a_thread_of_a_picture_can_be_chosen(picker, upload):
    thread = np.zeros((1, 250, 3), np.uint8)
    upload(picker.upload, "thread.png", encoded(thread))
    assert picker.name == picker.menu.value == "thread.png"
    assert picker.image.shape == thread.shape


def test_what_does_not_exist_is_refused():
    with pytest.raises(ImageError, match="kind is one of"):
        PicturePicker("animals", "Picture")
    with pytest.raises(ImageError, match="obama_1"):
        PicturePicker("faces", "Picture", start="obama")


# Faces


@pytest.fixture
def group(app):
    return FacePicker(app, "Picture", "group8_office")


def test_the_largest_face_is_chosen_first(group, app):
    found = faces.detect_faces(app, group.picker.image)
    largest = faces.largest_face(found)
    assert len(group.found) == len(group.which_face.options) == 8
    np.testing.assert_array_equal(group.face.bbox, largest.bbox)
    crop = shown(group.crop).astype(int)
    assert np.abs(crop - aligned(group.picker.image, largest)).mean() < 5


def test_another_face_can_be_chosen(group):
    told = []
    group.observe(lambda change: told.append(change["new"]), "face")
    group.which_face.value = 0
    assert group.face is group.found[0] and told == [group.face]
    assert group.face.bbox[0] == min(face.bbox[0] for face in group.found)
    crop = shown(group.crop).astype(int)
    assert np.abs(crop - aligned(group.picker.image, group.face)).mean() < 5


def test_the_preview_is_dark_around_the_chosen_face(group):
    group.which_face.value = 5
    image, preview = group.picker.image, shown(group.picker.preview)
    scale = preview.shape[1] / image.shape[1]
    left, top, right, bottom = (scale * group.face.bbox).astype(int)
    small = Image.fromarray(image).resize(preview.shape[1::-1])
    ratio = preview.mean(2) / np.maximum(np.asarray(small).mean(2), 1)
    inside = ratio[top + 1 : bottom, left + 1 : right]
    assert inside.mean() > 0.85 and ratio[:, :left].mean() < 0.6


def test_one_face_leaves_no_choice(group):
    group.picker.menu.value = "obama_1"
    assert group.which_face.layout.display == "none"
    assert len(group.which_face.options) == 1
    group.picker.menu.value = "rushmore_stone_faces"
    assert group.which_face.layout.display is None


def test_without_a_face_the_sentence_names_only_what_is_here(group):
    group.picker.menu.value = "noface_cat"
    assert group.face is None and group.crop.layout.display == "none"
    assert "No face was found" in group.message.value
    assert "det_" not in group.message.value
    group.picker.menu.value = "obama_1"
    assert group.face is not None and group.message.value == ""
    assert group.crop.layout.display is None
