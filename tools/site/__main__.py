"""Make the pages: `python -m tools.site` (`make site`).

    build/site/html      the pages, and beside them the notebooks they open
    build/site/source    what Sphinx reads; may be deleted

The stored outputs are shown as they are: nothing is executed. GITHUB_REPOSITORY
("owner/name"), which GitHub's workflows set, is the address that links and
Setup cells carry; without it the address in pyproject.toml is used.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
from sphinx.cmd.build import build_main

from tools import repository
from tools.execute_notebooks import SOLUTION_TITLE
from tools.repository import ROOT

HERE = Path(__file__).parent
SITE = ROOT / "build/site"
SOURCE, PAGES = SITE / "source", SITE / "html"
ELSEWHERE = re.compile(r"\]\(\.\./(?!images/)")  # in the repository
MARKER = re.compile(r"^# NBVAL_\w+\n")  # for the tests, not for readers
WIDGET = re.compile(r"(\w*(?:Explorer|Lab))\(")
ALIVE = "*In Jupyter and in Colab this is alive: run the notebook there.*"


def main() -> int:
    """Write the sources, let Sphinx make pages of them, add the notebooks."""
    address = os.environ.get("GITHUB_REPOSITORY", repository.address())
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(ROOT / "images", SOURCE / "images")
    for name in ("conf.py", "index.md", "style.css"):
        shutil.copy(HERE / name, SOURCE)
    notebooks = {
        path.name: published(path, address)
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    }
    (SOURCE / "notebooks").mkdir()
    for name, text in notebooks.items():
        files = f"https://github.com/{address}/blob/main/"
        text = ELSEWHERE.sub(f"]({files}", text)
        nbformat.write(readable(text), SOURCE / "notebooks" / name)
    status = build_main(
        [
            "--quiet",
            "--fail-on-warning",  # such as of a broken link
            "--define",
            f"html_theme_options.repository_url=https://github.com/{address}",
            *map(str, (SOURCE, PAGES)),
        ]
    )
    if status:
        return status
    for name, text in notebooks.items():
        for folder in ("notebooks", "_sources/notebooks"):
            (PAGES / folder / name).write_text(text, encoding="utf-8")
    (PAGES / ".nojekyll").touch()  # or GitHub leaves out _static
    print(f"The pages are in {PAGES.relative_to(ROOT)}: open index.html.")
    return 0


def published(path: Path, address: str) -> str:
    """Return a notebook's text with the address under which it is published.

    Colab opens it from the branch that holds the pages.
    """
    text = path.read_text(encoding="utf-8")
    text = text.replace(repository.address(), address)
    main, pages = (f"{address}/blob/{b}/" for b in ("main", "gh-pages"))
    return text.replace(main, pages)


def readable(text: str):
    """Return a notebook as a page shows it.

    Solutions are folded; a widget becomes its picture.
    """
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        if cell.source.startswith(SOLUTION_TITLE):
            cell.metadata.tags = ["hide-cell"]
        for output in cell.get("outputs", ()):
            shown = output.get("data", {}).get("text/plain", "")
            if widget := WIDGET.match(shown):
                output.data = {"text/markdown": picture_of(widget[1])}
        cell.source = MARKER.sub("", cell.source)
    return notebook


def picture_of(widget: str) -> str:
    """Return the Markdown that stands where a widget was."""
    picture = f"images/widgets/{widget}.jpg"
    seen = f"![{widget}](../{picture})\n\n" if (ROOT / picture).exists() else ""
    return f"{seen}{ALIVE}"


if __name__ == "__main__":
    sys.exit(main())
