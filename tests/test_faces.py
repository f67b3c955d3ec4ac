"""Detection, drawing and batch embedding on the sample photographs."""

import shutil
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
from insightface.app import FaceAnalysis

from course_utils import faces, images, weights
from course_utils.faces import NoFaceError, analysis, draw
from course_utils.images import ImageError

ONE_FACE = [
    "biden_1",
    "collins_1",
    "collins_mask_synthetic",
    "collins_sunglasses_synthetic",
    "giunchedi_1",
    "hopper_1",
    "monalisa_painted",
    "obama_1",
    "obama_3",
    "obama_partial_left",
    "obama_partial_right",
    "paumier_profile",
]


@pytest.mark.parametrize("name", ONE_FACE)
def test_one_face_is_found_and_described(app, photo, name):
    (face,) = faces.detect_faces(app, photo(f"faces/{name}"))
    assert face.embedding.shape == (128,)
    assert face.kps.shape == (5, 2)
    assert face.landmark_2d_106.shape == (106, 2)
    assert face.landmark_3d_68.shape == (68, 3)
    assert face.pose.shape == (3,)
    assert face.gender in (0, 1) and 0 < face.age < 100
    # The key points lie in the box: eyes, nose, corners of the mouth.
    x0, y0, x1, y1 = face.bbox
    assert x0 < face.kps[2, 0] < x1 and y0 < face.kps[2, 1] < y1


# Counted by eye on enlarged photographs. Of the crowd the sixteen are all
# faces, and about as many smaller or half hidden ones are missed.
@pytest.mark.parametrize(
    "name, people",
    [
        ("group8_office", 8),
        ("crowd_crossing", 16),
        ("rushmore_stone_faces", 4),
        ("cameraman_profile_occluded", 1),
        ("noface_cat", 0),
    ],
)
def test_all_are_found_without_false_alarm(app, photo, name, people):
    found = faces.detect_faces(app, photo(f"faces/{name}"))
    assert len(found) == people
    lefts = [face.bbox[0] for face in found]
    assert lefts == sorted(lefts)


@pytest.mark.parametrize("kind", ["content", "styles"])
def test_no_false_alarm_without_people(app, kind):
    painted_people = {
        "munch_scream",
        "vangogh_pere_tanguy",
        "renoir_moulin_de_la_galette",
        "cassatt_summertime",
        "statue_of_liberty",
        "lincoln_memorial",
        "bruegel_harvesters",
        "vangogh_night_cafe",
        "vangogh_road_to_tarascon",
    }
    for file in images.samples(kind):
        if file.stem not in painted_people:
            found = faces.detect_faces(app, images.load_image(file))
            assert not found, f"{file.stem}: {len(found)} false alarms"


def test_no_face_is_an_error_where_one_is_needed():
    with pytest.raises(NoFaceError, match="No face was found"):
        faces.largest_face([])


def test_same_result_as_plain_insightface(app, photo):
    """Faster must not mean different."""
    plain = FaceAnalysis(
        str(weights.find("course_mini")), providers=["CPUExecutionProvider"]
    )
    plain.prepare(ctx_id=0, det_thresh=app.det_thresh, det_size=app.det_size)
    image = photo("faces/group8_office")
    ours = faces.detect_faces(app, image)
    theirs = plain.get(np.ascontiguousarray(image[..., ::-1]))
    theirs.sort(key=lambda face: face.bbox[0])
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_allclose(
                one[key], other[key], rtol=1e-3, atol=1e-3
            )


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (3, 20_000), (5_000, 40)])
def test_pictures_too_small_or_thin_for_a_face(app, shape):
    assert faces.detect_faces(app, np.zeros((*shape, 3), np.uint8)) == []


@pytest.mark.parametrize("wrong", [None, np.zeros((9, 9)), "obama.jpg"])
def test_what_is_not_a_picture_is_explained(app, wrong):
    with pytest.raises(ImageError):
        faces.detect_faces(app, wrong)


def test_the_threshold_and_size_can_be_chosen(photo):
    strict = faces.load_face_analysis(det_thresh=0.9, det_size=(320, 320))
    lax = faces.load_face_analysis(det_thresh=0.5, det_size=(640, 640))
    crowd = photo("faces/crowd_crossing")
    strict_found = faces.detect_faces(strict, crowd)
    assert all(face.det_score >= 0.9 for face in strict_found)
    assert len(strict_found) < len(faces.detect_faces(lax, crowd))


