"""Enrol a folder of photographs into a gallery: one sub-folder a person.

Workers look at photographs (``examine``), one writer commits what they found
(``record``). Here the workers are threads; in ``scale`` they are processes, on
one machine or many.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course_utils import images
from course_utils.faces.analysis import (
    NoFaceError,
    embed_faces,
    in_threads,
    watch,
)
from course_utils.faces.gallery import (
    FaceGallery,
    clean_name,
    pack_identity,
    photograph_digest,
)
from course_utils.faces.gallery_quality import EnrolmentError, usable_face

if TYPE_CHECKING:
    from insightface.app import FaceAnalysis

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
    """

    added: tuple[Path, ...]
    duplicates: tuple[Path, ...]
    rejected: tuple[tuple[Path, str], ...]
    remaining: tuple[Path, ...]
    people_without_photograph: tuple[str, ...]

    def __str__(self):
        """Count them, in one line."""
        return (
            f"{len(self.added)} added, {len(self.duplicates)} duplicates, "
            f"{len(self.rejected)} rejected, {len(self.remaining)} remaining"
        )


@dataclass(frozen=True)
class Photograph:
    """A file, and whom it shows."""

    person: str
    path: Path


@dataclass(frozen=True)
class Listing:
    """What a folder holds.

    Attributes:
        people: names of its sub-folders, sorted.
        photographs: files to look at, sorted by folder and name.
        rejected: (path, reason) of what cannot be a person's photograph.
    """

    people: tuple[str, ...]
    photographs: tuple[Photograph, ...]
    rejected: tuple[tuple[Path, str], ...]


@dataclass(frozen=True)
class Finding:
    """What a worker found in one photograph.

    Attributes:
        photograph: which one.
        digest: of the file's content; None if it could not be read.
        embedding: float32, shape (d,), of the face to enrol, or None.
        reason: why there is none, or None. With neither embedding nor reason
            the photograph is a duplicate.
    """

    photograph: Photograph
    digest: bytes | None
    embedding: np.ndarray | None = None
    reason: str | None = None


def enrol_folder(
    gallery: FaceGallery,
    folder: str | os.PathLike,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> FolderReport:
    """Enrol all people of a folder: ``folder/<person>/<photograph>``.

    Every file below a person's folder, at any depth, is taken for a photograph
    of that person and has to pass the rules of ``gallery.enrol``: one face,
    large and sharp enough. No single file can stop the others. Hidden files
    and folders are passed over; links to folders are not followed.

    The job may be interrupted (Ctrl-C, the notebook's stop button, even ``kill
    -9``) and started again: a photograph that the gallery has is known by its
    content and not embedded twice. Rejected ones are looked at again.

    Args:
        gallery: to enrol into; it must not lie inside ``folder``.
        folder: its sub-folders are named after people.
        workers: photographs worked on at the same time; default one a core.
        progress: show a bar with the time left.

    Returns:
        A ``FolderReport`` that accounts for every file.

    Raises:
        NotADirectoryError: ``folder`` is not a folder.
        ValueError: ``workers`` is less than 1, or the gallery lies inside
            ``folder``.
        GalleryError: the gallery cannot be written, say for a full disk; what
            was committed before is kept.
    """
    listing = list_photographs(folder, gallery)
    look = functools.partial(examine, gallery.app, gallery.enrolled())
    findings = in_threads(look, listing.photographs, workers)
    return record(gallery, listing, findings, progress)


def list_photographs(
    folder: str | os.PathLike, gallery: FaceGallery
) -> Listing:
    """List what ``enrol_folder`` has to look at; it raises as that does."""
    folder = Path(folder).expanduser()
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
    people, photographs, rejected = set(), [], []
    for entry in sorted(_visible(folder.iterdir())):
        try:
            person = _person_of(entry)
        except ValueError as error:
            rejected.append((entry, str(error)))
            continue
        people.add(person)
        for path in _walk(entry):
            if reason := _fault(path):
                rejected.append((path, reason))
            else:
                photographs.append(Photograph(person, path))
    return Listing(tuple(sorted(people)), tuple(photographs), tuple(rejected))


def examine(
    app: FaceAnalysis,
    enrolled: set[tuple[str, bytes]],
    photograph: Photograph,
) -> Finding:
    """Look whether a photograph is new and shows one usable face.

    Never raises, and needs no gallery: it can run in another thread, process
    or machine.

    Args:
        app: from ``load_face_analysis``.
        enrolled: (person, digest) of the photographs not to embed again.
        photograph: which one.
    """
    digest = None
    try:
        digest = photograph_digest(photograph.path)
        if (photograph.person, digest) in enrolled:
            return Finding(photograph, digest)
        image = images.load_image(photograph.path)
        face = usable_face(image, embed_faces(app, image))
        return Finding(photograph, digest, face.embedding)
    except (EnrolmentError, NoFaceError, images.ImageError) as error:
        return Finding(photograph, digest, reason=str(error))
    except Exception as error:  # one strange file must not lose the others
        reason = f"{photograph.path} failed: {error!r}."
        return Finding(photograph, digest, reason=reason)


def record(
    gallery: FaceGallery,
    listing: Listing,
    findings: Generator[Finding],
    progress: bool,
) -> FolderReport:
    """Commit what the workers find; nothing else writes to the gallery.

    An interrupt commits what was found before it, and ends the job.

    Args:
        gallery: to enrol into.
        listing: of the folder.
        findings: at most one of each photograph, in any order.
        progress: show a bar with the time left.
    """
    outcomes, waiting = {}, []
    with contextlib.closing(findings), contextlib.suppress(KeyboardInterrupt):
        for finding in watch(findings, len(listing.photographs), progress):
            waiting.append(finding)
            if len(waiting) == PHOTOGRAPHS_PER_COMMIT:
                outcomes |= _commit(gallery, waiting)
                waiting = []
    outcomes |= _commit(gallery, waiting)
    return _report(gallery, listing, outcomes)


def _commit(gallery: FaceGallery, findings: list[Finding]) -> dict[Path, str]:
    """Return each photograph's outcome: _ADDED, _DUPLICATE or the reason."""
    outcomes = {f.photograph.path: f.reason or _DUPLICATE for f in findings}
    rows = [f for f in findings if f.embedding is not None]
    if rows:
        batch = gallery.enrol_embeddings(
            [row.photograph.person for row in rows],
            np.stack([row.embedding for row in rows]),
            [str(row.photograph.path) for row in rows],
            digests=[row.digest for row in rows],
            pack=pack_identity(gallery.app),
        )
        outcomes |= {rows[n].photograph.path: _ADDED for n in batch.added}
    return outcomes


def _report(gallery, listing, outcomes: dict[Path, str]) -> FolderReport:
    paths = [photograph.path for photograph in listing.photographs]
    looked_at = [path for path in paths if path in outcomes]
    return FolderReport(
        added=tuple(p for p in looked_at if outcomes[p] == _ADDED),
        duplicates=tuple(p for p in looked_at if outcomes[p] == _DUPLICATE),
        rejected=listing.rejected
        + tuple(
            (p, outcomes[p])
            for p in looked_at
            if outcomes[p] not in (_ADDED, _DUPLICATE)
        ),
        remaining=tuple(p for p in paths if p not in outcomes),
        people_without_photograph=tuple(
            sorted(set(listing.people) - set(gallery.people()))
        ),
    )


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
