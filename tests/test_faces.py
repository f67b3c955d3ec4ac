"""Loading, detection and drawing; test_course_mini.py counts the faces."""

import multiprocessing
import shutil
import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest
from insightface.app import FaceAnalysis
from matplotlib import font_manager

from course_utils import faces, images, weights
from course_utils.faces import analysis, draw
from course_utils.images import ImageError


def test_no_false_alarm_without_people(app):
    statues = {"statue_of_liberty", "lincoln_memorial"}
    for file in images.samples("content"):
        if file.stem not in statues:
            assert not faces.detect_faces(app, images.load_image(file)), file


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


@pytest.mark.parametrize("det_size", [None, (64, 64), (640, 32), (32, 640)])
def test_pictures_too_small_or_thin_for_a_face(det_size):
    app = faces.load_face_analysis(det_size=det_size)
    for shape in ((1, 1), (3, 20_000), (8, 1000)):
        image = np.zeros((*shape, 3), np.uint8)
        assert faces.detect_faces(app, image) == []
        assert analysis.embed_faces(app, np.rot90(image)) == []


def test_whatever_takes_a_picture_asks_whether_it_is_one(app, photo):
    good, wrong = photo("faces/obama_1"), np.zeros((9, 9, 4), np.uint8)
    (face,) = faces.detect_faces(app, good)
    for ask in (
        lambda: faces.detect_faces(app, wrong),
        lambda: analysis.embed_faces(app, wrong),
        lambda: faces.verify(app, wrong, good),
        lambda: faces.verify(app, good, wrong),
        lambda: faces.draw_faces(wrong, [face]),
        lambda: faces.draw_pose(wrong, face),
        lambda: faces.from_afar(wrong),
    ):
        with pytest.raises(ImageError, match="A picture has shape"):
            ask()


@pytest.mark.parametrize(
    "options, word",
    [
        ({"det_size": (600, 600)}, "multiples of 32"),
        ({"det_size": 640}, "for instance \\(640, 640\\), not 640"),
        ({"det_thresh": 1.5}, "between 0 and 1"),
        ({"providers": [("TPUExecutionProvider", {})]}, "does not offer TPU"),
        ({"providers": "CPUExecutionProvider"}, r"write \['CPUExecution"),
    ],
)
def test_settings_that_cannot_work(options, word):
    with pytest.raises(ValueError, match=word):
        faces.load_face_analysis(**options)


def test_providers_really_used():
    named = ("CPUExecutionProvider", {"use_arena": "0"})
    cpu = faces.load_face_analysis(providers=[named])
    for model in cpu.models.values():
        assert model.session.get_providers() == ["CPUExecutionProvider"]


def test_packs_that_are_not_there(tmp_path):
    unknown = "neither a folder nor one of"
    for pack, word in (("buffalo_xxl", unknown), (tmp_path, "no detection")):
        with pytest.raises(weights.WeightsError, match=word):
            faces.load_face_analysis(pack)


def test_a_pack_with_a_damaged_model(home):
    folder = home / ".insightface" / "models" / "buffalo_l"
    shutil.copytree(weights.find("course_mini"), folder)
    (folder / "SHA256SUMS").unlink()
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
    for ask in (
        lambda: faces.verify(detector, image, image, threshold=0.3),
        lambda: analysis.embed_faces(detector, image),
        lambda: faces.gallery.pack_identity(detector),
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


def test_letters_come_from_any_font_that_has_them(app, photo, monkeypatch):
    """DejaVu Sans lacks \u20e4, which STIX has; neither has the Chinese."""
    stix = f"{matplotlib.get_data_path()}/fonts/ttf/STIXGeneral.ttf"
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [stix])
    draw._font_file.cache_clear()  # it warns once
    image = photo("faces/obama_1")
    found = faces.detect_faces(app, image)
    with warnings.catch_warnings(action="error"):
        one, other = (
            faces.draw_faces(image, found, labels=[text])
            for text in ("Ж\u20e4", "λ\u20e4")
        )
    assert (one != other).any()
    with pytest.warns(UserWarning, match="has the letters 小王: install"):
        faces.draw_faces(image, found, labels=["A王\n\u200d小王"])
    draw._font_file.cache_clear()


def test_a_face_that_is_labelled_with_a_score_passes_it(app, photo):
    for name in ("group8_office", "crowd_crossing", "obama_1"):
        for face in faces.detect_faces(app, photo(f"faces/{name}")):
            assert float(draw.rounded_down(face.det_score)) <= face.det_score
    image = photo("faces/obama_1")
    face = faces.detect_faces(app, image)[0]
    face.det_score = np.float32(0.9271)
    np.testing.assert_array_equal(
        faces.draw_faces(image, [face]),
        faces.draw_faces(image, [face], labels=[0.92]),  # or a number
    )
    assert draw.rounded_down(np.float32(0.93)) == "0.93"


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


@pytest.mark.skipif(sys.platform != "linux", reason="fork is Linux's default")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_finds_the_same_faces(app, photo):
    """It inherits the app, as in PyTorch's DataLoader; nothing is pickled."""
    image = photo("faces/group8_office")
    count = len(faces.detect_faces(app, image))
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(
        target=lambda: sender.send(len(faces.detect_faces(app, image)))
    )
    child.start()
    try:
        assert receiver.poll(120) and receiver.recv() == count
    finally:
        child.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for threads")
def test_threads_are_as_many_as_this_process_may_use_cores():
    """One core of a machine that says it has 64, as in a container."""
    program = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.cpu_count = lambda: 64
from course_utils import faces, images
import cv2, insightface, skimage.transform
image = images.load_image(images.sample("faces/obama_1"))
before = len(os.listdir("/proc/self/task"))
app = faces.load_face_analysis()
faces.detect_faces(app, image)
print(len(os.listdir("/proc/self/task")) - before)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True
    )
    assert int(result.stdout) <= 4


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
    assert faces.from_afar(noise[:5, :1]).shape == (5, 1, 3)
