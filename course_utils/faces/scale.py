"""``enrol_folder`` for when one machine is not enough: the same job on Ray.

Ray Data hands the photographs to worker processes, on this machine or on a
cluster. They look at them exactly as ``enrol_folder`` does; this process alone
writes to the gallery. When a worker or a machine dies, Ray gives its
photographs to another one.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
import warnings
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course_utils import weights
from course_utils.faces.analysis import load_face_analysis
from course_utils.faces.enrolment import (
    Finding,
    FolderReport,
    Photograph,
    examine,
    list_photographs,
    record,
)
from course_utils.faces.gallery import (
    FaceGallery,
    WrongPackError,
    pack_identity,
)

if TYPE_CHECKING:
    import pyarrow
    import ray

# What a worker takes at a time, and loses when it dies: about a second's work.
PHOTOGRAPHS_PER_TASK = 32
MAX_RETRIES = 3  # of a task whose workers die
RAY_DATA = "ray[data]>=2.60,<2.64"  # the extra "scale" of pyproject.toml


def enrol_folder_with_ray(
    gallery: FaceGallery,
    folder: str | os.PathLike,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> FolderReport:
    """Enrol all people of a folder with Ray: see ``enrol_folder``.

    Same rules, same rows, same report; only the order of the rows differs.

    Without further ado Ray runs on this machine and ends with the job. To use
    a cluster, set the environment variable RAY_ADDRESS or call ``ray.init``
    first. The machines of a cluster need course_utils with the face pack of
    the gallery, and have to see ``folder`` under the same path, for instance
    on network storage. Only this process needs the gallery. Ray keeps logs in
    a temporary folder of its own.

    Args:
        gallery: to enrol into; it must not lie inside ``folder``.
        folder: its sub-folders are named after people.
        workers: processes, one core each; default one for each core that Ray
            has.
        progress: show a bar with the time left.

    Returns:
        A ``FolderReport`` that accounts for every file.

    Raises:
        ModuleNotFoundError: Ray Data is not installed.
        NotADirectoryError, ValueError, GalleryError: as ``enrol_folder``.
        ray.exceptions.RayError: no worker can start, say because a machine
            lacks the pack; what was committed before is kept.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}.")
    listing = list_photographs(folder, gallery)
    with _running_ray():
        findings = _examine_all(gallery, listing.photographs, workers)
        return record(gallery, listing, findings, progress)


@contextlib.contextmanager
def _running_ray() -> Iterator[None]:
    """Use the Ray that runs or is named by RAY_ADDRESS, else one of our own."""
    try:
        import ray.data
    except ImportError:
        raise ModuleNotFoundError(
            "enrol_folder_with_ray needs Ray Data, which is not installed: run "
            f"`python -m pip install '{RAY_DATA}'`, or use enrol_folder."
        ) from None
    if ray.is_initialized():
        yield
        return
    # Ray would otherwise report its use to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(include_dashboard=False)
    try:
        yield
    finally:
        ray.shutdown()


def _examine_all(
    gallery: FaceGallery, photographs: Sequence[Photograph], workers: int | None
) -> Generator[Finding]:
    """Yield what the workers find, as it comes."""
    import ray.data

    if not photographs:  # Ray Data makes no table without columns
        return
    with warnings.catch_warnings():
        # Ray 2.60 announces another way to say max_task_retries, and has none.
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
        found = _as_dataset(photographs).map_batches(
            _Examiner,
            fn_constructor_args=_constructor_args(gallery),
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=workers or _cores()),
            num_cpus=1,
            max_task_retries=MAX_RETRIES,
        )
    for table in found.iter_batches(batch_size=None, batch_format="pyarrow"):
        for row in table.to_pylist():
            yield _finding(photographs, **row)


def _as_dataset(photographs: Sequence[Photograph]) -> ray.data.Dataset:
    import ray.data

    dataset = ray.data.from_items(
        [
            # A worker may run in another folder.
            {"number": n, "person": p.person, "path": str(p.path.absolute())}
            for n, p in enumerate(photographs)
        ],
        override_num_blocks=math.ceil(len(photographs) / PHOTOGRAPHS_PER_TASK),
    )
    dataset.context.enable_progress_bars = False  # we show our own
    # A photograph that kills every worker must not end the job: its task is
    # given up, and the report lists it under ``remaining``.
    dataset.context.max_errored_blocks = -1
    return dataset


class _Examiner:
    """A worker process: it loads the face models once, then looks at tables."""

    def __init__(self, pack, identity, det_thresh, det_size, enrolled):
        import ray

        self._app = load_face_analysis(pack)
        self._app.prepare(0, det_thresh, det_size)
        if pack_identity(self._app) != identity:
            raise WrongPackError(
                f"On {platform.node()}, {pack!r} is not the pack that "
                "the gallery uses: install the same one there."
            )
        self._enrolled = ray.get(enrolled)

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        """Return number, digest, embedding and reason of each photograph."""
        import pyarrow

        rows = [self._look(**row) for row in table.to_pylist()]
        schema = pyarrow.schema(
            {
                "number": pyarrow.int64(),
                "digest": pyarrow.binary(),
                "embedding": pyarrow.list_(pyarrow.float32()),
                "reason": pyarrow.string(),
            }
        )
        return pyarrow.Table.from_pylist(rows, schema)

    def _look(self, number: int, person: str, path: str) -> dict:
        photograph = Photograph(person, Path(path))
        finding = examine(self._app, self._enrolled, photograph)
        return {
            "number": number,
            "digest": finding.digest,
            "embedding": finding.embedding,
            "reason": finding.reason,
        }


def _constructor_args(gallery: FaceGallery) -> tuple:
    import ray

    app = gallery.app
    name = Path(app.model_dir).name
    # By its name a pack is found wherever the other machine keeps it.
    known = name in weights.TABLE and weights.find(name).samefile(app.model_dir)
    return (
        name if known else app.model_dir,
        pack_identity(app),
        app.det_thresh,
        app.det_size,
        ray.put(gallery.enrolled()),
    )


def _cores() -> int:
    import ray

    return int(ray.cluster_resources()["CPU"])


def _finding(photographs, number, digest, embedding, reason) -> Finding:
    if embedding is not None:
        embedding = np.array(embedding, np.float32)
    return Finding(photographs[number], digest, embedding, reason)
