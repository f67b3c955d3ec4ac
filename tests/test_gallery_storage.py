"""What the gallery promises about its file: nothing lost, nothing kept."""

import hashlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from course_utils import faces
from course_utils.faces import gallery as module

SIZE = 16
PACK = faces.gallery.PackIdentity("invented", "0" * 64, SIZE)
FILE = module.FILE

# Run as a program of its own: enrols, renames and removes one person after
# the other, and prints a dot once the gallery has returned.
WORKER = """
import sys
from tests.test_gallery_storage import change
from course_utils import faces
gallery = faces.FaceGallery(sys.argv[1])
for number in range(int(sys.argv[2])):
    change(gallery, number, int(sys.argv[3]))
    print(".", end="", flush=True)
"""


def change(gallery, number, first=0):
    """Enrol somebody, rename them, or remove an earlier one: in turn."""
    person, step = divmod(number, 3)
    if step == 0:
        enrol(gallery, [name(first + person)], [first + person])
    elif step == 1:
        gallery.rename(name(first + person), renamed(first + person))
    elif person >= 3:
        gallery.remove(renamed(first + person - 3))


def people_after(changes, first=0):
    """Who is enrolled after so many changes, and the numbers of their rows."""
    people = {}
    for number in range(changes):
        person, step = divmod(number, 3)
        if step == 0:
            people[name(first + person)] = first + person
        elif step == 1:
            people[renamed(first + person)] = people.pop(name(first + person))
        elif person >= 3:
            del people[renamed(first + person - 3)]
    return people


def name(person):
    return f"Enrolled {person} as this."


def renamed(person):
    return f"Renamed {person} to that."


def vector(number):
    """One unit vector a number, to the bit what the gallery stores."""
    return module._unit_rows(raw(number)[None], SIZE)[0]


def raw(number):
    return np.random.default_rng(number).standard_normal(SIZE)


def enrol(gallery, names, numbers=None):
    numbers = range(len(names)) if numbers is None else numbers
    return gallery.enrol_embeddings(
        names,
        np.stack([raw(number) for number in numbers]),
        [f"{number}.jpg" for number in numbers],
        digests=[hashlib.sha256(n.encode()).digest() for n in names],
        pack=PACK,
    )


def files_with(folder, *needles):
    """Names of the files below ``folder`` that contain one of the bytes."""
    return [
        file.relative_to(folder)
        for file in folder.rglob("*")
        if file.is_file()
        and any(needle in file.read_bytes() for needle in needles)
    ]


def traces(person):
    """What must not be found of somebody: names, and pieces of the row."""
    row = vector(person).tobytes()
    pieces = [row[start : start + 8] for start in range(0, len(row), 8)]
    return [name(person).encode(), renamed(person).encode(), *pieces]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gallery"


def start_worker(path, changes=1_000_000, first=0):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, path, str(changes), str(first)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("seed", range(6))
def test_a_killed_process_loses_and_keeps_nothing(path, seed):
    kill_while_changing(path, random.Random(seed))


