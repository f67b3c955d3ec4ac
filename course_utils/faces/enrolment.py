"""Enrol a folder of photographs into a gallery: one sub-folder a person.

A pool's workers look at photographs (``examine``), this process alone commits
what they found. The workers are threads, or a Ray cluster's processes, or any
others: a pool needs no more than ``multiprocessing.Pool.imap_unordered``.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from course_utils import hardware, images, weights
from course_utils.faces.analysis import NoFaceError, load_face_analysis
from course_utils.faces.gallery import (
    FaceGallery,
    Match,
    PackIdentity,
    WrongPackError,
    clean_name,
    pack_identity,
    photograph_digest,
    photograph_name,
)
from course_utils.faces.quality import EnrolmentError, face_to_enrol

# A commit waits for the disk, so this many photographs share one; about as
# many have to be embedded again after a crash.
PHOTOGRAPHS_PER_COMMIT = 128


@dataclass
class FolderReport:
    """What became of every file of a folder.

    Attributes:
        added: files that are in the gallery now and were not before.
        duplicates: files whose content the gallery has already for the same
            person, from an earlier run or from another file of the folder.
        rejected: (path, reason) of the files that cannot be enrolled.
        remaining: files that were not looked at, because of an interrupt or
            because workers died over them: enrol the folder once more.
        people_without_photograph: sub-folders of whom the gallery has none.
        lookalikes: (path, match) of added files whose face would have been
            known as somebody else: perhaps one person has two folders.
    """

    added: list[Path] = field(default_factory=list)
    duplicates: list[Path] = field(default_factory=list)
    rejected: list[tuple[Path, str]] = field(default_factory=list)
    remaining: list[Path] = field(default_factory=list)
    people_without_photograph: list[str] = field(default_factory=list)
    lookalikes: list[tuple[Path, Match]] = field(default_factory=list)

    def __str__(self):
        """Count them, in one line."""
        return (
            f"{len(self.added)} added, {len(self.duplicates)} duplicates, "
            f"{len(self.rejected)} rejected, {len(self.remaining)} remaining"
        )


class Photograph(NamedTuple):
    """A file, whom it shows, and the digests not to embed again for them."""

    path: Path
    person: str
    known: frozenset[bytes]


class Finding(NamedTuple):
    """What a worker found: an embedding, or a reason, or else a duplicate."""

    photograph: Photograph
    digest: bytes | None
    embedding: np.ndarray | None = None
    reason: str | None = None


def enrol_folder(
    gallery: FaceGallery,
    folder: str | os.PathLike,
    *,
    pool=None,
    progress: bool = True,
) -> FolderReport:
    """Enrol all people of a folder: ``folder/<person>/<photograph>``.

    Every file below a person's folder is taken for a photograph of that
    person and has to pass the rules of ``gallery.enrol``: one face, large and
    sharp enough. No single file can stop the others. Hidden files are passed
    over.

    The job may be interrupted, even by ``kill -9``, and started again: a
    photograph that the gallery has is known by its content.

    Args:
        gallery: to enrol into.
        folder: its sub-folders are named after people.
        pool: anything with the ``imap_unordered`` of ``multiprocessing.Pool``;
            default one thread a core. Its machines need course_utils, the
            gallery's pack, and the folder under the same path.
        progress: show a bar with the time left.

    Raises:
        NotADirectoryError: ``folder`` is not a folder.
        GalleryError: the gallery cannot be written, say for a full disk; what
            was committed before is kept.
    """
    report = FolderReport()
    app = gallery.app
    photographs = _list(Path(folder).expanduser().absolute(), gallery, report)
    with contextlib.ExitStack() as stack:
        if pool is None:
            pool = stack.enter_context(ThreadPool(hardware.usable_cores()))
            look = functools.partial(examine, lambda: app)
        else:
            look = functools.partial(examine, _loader(app))
        findings = tqdm(
            pool.imap_unordered(look, photographs),
            total=len(photographs),
            unit="photo",
            disable=not progress,
        )
        _record(gallery, findings, report)
    rejected = (path for path, _ in report.rejected)
    looked_at = {*report.added, *report.duplicates, *rejected}
    report.remaining = [
        path for path, *_ in photographs if path not in looked_at
    ]
    without = {*report.people_without_photograph} - {*gallery.people()}
    report.people_without_photograph = sorted(without)
    return report


def enrol_folder_with_ray(
    gallery: FaceGallery, folder: str | os.PathLike, *, progress: bool = True
) -> FolderReport:
    """``enrol_folder`` on the Ray cluster that runs, or that RAY_ADDRESS names.

    Else Ray (``pip install ray``) starts on this machine, and ends with the
    job. A worker that dies is replaced, and its photograph tried three times
    more.
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


