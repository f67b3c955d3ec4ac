"""The gallery: enrol, search, remove, and who may not be enrolled."""

import shutil

import cv2
import numpy as np
import pytest

from course_utils import faces
from course_utils.faces.gallery import PackIdentity
from course_utils.images import ImageError, sample

SIZE = 16
PACK = PackIdentity("invented", "0" * 64)
ONES = np.eye(SIZE, dtype=np.float32)  # unit vectors, as different as can be


@pytest.fixture
def vectors(tmp_path):
    """An empty gallery for made-up embeddings of 16 numbers."""
    return faces.FaceGallery(tmp_path / "vectors")


def enrol(gallery, people, embeddings, pack=PACK):
    """Enrol made-up embeddings; each row counts as another photograph."""
    numbers = range(len(gallery), len(gallery) + len(people))
    return gallery.enrol_embeddings(
        people,
        embeddings,
        [f"{number}.jpg" for number in numbers],
        digests=[number.to_bytes(32, "big") for number in numbers],
        pack=pack,
    )


def answer(result):
    return result.decision, result.person


def test_all_photographs_are_enrolled_or_none(gallery):
    for bad, error in (
        ("faces/noface_cat", faces.NoFaceError),
        ("faces/group8_office", faces.EnrolmentError),
    ):
        with pytest.raises(error):
            gallery.enrol("Obama", [sample("faces/obama_1"), sample(bad)])
    with pytest.raises(ImageError, match="not exist"):
        gallery.enrol("Obama", "gone.jpg")
    assert gallery.people() == []


def test_the_same_photograph_counts_once_for_a_person(gallery, tmp_path):
    path = sample("faces/obama_1")
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(path.read_bytes())
    assert gallery.enrol("Obama", [path, copy]).added == (str(path),)
    assert gallery.enrol("Obama", copy).added == ()
    gallery.enrol("Barack", copy)
    assert len(gallery) == 2 and gallery.people() == ["Barack", "Obama"]


def test_remove_and_rename(vectors):
    enrol(vectors, ["Ann", "Bob", "Ann", "Cem"], ONES[:4])
    with pytest.raises(ValueError, match="enrolled already"):
        vectors.rename("Ann", "Bob")
    vectors.rename("Ann", "Ann ")  # the same name
    vectors.rename("Ann", "Ada")  # both photographs
    assert vectors.embeddings().people == ["Ada", "Bob", "Ada", "Cem"]
    assert vectors.remove("Ada") == 2
    assert vectors.people() == ["Bob", "Cem"] and len(vectors) == 2
    assert vectors.search(ONES[1], threshold=0.5).person == "Bob"
    np.testing.assert_array_equal(vectors.embeddings().matrix, ONES[[1, 3]])
    for change in (vectors.remove, lambda name: vectors.rename(name, "Dan")):
        with pytest.raises(faces.GalleryError, match="Nobody called 'Ann'"):
            change("Ann")


def test_what_cannot_be_enrolled_or_searched(vectors, app, photo):
    enrol(vectors, ["Ann"], ONES[:1])
    other = PackIdentity("invented", "1" * 64)
    with pytest.raises(faces.GalleryError, match="do not compare"):
        enrol(vectors, ["Bob"], ONES[:1], other)
    (face,) = faces.detect_faces(app, photo("faces/obama_1"))
    for query in (face, "who.jpg", np.ones(8)):
        with pytest.raises(ValueError, match="Search for a picture"):
            vectors.search(query)
    with pytest.raises(ValueError, match="No threshold is published"):
        vectors.search(np.ones(SIZE))
    assert vectors.people() == ["Ann"]


