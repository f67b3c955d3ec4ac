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
from dataclasses import dataclass
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
)
from course_utils.faces.quality import EnrolmentError, face_to_enrol

# A commit waits for the disk, so this many photographs share one; about as
# many have to be embedded again after a crash.
PHOTOGRAPHS_PER_COMMIT = 128
_ADDED, _DUPLICATE = "added", "duplicate"


@dataclass(frozen=True)
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

    added: tuple[Path, ...]
    duplicates: tuple[Path, ...]
    rejected: tuple[tuple[Path, str], ...]
    remaining: tuple[Path, ...]
    people_without_photograph: tuple[str, ...]
    lookalikes: tuple[tuple[Path, Match], ...]

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


class Listing(NamedTuple):
    """What a folder holds: its people, and what may and cannot be enrolled."""

    people: list[str]
    photographs: list[Photograph]
    rejected: list[tuple[Path, str]]


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
    over, and links to folders are not followed.

    The job may be interrupted (Ctrl-C, the notebook's stop button, even ``kill
    -9``) and started again: a photograph that the gallery has is known by its
    content and not embedded twice.

    Args:
        gallery: to enrol into; it must not lie inside ``folder``.
        folder: its sub-folders are named after people.
        pool: anything with the ``imap_unordered`` of ``multiprocessing.Pool``;
            default one thread a core. Its machines need course_utils, the
            gallery's pack, and the folder under the same path.
        progress: show a bar with the time left.

    Raises:
        NotADirectoryError: ``folder`` is not a folder.
        ValueError: the gallery lies inside ``folder``.
        GalleryError: the gallery cannot be written, say for a full disk; what
            was committed before is kept.
    """
    listing = _list(folder, gallery)
    with contextlib.ExitStack() as stack:
        if pool is None:
            pool = stack.enter_context(ThreadPool(hardware.usable_cores()))
            load = functools.partial(_same, gallery.app)
        else:
            load = _loader(gallery.app)
        look = functools.partial(examine, load)
        findings = pool.imap_unordered(look, listing.photographs)
        outcomes = _record(
            gallery, findings, len(listing.photographs), progress
        )
    return _report(gallery, listing, outcomes)


def enrol_folder_with_ray(
    gallery: FaceGallery, folder: str | os.PathLike, *, progress: bool = True
) -> FolderReport:
    """``enrol_folder`` on the Ray cluster that runs, or that RAY_ADDRESS names.

    Else Ray starts on this machine, and ends with the job. A worker that dies
    is replaced, and its photograph tried three times more.
    """
    try:
        import ray
        from ray.util.multiprocessing import Pool
    except ImportError:
        raise ModuleNotFoundError(
            "enrol_folder_with_ray needs Ray, which is not installed: run "
            "`python -m pip install ray`, or use enrol_folder."
        ) from None
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


def _same(app):
    return app


def _loader(app) -> Callable:
    """Return what loads the same models in another process."""
    name = Path(app.model_dir).name
    # By its name a pack is found wherever the other machine keeps it.
    known = name in weights.TABLE and weights.find(name).samefile(app.model_dir)
    pack = name if known else os.path.abspath(app.model_dir)
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
    gallery: FaceGallery, findings: Iterable, count: int, progress: bool
) -> dict[Path, str | Match]:
    """Commit what the workers find; return what became of each photograph.

    An interrupt commits what was found before it, and ends the job.
    """
    outcomes, waiting, death = {}, [], None
    bar = tqdm(findings, total=count, unit="photo", disable=not progress)
    with contextlib.suppress(KeyboardInterrupt):
        for finding in bar:
            # Ray hands errors over instead of raising them: what a worker
            # raised, or that it died over this photograph, which remains.
            if hasattr(finding, "underlying"):
                raise finding.underlying
            if isinstance(finding, Exception):
                death = finding
                continue
            waiting.append(finding)
            if len(waiting) == PHOTOGRAPHS_PER_COMMIT:
                outcomes |= _commit(gallery, waiting)
                waiting = []
    outcomes |= _commit(gallery, waiting)
    if death and not outcomes:  # no worker could do anything
        raise death
    return outcomes


def _commit(
    gallery: FaceGallery, findings: list[Finding]
) -> dict[Path, str | Match]:
    """Return an outcome of each: added, duplicate, the reason, a lookalike."""
    # They come in any order; of two copies the first by name is enrolled.
    findings = sorted(findings, key=lambda finding: finding.photograph.path)
    outcomes = {f.photograph.path: f.reason or _DUPLICATE for f in findings}
    rows = [f for f in findings if f.embedding is not None]
    if not rows:
        return outcomes
    added = gallery.enrol_embeddings(
        [row.photograph.person for row in rows],
        np.stack([row.embedding for row in rows]),
        [str(row.photograph.path) for row in rows],
        digests=[row.digest for row in rows],
        pack=pack_identity(gallery.app),
    )
    for number in added:
        path, person, _ = rows[number].photograph
        other = gallery.lookalike(person, rows[number].embedding)
        outcomes[path] = other or _ADDED
    return outcomes


def _report(gallery, listing: Listing, outcomes: dict) -> FolderReport:
    added, duplicates, remaining, lookalikes = [], [], [], []
    rejected = list(listing.rejected)
    for path, *_ in listing.photographs:
        outcome = outcomes.get(path)
        if outcome is None:
            remaining.append(path)
        elif outcome == _ADDED:
            added.append(path)
        elif isinstance(outcome, Match):
            added.append(path)
            lookalikes.append((path, outcome))
        elif outcome == _DUPLICATE:
            duplicates.append(path)
        else:
            rejected.append((path, outcome))
    without = set(listing.people) - set(gallery.people())
    return FolderReport(
        tuple(added),
        tuple(duplicates),
        tuple(rejected),
        tuple(remaining),
        people_without_photograph=tuple(sorted(without)),
        lookalikes=tuple(lookalikes),
    )


def _list(folder: str | os.PathLike, gallery: FaceGallery) -> Listing:
    folder = Path(os.path.abspath(os.path.expanduser(folder)))
    if not folder.is_dir():
        raise NotADirectoryError(
            f"{folder} is not a folder: give the one that holds a sub-folder "
            "of photographs for each person."
        )
    if gallery.path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(
            f"The gallery {gallery.path} lies inside {folder}, where every "
            "sub-folder is a person: keep it elsewhere."
        )
    known = defaultdict(set)
    for person, digest in gallery.enrolled():
        known[person].add(digest)
    listing = Listing([], [], [])
    for entry in sorted(_visible(folder.iterdir())):
        try:
            person = _person_of(entry)
        except ValueError as error:
            listing.rejected.append((entry, str(error)))
            continue
        listing.people.append(person)
        digests = frozenset(known[person])
        for path in _walk(entry):
            if reason := _fault(path):
                listing.rejected.append((path, reason))
            else:
                listing.photographs.append(Photograph(path, person, digests))
    return listing


def _visible(paths: Iterable[Path]) -> Iterator[Path]:
    return (path for path in paths if not path.name.startswith("."))


def _person_of(entry: Path) -> str:
    """Return whose folder this is, or raise a ValueError: it is nobody's."""
    if not entry.is_dir():
        raise ValueError(
            f"{entry} is in no person's folder: put it into one that is named "
            "after the person."
        )
    if entry.is_symlink():
        raise ValueError(_fault(entry))
    return clean_name(entry.name)


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below, and every folder that is not walked into."""
    closed = []
    for place, subfolders, files in os.walk(folder, onerror=closed.append):
        subfolders[:] = sorted(n for n in subfolders if not n.startswith("."))
        links = (n for n in subfolders if os.path.islink(Path(place, n)))
        yield from _visible(Path(place, n) for n in sorted([*links, *files]))
    yield from (Path(error.filename) for error in closed)


def _fault(path: Path) -> str | None:
    """Return why this cannot be a photograph, None if it may be one."""
    if path.is_dir() and path.is_symlink():
        return f"{path} is a link to a folder, which is not followed."
    if path.is_dir():
        return f"{path} cannot be opened: ask for permission to read it."
    if not path.is_file():  # a pipe, for which reading would wait for ever
        return f"{path} is not a file, or a link to one that is gone."
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return f"{path} has a name that is not valid Unicode: rename it."
    return None
