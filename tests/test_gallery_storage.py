"""What the gallery promises about its files: nothing lost, nothing kept."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from course_utils import faces
from course_utils.faces import gallery_table

SIZE = 16
PACK = faces.PackIdentity("invented", "0" * 64, SIZE)
TABLE = Path("faces.lance")

# Run as a program of its own: enrols row after row, or removes and renames,
# and prints each name once the gallery has returned.
WORKER = """
import sys, numpy as np
from course_utils import faces
pack = faces.PackIdentity("invented", "0" * 64, 16)
path, prefix, count, cycle = sys.argv[1:]
gallery = faces.FaceGallery(path)
for number in range(int(count)):
    name = f"{prefix}{number}"
    row = np.random.default_rng(number).standard_normal((1, 16))
    digest = name.encode().ljust(32)
    gallery.enrol_embeddings(
        [name], row, [name + ".jpg"], digests=[digest], pack=pack)
    if cycle == "remove" and number >= 3:
        gallery.remove(f"{prefix}{number - 3}")
    print(name, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gallery"


def vector(number):
    """One unit vector a number, to the bit what the worker's gallery stores."""
    row = np.random.default_rng(number).standard_normal((1, SIZE))
    row = row.astype(np.float32)
    return (row / np.linalg.norm(row, axis=1, keepdims=True))[0]


def enrol(gallery, names):
    return gallery.enrol_embeddings(
        names,
        np.stack([vector(number) for number in range(len(names))]),
        [f"{name}.jpg" for name in names],
        digests=[name.encode().ljust(32)[:32] for name in names],
        pack=PACK,
    )


def start_worker(path, prefix, count, cycle="keep"):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, path, prefix, str(count), cycle],
        stdout=subprocess.PIPE,
        text=True,
    )


def files_with(folder, *needles):
    """Names of the files below ``folder`` that contain one of the bytes."""
    return [
        file.relative_to(folder)
        for file in folder.rglob("*")
        if file.is_file()
        and any(needle in file.read_bytes() for needle in needles)
    ]


@pytest.mark.parametrize("wait", [1, 6])
def test_a_killed_process_loses_nothing_that_was_returned(path, wait):
    worker = start_worker(path, "P", 10_000)
    returned = [worker.stdout.readline().strip() for _ in range(wait)]
    time.sleep(0.003 * wait)  # so that it is somewhere else each time
    worker.send_signal(signal.SIGKILL)
    returned += worker.stdout.read().split("\n")[:-1]
    worker.wait()
    gallery = faces.FaceGallery(path)
    people, matrix, photographs = gallery.embeddings()
    assert set(returned) <= set(people)
    assert len(people) <= len(returned) + 1  # one may have been under way
    assert photographs == [f"{name}.jpg" for name in people]
    for name, row in zip(people, matrix, strict=True):
        np.testing.assert_allclose(row, vector(int(name[1:])), atol=1e-6)
    assert enrol(gallery, ["after"]).added == (0,)


def test_a_process_killed_while_removing_leaves_no_trace_for_long(path):
    worker = start_worker(path, "Removed", 10_000, "remove")
    returned = [worker.stdout.readline().strip() for _ in range(8)]
    time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    returned += worker.stdout.read().split("\n")[:-1]
    worker.wait()
    gallery = faces.FaceGallery(path)
    number = int(gallery.people()[-1].removeprefix("Removed"))
    assert files_with(path, vector(number).tobytes())
    enrol(gallery, ["after"])
    for name in gallery.people():
        gallery.remove(name)
    numbers = range(len(returned) + 2)
    traces = [vector(number).tobytes() for number in numbers]
    traces += [f"Removed{number}".encode() for number in numbers]
    assert files_with(path, *traces) == []


def test_readers_see_each_commit_of_another_process(path):
    enrol(faces.FaceGallery(path), ["first"])
    worker = start_worker(path, "P", 12, "remove")
    reader = faces.FaceGallery(path)
    for line in worker.stdout:
        name = line.strip()
        number = int(name[1:])
        # Newer ones may follow at any time; this one may be removed by then.
        people = reader.people()
        assert name in people or f"P{number + 1}" in people, people
        assert "first" in people
        result = reader.search(vector(0), threshold=0.9)
        assert result.decision in ("known", "uncertain", "unknown")
    assert worker.wait() == 0
    assert reader.people() == ["P10", "P11", "P9", "first"]


def test_a_reader_overtaken_by_a_removal(path, monkeypatch):
    writer, reader = faces.FaceGallery(path), faces.FaceGallery(path)
    enrol(writer, ["Ann", "Bob"])
    read_rows = gallery_table._read_rows

    def read_too_late(table, known):
        monkeypatch.setattr(gallery_table, "_read_rows", read_rows)
        writer.remove("Ann")  # the files of this version are deleted
        return read_rows(table, known)

    monkeypatch.setattr(gallery_table, "_read_rows", read_too_late)
    assert reader.people() == ["Bob"]


