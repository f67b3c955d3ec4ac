"""Enrol a folder of photographs into a gallery: one sub-folder a person.

A pool's workers look at photographs (``examine``), this process alone commits
what they found. The workers are threads, or a Ray cluster's processes, or any
others: a pool needs no more than ``multiprocessing.Pool.imap_unordered``.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from course_utils import hardware, images, weights
from course_utils.faces.analysis import load_face_analysis
from course_utils.faces.gallery import (
    FaceGallery,
    Match,
    clean_name,
    pack_identity,
    photograph_digest,
    photograph_name,
)
from course_utils.faces.quality import face_to_enrol

# A commit waits for the disk, so this many photographs share one; about as
# many have to be embedded again after a crash.
PHOTOGRAPHS_PER_COMMIT = 128


@dataclass
class FolderReport:
    """What became of every file of a folder; ``rejected`` says why.

    The ``remaining`` were not looked at, because of an interrupt or of dead
    workers: enrol the folder once more. ``lookalikes`` are among the added,
    but would have been known as somebody else: perhaps under two names.
    """

    added: list[Path] = field(default_factory=list)
    duplicates: list[Path] = field(default_factory=list)
    rejected: list[tuple[Path, str]] = field(default_factory=list)
    remaining: list[Path] = field(default_factory=list)
    lookalikes: list[tuple[Path, Match]] = field(default_factory=list)

    def __str__(self):
        return (
            f"{len(self.added)} added, {len(self.duplicates)} duplicates, "
            f"{len(self.rejected)} rejected, {len(self.remaining)} remaining"
        )


class Photograph(NamedTuple):
    """A file, whom it shows; once it was looked at, what was found in it."""

    path: Path
    person: str
    digest: bytes
    embedding: np.ndarray | None = None
    reason: str | None = None  # for which there is no embedding


def enrol_folder(
    gallery: FaceGallery,
    folder: str | os.PathLike,
    *,
    pool=None,
    progress: bool = True,
) -> FolderReport:
    """Enrol all people of a folder: ``folder/<person>/<photograph>``.

    Every file has to pass the rules of ``gallery.enrol``: one face, large and
    sharp enough; none can stop the others. The job may be interrupted, even by
    ``kill -9``, and started again: photographs are known by their content.

    ``pool`` is anything with the ``imap_unordered`` of
    ``multiprocessing.Pool``, by default a thread a core. Its machines need
    course_utils, the gallery's pack, and the folder under the same path.
    """
    report = FolderReport()
    photographs = _list(Path(folder).expanduser().absolute(), gallery, report)
    app = gallery.app
    with contextlib.ExitStack() as stack:
        if pool is None:
            pool = stack.enter_context(ThreadPool(hardware.usable_cores()))
            look = functools.partial(examine, lambda: app)
        else:
            pack = Path(app.model_dir).name
            if pack not in weights.TABLE:  # else each machine knows where it is
                pack = app.model_dir
            look = functools.partial(examine, functools.partial(_load, pack))
        findings = tqdm(
            pool.imap_unordered(look, photographs),
            total=len(photographs),
            unit="photo",
            disable=not progress,
        )
        _record(gallery, findings, report)
    looked_at = {*report.added, *(path for path, _ in report.rejected)}
    report.remaining = [
        path for path, *_ in photographs if path not in looked_at
    ]
    for outcome in (report.added, report.rejected, report.lookalikes):
        outcome.sort()
    return report


def enrol_folder_with_ray(
    gallery: FaceGallery, folder: str | os.PathLike, *, progress: bool = True
) -> FolderReport:
    """``enrol_folder`` on the Ray cluster that runs, or that RAY_ADDRESS names.

    Else Ray (``pip install ray``) starts on this machine, and ends with it. A
    worker that dies is replaced, its photograph tried three times more.
    """
    import ray
    from ray.util.multiprocessing import Pool

    was_running = ray.is_initialized()
    retry = {"max_restarts": -1, "max_task_retries": 3}
    try:
        with Pool(ray_remote_args=retry) as pool:
            return enrol_folder(gallery, folder, pool=pool, progress=progress)
    finally:
        if not was_running:
            ray.shutdown()


def examine(load: Callable, photograph: Photograph) -> Photograph:
    """Look for one usable face; never raise for a photograph."""
    app = load()
    try:
        face = face_to_enrol(app, images.load_image(photograph.path))
        return photograph._replace(embedding=face.embedding)
    except Exception as error:  # one strange file must not lose the others
        return photograph._replace(reason=str(error) or repr(error))


@functools.cache
def _load(pack: str):
    return load_face_analysis(pack)


def _record(
    gallery: FaceGallery, findings: Iterable, report: FolderReport
) -> None:
    """Commit what the workers find; an interrupt ends it, and loses nothing."""
    waiting = []
    with contextlib.suppress(KeyboardInterrupt):
        for finding in findings:
            # Ray hands errors over instead of raising them: what a worker
            # raised, or that it died over this photograph, which remains.
            if hasattr(finding, "underlying"):
                raise finding.underlying
            if isinstance(finding, Exception):
                continue
            if finding.reason:
                report.rejected.append((finding.path, finding.reason))
                continue
            waiting.append(finding)
            if len(waiting) == PHOTOGRAPHS_PER_COMMIT:
                _commit(gallery, waiting, report)
                waiting = []
    if waiting:
        _commit(gallery, waiting, report)


def _commit(
    gallery: FaceGallery, findings: list[Photograph], report: FolderReport
) -> None:
    findings.sort()  # the workers answer in any order
    paths, people, digests, embeddings, _ = zip(*findings, strict=True)
    gallery.enrol_embeddings(
        people,
        np.stack(embeddings),
        [photograph_name(path) for path in paths],
        digests=digests,
        pack=pack_identity(gallery.app),
    )
    report.added += paths
    for path, person, _, embedding, _ in findings:
        if other := gallery.lookalike(person, embedding):
            report.lookalikes.append((path, other))


def _list(
    folder: Path, gallery: FaceGallery, report: FolderReport
) -> list[Photograph]:
    """Find everybody's new photographs; report all other files."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder.")
    known = gallery.enrolled()
    photographs = []
    for path in sorted(folder.rglob("*")):
        person, *inner = path.relative_to(folder).parts
        if path.is_dir() or any(n.startswith(".") for n in (person, *inner)):
            continue
        try:
            if not inner:
                raise ValueError(f"{path} is in no person's folder.")
            person, digest = clean_name(person), photograph_digest(path)
        except (ValueError, OSError) as error:
            report.rejected.append((path, str(error)))
            continue
        if (person, digest) in known:
            report.duplicates.append(path)
        else:
            known.add((person, digest))
            photographs.append(Photograph(path, person, digest))
    return photographs