def kill_while_changing(path, random):
    """Kill a process that enrols, renames and removes; look what is left."""
    worker = start_worker(path)
    returned = worker.stdout.read(random.randint(1, 40))
    threading.Event().wait(random.uniform(0, 0.02))
    worker.send_signal(signal.SIGKILL)
    done = len(returned + worker.stdout.read())
    worker.wait()
    before = files_with(path, b"SQLite")
    with faces.FaceGallery(path) as gallery:
        people, matrix, photographs = gallery.embeddings()
        # One change may have been under way: wholly done, or not at all.
        expected = people_after(done)
        if people != list(expected):
            expected = people_after(done + 1)
        assert people == list(expected)
        for row, person in zip(matrix, expected.values(), strict=True):
            np.testing.assert_array_equal(row, vector(person))
        assert photographs == [f"{n}.jpg" for n in expected.values()]
        assert before
        for person in range(done // 3 + 2):
            forgotten = {name(person), renamed(person)} - set(people)
            needles = [text.encode() for text in forgotten]
            if len(needles) == 2:  # removed, or never there
                needles = traces(person)
            assert files_with(path, *needles) == []
        assert enrol(gallery, ["after"]) == [0]
    assert os.listdir(path) == [FILE]


def test_readers_see_each_commit_of_another_process(path):
    reader = faces.FaceGallery(path)
    enrol(reader, ["first"], [99])
    worker = start_worker(path, 30)
    done = 0
    while worker.stdout.read(1):
        done += 1  # newer changes may follow at any time
        people = reader.people()
        assert people in [
            sorted(["first", *people_after(n)]) for n in range(done, 31)
        ]
        assert reader.search(vector(99), threshold=0.9).person == "first"
    assert worker.wait() == 0 and done == 30
    assert reader.people() == sorted(["first", *people_after(30)])


def test_two_writers_take_turns(path):
    workers = [start_worker(path, 30, first) for first in (0, 1000)]
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    expected = people_after(30) | people_after(30, 1000)
    assert faces.FaceGallery(path).people() == sorted(expected)


def test_a_writer_does_not_wait_for_ever(path, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_TO_WAIT", 0.1)
    first, second = faces.FaceGallery(path), faces.FaceGallery(path)
    enrol(first, ["Ann"])
    with first._writing():
        assert second.people() == ["Ann"]  # reading needs no turn
        with pytest.raises(faces.GalleryError, match="Another program"):
            enrol(second, ["Bob"])
    enrol(second, ["Bob"])
    assert first.people() == ["Ann", "Bob"]


def test_threads_share_one_object(path):
    gallery = faces.FaceGallery(path)
    enrol(gallery, ["first"], [99])

    def work(first):
        for number in range(20):
            change(gallery, number, first)
            assert gallery.search(vector(99), threshold=0.9).person == "first"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [0, 1000, 2000, 3000]))
    expected = ["first"]
    for first in (0, 1000, 2000, 3000):
        expected += people_after(20, first)
    assert gallery.people() == sorted(expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_opens_it_again(path):
    gallery = faces.FaceGallery(path)
    enrol(gallery, ["Ann"])
    script = (
        "import os, sys\n"
        "from course_utils import faces\n"
        "gallery = faces.FaceGallery(sys.argv[1])\n"
        "if os.fork() == 0:\n"
        "    try:\n"
        "        gallery.people()\n"
        "    except faces.GalleryError as error:\n"
        "        print(error, faces.FaceGallery(sys.argv[1]).people())\n"
        "else:\n"
        "    os.wait()\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True
    ).stdout
    assert "open" in told and "again here. ['Ann']" in told


def test_closing_releases_the_folder(path):
    with faces.FaceGallery(path) as gallery:
        enrol(gallery, ["Ann"])
    with pytest.raises(faces.GalleryError, match="was closed"):
        gallery.people()
    gallery.close()  # twice does no harm
    assert faces.FaceGallery(path).people() == ["Ann"]


def test_removal_leaves_no_trace(path):
    gallery = faces.FaceGallery(path)
    enrol(gallery, [name(person) for person in range(40)])
    for person in range(40, 60):  # many commits
        enrol(gallery, [name(person)], [person])
    for person in random.Random(0).sample(range(60), 30):
        assert files_with(path, *traces(person))  # else this tests nothing
        gallery.remove(name(person))
        assert files_with(path, *traces(person)) == []
    assert os.listdir(path) == [FILE]
    assert len(faces.FaceGallery(path).people()) == 30


def test_a_removal_cut_short_is_finished_at_the_next_opening(path, monkeypatch):
    def killed(_gallery):
        raise KeyboardInterrupt

    gallery = faces.FaceGallery(path)
    enrol(gallery, ["Ann", "Bob"])
    with monkeypatch.context() as patch:
        finish = faces.FaceGallery._finish_erasing
        calls = iter([finish, killed])
        patch.setattr(
            faces.FaceGallery, "_finish_erasing", lambda own: next(calls)(own)
        )
        with pytest.raises(KeyboardInterrupt):
            gallery.remove("Ann")
    assert gallery._mark()
    reopened = faces.FaceGallery(path)
    assert reopened.people() == ["Bob"] and not reopened._mark()
    assert files_with(path, b"Ann", *traces(0)) == []


def test_the_last_person_can_be_removed(path):
    gallery = faces.FaceGallery(path)
    enrol(gallery, ["Ann"])
    gallery.remove("Ann")
    assert gallery.people() == []
    assert gallery.search(vector(0), threshold=0.9).matches == ()
    enrol(gallery, ["Bob"])
    assert faces.FaceGallery(path).people() == ["Bob"]


def damage(path, how):
    """Enrol 200 people, then harm the file in one way."""
    with faces.FaceGallery(path) as gallery:
        enrol(gallery, [name(person) for person in range(200)])
    file = path / FILE
    content = bytearray(file.read_bytes())
    if how == "truncated":
        content = content[: len(content) // 2]
    elif how == "overwritten":
        content = bytearray(random.Random(0).randbytes(len(content)))
    elif how == "one page overwritten":
        page = content.index(vector(100).tobytes()) // 4096 * 4096
        content[page : page + 4096] = random.Random(0).randbytes(4096)
    elif how == "one bit of an embedding":
        content[content.index(vector(2).tobytes()) + 3] ^= 1
    elif how == "one letter of a name":
        content[content.index(name(2).encode()) + 1] = 0xFF
    file.write_bytes(content)


@pytest.mark.parametrize(
    "how",
    [
        "truncated",
        "overwritten",
        "one page overwritten",
        "one bit of an embedding",
        "one letter of a name",
    ],
)
def test_damage_is_noticed(path, how):
    damage(path, how)
    with pytest.raises(faces.gallery.GalleryDamagedError, match="from a copy"):
        faces.FaceGallery(path).search(vector(0), threshold=0.9)


def test_a_full_disk_loses_nothing(small_disk):
    path = small_disk / "gallery"
    with faces.FaceGallery(path) as gallery:
        batches = fill(gallery)
        assert batches >= 2 and len(gallery) == 500 * batches
        enrol(gallery, ["Ann"])  # what failed has left nothing behind
        with pytest.raises(faces.GalleryError) as full:
            gallery.remove(name(0))
        # Either nothing was changed, or the sentence says that it is done.
        done = "It is done" in str(full.value)
        assert done or "nothing was changed" in str(full.value)
        assert (name(0) in gallery.people()) != done
    (small_disk / "ballast").unlink()
    with faces.FaceGallery(path) as gallery:
        if not done:
            gallery.remove(name(0))
        assert files_with(path, name(0).encode()) == []
        assert "Ann" in gallery.people()


def fill(gallery):
    """Enrol 500 people at a time until the disk is full; return how often."""
    for batch in itertools.count():
        numbers = range(500 * batch, 500 * (batch + 1))
        try:
            enrol(gallery, [name(number) for number in numbers], numbers)
        except faces.GalleryError as error:
            assert "is full: nothing was changed" in str(error)
            return batch


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB, where this user may mount one, half of it used."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small file system")
    (folder / "ballast").write_bytes(bytes(500_000))
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(os.name == "nt", reason="file limits are POSIX")
def test_a_file_too_large_loses_nothing(path):
    """The same without root: the system refuses files above 60 kB."""
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "from tests.test_gallery_storage import enrol, name\n"
        "from course_utils import faces\n"
        "gallery = faces.FaceGallery(sys.argv[1])\n"
        "enrol(gallery, ['Ann'])\n"
        "try:\n"
        "    enrol(gallery, [name(n) for n in range(500)])\n"
        "except faces.GalleryError as error:\n"
        "    print(error, gallery.people())\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True
    ).stdout
    assert "look whether its disk is full" in told and "['Ann']" in told
    with faces.FaceGallery(path) as gallery:
        enrol(gallery, ["Bob"])
        assert gallery.people() == ["Ann", "Bob"]


def test_a_folder_that_may_only_be_read(read_only):
    gallery = faces.FaceGallery(read_only)
    assert gallery.search(vector(0), threshold=0.9).person == "Ann"
    for change in (
        lambda: enrol(gallery, ["Bob"]),
        lambda: gallery.remove("Ann"),
        lambda: gallery.rename("Ann", "Bob"),
    ):
        with pytest.raises(faces.GalleryError, match="cannot be written to"):
            change()
    assert gallery.people() == ["Ann"]
    with pytest.raises(faces.GalleryError, match="cannot be used"):
        faces.FaceGallery(read_only.parent / "new")


@pytest.fixture
def read_only(tmp_path):
    """A gallery on a disk, or in a folder, that nobody may write to."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "tmpfs", disk]
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("root may write everywhere, and may not mount here")
    with faces.FaceGallery(disk / "gallery") as gallery:
        enrol(gallery, ["Ann"])
    if is_root:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        yield disk / "gallery"
        subprocess.run(["umount", "--lazy", disk], check=True)
        return
    for place in (disk / "gallery" / FILE, disk / "gallery", disk):
        place.chmod(place.stat().st_mode & ~0o222)
    yield disk / "gallery"
    for place in (disk, disk / "gallery"):
        place.chmod(0o755)