def test_two_writers_take_turns(path):
    workers = [start_worker(path, prefix, 6) for prefix in "AB"]
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    expected = sorted(f"{prefix}{n}" for prefix in "AB" for n in range(6))
    assert faces.FaceGallery(path).people() == expected


def test_a_writer_does_not_wait_for_ever(path):
    first, second = faces.FaceGallery(path), faces.FaceGallery(path)
    enrol(first, ["Ann"])
    held = threading.Event(), threading.Event()

    def hold():
        with first._table.writing():
            held[0].set()
            held[1].wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held[0].wait(20)
    try:
        assert second.people() == ["Ann"]  # reading needs no turn
        with (
            pytest.raises(faces.GalleryError, match="Another program"),
            second._table.writing(wait=0.1),
        ):
            pass
    finally:
        held[1].set()
        thread.join()


def test_removal_leaves_no_trace(path):
    names = [f"Person number {n}" for n in range(40)]
    gallery = faces.FaceGallery(path)
    for name in names[:20]:  # many versions and files
        gallery.enrol_embeddings(
            [name],
            vector(names.index(name))[None],
            [f"{name}.jpg"],
            digests=[name.encode().ljust(32)],
            pack=PACK,
        )
    enrol(gallery, names)
    embedding = gallery.embeddings().matrix[7].tobytes()
    for needle in (embedding, b"Person number 7"):
        assert files_with(path, needle)  # else this would test nothing
    gallery.remove("Person number 7")
    pieces = [embedding[start : start + 8] for start in range(0, 4 * SIZE, 8)]
    assert files_with(path, b"Person number 7", *pieces) == []
    assert len(faces.FaceGallery(path).people()) == 39
    np.testing.assert_allclose(
        gallery.search(vector(8), threshold=0.9).matches[0].similarity, 1
    )


def test_a_removal_cut_short_is_finished_at_the_next_opening(path, monkeypatch):
    def killed(_table):
        raise KeyboardInterrupt

    gallery = faces.FaceGallery(path)
    enrol(gallery, ["Ann", "Bob"])
    with monkeypatch.context() as patch:
        patch.setattr(gallery_table.GalleryTable, "_sweep", killed)
        with pytest.raises(KeyboardInterrupt):
            gallery.remove("Ann")
    assert files_with(path, b"Ann")
    assert faces.FaceGallery(path).people() == ["Bob"]
    assert files_with(path, b"Ann") == []


def test_removal_deletes_what_a_killed_write_left(path):
    gallery = faces.FaceGallery(path)
    enrol(gallery, ["Ann", "Bob"])
    embedding = gallery.embeddings().matrix[0].tobytes()
    data = path / TABLE / "data"
    (written,) = data.iterdir()
    # LanceDB writes under the first kind of name and then renames to the last.
    for name in (".tmpX1y2Z3", "0" * 24 + ".lance"):
        (data / name).write_bytes(written.read_bytes())
    (path / TABLE / "_versions" / "9.manifest#1").write_bytes(embedding)
    gallery.remove("Ann")
    assert files_with(path, embedding, b"Ann") == []
    assert gallery.people() == ["Bob"]


def test_renaming_leaves_no_trace_of_the_old_name(path):
    gallery = faces.FaceGallery(path)
    for number, name in enumerate(["Grace Murray", "Eileen", "Grace Murray"]):
        gallery.enrol_embeddings(
            [name],
            vector(number)[None],
            [f"{number}.jpg"],
            digests=[bytes([number]) * 32],
            pack=PACK,
        )
    assert files_with(path, b"Murray")
    gallery.rename("Grace Murray", "Grace Hopper")
    assert files_with(path, b"Murray") == []
    people, matrix, _ = faces.FaceGallery(path).embeddings()
    assert people == ["Grace Hopper", "Eileen", "Grace Hopper"]
    np.testing.assert_allclose(matrix[2], vector(2), atol=1e-6)


def test_the_last_person_can_be_removed(path):
    gallery = faces.FaceGallery(path)
    enrol(gallery, ["Ann"])
    gallery.remove("Ann")
    assert (
        gallery.people() == []
        and gallery.search(vector(0), threshold=0.9).matches == ()
    )
    enrol(gallery, ["Bob"])
    assert faces.FaceGallery(path).people() == ["Bob"]


def test_many_small_commits_are_merged(path, monkeypatch):
    monkeypatch.setattr("course_utils.faces.gallery_table.MAX_FILES", 8)
    gallery, reader = faces.FaceGallery(path), faces.FaceGallery(path)
    for number in range(30):
        gallery.enrol_embeddings(
            [f"P{number:02}"],
            vector(number)[None],
            ["x.jpg"],
            digests=[bytes([number]) * 32],
            pack=PACK,
        )
        people, matrix, _ = reader.embeddings()  # adds to what it knows
        assert people == [f"P{n:02}" for n in range(number + 1)]
        np.testing.assert_allclose(matrix[-1], vector(number), atol=1e-6)
    assert len(list((path / TABLE / "data").iterdir())) <= 9
    assert faces.FaceGallery(path).embeddings().people == people


