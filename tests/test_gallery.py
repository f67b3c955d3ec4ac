"""The gallery: enrol, search, remove, and who may not be enrolled."""

import os
import shutil

import cv2
import numpy as np
import pytest

from course_utils import faces
from course_utils.images import ImageError, sample

SIZE = 16
PACK = faces.gallery.PackIdentity("invented", "0" * 64, SIZE)


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


def test_strangers_are_not_taken_for_anybody(gallery, photo):
    group = photo("faces/group8_office")
    for place in range(4):
        gallery.enrol(f"Colleague {place}", group, which_face=place)
    gallery.enrol("Obama", photo("faces/obama_1"))
    gallery.enrol("Hopper", photo("faces/hopper_1"))
    strangers = ["biden_1", "collins_1", "giunchedi_1", "paumier_profile"]
    for stranger in strangers:
        result = gallery.search(photo(f"faces/{stranger}"))
        assert result.person is None and result.decision != "known", stranger
        assert len(result.matches) == 5
    assert gallery.search(photo("faces/obama_2")).person == "Obama"


def test_an_empty_gallery_knows_nobody(gallery, photo):
    result = gallery.search(photo("faces/obama_1"))
    assert (result.matches, result.decision) == ((), "unknown")
    assert gallery.people() == [] and len(gallery) == 0


