"""Who is this? A gallery of enrolled faces that is searched by similarity.

    gallery = faces.FaceGallery("my_gallery")
    gallery.enrol("Ann", ["ann_1.jpg", "ann_2.jpg"])
    gallery.search(images.load_image("who.jpg")).person

Which photographs are good enough is in ``gallery_quality``, the rows on disk in
``gallery_table``, the best people of all similarities in ``gallery_ranking``,
rescue after damage in ``gallery_recovery``.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from course_utils import images
from course_utils.faces.analysis import (
    NoFaceError,
    embed_faces,
    largest_face,
    load_face_analysis,
    recognition_model,
    search_threshold,
)
from course_utils.faces.gallery_quality import (
    EnrolmentError,
    SeveralFacesError,
    usable_face,
)
from course_utils.faces.gallery_ranking import PeopleIndex
from course_utils.faces.gallery_table import (
    NAME,
    GalleryError,
    GalleryTable,
    Header,
    PackIdentity,
    Rows,
    make_rows,
)

if TYPE_CHECKING:
    from insightface.app import FaceAnalysis

# Below the threshold by less than this is "uncertain": for course_mini that is
# where a comparison of two photographs would say "same person".
UNCERTAIN_BAND = 0.10
# Among 1,000,000 rows of 128 numbers an index answers in 38 ms, looking at all
# takes 45; among 300,000 it is 11 against 5 ms (benchmarks/search.py, 2 cores).
INDEX_FROM = 1_000_000  # rows


class UnknownPersonError(GalleryError, KeyError):
    """Nobody of this name is enrolled."""

    __str__ = Exception.__str__  # KeyError would put the sentence in quotes


class WrongPackError(GalleryError, ValueError):
    """An embedding of another model than the gallery's."""


class Rejection(NamedTuple):
    """A photograph that was not enrolled, and the reason as a sentence."""

    photograph: str
    reason: str


@dataclass(frozen=True)
class Enrolment:
    """What became of the photographs given to ``enrol``.

    Attributes:
        person: the name as stored.
        added: the photographs enrolled.
        duplicates: those that were enrolled already.
        rejected: those that cannot be used, each with its reason.
    """

    person: str
    added: tuple[str, ...]
    duplicates: tuple[str, ...]
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True)
class BatchEnrolment:
    """What became of the rows given to ``enrol_embeddings``.

    Attributes:
        added: numbers of the rows enrolled, from 0.
        duplicates: numbers of the rows that were enrolled already.
    """

    added: tuple[int, ...]
    duplicates: tuple[int, ...]


@dataclass(frozen=True)
class Match:
    """One enrolled person beside the query.

    Attributes:
        person: the name.
        similarity: cosine similarity of the best photograph, -1 to 1.
        photograph: which one that is, as it was named when enrolled.
    """

    person: str
    similarity: float
    photograph: str