def test_names_may_be_any_unicode_text(vectors):
    names = ["Åse", "李小龍", "محمد", "👩‍🚀 Collins", "a/b\\c", "'; DROP", " "]
    with pytest.raises(ValueError, match="needs a name"):
        enrol(vectors, names, ONES[:7])
    assert vectors.people() == []
    enrol(vectors, names[:6], ONES[:6])
    assert vectors.people() == sorted(names[:6])
    vectors.rename("A\u030ase", "Åsa")  # an accent typed as a second letter
    for name in ["Åsa", *names[1:6]]:
        assert vectors.remove(name) == 1


def test_one_of_several_faces(gallery, app, photo):
    group = photo("faces/group8_office")
    third = faces.detect_faces(app, group)[2]
    gallery.enrol("Third", group, which_face=2)
    similarity = gallery.search(third.embedding).matches[0].similarity
    assert similarity == pytest.approx(1, abs=1e-4)
    with pytest.raises(faces.EnrolmentError, match="0 to 7"):
        gallery.enrol("Ninth", group, which_face=8)
    for use in (gallery.search, lambda image: gallery.enrol("Ann", image)):
        with pytest.raises(faces.EnrolmentError, match="8 faces"):
            use(group)
        with pytest.raises(faces.NoFaceError, match="No face was found"):
            use(photo("faces/noface_cat"))
    assert gallery.people() == ["Third"]


def test_a_face_too_small_or_too_blurred(gallery, photo):
    image = photo("faces/obama_1")  # its face is 217 pixels wide
    with pytest.raises(faces.EnrolmentError, match="pixels wide"):
        gallery.enrol("Obama", cv2.resize(image, None, fx=0.07, fy=0.07))
    with pytest.raises(faces.EnrolmentError, match="blurred"):
        gallery.enrol("Obama", cv2.GaussianBlur(image, (0, 0), 10))
    gallery.enrol("Obama", cv2.resize(image, None, fx=0.2, fy=0.2))
    assert gallery.search(image).person == "Obama"


def test_a_gallery_keeps_to_its_pack(gallery, app, tmp_path, photo):
    gallery.enrol("Obama", photo("faces/obama_1"))
    reopened = faces.FaceGallery(gallery.path)  # loads the pack by itself
    assert reopened.search(photo("faces/obama_2")).person == "Obama"
    other = shutil.copytree(app.model_dir, tmp_path / "other")
    with (other / "recognition.onnx").open("ab") as model:
        model.write(b"\x7a\x00")  # an empty, unknown field: same network
    with pytest.raises(faces.GalleryError, match="do not compare"):
        faces.FaceGallery(gallery.path, faces.load_face_analysis(other))


@pytest.mark.parametrize(
    "ann, bob, expected",
    [
        (0.51, 0, ("known", "Ann")),
        (0.41, 0, ("uncertain", None)),
        (0.39, 0, ("unknown", None)),
        (0.7, 0.59, ("known", "Ann")),
        (0.7, 0.61, ("uncertain", None)),  # it could be either
    ],
)
def test_between_known_and_unknown(vectors, ann, bob, expected):
    enrol(vectors, ["Ann", "Bob"], ONES[:2])
    query = np.sqrt(1 - ann**2 - bob**2) * ONES[2]
    query[:2] = ann, bob
    result = vectors.search(query, k=1, threshold=0.5)
    assert answer(result) == expected and len(result.matches) == 1


def test_one_face_under_two_names_is_told(gallery, photo):
    for name in ("obama_1", "obama_2"):
        assert gallery.enrol("Obama", photo(f"faces/{name}")).lookalikes == ()
    (other,) = gallery.enrol("Barack", photo("faces/obama_3")).lookalikes
    assert other.person == "Obama" and other.similarity > 0.7


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_photographs_that_lie_on_their_side(gallery, photo, quarters):
    """Their embeddings would have nothing to do with the person."""
    for name in ("collins_1", "obama_1", "paumier_profile"):
        upright = photo(f"faces/{name}")
        gallery.enrol(name, np.rot90(upright, quarters), which_face=0)
        result = gallery.search(upright)
        assert result.person == name and result.matches[0].similarity > 0.9


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
