"""What the gallery promises about its file: nothing lost, nothing kept."""

import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest

from course_utils import faces
from course_utils.faces import gallery as module

SIZE = 16
PACK = faces.gallery.PackIdentity("invented", "0" * 64)
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
        enrol(gallery, first + person)
    elif step == 1:
        gallery.rename(name(first + person), renamed(first + person))
    elif person >= 3:
        gallery.remove(renamed(first + person - 3))


def people_after(changes, first=0):
    """Who is enrolled after so many changes: {name: person}."""
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


def names(people):
    """As the gallery lists them."""
    return sorted(map(name, people))


def raw(person):
    return np.random.default_rng(person).standard_normal(SIZE)


def vector(person):
    """One unit vector a person, to the bit what the gallery stores."""
    return module._unit_rows(raw(person)[None])[0]


def enrol(gallery, *people):
    return gallery.enrol_embeddings(
        [name(person) for person in people],
        np.stack([raw(person) for person in people]),
        [f"{person}.jpg" for person in people],
        digests=[person.to_bytes(32, "big") for person in people],
        pack=PACK,
    )


def traces_of(person, folder):
    """The files below a folder with a name of somebody, or a piece of a row."""
    row = vector(person).tobytes()
    pieces = [row[start : start + 8] for start in range(0, len(row), 8)]
    names = [name(person).encode(), renamed(person).encode()]
    return files_with(folder, *names, *pieces)


def files_with(folder, *needles):
    return [
        file.relative_to(folder)
        for file in folder.rglob("*")
        if file.is_file()
        and any(needle in file.read_bytes() for needle in needles)
    ]


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
@pytest.mark.parametrize("seed", range(4))
def test_a_killed_process_loses_and_keeps_nothing(path, seed):
    """Kill a process that enrols, renames and removes; look what is left."""
    chance = random.Random(seed)
    worker = start_worker(path)
    returned = worker.stdout.read(chance.randint(1, 40))
    threading.Event().wait(chance.uniform(0, 0.02))
    worker.send_signal(signal.SIGKILL)
    done = len(returned + worker.stdout.read())
    worker.wait()
    with faces.FaceGallery(path) as gallery:
        rows = gallery.embeddings()
        # One change may have been under way: wholly done, or not at all.
        people = people_after(done)
        if rows.people != [*people]:
            people = people_after(done + 1)
        assert rows.people == [*people]
        vectors = [*map(vector, people.values())]
        np.testing.assert_array_equal(rows.matrix, vectors)
        for person in range(done // 3 + 2):
            gone = {name(person), renamed(person)} - {*people}
            if len(gone) == 2:  # removed, or never there
                assert traces_of(person, path) == []
            assert files_with(path, *map(str.encode, gone)) == []
        assert enrol(gallery, 1000) == [0]
    assert os.listdir(path) == [FILE]


def test_readers_see_each_commit_of_another_process(path):
    reader = faces.FaceGallery(path)
    enrol(reader, 99)
    worker = start_worker(path, 30)
    done = 0
    while worker.stdout.read(1):
        done += 1  # newer changes may follow at any time
        assert reader.people() in [
            sorted([name(99), *people_after(n)]) for n in range(done, 31)
        ]
        assert reader.search(vector(99), threshold=0.9).person == name(99)
    assert worker.wait() == 0 and done == 30
    assert reader.people() == sorted([name(99), *people_after(30)])


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
    enrol(first, 0)
    with first._writing():
        assert second.people() == names([0])  # reading needs no turn
        with pytest.raises(faces.GalleryError, match="wait for other programs"):
            enrol(second, 1)
    enrol(second, 1)
    assert first.people() == names([0, 1])


def test_threads_share_one_object(path):
    gallery = faces.FaceGallery(path)
    enrol(gallery, 99)

    def work(first):
        for number in range(20):
            change(gallery, number, first)
            assert gallery.search(vector(99), threshold=0.9).person == name(99)
        return people_after(20, first)

    with ThreadPoolExecutor(4) as pool:
        expected = {name(99), *chain(*pool.map(work, [0, 1000, 2000, 3000]))}
    assert gallery.people() == sorted(expected)


def test_closing_releases_the_folder(path):
    with faces.FaceGallery(path) as gallery:
        enrol(gallery, 0)
    with pytest.raises(faces.GalleryError, match="cannot be used"):
        gallery.people()
    assert faces.FaceGallery(path).people() == names([0])


def test_removal_leaves_no_trace(path):
    gallery = faces.FaceGallery(path)
    enrol(gallery, *range(40))
    for person in range(40, 60):  # many commits
        enrol(gallery, person)
    for person in random.Random(0).sample(range(60), 30):
        assert traces_of(person, path)  # else this tests nothing
        gallery.rename(name(person), "Somebody")
        assert name(person).encode() not in (path / FILE).read_bytes()
        gallery.remove("Somebody")
        assert traces_of(person, path) == []
    assert os.listdir(path) == [FILE]
    for person in gallery.people():  # until nobody is left
        gallery.remove(person)
    assert gallery.search(vector(0), threshold=0.9).matches == ()


def test_a_removal_cut_short_is_finished_at_the_next_opening(path, monkeypatch):
    gallery = faces.FaceGallery(path)
    enrol(gallery, 0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(faces.FaceGallery, "_finish_erasing", lambda _: None)
        gallery.remove(name(0))
    gallery.close()
    assert faces.FaceGallery(path).people() == names([1])
    assert traces_of(0, path) == []


@pytest.mark.parametrize("how", ["cut", "page overwritten"])
def test_damage_is_noticed(path, how):
    with faces.FaceGallery(path) as gallery:
        enrol(gallery, *range(200))
    content = bytearray((path / FILE).read_bytes())
    if how == "cut":
        content = content[: len(content) // 2]
    else:
        page = content.index(vector(100).tobytes()) // 4096 * 4096
        content[page : page + 4096] = random.Random(0).randbytes(4096)
    (path / FILE).write_bytes(content)
    with pytest.raises(faces.GalleryError, match="bring it back from a copy"):
        faces.FaceGallery(path).search(vector(0), threshold=0.9)


@pytest.mark.parametrize(
    "limit, words",
    [
        ("max_page_count = 12", "disk is full.*make room"),
        ("query_only = ON", "readonly.*permit writing"),
    ],
)
def test_a_disk_that_takes_no_more_loses_nothing(path, limit, words):
    gallery = faces.FaceGallery(path)
    enrol(gallery, 0)
    gallery._db.execute(f"PRAGMA {limit}")
    with pytest.raises(faces.GalleryError, match=words):
        enrol(gallery, *range(1, 500))
    assert gallery.search(vector(0), threshold=0.9).person == name(0)
    reopened = faces.FaceGallery(path)
    enrol(reopened, 1)
    assert gallery.people() == reopened.people() == names([0, 1])