@dataclass(frozen=True)
class SearchResult:
    """The answer to "who is this?".

    Attributes:
        matches: the most similar people, best first, each once.
        person: who it is, or None unless ``decision`` is "known".
        decision: "known" when the best similarity is at least ``threshold``,
            "uncertain" when it is at most ``UNCERTAIN_BAND`` below, else
            "unknown".
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


class _Look(NamedTuple):
    """One photograph: new (digest and embedding), known, or with an error."""

    name: str
    digest: bytes | None = None
    embedding: np.ndarray | None = None
    is_known: bool = False
    error: ValueError | None = None


class FaceGallery:
    """Enrolled people in a folder on disk.

    Durable: what a method has done when it returns survives a killed process
    and, as every file is flushed with fsync, a power cut. What is interrupted
    before it returns is done wholly or not at all.

    One process writes at a time, others wait for it up to a minute. Any number
    may search meanwhile, and see each change at their next search. Use one
    object a thread, and a new one in a forked process.

    Private: nothing is written outside the folder. Photographs are not copied
    into it, only their names, digests and embeddings are kept. They are not
    encrypted: who may read the folder may read them.

    Attributes:
        path: the folder.
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
            GalleryError: the folder holds other files, is a file, or cannot
                be made or read.
            GalleryDamagedError: the table in it cannot be read.
            WrongPackError: the gallery was made with another pack.
        """
        self.path = _gallery_folder(path)
        self._table = GalleryTable(self.path)
        self._state: frozenset | None = None
        self._header: Header | None = None
        self._rows: Rows | None = None
        self._rows_are_new = False
        self._index = PeopleIndex()
        self._app = app
        if app is not None:
            self._check_pack(pack_identity(app))

    @property
    def pack(self) -> PackIdentity | None:
        """Which model made the embeddings; None before the first enrolment."""
        header = self._catch_up()
        return None if header is None else header.pack

    @property
    def app(self) -> FaceAnalysis:
        """The face models that this gallery embeds with.

        Raises:
            weights.WeightsError: its pack is not on this machine under its
                name; open the gallery with ``app=``.
        """
        if self._app is None:
            pack = self.pack
            name = "course_mini" if pack is None else pack.name
            app = load_face_analysis(name)
            self._check_pack(pack_identity(app))
            self._app = app
        return self._app

    def __len__(self) -> int:
        """Count the enrolled photographs."""
        rows = self._refresh()
        return 0 if rows is None else len(rows)

    def __repr__(self) -> str:
        """Name the size and the pack."""
        pack = "no pack yet" if self.pack is None else self.pack.name
        return (
            f"FaceGallery({len(self.people())} people, {len(self)} "
            f"photographs, {pack})"
        )

    def people(self) -> list[str]:
        """List the names in alphabetical order."""
        self._refresh()
        return sorted(self._index.names)

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
            photographs: a picture file or an RGB ``uint8`` array of shape
                (height, width, 3), or a list of them.
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
        looks = [self._look(person, p, which_face) for p in photographs]
        failed = [look for look in looks if look.error is not None]
        if len(failed) == len(looks):
            raise failed[0].error
        added, duplicates = self._add(person, looks)
        return Enrolment(
            person,
            tuple(look.name for look in added),
            tuple(look.name for look in duplicates),
            tuple(Rejection(look.name, str(look.error)) for look in failed),
        )

    def enrol_embeddings(
        self,
        people: Sequence[str],
        embeddings: np.ndarray,
        photographs: Sequence[str],
        *,
        digests: Sequence[bytes],
        pack: PackIdentity,
    ) -> BatchEnrolment:
        """Add rows that are embedded already, in one durable commit.

        Args:
            people: the name of each row.
            embeddings: shape (rows, d), any real dtype, of any length but 0.
            photographs: the name of each row's photograph.
            digests: from ``photograph_digest``, 32 bytes each. A row whose
                person has a photograph of this digest already is skipped.
            pack: from ``pack_identity``: the model that embedded them.

        Raises:
            WrongPackError: another pack or size than the gallery's.
            ValueError: not one of each a row, an empty name, or an embedding
                that is not finite or all zeros.
        """
        people = [clean_name(person) for person in people]
        matrix = _unit_rows(embeddings, pack.size)
        if not len(people) == len(matrix) == len(photographs) == len(digests):
            raise ValueError(
                "enrol_embeddings takes one person, embedding, photograph and "
                f"digest a row, not {len(people)}, {len(matrix)}, "
                f"{len(photographs)} and {len(digests)}."
            )
        with self._table.writing():
            self._check_pack(pack)
            if not self._table.exists():
                self._table.create(pack)
            added, duplicates = self._split(people, digests)
            if added:
                self._table.append(
                    make_rows(
                        [people[n] for n in added],
                        [photograph_name(photographs[n]) for n in added],
                        [digests[n] for n in added],
                        matrix[added],
                    )
                )
        return BatchEnrolment(tuple(added), tuple(duplicates))

    def enrolled(self) -> set[tuple[str, bytes]]:
        """Return (person, photograph's digest) of every row."""
        rows = self._refresh()
        return set() if rows is None else _pairs(rows.columns)

    def search(
        self,
        query: np.ndarray,
        k: int = 5,
        threshold: float | None = None,
    ) -> SearchResult:
        """Find the people who are most similar to a face.

        Args:
            query: an embedding of shape (d,), or an RGB ``uint8`` picture of
                shape (height, width, 3) with one face in it.
            k: how many people to return at most.
            threshold: cosine similarity, -1 to 1, from which the best match
                counts as known. Default: what pack_settings.py says of the
                pack.

        Returns:
            A ``SearchResult``; of an empty gallery "unknown" without matches.

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
        header = self._catch_up()
        if header is None:
            return SearchResult((), None, "unknown", threshold)
        if threshold is None:
            threshold = search_threshold(header.pack.name)
        query = _unit_rows(query[None], header.pack.size)[0]
        look = self._search_index if header.indexed else self._search_all
        return _decide(look(query, k), threshold)

    def build_index(self) -> None:
        """Let searches look at a part of the rows only; for large galleries.

        From then on a search looks at about a quarter of the rows, those in
        groups like the query, and may miss the best match now and then. What
        is enrolled later is always looked at, which takes longer the more it
        is: build again. ``remove`` and ``rename`` delete the index, as it
        holds copies of embeddings.

        Raises:
            GalleryError: there are fewer than ``INDEX_FROM`` rows, where
                looking at all of them is faster.
        """
        with self._table.writing():
            if len(self) < INDEX_FROM:
                raise GalleryError(
                    f"An index pays from {INDEX_FROM:,} photographs on; with "
                    f"{len(self):,} looking at all of them is faster."
                )
            self._table.build_index()

    def remove(self, person: str) -> int:
        """Delete a person: no file of the gallery holds a trace afterwards.

        The table is written anew without the person, then every earlier file
        is deleted. The disk itself may keep deleted bytes until it reuses
        them, and copies made elsewhere are not touched.

        Returns:
            How many photographs were enrolled.

        Raises:
            UnknownPersonError: nobody of this name is enrolled.
        """
        with self._table.writing():
            gone = self._rows_of(person)
            self._rewrite(self._rows.columns["person"].to_pylist(), ~gone)
        return int(gone.sum())

    def rename(self, old: str, new: str) -> None:
        """Give a person another name; the old one leaves no trace either.

        Photographs keep the names they were enrolled under.

        Raises:
            UnknownPersonError: nobody is called ``old``.
            ValueError: ``new`` is empty, or somebody else's name already.
        """
        new = clean_name(new)
        with self._table.writing():
            theirs = np.flatnonzero(self._rows_of(old))
            if new in self._index.names and new != clean_name(old):
                raise ValueError(
                    f"{new!r} is enrolled already: remove one of the two or "
                    "choose another name."
                )
            people = self._rows.columns["person"].to_pylist()
            for row in theirs:
                people[row] = new
            self._rewrite(people, np.ones(len(people), bool))

    def export(self, path: str | os.PathLike) -> Path:
        """Write all rows to a Parquet file, to keep or to read elsewhere.

        Columns: person, photograph, digest (32 bytes), embedding (list of
        float32, unit length). The file's metadata names the pack. pandas,
        Polars, DuckDB and Spark read it.

        Raises:
            GalleryError: the gallery is empty, the file cannot be written, or
                it would lie in the gallery's folder, out of reach of
                ``remove``.
        """
        import pyarrow.parquet

        path = Path(path)
        if self.path.resolve() in path.resolve().parents:
            raise GalleryError("Export to a place outside the gallery.")
        rows = self._refresh()
        if rows is None:
            raise GalleryError(
                "The gallery is empty: there is nothing to keep."
            )
        size = rows.pack.size
        table = rows.columns.append_column(
            "embedding",
            pyarrow.FixedSizeListArray.from_arrays(rows.matrix.ravel(), size),
        ).replace_schema_metadata({"pack": json.dumps(asdict(rows.pack))})
        half = path.with_name(f".{path.name}.half")
        try:
            pyarrow.parquet.write_table(table, half)
            os.replace(half, path)
        except OSError as error:
            half.unlink(missing_ok=True)
            raise GalleryError(f"{path} cannot be written: {error}.") from error
        return path

    def embeddings(self) -> GalleryRows:
        """Return all rows at once, for calculations of your own."""
        rows = self._refresh()
        if rows is None:
            return GalleryRows([], np.empty((0, 0), np.float32), [])
        matrix = rows.matrix.view()
        matrix.flags.writeable = False
        columns = rows.columns
        return GalleryRows(
            columns["person"].to_pylist(),
            matrix,
            columns["photograph"].to_pylist(),
        )

    def _catch_up(self) -> Header | None:
        """Notice what any process has committed; None before the first."""
        state = self._table.state()
        if state != self._state:
            exists = self._table.exists()
            self._header = self._table.header() if exists else None
            self._state, self._rows_are_new = state, False
        return self._header

    def _refresh(self) -> Rows | None:
        """Catch up, and have the newest rows in memory."""
        if self._catch_up() is None:
            self._rows, self._index = None, PeopleIndex()
        elif not self._rows_are_new:
            self._rows = self._table.read(self._rows)
            self._index = PeopleIndex.of(self._rows.columns["person"])
            self._rows_are_new = True
        return self._rows

    def _look(self, person: str, photograph, which_face) -> _Look:
        name = photograph_name(photograph)
        try:
            digest = photograph_digest(photograph)
            if (person, digest) in self._enrolled_among([digest]):
                return _Look(name, is_known=True)
            image = _read(photograph)
            found = embed_faces(self.app, image)
            face = usable_face(image, found, which_face)
            return _Look(name, digest, face.embedding)
        except (EnrolmentError, NoFaceError, images.ImageError) as error:
            return _Look(name, error=error)

    def _add(self, person: str, looks: list[_Look]):
        """Commit what is new; return the looks added, and the duplicates."""
        new = [look for look in looks if look.embedding is not None]
        known = [look for look in looks if look.is_known]
        if not new:
            return [], known
        done = self.enrol_embeddings(
            [person] * len(new),
            np.stack([look.embedding for look in new]),
            [look.name for look in new],
            digests=[look.digest for look in new],
            pack=pack_identity(self.app),
        )
        twice = [new[number] for number in done.duplicates]
        return [new[number] for number in done.added], known + twice

    def _search_all(self, query: np.ndarray, k: int) -> tuple[Match, ...]:
        rows = self._refresh()
        similarities = rows.matrix @ query
        return tuple(
            Match(
                self._index.person(row),
                float(similarities[row]),
                rows.columns["photograph"][row].as_py(),
            )
            for row in self._index.best(similarities, k)
        )

    def _search_index(self, query: np.ndarray, k: int) -> tuple[Match, ...]:
        count = 4 * k  # enough when people have few photographs each
        while True:
            found = self._table.nearest(query, count).to_pylist()
            best = {}
            for row in found:
                best.setdefault(row["person"], row)
            if len(best) >= k or len(found) < count:
                return tuple(
                    Match(person, 1 - row["_distance"], row["photograph"])
                    for person, row in list(best.items())[:k]
                )
            count *= 4

    def _rows_of(self, person: str) -> np.ndarray:
        self._refresh()
        person = clean_name(person)
        if person not in self._index.names:
            raise UnknownPersonError(
                f"Nobody called {person!r} is enrolled: gallery.people() "
                "lists the names."
            )
        return self._index.codes == self._index.names.index(person)

    def _rewrite(self, people: list[str], keep: np.ndarray) -> None:
        rows = self._rows
        kept = np.flatnonzero(keep)
        photographs = rows.columns["photograph"].to_pylist()
        digests = rows.columns["digest"].to_pylist()
        self._table.rewrite(
            rows.pack,
            make_rows(
                [people[n] for n in kept],
                [photographs[n] for n in kept],
                [digests[n] for n in kept],
                rows.matrix[kept],
            ),
        )

    def _split(self, people, digests) -> tuple[list[int], list[int]]:
        """Numbers of the rows that are new, and of those that are not."""
        enrolled = self._enrolled_among(digests)
        added, duplicates = [], []
        for number, pair in enumerate(zip(people, digests, strict=True)):
            (duplicates if pair in enrolled else added).append(number)
            enrolled.add(pair)
        return added, duplicates

    def _enrolled_among(self, digests) -> set[tuple[str, bytes]]:
        """(person, digest) of the rows that have one of these digests."""
        import pyarrow
        from pyarrow import compute

        rows = self._refresh()
        if rows is None:
            return set()
        wanted = pyarrow.array(digests, pyarrow.binary(32))
        return _pairs(
            rows.columns.filter(compute.is_in(rows.columns["digest"], wanted))
        )

    def _check_pack(self, pack: PackIdentity) -> None:
        own = self.pack
        if own is None or (own.digest, own.size) == (pack.digest, pack.size):
            return
        raise WrongPackError(
            f"This gallery was made with {_describe(own)}, not with "
            f"{_describe(pack)}: embeddings of two models do not compare; "
            "use the same pack, or enrol everybody in a new gallery."
        )

    def _embed_query(self, image: np.ndarray) -> np.ndarray:
        self._check_pack(pack_identity(self.app))
        found = embed_faces(self.app, image)
        if len(found) > 1:
            raise SeveralFacesError(
                f"The picture shows {len(found)} faces: search for one "
                "face.embedding of faces.detect_faces."
            )
        return largest_face(found).embedding


def pack_identity(app: FaceAnalysis) -> PackIdentity:
    """Tell which model makes the embeddings of ``app``.

    Raises:
        ValueError: the pack has no recognition model.
    """
    model = recognition_model(app)
    file = Path(model.model_file)
    return PackIdentity(
        name=Path(app.model_dir).name,
        digest=_file_digest(file, file.stat().st_mtime_ns).hex(),
        size=int(model.output_shape[1]),
    )


def photograph_digest(photograph: str | os.PathLike | np.ndarray) -> bytes:
    """Tell photographs apart by content: SHA-256, 32 bytes.

    Of a file its bytes count, of an array its shape and pixels: a file and
    the array read from it have different digests.

    Raises:
        images.ImageError: neither a file that can be read nor a picture.
    """
    if isinstance(photograph, np.ndarray):
        image = np.ascontiguousarray(images.require_rgb(photograph))
        return hashlib.sha256(str(image.shape).encode() + image.data).digest()
    try:
        with open(os.fspath(photograph), "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except (OSError, TypeError):
        images.load_image(photograph)  # says better what is wrong
        raise


def photograph_name(photograph: str | os.PathLike | np.ndarray) -> str:
    """Name a photograph for the gallery: its path as given, as text.

    Raises:
        images.ImageError: neither a path nor a picture.
    """
    if isinstance(photograph, np.ndarray):
        return f"array {photograph_digest(photograph).hex()[:12]}"
    if not isinstance(photograph, (str, os.PathLike)):
        raise images.ImageError(
            "A photograph is a file or an RGB array, not "
            f"{type(photograph).__name__}."
        )
    return os.fsencode(photograph).decode("utf-8", "replace")


def clean_name(person: str) -> str:
    """Bring a name into the form in which it is stored.

    Normal form C, so that two ways to type an accent are one name, and no
    space around it.

    Raises:
        ValueError: nothing is left, or it is not valid Unicode.
    """
    if not isinstance(person, str) or not person.strip():
        raise ValueError("A person needs a name: a text that is not empty.")
    try:
        person.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{person!a} is not valid Unicode text.") from None
    return unicodedata.normalize("NFC", person.strip())


def _pairs(columns) -> set[tuple[str, bytes]]:
    people, digests = columns["person"], columns["digest"]
    return set(zip(people.to_pylist(), digests.to_pylist(), strict=True))


def _decide(matches: tuple[Match, ...], threshold: float) -> SearchResult:
    similarity = matches[0].similarity if matches else -np.inf
    if similarity >= threshold:
        return SearchResult(matches, matches[0].person, "known", threshold)
    near = similarity >= threshold - UNCERTAIN_BAND
    return SearchResult(
        matches, None, "uncertain" if near else "unknown", threshold
    )


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


@functools.lru_cache
def _file_digest(file: Path, _modified: int) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _gallery_folder(path: str | os.PathLike) -> Path:
    """Make the folder if there is none; refuse one with something else."""
    folder = Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = set(os.listdir(folder))
    except FileExistsError:
        raise GalleryError(
            f"{folder} is a file: a gallery is a folder."
        ) from None
    except OSError as error:
        raise GalleryError(
            f"{folder} cannot be used ({error.strerror}): name a folder in "
            "which you may write."
        ) from error
    if content and not content & {"lock", f"{NAME}.lance"}:
        raise GalleryError(
            f"{folder} holds other files: name an empty or a new folder."
        )
    return folder
