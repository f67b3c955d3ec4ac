"""A home folder for a program that has none.

Galleries, face packs, the exercises' progress and the settings of several
libraries lie below it. Containers and clusters may run a program under a user
id without one, or with one that cannot be written.
"""

import contextlib
import os
import stat
import tempfile
import warnings
from pathlib import Path


def ensure() -> None:
    """Where the home folder cannot be used, name a temporary one, and say so.

    The course's own paths become absolute, so that ``%cd`` does not move them.
    """
    found = os.path.expanduser("~")
    if os.name == "posix" and not _is_usable(found):
        folder = _temporary_home()
        os.environ["HOME"] = str(folder)
        warnings.warn(
            f"The home folder {found} cannot be used. Galleries, progress "
            f"and downloads go to {folder}, which the system may empty: set "
            "HOME to a folder of yours to keep them.",
            stacklevel=3,
        )
    for name in ("COURSE_UTILS_CACHE", "COURSE_UTILS_PROGRESS"):
        if os.environ.get(name):
            chosen = os.path.expanduser(os.environ[name])
            os.environ[name] = os.path.abspath(chosen)


def _is_usable(path: str) -> bool:
    """Say whether files can be made in a folder that %cd does not move."""
    if not os.path.isabs(path) or os.path.dirname(path) == path:
        return False
    return os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)


def _temporary_home() -> Path:
    """Return a private folder, the same one for all programs of this user."""
    folder = Path(tempfile.gettempdir()) / f"course_utils_{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        # Somebody else made it, who could read what is put there.
        folder = Path(tempfile.mkdtemp(prefix="course_utils_"))
    return folder
