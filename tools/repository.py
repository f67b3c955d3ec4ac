"""Where the repository lies, on this machine and on GitHub."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def address() -> str:
    """Return "owner/name" from the address in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["urls"]["Repository"].removeprefix("https://github.com/")
