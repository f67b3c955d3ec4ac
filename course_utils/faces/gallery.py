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
import weakref
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    sqlite3.SQLITE_BUSY: "Another program has been writing to {path} for "
    "{seconds:g} s: wait for it or end it, then try again.",
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


class UnknownPersonError(GalleryError, KeyError):
    """Nobody of this name is enrolled."""

    __str__ = Exception.__str__  # KeyError would put the sentence in quotes


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


class Rejection(NamedTuple):
    """A photograph that was not enrolled, and the reason as a sentence."""

    photograph: str
    reason: str


class Enrolment(NamedTuple):
    """What became of the photographs given to ``enrol``.

    ``lookalikes`` are the other people as whom these faces would have been
    known: perhaps one person is enrolled under two names.
    """

    person: str
    added: tuple[str, ...]
    duplicates: tuple[str, ...]
    rejected: tuple[Rejection, ...]
    lookalikes: tuple[Match, ...]


@dataclass(frozen=True)
class SearchResult:
    """The answer to "who is this?".

    Attributes:
        matches: the most similar people, best first, each once.
        person: who it is, or None unless ``decision`` is "known".
        decision: "known" when the best similarity is at least ``threshold``;
            "uncertain" when it is at most ``UNCERTAIN_BAND`` below, or a
            second name so near that it could be either; else "unknown".
        threshold: the cosine similarity from which a match counts as known;
            None when the gallery is empty and none was given.
    """

    matches: tuple[Match, ...]
    person: str | None
    decision: str
    threshold: float | None


class GalleryRows(NamedTuple):
    """All rows of a gallery, in the order of enrolment.

    ``matrix`` is float32 of shape (rows, d), read-only, each row of unit
    length.
    """

    people: list[str]
    matrix: np.ndarray
    photographs: list[str]


class _Snapshot(NamedTuple):
    """The rows in memory: ``names[codes[row]]`` is the person of a row."""

    rows: GalleryRows
    names: list[str]
    codes: np.ndarray