def examine(load: Callable, photograph: Photograph) -> Finding:
    """Look whether a photograph is new and shows one usable face.

    Never raises for a photograph, and needs no gallery: it can run in another
    thread, process or machine. ``load`` returns the face models.
    """
    app, digest = load(), None
    try:
        digest = photograph_digest(photograph.path)
        if digest in photograph.known:
            return Finding(photograph, digest)
        face = face_to_enrol(app, images.load_image(photograph.path))
        return Finding(photograph, digest, face.embedding)
    except (EnrolmentError, NoFaceError, images.ImageError) as error:
        return Finding(photograph, digest, reason=str(error))
    except Exception as error:  # one strange file must not lose the others
        reason = f"{photograph.path} failed: {error!r}."
        return Finding(photograph, digest, reason=reason)


def _loader(app) -> Callable:
    """Return what loads the same models in another process."""
    pack = Path(app.model_dir).name
    if pack not in weights.TABLE:  # else each machine knows where it keeps it
        pack = app.model_dir
    size = tuple(app.det_size) if app.det_size else None
    return functools.partial(
        _load, pack, pack_identity(app), app.det_thresh, size
    )


@functools.cache
def _load(pack: str, identity: PackIdentity, det_thresh: float, det_size):
    """Load the models once in every process of a pool."""
    app = load_face_analysis(pack)
    app.prepare(0, det_thresh, det_size)
    if pack_identity(app) != identity:
        raise WrongPackError(
            f"On a worker's machine {pack!r} is not the pack that the gallery "
            "uses: install the same one there."
        )
    return app


def _record(
    gallery: FaceGallery, findings: Iterable, report: FolderReport
) -> None:
    """Commit what the workers find; an interrupt ends it, and loses nothing."""
    waiting, death = [], None
    with contextlib.suppress(KeyboardInterrupt):
        for finding in findings:
            # Ray hands errors over instead of raising them: what a worker
            # raised, or that it died over this photograph, which remains.
            if hasattr(finding, "underlying"):
                raise finding.underlying
            if isinstance(finding, Exception):
                death = finding
                continue
            waiting.append(finding)
            if len(waiting) == PHOTOGRAPHS_PER_COMMIT:
                _commit(gallery, waiting, report)
                waiting = []
    _commit(gallery, waiting, report)
    if death and not (report.added or report.duplicates or report.rejected):
        raise death  # no worker could do anything


def _commit(
    gallery: FaceGallery, findings: list[Finding], report: FolderReport
) -> None:
    new = []
    # They come in any order; of two copies the first by name is enrolled.
    for finding in sorted(findings, key=lambda f: f.photograph.path):
        if finding.reason:
            report.rejected.append((finding.photograph.path, finding.reason))
        elif finding.embedding is None:
            report.duplicates.append(finding.photograph.path)
        else:
            new.append(finding)
    if not new:
        return
    added = gallery.enrol_embeddings(
        [finding.photograph.person for finding in new],
        np.stack([finding.embedding for finding in new]),
        [photograph_name(finding.photograph.path) for finding in new],
        digests=[finding.digest for finding in new],
        pack=pack_identity(gallery.app),
    )
    for number, finding in enumerate(new):
        path, person, _ = finding.photograph
        if number not in added:
            report.duplicates.append(path)
            continue
        report.added.append(path)
        if other := gallery.lookalike(person, finding.embedding):
            report.lookalikes.append((path, other))


def _list(
    folder: Path, gallery: FaceGallery, report: FolderReport
) -> list[Photograph]:
    """Find everybody's photographs; report what is nobody's."""
    if not folder.is_dir():
        raise NotADirectoryError(
            f"{folder} is not a folder: give the one that holds a sub-folder "
            "of photographs for each person."
        )
    known = defaultdict(set)
    for person, digest in gallery.enrolled():
        known[person].add(digest)
    photographs = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            reason = f"{entry} is in no person's folder: put it into one."
            report.rejected.append((entry, reason))
            continue
        try:
            person = clean_name(entry.name)
        except ValueError as error:
            report.rejected.append((entry, str(error)))
            continue
        report.people_without_photograph.append(person)
        digests = frozenset(known[person])
        for path in _files(entry):
            photographs.append(Photograph(path, person, digests))
    return photographs


def _files(folder: Path) -> Iterator[Path]:
    for place, subfolders, files in os.walk(folder):
        subfolders[:] = sorted(n for n in subfolders if not n.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(place, name)
