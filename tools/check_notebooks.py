"""The course's conventions for notebooks, checked by `make test`.

Each rule is one function that yields complaints; CONTRIBUTING.md explains them.
"""

import copy
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from tools.execute_notebooks import normalise
from tools.repository import address

HEADINGS = ["Objectives", "Setup", "Exercises", "Summary"]
MAX_LINES = 30
MAX_BYTES = 1_500_000

LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)|<img[^>]*\ssrc=\"([^\"]+)\"")
# The lecture's notation a^{[l](C)} looks like a link.
FORMULA = re.compile(r"(\${1,2})[^$]+\1")
WITHOUT_ALT = re.compile(r"!\[\s*\]\(|<img(?![^>]*\salt=\"[^\"]+\")[^>]*>")
MACHINE_PATH = re.compile(
    r"(?<![\w.])/(?:home|root|Users|tmp|work|opt|content|usr)/|site-packages"
    r"|[A-Z]:\\\\?Users"
)


def check_folder(folder: Path) -> Iterator[str]:
    """Yield the complaints about all notebooks of a folder, with their name."""
    paths = sorted(folder.glob("*.ipynb"))
    setups = set()
    for place, path in enumerate(paths):
        notebook = nbformat.read(path, as_version=4)
        setups.add(next(cells(notebook, "code"))[1].source)
        neighbours = {*paths[max(place - 1, 0) : place + 2]} - {path}
        for complaint in [
            *check_first_cell(notebook, path, neighbours),
            *check_headings(notebook),
            *check_links(notebook, folder),
            *check_code(notebook),
            *check_outputs(notebook),
        ]:
            yield f"{path.name}, {complaint}"
        if path.stat().st_size > MAX_BYTES:
            yield f"{path.name}, larger than {MAX_BYTES} bytes"
    if (
        len(setups) > 1
        or f"git+https://github.com/{address()}" not in setups.pop()
    ):
        yield f"The Setup cells must be the same, and install {address()}"


def check_first_cell(notebook, path, neighbours) -> Iterator[str]:
    """Title, minutes, link to Colab, the way back and the way forward."""
    page = f"{address()}/blob/main/notebooks/{path.name}"
    wanted = {
        "the title": r"\A# ",
        "the minutes it takes": r"\d+ minutes",
        "a link to Colab": f"colab.research.google.com/github/{page}",
    } | {f"a link to {near.name}": rf"\({near.name}\)" for near in neighbours}
    for what, pattern in wanted.items():
        if not re.search(pattern, notebook.cells[0].source):
            yield f"cell 0: needs {what}"


def check_headings(notebook) -> Iterator[str]:
    """The headings that every notebook has, in the same order."""
    text = "\n".join(cell.source for _, cell in cells(notebook, "markdown"))
    found = re.findall(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    if [name for name in found if name in HEADINGS] != HEADINGS:
        yield f"needs the headings {', '.join(HEADINGS)}, once, in this order"


def check_links(notebook, folder: Path) -> Iterator[str]:
    """Relative links and pictures exist; pictures have a text alternative."""
    for index, cell in cells(notebook, "markdown"):
        if WITHOUT_ALT.search(cell.source):
            yield f"cell {index}: a picture without alternative text"
        for match in LINK.finditer(FORMULA.sub("", cell.source)):
            target = (match[1] or match[2]).partition("#")[0]
            remote = re.match(r"[a-z]+:", target)
            if not remote and not (folder / target).exists():
                yield f"cell {index}: {target} does not exist"


def check_code(notebook) -> Iterator[str]:
    """Code short enough to read, and compared by nbval.

    That it is narrow enough, ruff checks.
    """
    for index, cell in cells(notebook, "code"):
        if len(cell.source.splitlines()) > MAX_LINES:
            yield f"cell {index}: has more than {MAX_LINES} lines"
        if "NBVAL_SKIP" in cell.source:
            yield f"cell {index}: no cell may be skipped"


def check_outputs(notebook) -> Iterator[str]:
    """Outputs of one run from top to bottom, without errors or traces."""
    stored = copy.deepcopy(notebook)
    normalise(stored)
    counts = [cell.execution_count for _, cell in cells(notebook, "code")]
    if stored != notebook or counts != list(range(1, len(counts) + 1)):
        yield "is not as `make notebooks` stores it, run from top to bottom"
    for index, cell in cells(notebook, "code"):
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"cell {index}: an error is stored"
            texts = [output.get("text", "")] + [
                content
                for kind, content in output.get("data", {}).items()
                if kind.startswith("text/")
            ]
            if trace := MACHINE_PATH.search("\n".join(texts)):
                yield f"cell {index}: the output names a machine: {trace[0]}"


def cells(notebook, kind: str):
    """Yield (index, cell) of the cells of a kind, "code" or "markdown"."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == kind:
            yield index, cell
