"""course_utils.weights against a real, misbehaving server on loopback."""

import dataclasses
import hashlib
import importlib.util
import io
import json
import resource
import shutil
import signal
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
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


def change_row(monkeypatch, name, **changes):
    row = dataclasses.replace(weights.TABLE[name], **changes)
    monkeypatch.setitem(weights.TABLE, name, row)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(weights, "BACKOFF", 0)
    with running_server() as running:
        for name in ("buffalo_l", "raccoon_s"):
            source = f"{running.address}{name}.zip"
            change_row(monkeypatch, name, source=source)
        yield running


@pytest.fixture
def target(home):
    return home / ".insightface" / "models" / "buffalo_l"


@pytest.fixture
def arriving(home):
    return home / "cache" / "downloads" / "buffalo_l.zip"


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


def test_a_fetched_pack_lies_where_insightface_looks(
    server, target, arriving, capsys
):
    served = server.serve("buffalo_l.zip", archive(PACK))
    assert weights.verify("buffalo_l") == "absent"
    assert fetch() == fetch() == weights.find("buffalo_l") == target
    assert served.starts == [0]  # the second time it was ready
    assert "non-commercial research" in capsys.readouterr().out
    assert [path.name for path in target.parent.iterdir()] == ["buffalo_l"]
    assert not arriving.exists()

    from insightface.app import FaceAnalysis

    root = str(target.parent.parent)
    cpu = ["CPUExecutionProvider"]
    app = FaceAnalysis("buffalo_l", root=root, providers=cpu)
    assert set(app.models) == {"detection", "genderage"}


def test_a_dropped_connection_is_continued(server, monkeypatch):
    monkeypatch.setattr(weights, "CONNECTIONS", 3)
    chunk = weights.CHUNK
    drops = [12 * chunk, 7 * chunk, 0, 0, None]
    served = server.serve("buffalo_l.zip", archive(PACK), close_after=drops)
    with pytest.raises(weights.WeightsError, match="3 times.* is kept"):
        fetch()
    fetch()
    # Every byte that the server sent is kept, none is asked for twice.
    assert served.starts == [0, 12 * chunk] + 3 * [19 * chunk]
    assert weights.verify("buffalo_l") == "ready"


def test_a_server_that_cannot_continue_begins_again(server):
    drops = [100_000]
    body = archive(PACK)
    server.serve("buffalo_l.zip", body, close_after=drops, ranges=False)
    fetch()
    assert weights.verify("buffalo_l") == "ready"


def test_stopping_a_slow_download_keeps_what_arrived(server, arriving, capsys):
    served = server.serve("buffalo_l.zip", archive(PACK), hold_after=100_000)

    def interrupt():
        while not arriving.exists() or not arriving.stat().st_size:
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    assert command.main(["models", "fetch", "buffalo_l"]) == 1
    assert "Stopped" in capsys.readouterr().err
    kept = arriving.stat().st_size
    served.hold_after = None
    fetch()
    assert served.starts == [0, kept]


def test_of_two_fetches_one_downloads_and_the_other_waits(server, capsys):
    served = server.serve("buffalo_l.zip", archive(PACK), hold_after=9)
    printed = ""
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(fetch) for _ in range(2)]
        while not served.starts or printed.count("289 MB") < 2:
            assert not any(each.done() for each in both)
            printed += capsys.readouterr().out
            time.sleep(0.01)
        served.go_on.set()
        first, second = (each.result() for each in both)
    assert first == second and served.starts == [0]


# What cannot be fetched ----------------------------------------------------


def test_a_server_error_is_tried_again(server):
    served = server.serve("buffalo_l.zip", archive(PACK), status=503)
    with pytest.raises(weights.WeightsError, match="_l.zip .*503") as caught:
        fetch()
    assert len(served.starts) == weights.REQUESTS + 1
    assert "'course_mini', the embedded pack" in str(caught.value)
    served.status = 200
    fetch()


def test_offline_the_sentence_is_short(monkeypatch):
    nobody = "http://127.0.0.1:1/buffalo_l.zip"
    change_row(monkeypatch, "buffalo_l", source=nobody)
    with pytest.raises(weights.WeightsError, match="that you are online"):
        fetch()


