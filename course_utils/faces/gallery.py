"""Who is this? A gallery of enrolled faces that is searched by similarity.

    gallery = faces.FaceGallery("my_gallery")
    gallery.enrol("Ann", ["ann_1.jpg", "ann_2.jpg"])
    gallery.search(images.load_image("who.jpg")).person

The rows lie in one SQLite file, which brings what a lasting gallery needs: a
commit is on the disk when it returns, wholly or not at all, and one program
writes while others wait. A search is one matrix product over all rows in
memory; when an index is faster, notebook 05 measures.
"""

import contextlib
import functools
import hashlib
import os
import sqlite3
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from course_utils import images
from course_utils.faces.analysis import (
    largest_face,
    load_face_analysis,
    recognition_model,
    threshold_for,
)
from course_utils.faces.quality import (
    EnrolmentError,
    face_to_enrol,
    find_upright,
)

FILE = "gallery.sqlite"
SECONDS_TO_WAIT = 60  # for another program that is writing
# So far below the threshold, or so near to the second best name, a match is
# "uncertain": on ORL 80 % of the photographs of a person enrolled under two
# names, and none of all others.
UNCERTAIN_BAND = 0.10

_TABLES = """
CREATE TABLE IF NOT EXISTS pack (name TEXT, digest TEXT);
CREATE TABLE IF NOT EXISTS face (
    number INTEGER PRIMARY KEY,
    person TEXT, photograph TEXT, digest BLOB, embedding BLOB,
    UNIQUE (person, digest));
-- A row for each removal whose old bytes may still be in the file.
CREATE TABLE IF NOT EXISTS removal (number INTEGER PRIMARY KEY AUTOINCREMENT);
"""
_SETTINGS = """
PRAGMA synchronous = EXTRA;   -- a commit survives a power cut
PRAGMA secure_delete = ON;    -- what is deleted is overwritten with zeros
PRAGMA temp_store = MEMORY;   -- VACUUM writes no copy to another folder
"""


class GalleryError(Exception):
    """A gallery cannot do what was asked; the message says why."""


class PackIdentity(NamedTuple):
    """Which model made an embedding, with the SHA-256 of its file."""

    name: str
    digest: str


class Match(NamedTuple):
    """One enrolled person beside a face, by the most similar photograph."""

    person: str
    similarity: float
    photograph: str


class Enrolment(NamedTuple):
    """What ``enrol`` has added, and who else these faces might be."""

    person: str
    added: tuple[str, ...]
    lookalikes: tuple[Match, ...]


class SearchResult(NamedTuple):
    """The answer to "who is this?": ``matches``, the best first, each once.

    ``decision`` is "known" from ``threshold`` on; "uncertain" up to
    ``UNCERTAIN_BAND`` below, or if a second name is as near; else "unknown".
    """

    matches: tuple[Match, ...]
    person: str | None
    decision: str
    threshold: float | None


class GalleryRows(NamedTuple):
    """All rows, in the order of enrolment.

    ``matrix`` is float32 of shape (rows, d), each row of unit length.
    ``names`` is everybody once, and ``names[codes[row]] == people[row]``.
    """

    people: list[str]
    matrix: np.ndarray
    photographs: list[str]
    names: list[str]
    codes: np.ndarray