@pytest.mark.parametrize(
    "options, word",
    [
        ({"det_size": (600, 600)}, "multiples of 32"),
        ({"det_size": 640}, "for instance \\(640, 640\\), not 640"),
        ({"det_size": (640,)}, "multiples of 32"),
        ({"det_size": (640.0, 640.0)}, "multiples of 32"),
        ({"det_thresh": 1.5}, "between 0 and 1"),
        ({"providers": ["TPUExecutionProvider"]}, "does not offer TPU"),
        ({"providers": "CPUExecutionProvider"}, r"write \['CPUExecution"),
    ],
)
def test_settings_that_cannot_work(options, word):
    with pytest.raises(ValueError, match=word):
        faces.load_face_analysis(**options)


def test_providers_really_used(app):
    cpu = faces.load_face_analysis(providers=["CPUExecutionProvider"])
    for model in cpu.models.values():
        assert model.session.get_providers() == ["CPUExecutionProvider"]
    offered = onnxruntime.get_available_providers()
    assert app.det_model.session.get_providers()[0] in offered


def test_packs_that_are_not_there(tmp_path):
    with pytest.raises(
        weights.WeightsError, match="neither a folder nor one of"
    ):
        faces.load_face_analysis("buffalo_xxl")
    with pytest.raises(weights.WeightsError, match="no detection model"):
        faces.load_face_analysis(tmp_path)


