"""Enrolment on Ray: the same table, also when workers are killed."""

import contextlib
import os
import signal
import tempfile

import numpy as np
import pytest

from course_utils import faces
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


def assert_as_by_threads(gallery, people, folder):
    """Same people, digests and embeddings, each exactly once."""
    threads = faces.FaceGallery(folder / "threads", gallery.app)
    faces.enrol_folder(threads, people, progress=False)
    assert gallery.enrolled() == threads.enrolled()
    ours, theirs = gallery.embeddings(), threads.embeddings()
    order = [ours.photographs.index(each) for each in theirs.photographs]
    np.testing.assert_allclose(ours.matrix[order], theirs.matrix, atol=1e-6)


class Deadly:
    """A pool whose workers die over the first photograph once, over the last
    one every time."""

    def __init__(self, pool, mark):
        self.pool, self.mark = pool, mark

    def imap_unordered(self, look, photographs):
        once, *others, always = photographs
        mark = self.mark

        def look_or_die(photograph):
            if photograph in ([always] if mark.exists() else [once, always]):
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return look(photograph)

        yield from self.pool.imap_unordered(look_or_die, [once, *others])
        # Alone: who dies may take along the answer before, not yet sent.
        yield from self.pool.imap_unordered(look_or_die, [always])


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
    people, gallery, pool, tmp_path, monkeypatch
):
    first, *others, deadly = sorted(people.glob("*/*.jpg"))
    notes = people / "Grace Hopper" / "notes.txt"
    notes.write_text("no picture")
    gallery.enrol(first.parent.name, first)
    monkeypatch.setattr(enrolment, "PHOTOGRAPHS_PER_COMMIT", 2)
    report = faces.enrol_folder(
        gallery, people, pool=Deadly(pool, tmp_path / "mark"), progress=False
    )
    assert report.duplicates == [first] and report.added == others
    assert report.remaining == [deadly]
    assert [path for path, _ in report.rejected] == [notes]
    faces.enrol_folder(gallery, people, progress=False)
    assert_as_by_threads(gallery, people, tmp_path)


def test_a_running_ray_goes_on(people, gallery, pool, tmp_path):
    faces.enrol_folder_with_ray(gallery, people, progress=False)
    assert ray.is_initialized()
    assert_as_by_threads(gallery, people, tmp_path)


def test_its_use_is_not_reported():
    """course_utils, which conftest.py imports before Ray, has seen to that."""
    from ray._common.usage import usage_lib

    assert not usage_lib.usage_stats_enabled()