class FaceGallery(contextlib.AbstractContextManager):
    """Enrolled people in a folder on disk.

    Programs and threads may share it: one writes at a time, and all see each
    change at their next search. Only names, digests and embeddings are kept,
    not encrypted.
    """

    def __init__(self, path: str | os.PathLike, app=None):
        """Open the gallery in a folder, or start one there.

        ``app`` is from ``load_face_analysis``; by default the pack that the
        gallery was made with, "course_mini" for a new one. Raises
        GalleryError if the folder or the file in it cannot be used.
        """
        self.path = Path(path).expanduser().absolute()
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._app = app
        self._seen = self._rows = None
        with self._explained():
            self._db = sqlite3.connect(
                self.path / FILE,
                timeout=SECONDS_TO_WAIT,
                isolation_level=None,
                check_same_thread=False,
            )
            self._db.executescript(_SETTINGS + _TABLES)
        self._finish_erasing()
        if app is not None:
            self._check_pack(pack_identity(app))

    def close(self) -> None:
        """Release the folder; the object cannot be used any more."""
        self._db.close()

    def __exit__(self, *_):
        self.close()

    @property
    def pack(self) -> PackIdentity | None:
        """Which model made the embeddings; None before the first enrolment."""
        with self._explained():
            query = "SELECT name, digest FROM pack"
            row = self._db.execute(query).fetchone()
        return row and PackIdentity(*row)

    @property
    def app(self):
        """The face models that this gallery embeds with."""
        with self._lock:
            if self._app is None:
                name = self.pack.name if self.pack else "course_mini"
                app = load_face_analysis(name)
                self._check_pack(pack_identity(app))
                self._app = app
            return self._app

    def __len__(self) -> int:
        return len(self.embeddings().people)

    def __repr__(self) -> str:
        pack = self.pack.name if self.pack else "no pack yet"
        return (
            f"FaceGallery({len(self.people())} people, {len(self)} "
            f"photographs, {pack})"
        )

    def people(self) -> list[str]:
        """List the names in alphabetical order."""
        return list(self.embeddings().names)

    def enrol(
        self,
        person: str,
        photographs: str | os.PathLike | np.ndarray | list | tuple,
        *,
        which_face: int | None = None,
    ) -> Enrolment:
        """Add photographs of one person, all of them or none.

        They are picture files or RGB arrays. ``which_face`` says which one of
        several faces it is, 0 being the leftmost. Raises NoFaceError,
        EnrolmentError or ImageError for one that cannot be used.
        """
        person = clean_name(person)
        if not isinstance(photographs, (list, tuple)):
            photographs = [photographs]
        embeddings = []
        for photograph in photographs:
            image = photograph
            if not isinstance(image, np.ndarray):
                image = images.load_image(photograph)
            try:
                face = face_to_enrol(self.app, image, which_face)
            except ValueError as error:
                if len(photographs) == 1:
                    raise
                name = photograph_name(photograph)
                raise type(error)(f"{name}: {error}") from None
            embeddings.append(face.embedding)
        names = [photograph_name(photograph) for photograph in photographs]
        added = self.enrol_embeddings(
            [person] * len(names),
            np.stack(embeddings),
            names,
            digests=[photograph_digest(each) for each in photographs],
            pack=pack_identity(self.app),
        )
        others = (self.lookalike(person, embeddings[n]) for n in added)
        return Enrolment(
            person,
            added=tuple(names[n] for n in added),
            lookalikes=tuple(other for other in others if other),
        )

    def enrol_embeddings(
        self,
        people: Sequence[str],
        embeddings: np.ndarray,
        photographs: Sequence[str],
        *,
        digests: Sequence[bytes],
        pack: PackIdentity,
    ) -> list[int]:
        """Add rows that are embedded already, in one durable commit.

        Returns the numbers of the rows added: one digest counts once for a
        person. ``embeddings`` has shape (rows, d), of any length but 0.
        """
        people = [clean_name(person) for person in people]
        blobs = [row.tobytes() for row in _unit_rows(embeddings)]
        rows = zip(people, photographs, digests, blobs, strict=True)
        added = []
        with self._writing():
            self._check_pack(pack)
            if self.pack is None:
                new = "INSERT INTO pack (name, digest) VALUES (?, ?)"
                self._db.execute(new, pack)
            for number, row in enumerate(rows):
                done = self._db.execute(
                    "INSERT OR IGNORE INTO face "
                    "(person, photograph, digest, embedding) "
                    "VALUES (?, ?, ?, ?)",
                    row,
                )
                if done.rowcount:
                    added.append(number)
        return added

    def enrolled(self) -> set[tuple[str, bytes]]:
        """Return (person, photograph's digest) of every row."""
        with self._explained():
            return set(self._db.execute("SELECT person, digest FROM face"))

    def lookalike(self, person: str, embedding: np.ndarray) -> Match | None:
        """Return the other person as whom this face would be known, if any."""
        try:
            result = self.search(embedding, k=2)
        except ValueError:  # no threshold is published for this pack
            return None
        for match in result.matches:
            if match.person != person and match.similarity >= result.threshold:
                return match
        return None

    def search(
        self, query: np.ndarray, k: int = 5, threshold: float | None = None
    ) -> SearchResult:
        """Find the people who are most similar to a face, ``k`` at most.

        ``query`` is an embedding of shape (d,), or a picture with one face.
        From the cosine similarity ``threshold`` on, by default what suits the
        pack, the best match counts as known.
        """
        if getattr(query, "ndim", None) == 3:
            query = self._embed(query)
        rows = self.embeddings()
        if not rows.people:
            return SearchResult((), None, "unknown", threshold)
        if getattr(query, "shape", None) != rows.matrix.shape[1:]:
            raise ValueError(
                "Search for a picture from images.load_image, or for a "
                "face.embedding of the gallery's own pack."
            )
        if threshold is None:
            threshold = threshold_for(self.pack.name, search=True)
        similarities = rows.matrix @ _unit_rows(query[None])[0]
        matches = [
            Match(
                person=rows.people[row],
                similarity=float(similarities[row]),
                photograph=rows.photographs[row],
            )
            for row in _best_rows(similarities, rows, max(k, 2))
        ]
        decision = _decide(matches, threshold)
        person = matches[0].person if decision == "known" else None
        return SearchResult(tuple(matches[:k]), person, decision, threshold)

    def remove(self, person: str) -> int:
        """Delete a person: no file of the gallery holds a trace afterwards.

        The disk itself may keep deleted bytes until it reuses them, and copies
        made elsewhere are not touched. Returns how many photographs it were.
        """
        person = clean_name(person)
        with self._erasing(person):
            return self._db.execute(
                "DELETE FROM face WHERE person = ?", (person,)
            ).rowcount

    def rename(self, old: str, new: str) -> None:
        """Give a person another name; the old one leaves no trace either.

        Raises ValueError if ``new`` is somebody else's name.
        """
        old, new = clean_name(old), clean_name(new)
        with self._erasing(old):
            if new != old and self._has(new):
                raise ValueError(
                    f"{new!r} is enrolled already: remove one of the two or "
                    "choose another name."
                )
            self._db.execute(
                "UPDATE face SET person = ? WHERE person = ?", (new, old)
            )

    def embeddings(self) -> GalleryRows:
        """Return all rows at once, for calculations of your own."""
        with self._explained():
            # Changes with what other programs commit, and with our own.
            (others,) = self._db.execute("PRAGMA data_version").fetchone()
            seen = others, self._db.total_changes
            if seen != self._seen:
                self._rows, self._seen = self._load(), seen
            return self._rows

    def _has(self, person: str) -> bool:
        query = "SELECT 1 FROM face WHERE person = ?"
        return self._db.execute(query, (person,)).fetchone() is not None

    def _load(self) -> GalleryRows:
        rows = self._db.execute(
            "SELECT person, photograph, embedding FROM face ORDER BY number"
        ).fetchall()
        people = [row[0] for row in rows]
        names = sorted(set(people))
        places = {name: place for place, name in enumerate(names)}
        numbers = np.frombuffer(b"".join(row[2] for row in rows), np.float32)
        return GalleryRows(
            people,
            numbers.reshape(len(rows), len(numbers) // max(1, len(rows))),
            [row[1] for row in rows],
            names,
            np.array([places[person] for person in people], np.intp),
        )

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Commit what the block does, or nothing of it."""
        self._finish_erasing()
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")  # waits for other writers
            with self._db:
                yield

    @contextlib.contextmanager
    def _erasing(self, person: str) -> Iterator[None]:
        """Commit what the block deletes of somebody, and leave no byte of it.

        That there is something to overwrite goes to the disk with the
        deletion, so that the next opening finishes what was killed.
        """
        with self._writing():
            if not self._has(person):
                raise GalleryError(
                    f"Nobody called {person!r} is enrolled: gallery.people() "
                    "lists the names."
                )
            yield
            self._db.execute("INSERT INTO removal DEFAULT VALUES")
        self._finish_erasing()

    def _finish_erasing(self) -> None:
        """Write the file anew if somebody was removed and it is not yet done.

        ``secure_delete`` alone is not enough: SQLite moves rows within a page,
        and the gaps keep copies (seen after 2 of 1,200 removals).
        """
        with self._explained():
            newest = "SELECT max(number) FROM removal"
            (number,) = self._db.execute(newest).fetchone()
            if number:
                self._db.execute("VACUUM")
                # A later one may have come meanwhile.
                self._db.execute(
                    "DELETE FROM removal WHERE number <= ?", (number,)
                )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """One thread at a time; SQLite's errors become sentences."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise GalleryError(
                    f"The gallery in {self.path} cannot be used ({error}): "
                    "open it again, wait for other programs, permit writing "
                    "there, make room on the disk, or bring it back from a "
                    "copy."
                ) from error

    def _check_pack(self, pack: PackIdentity) -> None:
        own = self.pack
        if own is not None and own.digest != pack.digest:
            raise GalleryError(
                f"This gallery was made with {own.name!r} (model "
                f"{own.digest[:8]}), not with {pack.name!r} (model "
                f"{pack.digest[:8]}): embeddings of two models do not compare; "
                "use the same pack, or enrol everybody in a new gallery."
            )

    def _embed(self, image: np.ndarray) -> np.ndarray:
        found = find_upright(self.app, image)[1]
        if len(found) > 1:
            raise EnrolmentError(
                f"The picture shows {len(found)} faces: search for one "
                "face.embedding of faces.detect_faces."
            )
        return largest_face(found).embedding