@pytest.mark.parametrize(
    "name, error, words",
    [
        ("noface_cat", faces.NoFaceError, "No face was found"),
        ("group8_office", faces.quality.SeveralFacesError, "8 faces"),
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
        os.path.abspath("gone.jpg"),
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
    with pytest.raises(
        faces.gallery.UnknownPersonError, match="Nobody called 'Ann'"
    ):
        vectors.remove("Ann")


def test_an_embedding_of_another_pack_or_size(vectors):
    enrol(vectors, ["Ann"], np.eye(SIZE)[:1])
    other = faces.gallery.PackIdentity("invented", "1" * 64, SIZE)
    with pytest.raises(faces.gallery.WrongPackError, match="do not compare"):
        enrol(vectors, ["Bob"], np.eye(SIZE)[:1], other)
    with pytest.raises(faces.gallery.WrongPackError, match="16 numbers, not 8"):
        vectors.search(np.ones(8), threshold=0.5)


@pytest.mark.parametrize(
    "embedding, words",
    [
        (np.full((1, SIZE), np.nan), "not finite"),
        (np.zeros((1, SIZE)), "all zeros"),
        (np.full((1, SIZE), 1e30), "not finite"),
        (np.ones(SIZE), "have shape"),
        (np.ones((2, SIZE)), "a row, not 1, 1, 1, 2"),
    ],
)
def test_embeddings_that_are_none(vectors, embedding, words):
    enrol(vectors, ["Ann"], np.eye(SIZE)[:1])
    with pytest.raises(ValueError, match=words), np.errstate(over="ignore"):
        enrol(vectors, ["Bob"], embedding)
    assert vectors.people() == ["Ann"]
    with pytest.raises(ValueError, match="not finite"):
        vectors.search(np.full(SIZE, np.nan), threshold=0.5)


@pytest.mark.parametrize(
    "query, words",
    [
        ("who.jpg", "not for str"),
        (None, "not for NoneType"),
        (np.ones((1, SIZE)), r"not for ndarray \(1, 16\)"),
        (np.zeros((9, 9), np.uint8), r"not for ndarray \(9, 9\)"),
    ],
)
def test_what_nobody_can_be_searched_with(vectors, query, words):
    for _ in range(2):  # also while it is empty
        with pytest.raises(ValueError, match=words):
            vectors.search(query, threshold=0.5)
        enrol(vectors, ["Ann"], np.eye(SIZE)[:1])
    assert vectors.search(list(np.eye(SIZE)[0]), threshold=0.5).person == "Ann"


def test_a_face_is_searched_by_its_embedding(gallery, app, photo):
    (face,) = faces.detect_faces(app, photo("faces/obama_1"))
    with pytest.raises(ValueError, match="face.embedding.* not for Face"):
        gallery.search(face)


def test_names_may_be_any_unicode_text(vectors):
    names = ["Åse", "李小龍", "محمد", "👩‍🚀 Collins", "a/b\\c", "'; DROP", " "]
    with pytest.raises(ValueError, match="needs a name"):
        enrol(vectors, names, np.eye(SIZE)[:7])
    with pytest.raises(ValueError, match="valid Unicode"):
        enrol(vectors, ["\ud800"], np.eye(SIZE)[:1])
    assert vectors.people() == []
    enrol(vectors, names[:6], np.eye(SIZE)[:6])
    assert vectors.people() == sorted(names[:6])
    vectors.rename("A\u030ase", "Åsa")  # an accent typed as a second letter
    for name in ["Åsa", *names[1:6]]:
        assert vectors.remove(name) == 1
    assert vectors.people() == []


def test_nobody_takes_the_name_of_somebody_else(vectors):
    enrol(vectors, ["Ann", "Bob"], np.eye(SIZE)[:2])
    with pytest.raises(ValueError, match="enrolled already"):
        vectors.rename("Ann", "Bob")
    vectors.rename("Ann", "Ann ")  # the same name
    assert vectors.people() == ["Ann", "Bob"]


def test_one_of_several_faces(gallery, app, photo):
    group = photo("faces/group8_office")
    third = faces.detect_faces(app, group)[2]
    gallery.enrol("Third", group, which_face=2)
    similarity = gallery.search(third.embedding).matches[0].similarity
    assert similarity == pytest.approx(1, abs=1e-4)
    with pytest.raises(faces.quality.SeveralFacesError, match="0 to 7"):
        gallery.enrol("Ninth", group, which_face=8)
    with pytest.raises(ValueError, match="a single photograph"):
        gallery.enrol("Third", [group, group], which_face=2)
    with pytest.raises(faces.quality.SeveralFacesError, match="8 faces"):
        gallery.search(group)
    with pytest.raises(faces.NoFaceError):
        gallery.search(photo("faces/noface_cat"))


def test_a_face_too_small_or_too_blurred(gallery, photo):
    image = photo("faces/obama_1")  # its face is 217 pixels wide
    small = cv2.resize(image, None, fx=0.07, fy=0.07)
    with pytest.raises(
        faces.quality.PoorFaceError, match="pixels wide"
    ) as too_small:
        gallery.enrol("Obama", small)
    assert 12 < too_small.value.measured < too_small.value.limit
    blurred = cv2.GaussianBlur(image, (0, 0), 10)
    with pytest.raises(
        faces.quality.PoorFaceError, match="blurred"
    ) as too_blurred:
        gallery.enrol("Obama", blurred)
    assert too_blurred.value.measured < too_blurred.value.limit
    gallery.enrol("Obama", cv2.resize(image, None, fx=0.2, fy=0.2))
    assert gallery.search(image).person == "Obama"


def test_a_gallery_keeps_to_its_pack(gallery, app, tmp_path, photo):
    gallery.enrol("Obama", photo("faces/obama_1"))
    reopened = faces.FaceGallery(gallery.path)  # loads the pack by itself
    assert reopened.search(photo("faces/obama_2")).person == "Obama"
    assert reopened.pack == faces.gallery.pack_identity(app)
    other = shutil.copytree(app.model_dir, tmp_path / "other")
    with (other / "recognition.onnx").open("ab") as model:
        model.write(b"\x7a\x00")  # an empty, unknown field: same network
    with pytest.raises(faces.gallery.WrongPackError, match="do not compare"):
        faces.FaceGallery(gallery.path, faces.load_face_analysis(other))


def test_between_known_and_unknown(vectors):
    enrol(vectors, ["Ann"], np.eye(SIZE)[:1])

    def ask(similarity):
        rest = np.sqrt(1 - similarity**2)
        query = similarity * np.eye(SIZE)[0] + rest * np.eye(SIZE)[1]
        return vectors.search(query, threshold=0.5)

    assert (ask(0.51).decision, ask(0.51).person) == ("known", "Ann")
    assert (ask(0.49).decision, ask(0.49).person) == ("uncertain", None)
    assert (ask(0.41).decision, ask(0.41).person) == ("uncertain", None)
    assert (ask(0.39).decision, ask(0.39).person) == ("unknown", None)
    with pytest.raises(ValueError, match="No threshold is published"):
        vectors.search(np.ones(SIZE))
    with pytest.raises(ValueError, match="k must be at least 1"):
        vectors.search(np.ones(SIZE), k=0)


def test_between_two_names(vectors):
    """Two names about as similar: it could be either."""
    enrol(vectors, ["Ann", "Bob"], np.eye(SIZE)[:2])

    def ask(ann, bob):
        rest = np.sqrt(1 - ann**2 - bob**2)
        query = rest * np.eye(SIZE)[2]
        query[:2] = ann, bob
        return vectors.search(query, k=1, threshold=0.5)

    assert (ask(0.7, 0.59).decision, ask(0.7, 0.59).person) == ("known", "Ann")
    assert (ask(0.7, 0.61).decision, ask(0.7, 0.61).person) == (
        "uncertain",
        None,
    )
    assert ask(0.35, 0.34).decision == "unknown"
    assert len(ask(0.7, 0.61).matches) == 1


def test_one_face_under_two_names_is_told(gallery, photo):
    assert gallery.enrol("Obama", photo("faces/obama_1")).lookalikes == ()
    assert gallery.enrol("Obama", photo("faces/obama_2")).lookalikes == ()
    assert gallery.enrol("Hopper", photo("faces/hopper_1")).lookalikes == ()
    (other,) = gallery.enrol("Barack", photo("faces/obama_3")).lookalikes
    assert other.person == "Obama" and other.similarity > 0.7
    result = gallery.search(photo("faces/obama_partial_left"))
    assert {match.person for match in result.matches[:2]} == {"Obama", "Barack"}


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_photographs_that_lie_on_their_side(gallery, photo, quarters):
    """Their embeddings would have nothing to do with the person."""
    names = ["collins_1", "giunchedi_1", "obama_1", "paumier_profile"]
    for name in names:
        turned = np.rot90(photo(f"faces/{name}"), quarters)
        gallery.enrol(name, np.ascontiguousarray(turned))
    for name in names:
        upright = gallery.search(photo(f"faces/{name}"))
        assert upright.person == name
        assert upright.matches[0].similarity > 0.9
    turned = np.ascontiguousarray(np.rot90(photo("faces/obama_2"), quarters))
    assert gallery.search(turned).person == "obama_1"
    with pytest.raises(faces.NoFaceError):
        gallery.enrol("Cat", photo("faces/noface_cat"))


def test_each_person_once_by_the_best_photograph(vectors):
    generator = np.random.default_rng(0)
    people = [f"P{n % 7}" for n in range(700)]
    rows = generator.standard_normal((700, SIZE))
    enrol(vectors, people, rows)
    query = generator.standard_normal(SIZE)
    result = vectors.search(query, k=10, threshold=0.5)
    cosines = [faces.cosine_similarity(row, query) for row in rows]
    best = {}
    for n in np.argsort(cosines)[::-1]:
        best.setdefault(people[n], (f"{n}.jpg", cosines[n]))
    assert [match.person for match in result.matches] == list(best)
    for match in result.matches:
        photograph, cosine = best[match.person]
        assert match.photograph == photograph
        assert match.similarity == pytest.approx(cosine, abs=1e-5)


def test_ten_thousand_people(vectors):
    count = 10_000
    rows = np.random.default_rng(0).standard_normal((count, SIZE))
    enrol(vectors, [f"Person {n}" for n in range(count)], rows)
    reopened = faces.FaceGallery(vectors.path)
    assert len(reopened.people()) == len(reopened) == count
    for n in (0, 4711, count - 1):
        assert reopened.search(rows[n], threshold=0.99).person == f"Person {n}"
    assert enrol_again(vectors, count, rows) == []
    vectors.remove("Person 4711")
    assert len(reopened) == count - 1
    assert reopened.search(rows[4711], threshold=0.99).person is None


def enrol_again(gallery, count, rows):
    return gallery.enrol_embeddings(
        [f"Person {n}" for n in range(count)],
        rows,
        [f"{n}.jpg" for n in range(count)],
        digests=[n.to_bytes(32, "big") for n in range(count)],
        pack=PACK,
    )


def test_a_gallery_of_an_earlier_version(tmp_path):
    (tmp_path / "faces.lance").mkdir()
    with pytest.raises(faces.GalleryError, match="an earlier version"):
        faces.FaceGallery(tmp_path)
    assert os.listdir(tmp_path) == ["faces.lance"]


@pytest.mark.skipif(os.name == "nt", reason="~name is POSIX")
def test_a_home_folder_that_is_not_there():
    with pytest.raises(faces.GalleryError, match="no such home folder"):
        faces.FaceGallery("~nobody_of_this_name/gallery")


def test_only_a_folder_of_its_own(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(faces.GalleryError, match="holds other files"):
        faces.FaceGallery(tmp_path)
    with pytest.raises(faces.GalleryError, match="is a file"):
        faces.FaceGallery(tmp_path / "holiday.jpg")
    for name in ("holiday.jpg/gallery", "long" * 100):
        with pytest.raises(faces.GalleryError, match="which you may write"):
            faces.FaceGallery(tmp_path / name)
