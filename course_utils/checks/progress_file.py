"""Remember which exercises are solved: an empty file of the user's for each.

They lie in the user's data folder, or in the folder that the environment
variable COURSE_UTILS_PROGRESS names.
"""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path:
    """Return where the files lie."""
    chosen = os.environ.get("COURSE_UTILS_PROGRESS")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_data_path("course_utils")


def solved() -> set[str]:
    """Return the names of the solved exercises."""
    return {file.stem for file in folder().glob("*.solved")}


def record(name: str) -> None:
    """Add an exercise to the solved ones; if that fails, only say so."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        (folder() / f"{name}.solved").touch()
    except OSError as error:
        print(f"The progress could not be saved: {error}")


def reset_progress() -> None:
    """Forget which exercises were solved."""
    for file in folder().glob("*.solved"):
        file.unlink(missing_ok=True)
