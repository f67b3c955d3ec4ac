"""Remember which exercises are solved, in one small file of the user's.

It lies in the user's data folder, or where the environment variable
COURSE_UTILS_PROGRESS says.
"""

from __future__ import annotations

import json
import os
from pathlib import Path


def path() -> Path:
    """Return the file's path: COURSE_UTILS_PROGRESS or the user's."""
    chosen = os.environ.get("COURSE_UTILS_PROGRESS")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_data_path("course_utils") / "progress.json"


def solved() -> set[str]:
    """Return the names of the solved exercises.

    A file that cannot be understood counts as empty, and one sentence says so.
    """
    try:
        names = json.loads(path().read_text(encoding="utf-8"))
        return {str(name) for name in names["solved"]}
    except FileNotFoundError:
        return set()
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        print("The progress file cannot be read; counting starts over.")
        return set()


def record(name: str) -> None:
    """Add an exercise to the solved ones; if that fails, only say so."""
    import filelock

    try:
        file = path()
        file.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(file.with_name(file.name + ".lock"), timeout=5):
            _write(file, solved() | {name})
    # filelock.Timeout is an OSError, a home that is not there a RuntimeError.
    except (OSError, RuntimeError) as error:
        print(f"The progress could not be saved: {error}")


def reset_progress() -> None:
    """Forget which exercises were solved; if that fails, only say so."""
    try:
        path().unlink(missing_ok=True)
    except OSError as error:
        print(f"The progress could not be reset: {error}")


def _write(file: Path, names: set[str]) -> None:
    """Replace the file in one step, so that an interruption leaves the old."""
    part = file.with_name(file.name + ".part")
    part.write_text(json.dumps({"solved": sorted(names)}), encoding="utf-8")
    part.replace(file)
