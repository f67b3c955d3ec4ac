"""The gallery's rows on disk: a LanceDB table, one writer, many readers.

Why LanceDB. It runs in this process, keeps versions that readers can go on
reading while one writes, brings its own index for vectors, and its server, Ray
and Spark read the same files. Measured beside plain SQLite with a blob a row
(100,000 rows of 128 numbers, ``benchmarks/search.py`` and by hand): LanceDB
returns them all in half the time. SQLite commits single rows faster, but has
no index for vectors. Of the others tried, usearch answers among 100,000 rows in
0.8 ms, but takes 110 s to build its index; Qdrant's local mode takes 25 s to
write 20,000 rows, and Milvus Lite 1 s to answer among 20,000. LanceDB's own
scan of 100,000 takes 54 ms and one matrix product over the rows in memory 4 ms,
which is therefore how the gallery searches until an index pays.

What LanceDB does not do is done here: flushing to the disk, a checksum a row,
one writer at a time, and deleting for good.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow

NAME = "faces"
LOCK_SECONDS = 60  # a writer waits so long for another one
# Every commit adds a file: a gallery of 10 rows a file opens in 6 ms from 4
# files, in 33 ms from 64 and in 180 ms from 256 (measured with other work on
# the machine). Merging writes all rows anew, so not too often either.
MAX_FILES = 64
# Of the about sqrt(rows) groups of an index a search looks at this share. Among
# 1,000,000 made-up embeddings like those of ORL the best photograph was found
# in 99.6 % of 250 searches with 1/4, in 98.8 % with 1/8, in 94.8 % with 1/16.
PROBED_SHARE = 1 / 4
_NO_ROOM = ("os error 27", "os error 28", "os error 122", "No space left")


class GalleryError(Exception):
    """A gallery cannot do what was asked; the message says why."""


class GalleryDamagedError(GalleryError):
    """A file of the gallery was cut, overwritten or deleted."""


@dataclass(frozen=True)
class PackIdentity:
    """Which model made an embedding: those of two models do not compare.

    Attributes:
        name: the pack's, for instance "course_mini".
        digest: SHA-256 of its recognition model's file, hexadecimal.
        size: length of an embedding.
    """

    name: str
    digest: str
    size: int


@dataclass(frozen=True)
class Header:
    """What holds for the whole table.

    Attributes:
        pack: which model made the embeddings.
        indexed: whether ``GalleryTable.nearest`` can be asked.
    """

    pack: PackIdentity
    indexed: bool


@dataclass(frozen=True)
class Rows:
    """The rows of one version of the table, in the order of enrolment.

    Attributes:
        version: number of the commit they were read from.
        generation: changes when rows were removed or renamed; while it stays,
            later versions only have more rows at the end.
        pack: which model made the embeddings.
        columns: person, photograph (strings) and digest (32 bytes) of each.
        matrix: embeddings of unit length; float32, shape (rows, pack.size).
    """

    version: int
    generation: bytes
    pack: PackIdentity
    columns: pyarrow.Table
    matrix: np.ndarray

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.matrix)


class GalleryTable:
    """A LanceDB table below ``folder``; see ``FaceGallery`` for the promises.

    Whatever changes the table happens inside ``with table.writing():``.
    """

    def __init__(self, folder: Path):
        """Use a folder that is there; the table comes with its pack."""
        import filelock

        self.folder = folder
        self._home = folder / f"{NAME}.lance"
        self._erasing = folder / "erasing"
        self._handle = self._handle_state = None
        self._lock = filelock.FileLock(folder / "lock")
        if self._erasing.exists():
            # Either a removal was killed, or it is under way and not our job.
            with contextlib.suppress(GalleryError), self.writing(wait=0):
                pass

    def exists(self) -> bool:
        """Tell whether anything was ever enrolled.

        A folder without versions and data is a creation under way, or killed.
        """
        return any(self._home.glob("_versions/*.manifest")) or any(
            self._home.glob("data/*")
        )

    def state(self) -> frozenset[str]:
        """Return what stays the same until anybody commits.

        Asking LanceDB for the newest version takes 0.3 ms, this a tenth.
        """
        try:
            return frozenset(os.listdir(self._home / "_versions"))
        except FileNotFoundError:
            return frozenset()

    def create(self, pack: PackIdentity) -> None:
        """Make the empty table; its schema says which pack it is for."""
        with self._commit():
            self._connect().create_table(NAME, schema=_schema(pack))
        _flush(self._home)
        _flush(self.folder)

    @contextlib.contextmanager
    def writing(self, wait: float = LOCK_SECONDS) -> Iterator[None]:
        """Keep other writers out, and finish what a killed one has begun."""
        import filelock

        try:
            self._lock.acquire(timeout=wait)
        except filelock.Timeout:
            raise GalleryError(
                f"Another program has been writing to {self.folder} for "
                f"{wait:g} s: wait for it or end it, then try again."
            ) from None
        except OSError as error:
            raise GalleryError(
                f"{self.folder} cannot be written to: {error.strerror}."
            ) from error
        try:
            if self._erasing.exists():
                self._sweep()
            yield
        finally:
            self._lock.release()

    def read(self, known: Rows | None) -> Rows:
        """Return the newest rows; only those not ``known`` are read.

        Raises:
            GalleryDamagedError: they cannot be read or are not what was
                written.
        """

        def newer(table):
            if known is not None and known.version == table.version:
                return known
            return _read_rows(table, known)

        return self._with_newest(newer)

    def header(self) -> Header:
        """Return what can be known without reading rows."""
        return self._with_newest(
            lambda table: Header(stored_pack(table), bool(table.list_indices()))
        )

    def build_index(self) -> None:
        """Group the rows by k-means, so that ``nearest`` looks at few groups.

        Inverted lists after Sivic and Zisserman, "Video Google" (ICCV 2003),
        of embeddings rounded to 8 bits a number instead of 32.
        """
        from lancedb.index import IvfSq

        table = self._newest()
        groups = round(table.count_rows() ** 0.5)
        config = IvfSq(
            distance_type="cosine", num_partitions=groups, max_iterations=10
        )
        with self._commit():
            table.create_index("embedding", config=config)
        self._sweep()

    def nearest(self, query: np.ndarray, count: int) -> pyarrow.Table:
        """Return person, photograph and similarity of about the nearest rows.

        Rows enrolled after ``build_index`` are looked at one by one.
        """

        def look(table):
            groups = round(table.count_rows() ** 0.5)
            return (
                table.search(query, vector_column_name="embedding")
                .distance_type("cosine")
                .nprobes(max(1, round(PROBED_SHARE * groups)))
                .refine_factor(1)  # with all bits of those found
                .limit(count)
                .select(["person", "photograph", "_distance"])
                .to_arrow()
            )

        return self._with_newest(look)

    def _with_newest(self, use: Callable):
        """Return ``use(newest version of the table)``."""
        failed_at = "nowhere"
        while True:
            version = None
            try:
                table = self._newest()
                version = table.version
                return use(table)
            except Exception as error:
                # A writer may have tidied away the files under our hands:
                # then there is a newer version, and that one can be read.
                if version == failed_at:
                    raise self._damaged(error) from error
                failed_at = version
                self._handle = None

    def append(self, rows: pyarrow.Table) -> None:
        """Add rows in one commit that is on the disk when this returns."""
        with self._commit():
            self._newest().add(rows)
        if sum(1 for _ in (self._home / "data").iterdir()) > MAX_FILES:
            with contextlib.suppress(GalleryError):  # the rows are safe
                self._sweep()

    def rewrite(self, pack: PackIdentity, rows: pyarrow.Table) -> None:
        """Replace all rows, and leave no byte of the earlier ones on disk."""
        self._erasing.touch()
        _flush(self.folder)
        with self._commit():
            self._handle = self._connect().create_table(
                NAME, rows.cast(_schema(pack)), mode="overwrite"
            )
        try:
            self._sweep()
        except GalleryError as error:
            raise GalleryError(
                f"It is done, but old files of {self.folder} could not be "
                "deleted yet: free some space on its disk and open the gallery "
                "again, which deletes them."
            ) from error

    def _sweep(self) -> None:
        """Merge small files; delete old versions and what kills left over."""
        with self._commit(), warnings.catch_warnings():
            # "Readers of older versions will fail": ours read the newest.
            warnings.filterwarnings("ignore", "optimize", UserWarning)
            self._newest().optimize(
                cleanup_older_than=timedelta(0), delete_unverified=True
            )
        for file in self._files():
            name = os.path.basename(file)
            if name.startswith(".tmp") or "#" in name:
                os.unlink(file)  # half written; LanceDB does not look for them
        self._erasing.unlink(missing_ok=True)

    def _connect(self):
        import lancedb

        return lancedb.connect(self.folder)

    def _newest(self):
        state = self.state()
        if self._handle is not None and state == self._handle_state:
            return self._handle  # checking it out again would empty its caches
        expected = self._hinted_version()
        if self._handle is None:
            self._handle = self._connect().open_table(NAME)
        else:
            self._handle.checkout_latest()
        if self._handle.version < expected:
            raise GalleryDamagedError("the newest version has gone")
        self._handle_state = state
        return self._handle

    def _hinted_version(self) -> int:
        """Return the number that LanceDB itself noted after its last commit.

        Without it, a newest version that was deleted would pass unnoticed.
        """
        try:
            hint = self._home / "_versions" / "latest_version_hint.json"
            return int(json.loads(hint.read_bytes())["version"])
        except (OSError, ValueError, KeyError):
            return 0

    def _files(self) -> set[str]:
        return {
            os.path.join(folder, name)
            for folder, _, names in os.walk(self._home)
            for name in names
        }

    @contextlib.contextmanager
    def _commit(self) -> Iterator[None]:
        """Bring what was written to the disk, or leave nothing of it there.

        LanceDB itself never calls fsync (seen with strace, version 0.40).
        """
        before = self._files()
        try:
            yield
        except Exception as error:
            self._handle = None
            made = self._files() - before
            if not any(file.endswith(".manifest") for file in made):
                for file in made:
                    os.unlink(file)
            if any(words in str(error) for words in _NO_ROOM):
                raise GalleryError(
                    f"The disk of {self.folder} is full: nothing was changed. "
                    "Free some space and try again."
                ) from error
            raise GalleryError(
                f"Writing to {self.folder} failed ({_brief(error)}): nothing "
                "was changed."
            ) from error
        made = self._files() - before
        for path in made | {os.path.dirname(file) for file in made}:
            _flush(path)

    def _damaged(self, error: Exception) -> GalleryDamagedError:
        return GalleryDamagedError(
            f"The gallery in {self.folder} is damaged ({_brief(error)}): "
            f"faces.recover_gallery({str(self.folder)!r}, NEW_FOLDER) saves "
            "what can still be read."
        )


def make_rows(
    people: list[str],
    photographs: list[str],
    digests: list[bytes],
    matrix: np.ndarray,
) -> pyarrow.Table:
    """Lay rows out as the table stores them, each with its checksum."""
    import pyarrow

    size = matrix.shape[1]
    flat = pyarrow.array(np.ascontiguousarray(matrix).reshape(-1))
    return pyarrow.table(
        {
            "person": pyarrow.array(people, pyarrow.string()),
            "photograph": pyarrow.array(photographs, pyarrow.string()),
            "digest": pyarrow.array(digests, pyarrow.binary(32)),
            "embedding": pyarrow.FixedSizeListArray.from_arrays(flat, size),
            "checksum": pyarrow.array(
                _checksums(people, photographs, digests, matrix),
                pyarrow.uint32(),
            ),
        }
    )


def _checksums(people, photographs, digests, matrix) -> list[int]:
    """CRC-32 of every row: a Lance file has no checksum of its own."""
    return [
        zlib.crc32(row, zlib.crc32(f"{person}\n{photograph}".encode() + digest))
        for person, photograph, digest, row in zip(
            people, photographs, digests, matrix, strict=True
        )
    ]


def _schema(pack: PackIdentity) -> pyarrow.Schema:
    """Columns and, as the schema's metadata, what the whole table shares."""
    import pyarrow

    return pyarrow.schema(
        [
            ("person", pyarrow.string()),
            ("photograph", pyarrow.string()),
            ("digest", pyarrow.binary(32)),
            ("embedding", pyarrow.list_(pyarrow.float32(), pack.size)),
            ("checksum", pyarrow.uint32()),
        ],
        {"pack": json.dumps(asdict(pack)), "generation": uuid.uuid4().hex},
    )


