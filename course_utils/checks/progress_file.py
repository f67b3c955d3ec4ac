"""Remember which exercises are solved: an empty file of the user's for each."""

import os
from pathlib import Path


def folder() -> Path:
    """Return COURSE_UTILS_PROGRESS, or the user's data folder."""
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
