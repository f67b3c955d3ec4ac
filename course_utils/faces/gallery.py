"""Who is this? A gallery of enrolled faces that is searched by similarity.

    gallery = faces.FaceGallery("my_gallery")
    gallery.enrol("Ann", ["ann_1.jpg", "ann_2.jpg"])
    gallery.search(images.load_image("who.jpg")).person

The rows lie in one SQLite file, which brings what a lasting gallery needs: a
commit is on the disk when it returns, wholly or not at all, and one program
writes while others wait. A search is one matrix product over all rows in
memory; when an index is faster, notebook 05 measures.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import secrets
import sqlite3
import threading
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from course_utils import images
from course_utils.faces.analysis import (
    NoFaceError,
    largest_face,
    load_face_analysis,
    recognition_model,
    search_threshold,
)
from course_utils.faces.quality import (
    EnrolmentError,
    SeveralFacesError,
    face_to_enrol,
    find_upright,
)

if TYPE_CHECKING:
    from insightface.app import FaceAnalysis

FILE = "gallery.sqlite"
SECONDS_TO_WAIT = 60  # for another program that is writing
# So far below the threshold, or so near to the second best name, a match is
# "uncertain". For course_mini the band below is where a comparison of two
# photographs would say "same person". The distance of two names was measured
# on ORL, five photographs of each of 20 people: of one person under two names
# 80 % of the photographs become uncertain, of all others none (from afar, where
# names are mixed up, every wrong one above 0.59 and 0.8 % of the right ones).
UNCERTAIN_BAND = 0.10

_TABLES = """
CREATE TABLE IF NOT EXISTS pack (name TEXT, digest TEXT, size INTEGER);
CREATE TABLE IF NOT EXISTS face (
    number INTEGER PRIMARY KEY,
    person TEXT, photograph TEXT, digest BLOB, embedding BLOB,
    checksum INTEGER,
    UNIQUE (person, digest));
"""
_SETTINGS = """
PRAGMA synchronous = EXTRA;   -- a commit survives a power cut
PRAGMA secure_delete = ON;    -- what is deleted is overwritten with zeros
PRAGMA temp_store = MEMORY;   -- VACUUM writes no copy to another folder
"""
_SENTENCES = {
    None: "The gallery {path} was closed: open it again.",
    sqlite3.SQLITE_BUSY: "Another program is writing to {path}: wait for it or "
    "end it, then try again.",
    sqlite3.SQLITE_FULL: "The disk of {path} is full: nothing was changed. "
    "Free some space and try again.",
    sqlite3.SQLITE_READONLY: "{path} cannot be written to: ask for permission, "
    "or copy the gallery elsewhere.",
    sqlite3.SQLITE_CANTOPEN: "{path} cannot be used: name a folder in which "
    "you may read and write.",
    sqlite3.SQLITE_IOERR: "Reading or writing {path} failed ({error}): look "
    "whether its disk is full or broken, and at gallery.people().",
}


class GalleryError(Exception):
    """A gallery cannot do what was asked; the message says why."""


class GalleryDamagedError(GalleryError):
    """The gallery's file was cut or overwritten."""


class UnknownPersonError(GalleryError):
    """Nobody of this name is enrolled."""


class WrongPackError(GalleryError, ValueError):
    """An embedding of another model than the gallery's."""


class PackIdentity(NamedTuple):
    """Which model made an embedding: those of two models do not compare.

    ``digest`` is the SHA-256 of its file, hexadecimal; ``size`` the length of
    an embedding.
    """

    name: str
    digest: str
    size: int


class Match(NamedTuple):
    """One enrolled person beside a face, by the most similar photograph."""

    person: str
    similarity: float
    photograph: str


class Enrolment(NamedTuple):
    """What became of the photographs given to ``enrol``.

    ``rejected`` are (photograph, reason); ``lookalikes`` the other people as
    whom these faces would have been known: perhaps one has two names.
    """

    person: str
    added: tuple[str, ...]
    duplicates: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...]
    lookalikes: tuple[Match, ...]