def pack_identity(app) -> PackIdentity:
    """Tell which model makes the embeddings of ``app``."""
    file = Path(recognition_model(app).model_file)
    return PackIdentity(Path(app.model_dir).name, _file_digest(file))


def photograph_digest(photograph: str | os.PathLike | np.ndarray) -> bytes:
    """Tell photographs apart: SHA-256 of a file, or of an array's pixels."""
    if isinstance(photograph, np.ndarray):
        pixels = str(photograph.shape).encode() + photograph.tobytes()
        return hashlib.sha256(pixels).digest()
    with open(os.path.expanduser(photograph), "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def photograph_name(photograph: str | os.PathLike | np.ndarray) -> str:
    """Name a photograph for the gallery: its absolute path, as text."""
    if isinstance(photograph, np.ndarray):
        return f"array {photograph_digest(photograph).hex()[:12]}"
    path = os.path.abspath(os.path.expanduser(photograph))
    return os.fsencode(path).decode("utf-8", "replace")


def clean_name(person: str) -> str:
    """Bring a name to normal form C: two ways to type an accent are one."""
    if not person.strip():
        raise ValueError("A person needs a name: a text that is not empty.")
    person.encode()  # raises ValueError for a folder whose name is no text
    return unicodedata.normalize("NFC", person.strip())


def _best_rows(similarities: np.ndarray, rows: GalleryRows, k: int):
    """Yield the best row of each of the k best people, best first."""
    best = np.full(len(rows.names), -np.inf, np.float32)
    np.maximum.at(best, rows.codes, similarities)
    for person in np.argsort(-best, kind="stable")[:k]:
        theirs = np.flatnonzero(rows.codes == person)
        yield theirs[similarities[theirs].argmax()]


def _decide(matches: list[Match], threshold: float) -> str:
    best, second, *_ = [match.similarity for match in matches] + [-np.inf]
    if best < threshold - UNCERTAIN_BAND:
        return "unknown"
    if best < threshold or best - second < UNCERTAIN_BAND:
        return "uncertain"
    return "known"


def _unit_rows(embeddings: np.ndarray) -> np.ndarray:
    """Scale every row to length 1, so that a dot product is the cosine."""
    matrix = np.asarray(embeddings, np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


@functools.cache
def _file_digest(file: Path) -> str:
    return photograph_digest(file).hex()