class FaceGallery:
    """Enrolled people in a folder on disk.

    Durable: what a method has done when it returns survives a killed process
    and a power cut; what is interrupted before is done wholly or not at all.
    One program writes at a time, others wait for it up to a minute; any number
    may search meanwhile, and see each change at their next search. Threads may
    share one object.

    Private: photographs are not copied, only their names, digests and
    embeddings are kept, not encrypted, and nothing outside the folder.

    Close it, or use it in a ``with`` statement, to release the folder.

    Attributes:
        path: the folder, absolute.
    """

    def __init__(
        self, path: str | os.PathLike, app: FaceAnalysis | None = None
    ):
        """Open the gallery in a folder, or start one there.

        Args:
            path: the folder; made when it is not there.
            app: from ``load_face_analysis``. Default: the pack that the
                gallery was made with ("course_mini" for a new one), loaded
                when the first photograph has to be embedded.

        Raises:
            GalleryError: the folder holds other files or cannot be used.
            GalleryDamagedError: the file in it cannot be read.
            WrongPackError: the gallery was made with another pack.
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
            self._close = weakref.finalize(self, self._db.close)
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
        self._close()

    def __enter__(self):
        """Return the gallery; it is closed at the end of the block."""
        return self

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
            person: any Unicode text; stored in normal form C and without
                space around it.
            photographs: a picture file or an RGB array, or a list of them.
            which_face: which one of several faces it is, from left to right,
                0 being the leftmost. Only for a single photograph.

        Raises:
            NoFaceError, SeveralFacesError, PoorFaceError, images.ImageError:
                no photograph could be used; this is why the first could not.
                When another one could, it is in ``rejected`` instead.
            WrongPackError: the gallery was made with another pack.
            ValueError: the name is empty, or ``which_face`` was given with
                several photographs.
        """
        person = clean_name(person)
        photographs = _as_list(photographs)
        if which_face is not None and len(photographs) > 1:
            raise ValueError("which_face= belongs to a single photograph.")
        new, known, failed = [], [], []
        for photograph in photographs:
            name = photograph_name(photograph)
            try:
                digest = photograph_digest(photograph)
                if self._has(person, digest):
                    known.append(name)
                    continue
                face = face_to_enrol(self.app, _read(photograph), which_face)
                new.append((name, digest, face.embedding))
            except (EnrolmentError, NoFaceError, images.ImageError) as error:
                failed.append((name, error))
        if len(failed) == len(photographs):
            raise failed[0][1]
        added = []
        if new:
            names, digests, embeddings = zip(*new, strict=True)
            added = self.enrol_embeddings(
                [person] * len(new),
                np.stack(embeddings),
                names,
                digests=digests,
                pack=pack_identity(self.app),
            )
        twice = [name for n, (name, *_) in enumerate(new) if n not in added]
        others = (self.lookalike(person, new[n][2]) for n in added)
        return Enrolment(
            person,
            added=tuple(new[n][0] for n in added),
            duplicates=(*known, *twice),
            rejected=tuple(Rejection(n, str(error)) for n, error in failed),
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

        Returns the numbers of the rows added; one whose person has a photograph
        of its digest already is passed over. ``embeddings`` is (rows, d), of
        any length but 0; ``digests`` are from ``photograph_digest``, ``pack``
        is from ``pack_identity``.
        """
        people = [clean_name(person) for person in people]
        matrix = _unit_rows(embeddings, pack.size)
        columns = people, photographs, digests, matrix
        if len(set(map(len, columns))) > 1:
            counts = ", ".join(str(len(column)) for column in columns)
            raise ValueError(
                "enrol_embeddings takes one person, photograph, digest and "
                f"embedding a row, not {counts}."
            )
        added = []
        with self._writing():
            self._check_pack(pack)
            if self.pack is None:
                self._db.execute("INSERT INTO pack VALUES (?, ?, ?)", pack)
            for number, row in enumerate(zip(*columns, strict=True)):
                if self._insert(*row):
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
            if match.person != person:
                return match if match.similarity >= result.threshold else None
        return None

    def search(
        self, query: np.ndarray, k: int = 5, threshold: float | None = None
    ) -> SearchResult:
        """Find the people who are most similar to a face.

        Args:
            query: an embedding of shape (d,), or a picture with one face.
            k: how many people to return at most.
            threshold: cosine similarity, -1 to 1, from which the best match
                counts as known. Default: what suits the pack.

        Raises:
            NoFaceError, SeveralFacesError: the picture does not show exactly
                one face; search the embedding of the one you mean.
            WrongPackError: an embedding of another size.
            ValueError: not an embedding or a picture, ``k`` is less than 1,
                or the pack has no published threshold and none was given.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}.")
        query = _embedding_or_picture(query)
        if query.ndim == 3:
            query = self._embed_query(query)
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
        made elsewhere are not touched.

        Returns:
            How many photographs were enrolled.

        Raises:
            UnknownPersonError: nobody of this name is enrolled.
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

        Photographs keep the names they were enrolled under.

        Raises:
            UnknownPersonError: nobody is called ``old``.
            ValueError: ``new`` is empty, or somebody else's name already.
        """
        old, new = clean_name(old), clean_name(new)
        with self._erasing():
            names = self._newest().names
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
        stored = self._db.execute(
            "SELECT person, photograph, digest, embedding, checksum "
            "FROM face ORDER BY number"
        )
        people, photographs, parts = [], [], [np.empty(0, np.float32)]
        wrong = 0
        while rows := stored.fetchmany(10_000):
            wrong += sum(_checksum(*row[:4]) != row[4] for row in rows)
            people += [row[0] for row in rows]
            photographs += [row[1] for row in rows]
            blobs = b"".join(row[3] for row in rows)
            parts.append(np.frombuffer(blobs, np.float32))
        if wrong:
            raise self._damaged(f"{wrong} of {len(people)} rows are not whole")
        size = self.pack.size if people else 0
        matrix = np.concatenate(parts).reshape(len(people), size)
        matrix.flags.writeable = False
        places = {name: n for n, name in enumerate(dict.fromkeys(people))}
        codes = np.array([places[name] for name in people], np.intp)
        rows = GalleryRows(people, matrix, photographs)
        return _Snapshot(rows, list(places), codes)

    def _has(self, person: str, digest: bytes) -> bool:
        with self._explained():
            found = self._db.execute(
                "SELECT 1 FROM face WHERE person = ? AND digest = ?",
                (person, digest),
            )
            return found.fetchone() is not None

    def _insert(self, person, photograph, digest, embedding) -> bool:
        """Add a row; return False if the person has this photograph."""
        row = person, str(photograph), bytes(digest), embedding.tobytes()
        done = self._db.execute(
            "INSERT OR IGNORE INTO face "
            "(person, photograph, digest, embedding, checksum) "
            "VALUES (?, ?, ?, ?, ?)",
            (*row, _checksum(*row)),
        )
        return done.rowcount == 1

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Commit what the block does, or nothing of it."""
        with self._lock:
            self._finish_erasing()
            with self._explained():
                self._db.execute("BEGIN IMMEDIATE")  # waits for other writers
                with self._db:
                    yield

    @contextlib.contextmanager
    def _erasing(self) -> Iterator[None]:
        """Commit what the block deletes, and leave no byte of it behind."""
        with self._lock:
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
                    "overwritten yet: free some space, and open "
                    f"{self.path} again, which does that."
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
        if code is None:
            return GalleryError(f"The gallery {self.path} was closed.")
        sentence = _SENTENCES.get(code & 0xFF)  # the kind, without details
        if sentence is None:
            return self._damaged(error)
        return GalleryError(
            sentence.format(
                path=self.path, seconds=SECONDS_TO_WAIT, error=error
            )
        )

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
                f"This gallery was made with {_describe(own)}, not with "
                f"{_describe(pack)}: embeddings of two models do not compare; "
                "use the same pack, or enrol everybody in a new gallery."
            )

    def _embed_query(self, image: np.ndarray) -> np.ndarray:
        self._check_pack(pack_identity(self.app))
        _, found = find_upright(self.app, image)
        if len(found) > 1:
            raise SeveralFacesError(
                f"The picture shows {len(found)} faces: search for one "
                "face.embedding of faces.detect_faces."
            )
        return largest_face(found).embedding