class SearchResult(NamedTuple):
    """The answer to "who is this?".

    Attributes:
        matches: the most similar people, best first, each once.
        person: who it is, or None unless ``decision`` is "known".
        decision: "known" from ``threshold`` on; "uncertain" up to
            ``UNCERTAIN_BAND`` below, or if a second name is as near; else
            "unknown".
        threshold: a cosine similarity; None when there is nobody to compare.
    """

    matches: tuple[Match, ...]
    person: str | None
    decision: str
    threshold: float | None


class GalleryRows(NamedTuple):
    """All rows, in the order of enrolment.

    ``matrix`` is float32 of shape (rows, d), each row of unit length.
    """

    people: list[str]
    matrix: np.ndarray
    photographs: list[str]


class _Snapshot(NamedTuple):
    """The rows in memory: ``names[codes[row]]`` is the person of a row."""

    rows: GalleryRows
    names: list[str]
    codes: np.ndarray


class FaceGallery(contextlib.AbstractContextManager):
    """Enrolled people in a folder on disk.

    Durable: what a method has done when it returns survives a killed process
    and a power cut; what is interrupted before is done wholly or not at all.
    One program writes at a time, others wait for it up to a minute; any number
    may search meanwhile, and see each change at their next search. Threads may
    share one object.

    Private: only names, digests and embeddings are kept, not encrypted, and
    nothing outside the folder.

    ``close`` it, or use it in a ``with`` statement, to release the folder.
    ``path`` is the folder, absolute.
    """

    def __init__(
        self, path: str | os.PathLike, app: FaceAnalysis | None = None
    ):
        """Open the gallery in a folder, or start one there.

        Args:
            path: the folder; made when it is not there.
            app: from ``load_face_analysis``. Default: the pack that the
                gallery was made with ("course_mini" for a new one).

        Raises:
            GalleryError: the folder or the file in it cannot be used.
        """
        self.path = _gallery_folder(path)
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._app = app
        self._seen = self._snapshot = None
        with self._explained():
            self._db = sqlite3.connect(
                self.path / FILE,
                timeout=SECONDS_TO_WAIT,
                isolation_level=None,
                check_same_thread=False,
            )
            self._db.create_function("checksum_of", 4, _checksum)
            # Damaged letters are noticed by the checksum of their row.
            self._db.text_factory = lambda text: text.decode(errors="replace")
            self._db.executescript(_SETTINGS + _TABLES)
        with contextlib.suppress(GalleryError):  # the next writer will do it
            self._finish_erasing()
        if app is not None:
            self._check_pack(pack_identity(app))

    def close(self) -> None:
        """Release the folder; the object cannot be used any more."""
        self._db.close()

    def __exit__(self, *_):
        """Close it."""
        self.close()

    @property
    def pack(self) -> PackIdentity | None:
        """Which model made the embeddings; None before the first enrolment."""
        with self._explained():
            row = self._db.execute("SELECT * FROM pack").fetchone()
        return row and PackIdentity(*row)

    @property
    def app(self) -> FaceAnalysis:
        """The face models that this gallery embeds with."""
        with self._lock:
            if self._app is None:
                name = self.pack.name if self.pack else "course_mini"
                app = load_face_analysis(name)
                self._check_pack(pack_identity(app))
                self._app = app
            return self._app

    def __len__(self) -> int:
        """Count the enrolled photographs."""
        return len(self.embeddings().people)

    def __repr__(self) -> str:
        """Name the size and the pack."""
        pack = self.pack.name if self.pack else "no pack yet"
        return (
            f"FaceGallery({len(self.people())} people, {len(self)} "
            f"photographs, {pack})"
        )

    def people(self) -> list[str]:
        """List the names in alphabetical order."""
        return sorted(self._newest().names)

    def enrol(
        self,
        person: str,
        photographs: str | os.PathLike | np.ndarray | list | tuple,
        *,
        which_face: int | None = None,
    ) -> Enrolment:
        """Add photographs of one person, in one durable commit.

        Args:
            person: any text.
            photographs: a picture file or an RGB array, or a list of them.
            which_face: which one of several faces it is, from left to right,
                0 being the leftmost.

        Raises:
            NoFaceError, EnrolmentError, images.ImageError: no photograph could
                be used; this is why the first could not.
            WrongPackError: the gallery was made with another pack.
        """
        person = clean_name(person)
        if not isinstance(photographs, (list, tuple)):
            photographs = [photographs]
        if not photographs:
            raise ValueError("Give at least one photograph to enrol.")
        new, failed = [], []
        for photograph in photographs:
            name = photograph_name(photograph)
            try:
                image = photograph
                if not isinstance(image, np.ndarray):
                    image = images.load_image(photograph)
                face = face_to_enrol(self.app, image, which_face)
            except (EnrolmentError, NoFaceError, images.ImageError) as error:
                failed.append((name, error))
            else:
                digest = photograph_digest(photograph)
                new.append((name, digest, face.embedding))
        if not new:
            raise failed[0][1]
        names, digests, embeddings = zip(*new, strict=True)
        added = self.enrol_embeddings(
            [person] * len(new),
            np.stack(embeddings),
            names,
            digests=digests,
            pack=pack_identity(self.app),
        )
        others = (self.lookalike(person, embeddings[n]) for n in added)
        return Enrolment(
            person,
            added=tuple(names[n] for n in added),
            duplicates=tuple(
                name for n, name in enumerate(names) if n not in added
            ),
            rejected=tuple((name, str(error)) for name, error in failed),
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
        matrix = _unit_rows(embeddings, pack.size)
        blobs = (row.tobytes() for row in matrix)
        rows = zip(people, photographs, digests, blobs, strict=True)
        added = []
        with self._writing():
            self._check_pack(pack)
            if self.pack is None:
                self._db.execute("INSERT INTO pack VALUES (?, ?, ?)", pack)
            for number, row in enumerate(rows):
                done = self._db.execute(
                    "INSERT OR IGNORE INTO face "
                    "(person, photograph, digest, embedding, checksum) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (*row, _checksum(*row)),
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
        """Find the people who are most similar to a face.

        Args:
            query: an embedding of shape (d,), or a picture with one face.
            k: how many people to return at most.
            threshold: cosine similarity from which the best match counts as
                known. Default: what suits the pack.

        Raises:
            NoFaceError, SeveralFacesError: not exactly one face.
            WrongPackError: an embedding of another size.
            ValueError: the pack has no published threshold, and none was given.
        """
        if not isinstance(query, np.ndarray) or query.ndim not in (1, 3):
            raise ValueError(
                "Search for an embedding, say face.embedding, or for a picture "
                f"from images.load_image, not for a {type(query).__name__}."
            )
        if query.ndim == 3:
            query = self._embed(query)
        snapshot = self._newest()
        people, matrix, photographs = snapshot.rows
        if not people:
            return SearchResult((), None, "unknown", threshold)
        if threshold is None:
            threshold = search_threshold(self.pack.name)
        similarities = matrix @ _unit_rows(query[None], matrix.shape[1])[0]
        matches = [
            Match(people[row], float(similarities[row]), photographs[row])
            for row in _best_rows(similarities, snapshot, max(k, 2))
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
        with self._erasing():
            gone = self._db.execute(
                "DELETE FROM face WHERE person = ?", (person,)
            ).rowcount
            if not gone:
                raise _unknown(person)
        return gone

    def rename(self, old: str, new: str) -> None:
        """Give a person another name; the old one leaves no trace either.

        Photographs keep the names they were enrolled under. Raises ValueError
        when ``new`` is somebody else's name.
        """
        old, new = clean_name(old), clean_name(new)
        with self._erasing():
            names = self.people()
            if old not in names:
                raise _unknown(old)
            if new != old and new in names:
                raise ValueError(
                    f"{new!r} is enrolled already: remove one of the two or "
                    "choose another name."
                )
            self._db.execute(
                "UPDATE face SET person = :new, checksum = "
                "checksum_of(:new, photograph, digest, embedding) "
                "WHERE person = :old",
                {"new": new, "old": old},
            )

    def embeddings(self) -> GalleryRows:
        """Return all rows at once, for calculations of your own."""
        return self._newest().rows

    def _newest(self) -> _Snapshot:
        """Notice what any program has committed, and have it in memory."""
        with self._explained():
            (others,) = self._db.execute("PRAGMA data_version").fetchone()
            seen = others, self._db.total_changes
            if seen != self._seen:
                self._snapshot, self._seen = self._load(), seen
            return self._snapshot

    def _load(self) -> _Snapshot:
        rows = self._db.execute(
            "SELECT person, photograph, digest, embedding, checksum "
            "FROM face ORDER BY number"
        ).fetchall()
        people = [row[0] for row in rows]
        wrong = sum(_checksum(*row[:4]) != row[4] for row in rows)
        if wrong:
            raise self._damaged(f"{wrong} of {len(rows)} rows are not whole")
        size = self.pack.size if rows else 0
        blobs = b"".join(row[3] for row in rows)
        matrix = np.frombuffer(blobs, np.float32).reshape(len(rows), size)
        places = {name: n for n, name in enumerate(dict.fromkeys(people))}
        codes = np.array([places[name] for name in people], np.intp)
        photographs = [row[1] for row in rows]
        return _Snapshot(
            GalleryRows(people, matrix, photographs), list(places), codes
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
    def _erasing(self) -> Iterator[None]:
        """Commit what the block deletes, and leave no byte of it behind."""
        with self._writing():
            yield
            # Goes to the disk with the deletion: see _finish_erasing.
            mark = secrets.randbelow(2**31 - 1) + 1
            self._db.execute(f"PRAGMA user_version = {mark}")
        try:
            self._finish_erasing()
        except GalleryError as error:
            raise GalleryError(
                "It is done, but the old bytes in the file could not be "
                f"overwritten yet: free some space, and open {self.path} "
                "again, which does that."
            ) from error

    def _finish_erasing(self) -> None:
        """Write the file anew if somebody was removed and it is not yet done.

        ``secure_delete`` alone is not enough: SQLite moves rows within a page,
        and the gaps keep copies (seen after 2 of 1,200 removals). The mark of
        a removal stays until the file was written after it, so that the next
        opening finishes what a killed process could not.
        """
        with self._explained():
            mark = self._mark()
            if mark:
                self._db.execute("VACUUM")
                self._db.execute("BEGIN IMMEDIATE")
                with self._db:
                    if self._mark() == mark:  # else a later removal's
                        self._db.execute("PRAGMA user_version = 0")

    def _mark(self) -> int:
        return self._db.execute("PRAGMA user_version").fetchone()[0]

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """One thread at a time; SQLite's errors become sentences."""
        if os.getpid() != self._process:
            raise GalleryError(
                "This gallery was opened before the process forked: open "
                f"{self.path} again here."
            )
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise self._explain(error) from error

    def _explain(self, error: sqlite3.Error) -> GalleryError:
        code = getattr(error, "sqlite_errorcode", None)
        kind = code and code & 0xFF
        if kind in _SENTENCES:
            sentence = _SENTENCES[kind].format(path=self.path, error=error)
            return GalleryError(sentence)
        return self._damaged(error)

    def _damaged(self, what) -> GalleryDamagedError:
        return GalleryDamagedError(
            f"The gallery in {self.path} is damaged ({what}): bring {FILE} "
            "back from a copy, or enrol everybody in a new folder. What can "
            "still be read, the .recover command of the sqlite3 program shows."
        )

    def _check_pack(self, pack: PackIdentity) -> None:
        own = self.pack
        if own is not None and own[1:] != pack[1:]:
            raise WrongPackError(
                f"This gallery was made with {own.name!r} (model "
                f"{own.digest[:8]}), not with {pack.name!r} (model "
                f"{pack.digest[:8]}): embeddings of two models do not compare; "
                "use the same pack, or enrol everybody in a new gallery."
            )

    def _embed(self, image: np.ndarray) -> np.ndarray:
        found = find_upright(self.app, image)[1]
        if len(found) > 1:
            raise SeveralFacesError(
                f"The picture shows {len(found)} faces: search for one "
                "face.embedding of faces.detect_faces."
            )
        return largest_face(found).embedding


def pack_identity(app: FaceAnalysis) -> PackIdentity:
    """Tell which model makes the embeddings of ``app``."""
    model = recognition_model(app)
    return PackIdentity(
        name=Path(app.model_dir).name,
        digest=_file_digest(Path(model.model_file)),
        size=int(model.output_shape[1]),
    )


def photograph_digest(photograph: str | os.PathLike | np.ndarray) -> bytes:
    """Tell photographs apart: SHA-256 of a file, or of an array's pixels."""
    if isinstance(photograph, np.ndarray):
        image = images.require_rgb(photograph)
        pixels = str(image.shape).encode() + image.tobytes()
        return hashlib.sha256(pixels).digest()
    with open(os.path.expanduser(photograph), "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def photograph_name(photograph: str | os.PathLike | np.ndarray) -> str:
    """Name a photograph for the gallery: its absolute path, as text."""
    if isinstance(photograph, np.ndarray):
        return f"array {photograph_digest(photograph).hex()[:12]}"
    if not isinstance(photograph, (str, os.PathLike)):
        raise images.ImageError(
            "A photograph is a file or an RGB array, not "
            f"{type(photograph).__name__}."
        )
    path = os.path.abspath(os.path.expanduser(photograph))
    return os.fsencode(path).decode("utf-8", "replace")


def clean_name(person: str) -> str:
    """Bring a name to normal form C: two ways to type an accent are one."""
    if not isinstance(person, str) or not person.strip():
        raise ValueError("A person needs a name: a text that is not empty.")
    try:
        person.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{person!a} is not valid Unicode text.") from None
    return unicodedata.normalize("NFC", person.strip())


def _best_rows(similarities: np.ndarray, snapshot: _Snapshot, k: int):
    """Yield the best row of each of the k best people, best first."""
    best = np.full(len(snapshot.names), -np.inf, np.float32)
    np.maximum.at(best, snapshot.codes, similarities)
    k = min(k, len(best))
    people = np.argpartition(-best, k - 1)[:k]
    for person in people[np.argsort(-best[people], kind="stable")]:
        theirs = np.flatnonzero(snapshot.codes == person)
        yield theirs[similarities[theirs].argmax()]


def _decide(matches: list[Match], threshold: float) -> str:
    best, second, *_ = [match.similarity for match in matches] + [-np.inf]
    if best < threshold - UNCERTAIN_BAND:
        return "unknown"
    if best < threshold or best - second < UNCERTAIN_BAND:
        return "uncertain"
    return "known"


def _checksum(person, photograph, digest, embedding) -> int:
    """CRC-32 of a row: SQLite itself would not notice a flipped bit."""
    names = f"{person}\n{photograph}\n".encode()
    return zlib.crc32(embedding, zlib.crc32(names + digest))


def _unit_rows(embeddings: np.ndarray, size: int) -> np.ndarray:
    """Scale every row to length 1, or say why that cannot be done."""
    matrix = np.asarray(embeddings, np.float32)
    if matrix.shape[1] != size:
        raise WrongPackError(
            f"This pack's embeddings have {size} numbers, not "
            f"{matrix.shape[1]}: embed with the gallery's own pack."
        )
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError(
            "An embedding is all zeros or not finite: embed that photograph "
            "again."
        )
    return matrix / lengths


def _unknown(person: str) -> UnknownPersonError:
    return UnknownPersonError(
        f"Nobody called {person!r} is enrolled: gallery.people() lists the "
        "names."
    )


@functools.cache
def _file_digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _gallery_folder(path: str | os.PathLike) -> Path:
    """Make the folder if there is none; refuse one with something else."""
    try:
        folder = Path(os.path.abspath(Path(path).expanduser()))
        folder.mkdir(parents=True, exist_ok=True)
        content = os.listdir(folder)
    except (OSError, RuntimeError) as error:  # the latter: no home folder
        raise GalleryError(
            f"{path} cannot be used ({error}): name a folder in which you may "
            "write."
        ) from error
    if content and FILE not in content:
        raise GalleryError(
            f"{folder} holds other files: name an empty or a new folder."
        )
    return folder
