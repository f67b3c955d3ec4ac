"""Enrol, ask and remove with the SearchExplorer, on a real gallery."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from course_utils import images
from course_utils.widgets import SearchExplorer
from course_utils.widgets.pickers import aligned


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
    pictures = (Image.open(io.BytesIO(base64.b64decode(d))) for d in data)
    return [np.asarray(picture).astype(int) for picture in pictures]


def test_enrolled_people_are_found_in_other_pictures(explorer, gallery):
    assert "unknown</b>: nobody is enrolled yet" in explorer.decision.value
    assert explorer.remove.disabled and listed(explorer) == []
    enrol(explorer, "obama_1", "Barack Obama")
    assert "Enrolled <b>Barack Obama</b>" in explorer.status.value
    enrol(explorer, "biden_1", "Joe Biden")
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


def test_strangers_are_unknown_and_near_misses_uncertain(explorer):
    enrol(explorer, "obama_1", "Barack Obama")
    explorer.photo.picker.menu.value = "obama_2"
    similarity = explorer.result.matches[0].similarity
    for threshold, answer in (
        (similarity - 0.01, ">known</b>: this is"),
        (similarity + 0.05, ">uncertain</b>: Barack Obama is nearest"),
        (similarity + 0.15, ">unknown</b>: Barack Obama is nearest"),
    ):
        explorer.threshold.value = threshold
        assert answer in explorer.decision.value


def test_one_face_under_two_names_is_asked_about_and_uncertain(explorer):
    enrol(explorer, "obama_1", "Barack")
    enrol(explorer, "obama_1", "<Obama>")
    assert "<b>Barack</b> already: is it one person" in explorer.status.value
    assert ">uncertain</b>: this may be <b>" in explorer.decision.value
    for name in ("Barack", "&lt;Obama&gt;"):
        assert f"<b>{name}</b>" in explorer.decision.value


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
    ((title, _),) = explorer._portraits.values()  # of the others none stays
    assert title == "biden_1"
    explorer.remove.click()
    assert len(gallery) == 0 and explorer.remove.disabled
    assert explorer.people.value is None
    assert "nobody is enrolled yet" in explorer.decision.value


def test_a_name_is_needed_shown_as_written_and_counts_once(explorer, gallery):
    explorer.name.value = "  "
    explorer.enrol.click()
    assert "needs a name" in explorer.message.value
    assert explorer.status.value == "" and len(gallery) == 0
    enrol(explorer, "obama_1", "<b>Zoë</b> & 李")
    assert gallery.people() == ["<b>Zoë</b> & 李"]
    for text in (explorer.status, explorer.decision, explorer.matches):
        assert "&lt;b&gt;Zoë&lt;/b&gt; &amp; 李" in text.value
    explorer.enrol.click()
    assert "is enrolled already" in explorer.status.value
    assert len(gallery) == 1


def test_each_person_of_a_group_can_be_enrolled_and_asked(explorer):
    explorer.photo.picker.menu.value = "rushmore_stone_faces"
    people = ("Washington", "Jefferson")
    for explorer.photo.which_face.value, person in enumerate(people):
        explorer.name.value = person
        explorer.enrol.click()
        assert explorer.message.value == ""
    for explorer.photo.which_face.value, person in enumerate(people):
        best, _ = explorer.result.matches
        assert best.person == person
        assert best.similarity == pytest.approx(1, abs=1e-5)
        expected = aligned(explorer.photo.picker.image, explorer.photo.face)
        assert np.abs(crops(explorer)[0] - expected).mean() < 6


def test_enter_enrols_and_without_a_face_nothing_does(explorer, gallery):
    explorer.name.value = "Barack Obama"
    press_enter(explorer.name)
    assert gallery.people() == ["Barack Obama"]
    explorer.photo.picker.menu.value = "noface_cat"
    assert explorer.enrol.disabled and explorer.result is None
    assert explorer.decision.value == explorer.matches.value == ""
    press_enter(explorer.name)
    assert "greyed out" in explorer.message.value and len(gallery) == 1
    explorer.photo.picker.menu.value = "obama_2"
    assert explorer.result.decision == "known" and not explorer.enrol.disabled


def press_enter(field):
    field._handle_custom_msg({"event": "submit"}, [])


def test_uploads_can_be_enrolled_and_asked(explorer, upload):
    file = images.sample("faces/giunchedi_1")
    upload(explorer.photo.picker.upload, "<me>.jpg", file.read_bytes())
    explorer.name.value = "Me"
    explorer.enrol.click()
    assert "with &lt;me&gt;.jpg." in explorer.status.value
    explorer.photo.picker.menu.value = "giunchedi_1"
    assert listed(explorer) == [("Me", "1.000", "&lt;me&gt;.jpg")]
    assert len(crops(explorer)) == 1


def test_photographs_enrolled_elsewhere_are_shown_where_they_can_be(
    gallery, tmp_path
):
    gone = tmp_path / "gone.jpg"
    gone.write_bytes(images.sample("faces/biden_1").read_bytes())
    gallery.enrol("Joe Biden", gone)
    gone.unlink()
    group = images.sample("faces/rushmore_stone_faces")
    gallery.enrol("Lincoln", group, which_face=3)
    explorer = SearchExplorer(gallery)
    explorer.photo.picker.menu.value = "rushmore_stone_faces"
    # Somebody else enrols meanwhile; the next question sees it.
    gallery.enrol("Barack Obama", images.sample("faces/obama_1"))
    explorer.photo.which_face.value = 3
    titles = {person: title for person, _, title in listed(explorer)}
    assert titles == {
        "Lincoln": "rushmore_stone_faces",
        "Barack Obama": "obama_1",
        "Joe Biden": "not at hand",
    }
    lincoln = aligned(explorer.photo.picker.image, explorer.photo.face)
    shown, _ = crops(explorer)
    assert np.abs(shown - lincoln).mean() < 5  # not another of the four
    assert set(explorer.people.options) == set(titles)
