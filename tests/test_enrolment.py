"""Enrolling folders of photographs: nothing lost, nothing doubled."""

import os
import shutil
import signal
import sys
import unicodedata

import numpy as np
import pytest

from course_utils import faces
from course_utils.faces import enrolment
from course_utils.images import sample

PHOTOGRAPHS = 7


def test_everybody_of_a_folder_is_enrolled(
    people, gallery, app, tmp_path, capfd
):
    report = faces.enrol_folder(gallery, people)
    assert "7/7" in capfd.readouterr().err  # the bar
    assert report == enrolment.FolderReport(sorted(people.glob("*/*.jpg")))
    assert str(report) == "7 added, 0 duplicates, 0 rejected, 0 remaining"
    by_hand = faces.FaceGallery(tmp_path / "by_hand", app)
    for folder in sorted(people.iterdir()):
        by_hand.enrol(folder.name, sorted(folder.iterdir()))
    assert gallery.enrolled() == by_hand.enrolled()
    ours, theirs = gallery.embeddings(), by_hand.embeddings()
    assert ours.photographs == theirs.photographs
    np.testing.assert_allclose(ours.matrix, theirs.matrix, atol=1e-6)


def test_a_second_run_looks_only_at_what_is_new(people, gallery, monkeypatch):
    faces.enrol_folder(gallery, people, progress=False)
    new = people / "Joe Biden" / "another.jpg"
    shutil.copy(sample("faces/giunchedi_1"), new)
    examine, seen = enrolment.examine, []
    monkeypatch.setattr(
        enrolment,
        "examine",
        lambda load, each: seen.append(each.path) or examine(load, each),
    )
    report = faces.enrol_folder(gallery, people, progress=False)
    assert seen == report.added == [new]
    assert len(report.duplicates) == PHOTOGRAPHS


def test_copies_are_enrolled_once_a_person(people, gallery):
    hopper = people / "Grace Hopper"
    shutil.copy(hopper / "hopper_1.jpg", hopper / "the_same_again.jpg")
    shutil.copy(hopper / "hopper_1.jpg", people / "Joe Biden")
    report = faces.enrol_folder(gallery, people, progress=False)
    assert report.duplicates == [hopper / "the_same_again.jpg"]
    assert people / "Joe Biden" / "hopper_1.jpg" in report.added
    assert len(gallery) == PHOTOGRAPHS + 1


def test_what_cannot_be_enrolled_is_reported(people, gallery):
    nobody = people / "Nobody"
    nobody.mkdir()
    for name in ("noface_cat", "group8_office"):
        shutil.copy(sample(f"faces/{name}"), nobody)
    whole = sample("faces/obama_1").read_bytes()
    (nobody / "cut.jpg").write_bytes(whole[:5000])
    (nobody / ".DS_Store").touch()
    (people / "stray.jpg").touch()
    report = faces.enrol_folder(gallery, people, progress=False)
    assert len(report.added) == PHOTOGRAPHS
    found = {path.name: reason for path, reason in report.rejected}
    for name, words in {
        "noface_cat.jpg": "No face was found",
        "group8_office.jpg": "8 faces",
        "cut.jpg": "damaged",
        "stray.jpg": "no person's folder",
    }.items():
        assert words in found.pop(name)
    assert not found


def test_folders_in_folders_but_hidden_ones(people, gallery):
    obama = people / "Barack Obama"
    for name in ("2009/january", ".thumbnails"):
        (obama / name).mkdir(parents=True)
        shutil.copy(sample("faces/obama_partial_left"), obama / name)
    report = faces.enrol_folder(gallery, people, progress=False)
    deep = obama / "2009" / "january" / "obama_partial_left.jpg"
    assert deep in report.added and len(report.added) == PHOTOGRAPHS + 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_names_in_any_script(people, gallery):
    composed = people / unicodedata.normalize("NFC", "Zoë Łukasz 高橋")
    decomposed = people / unicodedata.normalize("NFD", composed.name)
    for folder, name in ((composed, "hopper_1"), (decomposed, "biden_1")):
        folder.mkdir()
        shutil.copy(sample(f"faces/{name}"), folder)
    shutil.copy(sample("faces/obama_1"), composed / os.fsdecode(b"\xff.jpg"))
    broken = people / os.fsdecode(b"broken \xff name") / "photograph.jpg"
    broken.parent.mkdir()
    broken.touch()
    report = faces.enrol_folder(gallery, people, progress=False)
    assert len(report.added) == PHOTOGRAPHS + 3
    assert len(gallery.people()) == 5 and composed.name in gallery.people()
    assert [path for path, _ in report.rejected] == [broken]


class Interrupted:
    """A pool that is interrupted, as by Ctrl-C, after three photographs."""

    def imap_unordered(self, look, photographs):
        for photograph in photographs[:3]:
            yield look(photograph)
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_keeps_what_is_done(people, gallery):
    report = faces.enrol_folder(
        gallery, people, pool=Interrupted(), progress=False
    )
    assert len(report.added) == 3
    assert len(report.remaining) == PHOTOGRAPHS - 3
    assert len(gallery) == 3
    rest = faces.enrol_folder(gallery, people, progress=False)
    assert rest.added == report.remaining
    assert not rest.remaining and len(gallery) == PHOTOGRAPHS


def test_a_folder_that_is_not_there(tmp_path, gallery):
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        faces.enrol_folder(gallery, tmp_path / "missing")