def pack_identity(app: FaceAnalysis) -> PackIdentity:
    """Tell which model makes the embeddings of ``app``."""
    model = recognition_model(app)
    file = Path(model.model_file)
    return PackIdentity(
        name=Path(app.model_dir).name,
        digest=_file_digest(file, file.stat().st_mtime_ns),
        size=int(model.output_shape[1]),
    )


def photograph_digest(photograph: str | os.PathLike | np.ndarray) -> bytes:
    """Tell photographs apart: SHA-256 of a file, or of an array's pixels."""
    if isinstance(photograph, np.ndarray):
        image = np.ascontiguousarray(images.require_rgb(photograph))
        return hashlib.sha256(str(image.shape).encode() + image.data).digest()
    try:
        with open(Path(photograph).expanduser(), "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except (OSError, TypeError, RuntimeError):
        images.load_image(photograph)  # says better what is wrong
        raise


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


def _checksum(
    person: str, photograph: str, digest: bytes, embedding: bytes
) -> int:
    """CRC-32 of a row: SQLite itself would not notice a flipped bit."""
    names = f"{person}\n{photograph}\n".encode()
    return zlib.crc32(embedding, zlib.crc32(names + digest))


def _unit_rows(embeddings: np.ndarray, size: int) -> np.ndarray:
    """Scale every row to length 1, or say why that cannot be done."""
    matrix = np.asarray(embeddings, np.float32)
    if matrix.ndim != 2:
        raise ValueError(
            f"Embeddings have shape (rows, {size}), not {matrix.shape}."
        )
    if matrix.shape[1] != size:
        raise WrongPackError(
            f"This pack's embeddings have {size} numbers, not "
            f"{matrix.shape[1]}: embed with the gallery's own pack."
        )
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and lengths.all()):
        bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
        raise ValueError(
            f"Embedding {bad[0]} is all zeros or not finite: embed that "
            "photograph again."
        )
    return matrix / lengths


def _embedding_or_picture(query) -> np.ndarray:
    with contextlib.suppress(ValueError):  # InsightFace's Face is no array
        array = np.asarray(query)
        if array.dtype.kind in "fiu" and array.ndim in (1, 3):
            return array
    found = f"{type(query).__name__} {getattr(query, 'shape', None) or ''}"
    raise ValueError(
        "Search for an embedding of shape (d,), say face.embedding, or a "
        f"picture from images.load_image, not for {found.strip()}."
    )


def _as_list(photographs) -> list:
    if not isinstance(photographs, (list, tuple)):
        return [photographs]
    if not photographs:
        raise ValueError("Give at least one photograph to enrol.")
    return list(photographs)


def _read(photograph) -> np.ndarray:
    if isinstance(photograph, np.ndarray):
        return images.require_rgb(photograph)
    return images.load_image(photograph)


def _describe(pack: PackIdentity) -> str:
    return f"{pack.name!r} ({pack.size} numbers, model {pack.digest[:8]})"


def _unknown(person: str) -> UnknownPersonError:
    return UnknownPersonError(
        f"Nobody called {person!r} is enrolled: gallery.people() lists the "
        "names."
    )


@functools.lru_cache
def _file_digest(file: Path, _modified: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _gallery_folder(path: str | os.PathLike) -> Path:
    """Make the folder if there is none; refuse one with something else."""
    try:
        folder = Path(os.path.abspath(Path(path).expanduser()))
        folder.mkdir(parents=True, exist_ok=True)
        content = os.listdir(folder)
    except FileExistsError:
        raise GalleryError(
            f"{path} is a file: a gallery is a folder."
        ) from None
    except RuntimeError:
        raise GalleryError(
            f"{path} cannot be used: there is no such home folder."
        ) from None
    except OSError as error:
        raise GalleryError(
            f"{path} cannot be used ({error.strerror}): name a folder in "
            "which you may write."
        ) from error
    if "faces.lance" in content:
        raise GalleryError(
            f"The gallery in {folder} was made by an earlier version of this "
            "course: enrol the photographs again, in a new folder."
        )
    if content and FILE not in content:
        raise GalleryError(
            f"{folder} holds other files: name an empty or a new folder."
        )
    return folder
