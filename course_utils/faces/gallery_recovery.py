"""Save what can still be read of a gallery whose files were damaged."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils.faces.gallery import FaceGallery
from course_utils.faces.gallery_table import (
    NAME,
    GalleryDamagedError,
    GalleryError,
    PackIdentity,
    read_range,
    stored_pack,
    unharmed,
)

if TYPE_CHECKING:
    import pyarrow

# A damaged stretch is halved until a row is left, or one so small a part of
# the table: each try takes about a millisecond.
FINEST_PART = 10_000


@dataclass(frozen=True)
class Recovery:
    """What ``recover_gallery`` could save.

    Attributes:
        recovered: rows that are in the new gallery.
        lost: rows that could not be read or failed their checksum.
    """

    recovered: int
    lost: int


def recover_gallery(
    damaged: str | os.PathLike, into: str | os.PathLike
) -> Recovery:
    """Copy all rows that are still whole into a new gallery.

    Nothing in ``damaged`` is changed. When its newest version has gone, the
    newest that can be opened is taken, and what was enrolled later is not
    counted in ``lost``.

    Args:
        damaged: the folder of the damaged gallery.
        into: a new or empty folder.

    Raises:
        GalleryDamagedError: nothing can be read; take the last ``export``.
        GalleryError: ``damaged`` holds no gallery, or ``into`` other files.
    """
    if not (Path(damaged) / f"{NAME}.lance").is_dir():
        raise GalleryError(
            f"{damaged} holds no gallery: name the folder that was given to "
            "FaceGallery."
        )
    saved = FaceGallery(into)
    with tempfile.TemporaryDirectory(dir=into) as copy:
        table = _open_newest_readable(Path(damaged), Path(copy))
        pack = stored_pack(table)
        count = table.count_rows()
        for rows in _readable_rows(table, pack, 0, count, count // FINEST_PART):
            _enrol(saved, rows, pack)
    return Recovery(len(saved), count - len(saved))


def _open_newest_readable(damaged: Path, copy: Path):
    """Open a copy, without the newest versions as long as they are broken."""
    import lancedb

    home = copy / f"{NAME}.lance"
    shutil.copytree(damaged / home.name, home, dirs_exist_ok=True)
    (home / "_versions" / "latest_version_hint.json").unlink(missing_ok=True)
    # Their names count down, so that the newest comes first.
    for manifest in sorted((home / "_versions").glob("*.manifest")):
        try:
            return lancedb.connect(copy).open_table(NAME)
        except Exception:
            manifest.unlink()
    raise GalleryDamagedError(
        f"Nothing in {damaged} can be read any more: enrol again, or take "
        "your last export."
    )


def _readable_rows(
    table, pack: PackIdentity, start: int, count: int, finest: int
) -> Iterator[pyarrow.Table]:
    try:
        rows = read_range(table, start, count)
    except Exception:
        half = count // 2
        if count > max(1, finest):
            yield from _readable_rows(table, pack, start, half, finest)
            yield from _readable_rows(
                table, pack, start + half, count - half, finest
            )
        return
    yield rows.filter(unharmed(rows, pack))


def _enrol(gallery: FaceGallery, rows: pyarrow.Table, pack: PackIdentity):
    if len(rows):
        gallery.enrol_embeddings(
            rows["person"].to_pylist(),
            rows["embedding"]
            .combine_chunks()
            .flatten()
            .to_numpy()
            .reshape(len(rows), pack.size),
            rows["photograph"].to_pylist(),
            digests=rows["digest"].to_pylist(),
            pack=pack,
        )
