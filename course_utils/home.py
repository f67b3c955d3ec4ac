"""A home folder for a program that has none.

Galleries, face packs, the exercises' progress and the settings of several
libraries lie below it. Containers and clusters may run a program under a user
id without one, or with one that cannot be written.
"""

import os
import tempfile
import warnings


def ensure() -> None:
    """Where the home folder cannot be used, name a temporary one, and say so.

    The course's own paths become absolute, so that ``%cd`` does not move them.
    """
    found = os.path.expanduser("~")
    if not (os.path.isabs(found) and os.access(found, os.W_OK | os.X_OK)):
        os.environ["HOME"] = tempfile.mkdtemp(prefix="course_utils_")
        warnings.warn(
            f"The home folder {found} cannot be used. Galleries, progress "
            f"and downloads go to {os.environ['HOME']}, until this program "
            "ends: set HOME to a folder of yours to keep them.",
            stacklevel=3,
        )
    for name in ("COURSE_UTILS_CACHE", "COURSE_UTILS_PROGRESS"):
        if os.environ.get(name):
            chosen = os.path.expanduser(os.environ[name])
            os.environ[name] = os.path.abspath(chosen)
