"""Enrolment on Ray: the same table, also when workers are killed."""

import contextlib
import os
import signal
import tempfile

import numpy as np
import pytest

from course_utils import faces, images
from course_utils.faces import enrolment

# Read when Ray is imported: listen on 127.0.0.1 only (its name speaks of
# other systems, where this is the default), and need no token for that.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_ADDRESS"] = "local"  # not a cluster that happens to be there
ray = pytest.importorskip("ray", reason="the extra course_utils[scale]")
multiprocessing = pytest.importorskip("ray.util.multiprocessing")
# At a load of 20 on two cores Ray did not start within five tries of 30 s.
pytestmark = pytest.mark.timeout(1200)

PEOPLE = ["biden_1", "collins_1", "hopper_1", "obama_1", "obama_2"]
COPIES = 3


@pytest.fixture(scope="module", autouse=True)
def own_folder():
    """Take Ray's logs away at the end."""
    # Not in pytest's folder: the names of Ray's sockets have to be short.
    temporary = tempfile.TemporaryDirectory(
        prefix="ray", ignore_cleanup_errors=True
    )
    with temporary as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        yield


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Photographs of five people, all different, and two useless files."""
    folder = tmp_path_factory.mktemp("people")
    for name in PEOPLE:
        photograph = images.load_image(images.sample(f"faces/{name}"), 400)
        (folder / name).mkdir()
        for number in range(COPIES):
            brighter = np.clip(photograph + np.float32(number), 0, 255)
            images.save_image(
                brighter.astype(np.uint8), folder / name / f"{number}.jpg"
            )
    (folder / "hopper_1" / "notes.txt").write_text("no picture")
    cat = images.load_image(images.sample("faces/noface_cat"))
    images.save_image(cat, folder / "hopper_1" / "cat.jpg")
    return folder


@pytest.fixture(scope="module")
def local(people, app, tmp_path_factory):
    """The same folder enrolled by threads: the gallery and the report."""
    gallery = faces.FaceGallery(tmp_path_factory.mktemp("local"), app)
    return gallery, faces.enrol_folder(gallery, people, progress=False)


def assert_same_table(gallery, expected):
    """Same people, digests and embeddings, each exactly once."""
    assert gallery.enrolled() == expected.enrolled()
    ours, theirs = (by_photograph(one) for one in (gallery, expected))
    assert ours.keys() == theirs.keys()
    for photograph, embedding in ours.items():
        np.testing.assert_allclose(
            embedding, theirs[photograph], rtol=0, atol=1e-6
        )


def by_photograph(gallery):
    rows = gallery.embeddings()
    return dict(zip(rows.photographs, rows.matrix, strict=True))


class Deadly:
    """A pool whose workers are killed over one photograph, every time."""

    def __init__(self, pool, path):
        self.pool, self.path = pool, path

    def imap_unordered(self, look, photographs):
        deadly = self.path

        def look_or_die(photograph):
            if photograph.path == deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            return look(photograph)

        return self.pool.imap_unordered(look_or_die, photographs)


@pytest.fixture(scope="module")
def pool():
    """Two workers of a Ray that is there before the job, as a cluster is."""
    for _ in range(9):  # it gives up on a very busy machine
        with contextlib.suppress(Exception):
            ray.init(num_cpus=2, include_dashboard=False)
            break
        ray.shutdown()
    retry = {"max_restarts": -1, "max_task_retries": 1}
    with multiprocessing.Pool(2, ray_remote_args=retry) as workers:
        yield workers
    ray.shutdown()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_killed_workers_lose_and_double_nothing(
    people, gallery, local, pool, monkeypatch
):
    there_before = sorted((people / "biden_1").glob("*.jpg"))[:3]
    gallery.enrol("biden_1", there_before)
    monkeypatch.setattr(enrolment, "PHOTOGRAPHS_PER_COMMIT", 2)
    deadly = people / "obama_1/2.jpg"
    report = faces.enrol_folder(
        gallery, people, pool=Deadly(pool, deadly), progress=False
    )
    expected, expected_report = local
    assert report.duplicates == there_before
    assert report.rejected == expected_report.rejected
    assert report.remaining == [deadly]
    done = {*report.added, *there_before, deadly}
    assert done == {*expected_report.added}
    faces.enrol_folder(gallery, people, progress=False)
    assert_same_table(gallery, expected)


def test_a_running_ray_goes_on(people, gallery, local, pool):
    faces.enrol_folder_with_ray(gallery, people, progress=False)
    assert ray.is_initialized()
    assert_same_table(gallery, local[0])


def test_its_use_is_not_reported():
    """course_utils, which conftest.py imports before Ray, has seen to that."""
    from ray._common.usage import usage_lib

    assert not usage_lib.usage_stats_enabled()
