"""The gallery: enrol, search, remove, and who may not be enrolled."""

import numpy as np
import pytest

from course_utils import faces, images
from course_utils.images import ImageError, sample

SIZE = 16
PACK = faces.PackIdentity("invented", "0" * 64, SIZE)


@pytest.fixture
def gallery(app, tmp_path):
    """An empty gallery for the embedded pack."""
    return faces.FaceGallery(tmp_path / "gallery", app)


@pytest.fixture
def vectors(tmp_path):
    """An empty gallery for made-up embeddings of 16 numbers."""
    return faces.FaceGallery(tmp_path / "vectors")


def enrol(gallery, people, embeddings, pack=PACK):
    """Enrol made-up embeddings; each row counts as another photograph."""
    start = len(gallery)
    numbers = range(start, start + len(people))
    return gallery.enrol_embeddings(
        people,
        embeddings,
        [f"{number}.jpg" for number in numbers],
        digests=[number.to_bytes(32, "big") for number in numbers],
        pack=pack,
    )


def test_known_people_are_found_and_others_are_not(gallery, photo):
    added = gallery.enrol(
        "Obama", [sample("faces/obama_1"), sample("faces/obama_2")]
    ).added
    gallery.enrol("Hopper", photo("faces/hopper_1"))
    result = gallery.search(photo("faces/obama_3"))
    assert (result.decision, result.person) == ("known", "Obama")
    assert [match.person for match in result.matches] == ["Obama", "Hopper"]
    assert result.matches[0].photograph in added
    stranger = gallery.search(photo("faces/collins_1"))
    assert (stranger.decision, stranger.person) == ("unknown", None)


def test_an_empty_gallery_knows_nobody(gallery, photo):
    result = gallery.search(photo("faces/obama_1"))
    assert (result.matches, result.decision) == ((), "unknown")
    assert gallery.people() == [] and len(gallery) == 0


@pytest.mark.parametrize(
    "name, error, words",
    [
        ("noface_cat", faces.NoFaceError, "No face was found"),
        ("group8_office", faces.SeveralFacesError, "8 faces"),
    ],
)
def test_what_cannot_be_enrolled(gallery, name, error, words):
    with pytest.raises(error, match=words):
        gallery.enrol("Ann", sample(f"faces/{name}"))
    assert gallery.people() == []


def test_one_bad_photograph_does_not_stop_the_others(gallery):
    paths = [sample("faces/noface_cat"), sample("faces/obama_1"), "gone.jpg"]
    done = gallery.enrol("Obama", paths)
    assert done.added == (str(paths[1]),)
    assert [row.photograph for row in done.rejected] == [
        str(paths[0]),
        "gone.jpg",
    ]
    with pytest.raises(ImageError, match="is a file or an RGB array"):
        gallery.enrol("Obama", 3)


def test_the_same_photograph_counts_once_for_a_person(gallery, tmp_path):
    path = sample("faces/obama_1")
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(path.read_bytes())
    assert gallery.enrol("Obama", [path, copy]).duplicates == (str(copy),)
    assert gallery.enrol("Obama", copy).duplicates == (str(copy),)
    gallery.enrol("Barack", copy)
    assert len(gallery) == 2 and gallery.people() == ["Barack", "Obama"]


def test_remove_and_rename(vectors):
    enrol(vectors, ["Ann", "Bob", "Ann", "Cem"], np.eye(SIZE)[:4])
    assert vectors.remove("Ann") == 2
    vectors.rename("Bob", "Bea")
    assert vectors.people() == ["Bea", "Cem"] and len(vectors) == 2
    assert vectors.search(np.eye(SIZE)[1], threshold=0.5).person == "Bea"
    with pytest.raises(faces.UnknownPersonError, match="Nobody called 'Ann'"):
        vectors.remove("Ann")


def test_an_embedding_of_another_pack_or_size(vectors):
    enrol(vectors, ["Ann"], np.eye(SIZE)[:1])
    other = faces.PackIdentity("invented", "1" * 64, SIZE)
    with pytest.raises(faces.WrongPackError, match="do not compare"):
        enrol(vectors, ["Bob"], np.eye(SIZE)[:1], other)
    with pytest.raises(faces.WrongPackError, match="16 numbers, not 8"):
        vectors.search(np.ones(8), threshold=0.5)


def test_the_sample_pictures_are_all_accepted_or_explained(gallery):
    for file in images.samples("faces"):
        try:
            gallery.enrol(file.stem, file)
        except (faces.EnrolmentError, faces.NoFaceError) as error:
            assert len(str(error)) > 20
    assert "obama_1" in gallery.people()