BAD_ARCHIVES = {
    "truncated on the server": (archive(PACK)[:-5000], "damaged"),
    "cut ONNX": (archive(PACK | {"cut.onnx": AGE[:-1000]}), "cut.onnx"),
    "no detector": (archive({"age.onnx": AGE}), "no detection model"),
    "no models": (archive({"readme.txt": b"x"}), "no detection model"),
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


@pytest.mark.parametrize("room", [100_000, 3_000_000], ids=["zip", "unpacked"])
def test_without_room_what_arrived_is_kept(server, target, room):
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
    assert served.starts[1] >= 90_000


# Repair --------------------------------------------------------------------


def test_an_archive_with_a_folder_inside_is_unnested(server, target):
    nested = {f"buffalo_l/{name}": body for name, body in PACK.items()}
    mac = {"__MACOSX/buffalo_l/._det.onnx": b"stub"}
    lay(target, nested)  # what unzipping by hand leaves
    assert weights.verify("buffalo_l", thorough=False).startswith(
        "broken: its models lie in"
    )
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
    fetch("raccoon_s")
    assert weights.verify("raccoon_s") == "ready"


def test_the_empty_folder_that_makes_insightface_assert(server, target):
    target.mkdir(parents=True)
    assert (
        weights.verify("buffalo_l", thorough=False)
        == "broken: its files are missing"
    )
    with pytest.raises(weights.WeightsError, match="fetch buffalo_l"):
        weights.find("buffalo_l")
    server.serve("buffalo_l.zip", archive(PACK))
    fetch()
    assert models_in(target) == [*PACK]
    assert [path.name for path in target.parent.iterdir()] == ["buffalo_l"]


def test_a_broken_folder_is_replaced_and_its_files_kept(server, target, capsys):
    found = {"age.onnx": AGE[:-1000], "mine.txt": b"a note"}
    lay(target, found)
    assert weights.verify("buffalo_l").startswith("broken: InsightFace")
    with pytest.raises(weights.WeightsError, match="404"):
        fetch()
    assert {p.name: p.read_bytes() for p in target.iterdir()} == found
    server.serve("buffalo_l.zip", archive(PACK))
    fetch()
    assert models_in(target) == [*PACK]
    (kept,) = target.parent.glob("buffalo_l.before-repair-*/*")
    assert {p.name: p.read_bytes() for p in kept.iterdir()} == found
    assert f"is kept in {kept.parent}" in capsys.readouterr().out


def test_damage_after_the_fetch_is_found(server, target):
    server.serve("buffalo_l.zip", archive(PACK))
    fetch()
    model = target / "age.onnx"
    body = bytearray(model.read_bytes())
    body[len(body) // 2] ^= 1  # only the checksum can tell
    model.write_bytes(body)
    assert weights.pack_fault(target) is None
    assert "age.onnx differs" in weights.verify("buffalo_l")
    assert weights.verify("buffalo_l", thorough=False) == "ready"
    model.unlink()
    assert "age.onnx is missing" in weights.verify("buffalo_l", thorough=False)


# The other kinds -----------------------------------------------------------


@pytest.mark.parametrize("name", ["vgg16_hed", "orl_faces"])
def test_an_absent_package_names_its_installation(monkeypatch, name):
    assert weights.verify(name) == "ready"
    change_row(monkeypatch, name, source="no-such==1.2/weights.h5")
    for ask in (weights.find, weights.fetch):
        with pytest.raises(weights.WeightsError, match="no-deps no-such==1.2`"):
            ask(name)


def test_a_single_file_is_held_to_its_checksum(server, monkeypatch, home):
    body = bytes(range(256)) * 100
    served = server.serve("trunk.h5", body[::-1])
    change_row(
        monkeypatch,
        "vgg16_caffe",
        source=server.address + "trunk.h5",
        size=len(body),
        checksum=f"md5:{hashlib.md5(body).hexdigest()}",
    )
    with pytest.raises(weights.WeightsError, match="md5"):
        fetch("vgg16_caffe")
    assert weights.verify("vgg16_caffe") == "absent"
    served.body = body
    path = fetch("vgg16_caffe")
    assert path == home / "cache" / "trunk.h5"
    assert weights.verify("vgg16_caffe") == "ready"
    path.write_bytes(body[:-2000])
    assert "bytes instead of" in weights.verify("vgg16_caffe", thorough=False)


def test_the_addresses_are_those_of_the_libraries():
    from insightface.utils.storage import MODEL_ZOO_RELEASE_DOWNLOAD_URL

    assert weights.INSIGHTFACE_RELEASE == MODEL_ZOO_RELEASE_DOWNLOAD_URL
    # Read, not imported: importing Keras would load TensorFlow.
    keras = Path(importlib.util.find_spec("keras").origin).parent
    text = (keras / "src" / "applications" / "vgg16.py").read_text()
    row = weights.TABLE["vgg16_caffe"]
    assert row.checksum.removeprefix("md5:") in text
    assert row.source in text.replace('"\n    "', "")


# The embedded pack and the command -----------------------------------------


def test_a_broken_embedded_pack_says_how_to_get_it_back(tmp_path, monkeypatch):
    here = tmp_path / "faces" / "packs" / "course_mini"
    shutil.copytree(EMBEDDED, here)
    monkeypatch.setattr(weights, "__file__", str(tmp_path / "weights.py"))
    assert weights.verify("course_mini") == "ready"
    (here / "detection.onnx").write_bytes(b"")
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
        assert ("ready" in line) == (
            weights.verify(name, thorough=False) == "ready"
        )
    # The columns are wide enough: all sizes end at the same place.
    assert len({line.find(" MB ") for line in lines if " MB " in line}) == 1


def test_the_command_fetches_and_verifies(server, capsys, target):
    assert command.main(["models", "verify", "buffalo_l"]) == 1
    assert command.main(["models", "fetch", "buffalo_l"]) == 1
    errors = capsys.readouterr().err
    assert "404" in errors and len(errors.splitlines()) == 1
    server.serve("buffalo_l.zip", archive(PACK))
    assert command.main(["models", "fetch", "buffalo_l"]) == 0
    assert str(target) in capsys.readouterr().out
    assert command.main(["models", "verify"]) == 0
    (target / "det.onnx").write_bytes(b"")
    assert command.main(["models", "verify"]) == 1
    assert "broken: det.onnx" in capsys.readouterr().out
