"""Enrol, ask and remove with the SearchExplorer, on a real gallery."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from course_utils import faces, images
from course_utils.widgets import SearchExplorer
from course_utils.widgets.pickers import aligned


@pytest.fixture
def gallery(app, tmp_path):
    return faces.FaceGallery(tmp_path / "gallery", app)


@pytest.fixture
def explorer(gallery):
    return SearchExplorer(gallery)


def enrol(explorer, picture, person):
    explorer.photo.picker.menu.value = picture
    explorer.name.value = person
    explorer.enrol.click()
    assert explorer.message.value == ""


def listed(explorer):
    """(person, similarity, photograph) of each row, without its picture."""
    rows = re.findall(r"<tr><td>(.*?)</td></tr>", explorer.matches.value)
    return [tuple(row.split("</td><td>")[1:]) for row in rows]


def crops(explorer):
    data = re.findall(r"base64,([^\"]+)", explorer.matches.value)
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(code))))
        for code in data
    ]


def test_an_empty_gallery_knows_nobody(explorer):
    assert "unknown</b>: nobody is enrolled yet" in explorer.decision.value
    assert explorer.people.options == () and explorer.remove.disabled
    assert listed(explorer) == []
    assert repr(explorer) == (
        "SearchExplorer(picture='obama_1', threshold=0.463, people=0, "
        "decision='unknown')"
    )


def test_enrolled_people_are_found_in_other_pictures(explorer, gallery):
    enrol(explorer, "obama_1", "Barack Obama")
    assert "Enrolled <b>Barack Obama</b>" in explorer.status.value
    enrol(explorer, "biden_1", "Joe Biden")
    assert gallery.people() == ["Barack Obama", "Joe Biden"]
    assert explorer.people.options == ("Barack Obama", "Joe Biden")
    explorer.photo.picker.menu.value = "obama_2"
    expected = gallery.search(explorer.photo.face.embedding)
    assert explorer.result == expected and expected.decision == "known"
    assert "known</b>: this is <b>Barack Obama</b>" in explorer.decision.value
    best, other = expected.matches
    assert listed(explorer) == [
        ("Barack Obama", f"{best.similarity:.3f}", "obama_1"),
        ("Joe Biden", f"{other.similarity:.3f}", "biden_1"),
    ]
    assert explorer.threshold.value == expected.threshold


def test_strangers_are_unknown_and_near_misses_uncertain(explorer):
    enrol(explorer, "obama_1", "Barack Obama")
    explorer.photo.picker.menu.value = "hopper_1"
    assert explorer.result.decision == "unknown"
    assert "unknown</b>: Barack Obama is nearest" in explorer.decision.value
    explorer.photo.picker.menu.value = "obama_2"
    similarity = explorer.result.matches[0].similarity
    for threshold, decision in (
        (similarity - 0.01, "known"),
        (similarity + 0.05, "uncertain"),
        (similarity + 0.15, "unknown"),
    ):
        explorer.threshold.value = threshold
        assert explorer.result.decision == decision
        assert f">{decision}</b>" in explorer.decision.value


def test_people_are_removed(explorer, gallery):
    enrol(explorer, "obama_1", "Barack Obama")
    enrol(explorer, "obama_2", "Barack Obama")
    enrol(explorer, "biden_1", "Joe Biden")
    explorer.people.value = "Barack Obama"
    explorer.remove.click()
    assert gallery.people() == ["Joe Biden"]
    assert "<b>Barack Obama</b> with 2 photographs" in explorer.status.value
    assert explorer.people.value == "Joe Biden"
    assert [row[0] for row in listed(explorer)] == ["Joe Biden"]
    (kept,) = explorer._portraits.values()
    assert [portrait.title for portrait in kept] == ["biden_1"]
    explorer.remove.click()
    assert len(gallery) == 0 and explorer.remove.disabled
    assert explorer.people.value is None
    assert "nobody is enrolled yet" in explorer.decision.value


def test_the_same_picture_counts_once(explorer, gallery):
    enrol(explorer, "obama_1", "Obama")
    explorer.enrol.click()
    assert "<b>Obama</b> is enrolled already" in explorer.status.value
    assert len(gallery) == 1


def test_a_name_is_needed_and_shown_as_written(explorer, gallery):
    explorer.name.value = "  "
    explorer.enrol.click()
    assert "needs a name" in explorer.message.value
    assert explorer.status.value == "" and len(gallery) == 0
    enrol(explorer, "obama_1", "<b>Zoë</b> & 李")
    assert gallery.people() == ["<b>Zoë</b> & 李"]
    assert "&lt;b&gt;Zoë&lt;/b&gt; &amp; 李" in explorer.status.value
    assert "&lt;b&gt;Zoë&lt;/b&gt; &amp; 李" in explorer.decision.value
    assert "&lt;b&gt;Zoë" in explorer.matches.value


def test_each_person_of_a_group_can_be_enrolled_and_asked(explorer, gallery):
    explorer.photo.picker.menu.value = "rushmore_stone_faces"
    for place, person in enumerate(("Washington", "Jefferson")):
        explorer.photo.which_face.value = place
        explorer.name.value = person
        explorer.enrol.click()
        assert explorer.message.value == ""
    assert gallery.people() == ["Jefferson", "Washington"]
    for place, person in enumerate(("Washington", "Jefferson")):
        explorer.photo.which_face.value = place
        best, _ = explorer.result.matches
        assert best.person == person
        assert best.similarity == pytest.approx(1, abs=1e-5)
        expected = aligned(explorer.photo.picker.image, explorer.photo.face)
        assert np.abs(crops(explorer)[0].astype(int) - expected).mean() < 6


def test_enter_in_the_name_field_enrols(explorer, gallery):
    explorer.name.value = "Barack Obama"
    press_enter(explorer.name)
    assert gallery.people() == ["Barack Obama"]
    explorer.photo.picker.menu.value = "noface_cat"
    press_enter(explorer.name)
    assert explorer.message.value == "" and len(gallery) == 1


def press_enter(field):
    field._handle_custom_msg({"event": "submit"}, [])


def test_without_a_face_there_is_nothing_to_enrol(explorer):
    enrol(explorer, "obama_1", "Obama")
    explorer.photo.picker.menu.value = "noface_cat"
    assert explorer.enrol.disabled and explorer.result is None
    assert explorer.decision.value == explorer.matches.value == ""
    assert "No face was found" in explorer.photo.message.value
    explorer.photo.picker.menu.value = "obama_2"
    assert not explorer.enrol.disabled
    assert explorer.result.decision == "known"


def test_uploads_can_be_enrolled_and_asked(explorer, upload):
    file = images.sample("faces/giunchedi_1")
    upload(explorer.photo.picker.upload, "<me>.jpg", file.read_bytes())
    explorer.name.value = "Me"
    explorer.enrol.click()
    assert "with &lt;me&gt;.jpg." in explorer.status.value
    explorer.photo.picker.menu.value = "giunchedi_1"
    assert listed(explorer) == [("Me", "1.000", "&lt;me&gt;.jpg")]
    assert len(crops(explorer)) == 1


def test_an_upload_that_lies_on_its_side(explorer, upload, photo):
    upright = photo("faces/obama_1")
    file = io.BytesIO()
    Image.fromarray(np.rot90(upright)).save(file, "PNG")
    upload(explorer.photo.picker.upload, "turned.png", file.getvalue())
    explorer.name.value = "Obama"
    explorer.enrol.click()
    explorer.photo.picker.menu.value = "obama_1"
    assert explorer.result.matches[0].similarity > 0.9
    (crop,) = crops(explorer)
    expected = aligned(upright, explorer.photo.face)
    assert np.abs(crop - expected.astype(float)).mean() < 20


def test_photographs_enrolled_elsewhere_are_shown_where_they_can_be(
    gallery, app, tmp_path, photo
):
    gone = tmp_path / "gone.jpg"
    gone.write_bytes(images.sample("faces/biden_1").read_bytes())
    gallery.enrol("Joe Biden", gone)
    gone.unlink()
    group = images.sample("faces/rushmore_stone_faces")
    gallery.enrol("Lincoln", group, which_face=3)
    explorer = SearchExplorer(gallery, start="obama_2")
    # Somebody else enrols meanwhile; the next question sees it.
    gallery.enrol("Barack Obama", images.sample("faces/obama_1"))
    explorer.photo.picker.menu.value = "obama_3"
    titles = {person: title for person, _, title in listed(explorer)}
    assert titles == {
        "Barack Obama": "obama_1",
        "Lincoln": "rushmore_stone_faces",
        "Joe Biden": "not at hand",
    }
    from insightface.utils.face_align import norm_crop

    image = photo("faces/rushmore_stone_faces")
    lincoln = norm_crop(image, faces.detect_faces(app, image)[3].kps)
    shown = crops(explorer)
    assert len(shown) == 2
    nearest = min(np.abs(crop.astype(int) - lincoln).mean() for crop in shown)
    assert nearest < 5
    assert set(explorer.people.options) == set(titles)


def test_an_error_is_shown(explorer, monkeypatch):
    def broken(*_, **__):
        raise OSError("the disk is full")

    enrol(explorer, "obama_1", "Obama")
    with monkeypatch.context() as patch:
        patch.setattr(explorer.gallery, "remove", broken)
        explorer.remove.click()
    assert "OSError: the disk is full" in explorer.message.value
    assert explorer.status.value == ""
    explorer.remove.click()
    assert explorer.message.value == "" and len(explorer.gallery) == 0
