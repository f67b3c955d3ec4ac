"""Loading, detection and drawing; test_course_mini.py counts the faces."""

import shutil

import numpy as np
import pytest
from insightface.app import FaceAnalysis

from course_utils import faces, weights
from course_utils.faces import analysis, draw
from course_utils.images import ImageError


def test_same_result_as_plain_insightface(app, photo):
    """Faster must not mean different."""
    plain = FaceAnalysis(
        str(weights.find("course_mini")), providers=["CPUExecutionProvider"]
    )
    plain.prepare(ctx_id=0, det_thresh=app.det_thresh, det_size=app.det_size)
    image = photo("faces/group8_office")
    ours = faces.detect_faces(app, image)  # from left to right
    theirs = plain.get(np.ascontiguousarray(image[..., ::-1]))
    theirs.sort(key=lambda face: face.bbox[0])
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_allclose(
                one[key], other[key], rtol=1e-3, atol=1e-3
            )


def test_whatever_takes_a_picture_asks_whether_it_is_one(app, photo):
    (face,) = faces.detect_faces(app, photo("faces/obama_1"))
    wrong = np.zeros((9, 9, 4), np.uint8)
    for ask in (
        lambda: faces.detect_faces(app, wrong),
        lambda: faces.draw_faces(wrong, [face]),
        lambda: faces.from_afar(wrong),
    ):
        with pytest.raises(ImageError, match="[Pp]icture"):
            ask()


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
        ({"providers": ["TPUExecutionProvider"]}, "does not offer TPU"),
    ],
)
def test_settings_that_cannot_work(options, word):
    with pytest.raises(ValueError, match=word):
        faces.load_face_analysis(**options)


def test_packs_that_are_not_there(tmp_path):
    unknown = "neither a folder nor one of"
    for pack, word in (("buffalo_xxl", unknown), (tmp_path, "no detection")):
        with pytest.raises(weights.WeightsError, match=word):
            faces.load_face_analysis(pack)


def test_a_pack_with_a_damaged_model(home):
    folder = home / ".insightface" / "models" / "buffalo_l"
    shutil.copytree(weights.find("course_mini"), folder)
    model = folder / "recognition.onnx"
    model.write_bytes(model.read_bytes()[:100_000])
    for pack, cure in (("buffalo_l", "fetch buffalo_l"), (folder, "name a")):
        word = f"recognition.onnx.*{cure}"
        with pytest.raises(weights.WeightsError, match=word):
            faces.load_face_analysis(pack)


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
    with pytest.raises(ValueError, match="no recognition model"):
        faces.verify(detector, image, image, threshold=0.3)
    found = faces.detect_faces(detector, image)
    with pytest.raises(ValueError, match="no model for 106"):
        faces.draw_faces(image, found, landmarks="106")


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


def test_a_face_that_is_labelled_with_a_score_passes_it():
    for score in np.float32([0.9271, 0.929999, 0.93]):
        assert float(draw.rounded_down(score)) <= score
    assert draw.rounded_down(np.float32(0.93)) == "0.93"


def test_a_face_is_drawn_in_a_list(app, photo):
    image = photo("faces/obama_1")
    (face,) = faces.detect_faces(app, image)
    with pytest.raises(ValueError, match=r"takes a list of faces: write \["):
        faces.draw_faces(image, face)


def test_head_axes_follow_the_angles():
    for pose, axis, expected in (
        ([0, 0, 0], 0, [1, 0, 0]),
        ([0, 90, 0], 2, [1, 0, 0]),
        ([90, 0, 0], 2, [0, -1, 0]),
        ([0, 0, 90], 0, [0, 1, 0]),
    ):
        found = draw.head_axes(pose)[axis]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_orl_faces_are_read_when_asked_for(app):
    photographs, people = faces.orl()
    assert len(photographs) == len(people) == 400
    np.testing.assert_array_equal(np.bincount(people), [10] * 40)
    (first, other) = photographs[:20:10]
    assert first.shape == (516, 456, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, photographs[0])
    one, two = (faces.detect_faces(app, image)[0] for image in (first, other))
    assert faces.cosine_similarity(one.embedding, two.embedding) < 0.3


def test_from_afar_keeps_the_size_and_little_else():
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    blurred = faces.from_afar(noise)
    assert blurred.shape == noise.shape and blurred.dtype == np.uint8
    assert blurred.std() < 0.3 * noise.std()