def test_a_pack_with_a_damaged_model(tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    folder = tmp_path / ".insightface" / "models" / "buffalo_l"
    shutil.copytree(weights.find("course_mini"), folder)
    (folder / "SHA256SUMS").unlink()
    model = folder / "recognition.onnx"
    model.write_bytes(model.read_bytes()[:100_000])
    with pytest.raises(weights.WeightsError) as named:
        faces.load_face_analysis("buffalo_l")
    assert "recognition.onnx" in str(named.value)
    assert "models fetch buffalo_l" in str(named.value)
    with pytest.raises(weights.WeightsError, match="recognition.onnx"):
        faces.load_face_analysis(folder)


def test_what_is_not_the_pack_s_fault_is_not_blamed_on_it(monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(analysis, "_open_pack", full)
    with pytest.raises(MemoryError):
        faces.load_face_analysis()


def test_a_pack_without_recognition_compares_nobody(tmp_path, photo):
    shutil.copy(weights.find("course_mini") / "detection.onnx", tmp_path)
    detector = faces.load_face_analysis(tmp_path)
    image = photo("faces/obama_1")
    for ask in (
        lambda: faces.verify(detector, image, image, threshold=0.3),
        lambda: faces.embed_images(detector, []),
        lambda: faces.pack_identity(detector),
    ):
        with pytest.raises(ValueError, match="no recognition model"):
            ask()


def test_a_folder_is_a_pack(tmp_path, photo):
    for file in weights.find("course_mini").glob("*.onnx"):
        shutil.copy(file, tmp_path)
    own = faces.load_face_analysis(tmp_path)
    assert len(faces.detect_faces(own, photo("faces/obama_1"))) == 1
    with pytest.raises(ValueError, match="give threshold="):
        faces.verify(own, photo("faces/obama_1"), photo("faces/obama_2"))


def test_drawing_leaves_the_picture_alone(app, photo):
    image = photo("faces/obama_1")
    before = image.copy()
    found = faces.detect_faces(app, image)
    for landmarks in ("5", "106", "68", None):
        drawn = faces.draw_faces(image, found, landmarks=landmarks)
        assert drawn.shape == image.shape and drawn.dtype == np.uint8
        assert (drawn != image).any()
    assert (faces.draw_pose(image, found[0]) != image).any()
    np.testing.assert_array_equal(image, before)


def test_drawing_stays_inside_what_it_marks(app, photo):
    image = photo("faces/collins_1")
    (face,) = faces.detect_faces(app, image)
    drawn = faces.draw_faces(image, [face], labels=["Eileen Collins ✓ Ж 你"])
    rows, columns = np.nonzero((drawn != image).any(axis=2))
    assert rows.min() > face.bbox[1] - 40 and rows.max() < face.bbox[3] + 10
    assert columns.min() > face.bbox[0] - 10


def test_drawing_says_what_it_cannot_draw(app, photo):
    image = photo("faces/obama_1")
    found = faces.detect_faces(app, image)
    with pytest.raises(ValueError, match="'68' or None, not 106"):
        faces.draw_faces(image, found, landmarks=106)
    with pytest.raises(ValueError, match=r"takes a list of faces: write \["):
        faces.draw_faces(image, found[0])
    with pytest.raises(ValueError, match="1 faces need 1 labels"):
        faces.draw_faces(image, found, labels=["a", "b"])
    bare = type(found[0])(bbox=found[0].bbox, kps=found[0].kps, det_score=1.0)
    with pytest.raises(ValueError, match="no model for 106"):
        faces.draw_faces(image, [bare], landmarks="106")
    with pytest.raises(ValueError, match="no pose"):
        faces.draw_pose(image, bare)


def test_head_axes_follow_the_angles():
    np.testing.assert_allclose(draw.head_axes([0, 0, 0]), np.eye(3), atol=1e-12)
    turned = draw.head_axes([0, 90, 0])
    np.testing.assert_allclose(turned[2], [1, 0, 0], atol=1e-12)
    nodding = draw.head_axes([90, 0, 0])
    np.testing.assert_allclose(nodding[2], [0, -1, 0], atol=1e-12)
    tilted = draw.head_axes([0, 0, 90])
    np.testing.assert_allclose(tilted[0], [0, 1, 0], atol=1e-12)


def test_a_turned_picture_turns_the_pose(app, photo):
    image = photo("faces/obama_1")
    (upright,) = faces.detect_faces(app, image)
    mirrored = faces.detect_faces(app, np.ascontiguousarray(image[:, ::-1]))
    assert abs(upright.pose[1] + mirrored[0].pose[1]) < 5


def test_a_folder_with_bad_files_loses_nothing(app, tmp_path):
    good = [*images.samples("faces")] * 3
    (tmp_path / "broken.jpg").write_bytes(good[0].read_bytes()[:5000])
    (tmp_path / "notes.jpg").write_text("no picture")
    paths = [
        *good[:20],
        tmp_path / "broken.jpg",
        *good[20:],
        tmp_path / "notes.jpg",
    ]
    results = faces.embed_images(app, paths, progress=False)
    assert [result.path for result in results] == paths
    failed = {
        result.path.name: result.error for result in results if result.error
    }
    assert set(failed) == {"broken.jpg", "notes.jpg"}
    assert "is damaged" in failed["broken.jpg"]


def test_workers_do_not_change_the_embeddings(app, photo):
    paths = images.samples("faces")[:6]
    one = faces.embed_images(app, paths, workers=1, progress=False)
    two = faces.embed_images(app, paths, workers=2, progress=False)
    for a, b in zip(one, two, strict=True):
        for face_a, face_b in zip(a.faces, b.faces, strict=True):
            np.testing.assert_array_equal(face_a.embedding, face_b.embedding)
    (single,) = faces.detect_faces(app, photo(f"faces/{paths[0].stem}"))
    np.testing.assert_allclose(one[0].faces[0].embedding, single.embedding)


def test_interrupting_a_folder_keeps_what_is_done(app, monkeypatch):
    def interrupted(photographs, *_):
        yield next(photographs)
        raise KeyboardInterrupt

    monkeypatch.setattr("course_utils.faces.analysis.watch", interrupted)
    results = faces.embed_images(app, images.samples("faces"), workers=1)
    assert results[0].error is None and results[0].faces
    assert results[-1].error.startswith("stopped")


def test_threads_take_only_a_few_items_ahead():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    squares = analysis.in_threads(lambda n: n * n, items(), workers=2)
    assert [next(squares) for _ in range(10)] == [n * n for n in range(10)]
    assert len(taken) < 30
    squares.close()


def test_embed_images_checks_its_arguments(app):
    with pytest.raises(ValueError, match="workers must be at least 1"):
        faces.embed_images(app, [], workers=0)
    with pytest.raises(ValueError, match=r"takes a list: write \['me.jpg'\]"):
        faces.embed_images(app, "me.jpg")
    assert faces.embed_images(app, [], progress=False) == []


def test_faces_import_neither_torch_nor_tensorflow():
    program = (
        "import sys; from course_utils import faces; "
        "app = faces.load_face_analysis(); "
        "assert not {'torch', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