def damaged_table(path, how):
    """Enrol 5 people in 5 commits, then harm the files in one way."""
    gallery = faces.FaceGallery(path)
    for n in range(5):
        gallery.enrol_embeddings(
            [f"P{n}"],
            vector(n)[None],
            ["x.jpg"],
            digests=[bytes([n]) * 32],
            pack=PACK,
        )
    data = sorted((path / TABLE / "data").iterdir(), key=os.path.getmtime)
    versions = sorted((path / TABLE / "_versions").glob("*.manifest"))
    victim = data[2]
    content = victim.read_bytes()
    if how == "truncated":
        os.truncate(victim, len(content) // 2)
    elif how == "overwritten":
        victim.write_bytes(os.urandom(len(content)))
    elif how == "deleted":
        victim.unlink()
    elif how == "one bit":
        place = content.index(gallery.embeddings().matrix[2].tobytes()) + 3
        flipped = bytes([content[place] ^ 1])
        victim.write_bytes(content[:place] + flipped + content[place + 1 :])
    elif how == "newest manifest deleted":
        versions[0].unlink()
    elif how == "newest manifest overwritten":
        versions[0].write_bytes(os.urandom(versions[0].stat().st_size))
    elif how == "all manifests deleted":
        for version in versions:
            version.unlink()


@pytest.mark.parametrize(
    "how, saved, lost",
    [
        ("truncated", ["P0", "P1", "P3", "P4"], 1),
        ("overwritten", ["P0", "P1", "P3", "P4"], 1),
        ("deleted", ["P0", "P1", "P3", "P4"], 1),
        ("one bit", ["P0", "P1", "P3", "P4"], 1),
        # What came with the lost version is not known to the older one.
        ("newest manifest deleted", ["P0", "P1", "P2", "P3"], 0),
        ("newest manifest overwritten", ["P0", "P1", "P2", "P3"], 0),
    ],
)
def test_damage_is_noticed_and_the_rest_is_saved(
    path, tmp_path, how, saved, lost
):
    damaged_table(path, how)
    gallery = faces.FaceGallery(path)
    with pytest.raises(faces.GalleryDamagedError, match="recover_gallery"):
        gallery.search(vector(0), threshold=0.9)
    with pytest.raises(faces.GalleryDamagedError):
        enrol(gallery, ["Ann"])  # never on top of a damaged table
    recovery = faces.recover_gallery(path, tmp_path / "saved")
    assert recovery == faces.Recovery(len(saved), lost)
    whole = faces.FaceGallery(tmp_path / "saved")
    assert whole.people() == saved
    np.testing.assert_allclose(
        whole.embeddings().matrix[0], vector(0), atol=1e-6
    )
    assert whole.search(vector(1), threshold=0.9).person == "P1"


def test_nothing_left_to_save(path, tmp_path):
    damaged_table(path, "all manifests deleted")
    with pytest.raises(faces.GalleryDamagedError, match="recover_gallery"):
        faces.FaceGallery(path).people()
    with pytest.raises(faces.GalleryDamagedError, match="last export"):
        faces.recover_gallery(path, tmp_path / "saved")
    with pytest.raises(faces.GalleryError, match="holds no gallery"):
        faces.recover_gallery(tmp_path / "elsewhere", tmp_path / "new")
    assert not (tmp_path / "new").exists()


FILL = """
import sys, numpy as np
from course_utils import faces
pack = faces.PackIdentity("invented", "0" * 64, 16)
gallery = faces.FaceGallery(sys.argv[1])
limit()
for number in range(1000):
    count = 500
    rows = np.random.default_rng(number).standard_normal((count, 16))
    try:
        gallery.enrol_embeddings(
            [f"P{number}"] * count, rows, ["x.jpg"] * count,
            digests=[f"{number} {n}".encode().ljust(32) for n in range(count)],
            pack=pack)
    except faces.GalleryError as error:
        print(error)
        assert len(gallery) == 500 * number, len(gallery)
        break
    print(number, flush=True)
"""


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_loses_nothing(small_disk):
    path = small_disk / "gallery"
    *numbers, message = fill(path, "def limit(): pass").splitlines()
    assert "is full: nothing was changed" in message
    gallery = faces.FaceGallery(path)
    assert len(gallery) == 500 * len(numbers) > 0
    assert len(gallery.people()) == len(numbers)
    # What failed has left nothing behind, so that a smaller call fits.
    enrol(gallery, ["Ann"])
    assert "Ann" in faces.FaceGallery(path).people()


def test_a_file_too_large_loses_nothing(path):
    """The same without root: the system refuses files above 30 kB."""
    limit = (
        "import resource, signal\n"
        "def limit():\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))\n"
    )
    *numbers, message = fill(path, limit).splitlines()
    assert "is full: nothing was changed" in message and numbers == []
    gallery = faces.FaceGallery(path)
    assert gallery.people() == []
    enrol(gallery, ["Ann"])
    assert gallery.people() == ["Ann"]


def fill(path, limit):
    return subprocess.run(
        [sys.executable, "-c", limit + "\n" + FILL, path],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
