"""Pictures are chosen and uploaded for real, with either ipywidgets."""

import numpy as np
import pytest
from pictures import pixels, png
from PIL import Image

from course_utils import faces, images
from course_utils.widgets import PicturePicker
from course_utils.widgets.pickers import FacePicker, aligned


@pytest.fixture
def picker():
    return PicturePicker("faces", "Picture", start="obama_1", max_side=300)


@pytest.fixture
def told(picker):
    """The names of all pictures that observers were told of."""
    names = []
    picker.observe(lambda change: names.append(picker.name), "image")
    return names


def test_every_sample_can_be_chosen(picker, told):
    names = [path.stem for path in images.samples("faces")]
    assert list(picker.menu.options) == names
    assert picker.name == picker.menu.value == "obama_1"
    shrunk = images.load_image(images.sample("faces/obama_1"), 300)
    np.testing.assert_array_equal(picker.image, shrunk)
    before = picker.preview.value
    picker.menu.value = "hopper_1"
    assert told == ["hopper_1"] and picker.preview.value != before
    height, width, _ = pixels(picker.preview).shape
    assert height == 120 and width <= 200


def test_an_upload_is_chosen_and_stays_in_the_menu(picker, told, upload):
    red = np.full((40, 60, 3), (200, 0, 0), np.uint8)
    upload(picker.upload, "mine.png", png(red))
    assert told == ["mine.png"]
    assert picker.name == picker.menu.value == "mine.png"
    np.testing.assert_array_equal(picker.image, red)
    picker.menu.value = "obama_2"
    picker.menu.value = "mine.png"
    np.testing.assert_array_equal(picker.image, red)
    # The button would say "(0)", as after a failure, if it held no file.
    assert len(picker.upload.value) or picker.upload.has_trait("metadata")


def test_a_file_can_be_uploaded_again_and_anew(picker, upload):
    for value in (0, 0, 1):
        picker.menu.value = "obama_2"
        file = png(np.full((9, 9, 3), value, np.uint8))
        upload(picker.upload, "mine.png", file)
        assert picker.name == "mine.png" and (picker.image == value).all()
    assert picker.menu.options.count("mine.png") == 1


@pytest.mark.parametrize("shape", [(800, 400, 3), (1, 250, 3)])
def test_any_shape_of_an_upload_fits(picker, upload, shape):
    upload(picker.upload, "phone.png", png(np.zeros(shape, np.uint8)))
    assert picker.name == picker.menu.value == "phone.png"
    assert picker.image.shape == ((300, 150, 3) if shape[0] > 1 else shape)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("empty.jpg", b"", "empty.jpg is not a picture"),
        ("<i>.jpg", b"?", "&lt;i&gt;.jpg is not a picture"),
        (
            "half.jpg",
            images.sample("faces/obama_2").read_bytes()[:20_000],
            "half.jpg is damaged",
        ),
    ],
)
def test_a_bad_upload_changes_nothing(picker, upload, name, content, words):
    before, options = picker.image, picker.menu.options
    upload(picker.upload, name, content)
    assert words in picker.message.value
    assert picker.image is before and picker.menu.options == options
    assert picker.name == picker.menu.value == "obama_1"
    upload(picker.upload, "good.png", png(before))
    assert picker.message.value == "" and picker.name == "good.png"


# Faces


@pytest.fixture
def group(app):
    return FacePicker(app, "Picture", "group8_office")


def same_crop(group):
    crop = pixels(group.crop).astype(int)
    expected = aligned(group.picker.image, group.face)
    return np.abs(crop - expected).mean() < 5


def test_the_largest_face_is_chosen_first_and_then_another(group):
    told = []
    group.observe(lambda change: told.append(change["new"]), "face")
    assert len(group.found) == len(group.which_face.options) == 8
    assert group.face is faces.largest_face(group.found) and same_crop(group)
    group.which_face.value = 0
    assert group.face is group.found[0] and told == [group.face]
    assert group.face.bbox[0] == min(face.bbox[0] for face in group.found)
    assert same_crop(group)


def test_the_preview_is_dark_around_the_chosen_face(group):
    group.which_face.value = 5
    image, preview = group.picker.image, pixels(group.picker.preview)
    scale = preview.shape[1] / image.shape[1]
    left, top, right, bottom = (scale * group.face.bbox).astype(int)
    small = Image.fromarray(image).resize(preview.shape[1::-1])
    ratio = preview.mean(2) / np.maximum(np.asarray(small).mean(2), 1)
    inside = ratio[top + 1 : bottom, left + 1 : right]
    assert inside.mean() > 0.85 and ratio[:, :left].mean() < 0.6


def test_no_face_is_explained_and_one_leaves_no_choice(group):
    group.picker.menu.value = "noface_cat"
    assert group.face is None and group.crop.layout.display == "none"
    assert "No face was found" in group.message.value
    assert "det_" not in group.message.value  # no knob that is not here
    group.picker.menu.value = "obama_1"
    assert group.face is not None and group.message.value == ""
    assert group.crop.layout.display is None
    assert group.which_face.layout.display == "none"
    group.picker.menu.value = "rushmore_stone_faces"
    assert group.which_face.layout.display is None
