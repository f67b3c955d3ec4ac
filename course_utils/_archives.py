"""Unpack archives safely and put folders in place, for ``weights``."""

import errno
import hashlib
import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

CHECKSUMS = "SHA256SUMS"  # the format of the command sha256sum
# Weights hardly compress: an archive that grows tenfold is not one of ours.
MOST_GROWTH = 10
FREE_GROWTH = 10_000_000  # bytes, so that tiny text files may grow more


class ArchiveError(Exception):
    """An archive cannot be used; the message says why, to end a sentence."""


def unpack(archive: Path, folder: Path, members: list[str] | None = None):
    """Extract ``members`` (default: all) of a zip archive into ``folder``.

    Extracting compares every file with its CRC-32, so a damaged archive
    raises here. Raises ArchiveError, also for names that lead out of the
    folder, links and absurd growth, and OSError for lack of disk space.
    """
    try:
        with zipfile.ZipFile(archive) as bundle:
            infos = bundle.infolist()
            if members is not None:
                infos = [bundle.getinfo(name) for name in members]
            _refuse_unsafe(infos, archive.stat().st_size, folder)
            bundle.extractall(folder, infos)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        KeyError,  # a member is missing
        RuntimeError,  # encrypted, or compressed in an unknown way
        ValueError,
    ) as problem:
        raise ArchiveError(f"it is damaged ({problem})") from problem
    except OSError as problem:
        if problem.errno == errno.ENOSPC:
            raise  # no fault of the archive
        raise ArchiveError(f"it cannot be unpacked ({problem})") from problem


def _refuse_unsafe(infos, compressed, folder):
    for info in infos:
        path = PurePosixPath(info.filename)
        leads_out = (
            path.is_absolute()
            or ".." in path.parts
            or any(mark in info.orig_filename for mark in "\\:\0")
        )
        if leads_out or stat.S_ISLNK(info.external_attr >> 16):
            raise ArchiveError(f"it holds the unsafe name {info.filename!r}")
    total = sum(info.file_size for info in infos)
    if total > MOST_GROWTH * compressed + FREE_GROWTH:
        raise ArchiveError(f"it would grow to {total / 1e6:,.0f} MB")
    free = shutil.disk_usage(folder).free
    if total > free:
        raise OSError(
            errno.ENOSPC,
            f"it needs {total / 1e6:,.0f} MB unpacked and only "
            f"{free / 1e6:,.0f} MB are free",
        )


def put_in_place(folder: Path, target: Path) -> Path | None:
    """Rename ``folder`` to ``target``; return where earlier content was kept.

    Nothing is deleted: what ``target`` held before is moved beside it, and
    None is returned when there was nothing worth keeping.
    """
    aside = move_aside(target) if os.path.lexists(target) else None
    os.replace(folder, target)
    return aside if aside and not remove_if_empty(aside) else None


def move_aside(target: Path) -> Path:
    """Rename ``target`` to a free name beside it and return that name."""
    number = 1
    while True:
        aside = target.with_name(f"{target.name}.before-repair-{number}")
        if not os.path.lexists(aside):
            target.rename(aside)
            return aside
        number += 1


def remove_if_empty(folder: Path) -> bool:
    """Remove a folder that holds no file at any depth; return if it is gone."""
    found = (folder, *folder.rglob("*"))
    if any(path.is_symlink() or not path.is_dir() for path in found):
        return False
    shutil.rmtree(folder)
    return True


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file below ``folder`` to its SHA256SUMS."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [
        f"{digest(path)}  {path.relative_to(folder).as_posix()}\n"
        for path in files
        if path.name != CHECKSUMS
    ]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def read_checksums(folder: Path) -> dict[str, str]:
    """Return {file name: SHA-256} of SHA256SUMS, empty without that file."""
    listing = folder / CHECKSUMS
    if not listing.is_file():
        return {}
    rows = listing.read_text(encoding="utf-8").splitlines()
    pairs = (row.split(maxsplit=1) for row in rows if row.strip())
    return {name.lstrip("*"): value for value, name in pairs}