def stored_pack(table) -> PackIdentity:
    """Read which pack a LanceDB table was made with."""
    return PackIdentity(**json.loads(table.schema.metadata[b"pack"]))


def read_range(table, start: int, count: int) -> pyarrow.Table:
    """Read ``count`` rows from number ``start`` on, and look at no others."""
    if count == 0:
        return table.schema.empty_table()
    return table.search().offset(start).limit(count).to_arrow()


def unharmed(rows: pyarrow.Table, pack: PackIdentity) -> np.ndarray:
    """Tell which rows agree with their checksums; bool, shape (rows,)."""
    texts = (
        rows[name].to_pylist() for name in ("person", "photograph", "digest")
    )
    found = np.array(_checksums(*texts, _matrix(rows, pack)), np.uint32)
    return found == rows["checksum"].to_numpy()


def _read_rows(table, known: Rows | None) -> Rows:
    """Read all rows, or only the newer ones where ``known`` still holds."""
    import pyarrow

    generation = table.schema.metadata[b"generation"]
    if known is not None and known.generation != generation:
        known = None
    pack = stored_pack(table)
    start = 0 if known is None else len(known)
    new = read_range(table, start, table.count_rows() - start)
    wrong = np.count_nonzero(~unharmed(new, pack))
    if wrong:
        raise GalleryDamagedError(f"{wrong} rows fail their checksum")
    columns = new.select(["person", "photograph", "digest"])
    matrix = _matrix(new, pack)
    if known is not None:
        columns = pyarrow.concat_tables([known.columns, columns])
        matrix = np.concatenate([known.matrix, matrix])
    return Rows(table.version, generation, pack, columns, matrix)


def _matrix(rows: pyarrow.Table, pack: PackIdentity) -> np.ndarray:
    flat = rows["embedding"].combine_chunks().flatten()
    return flat.to_numpy().reshape(-1, pack.size)


def _flush(path: str | os.PathLike) -> None:
    """Force a file or a folder's list of names out of the memory cache."""
    is_folder = os.path.isdir(path)
    if is_folder and os.name == "nt":
        return  # Windows does not open folders, and journals their changes
    handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _brief(error: Exception) -> str:
    """LanceDB's messages end in places of its own source code."""
    return (
        str(error).split(", /")[0].split("\n")[0].removeprefix("lance error: ")
    )
