"""Put your own GitHub address into every file that names the repository.

    python -m tools.set_repository OWNER/NAME

Rewrites pyproject.toml, the Markdown files beside it, and the notebooks:
links to Colab and Setup cells.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# GitHub's own rules: an underscore is impossible in an account's name, which
# is why nobody can own the address that the course is delivered with.
VALID = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}/[A-Za-z0-9._-]{1,100}")


def main(arguments: list[str]) -> int:
    """Rewrite the address and print what changed."""
    if len(arguments) != 1 or not VALID.fullmatch(arguments[0]):
        print("Name one repository as GitHub spells it: OWNER/NAME")
        return 2
    for path in set_repository(ROOT, arguments[0]):
        print(path.relative_to(ROOT))
    return 0


def repository(root: Path) -> str:
    """Return "owner/name" from the address in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return "/".join(project["urls"]["Repository"].split("/")[-2:])


def set_repository(root: Path, new: str) -> list[Path]:
    """Replace the present address by `new`; return the files that changed."""
    old = re.escape(repository(root))
    address = re.compile(rf"(github(?:\.com)?/){old}(?![\w-])")
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    changed = []
    for path in [
        root / "pyproject.toml",
        *sorted(root.glob("*.md")),
        *notebooks,
    ]:
        text = path.read_text(encoding="utf-8")
        rewritten = address.sub(rf"\g<1>{new}", text)
        if rewritten != text:
            path.write_text(rewritten, encoding="utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
