"""Check the notebooks against the course's conventions.

    python -m tools.check_notebooks        (a part of `make test`)

Each rule is one function that yields complaints; CONTRIBUTING.md explains them.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

from tools.execute_notebooks import WIDGET, metadata_of
from tools.set_repository import repository

ROOT = Path(__file__).resolve().parents[1]
HEADINGS = ("Objectives", "Setup", "Exercises", "Summary")
MAX_COLUMNS = 80
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


def main() -> int:
    """Print every complaint; return 1 if there is one."""
    complaints = list(check_folder(ROOT / "notebooks", repository(ROOT)))
    print("\n".join(complaints) or "All notebooks keep the conventions.")
    return bool(complaints)


def check_folder(folder: Path, repository: str) -> Iterator[str]:
    """Yield the complaints about all notebooks of a folder, with their name."""
    paths = sorted(folder.glob("*.ipynb"))
    setups = {}
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        setups[path.name] = setup_source(notebook)
        for rule in RULES:
            for complaint in rule(notebook):
                yield f"{path.name}: {complaint}"
        for complaint in check_first_cell(notebook, path, paths, repository):
            yield f"{path.name}, cell 0: {complaint}"
        for complaint in check_links(notebook, path):
            yield f"{path.name}, {complaint}"
        if path.stat().st_size > MAX_BYTES:
            yield f"{path.name}: larger than {MAX_BYTES} bytes"
    yield from check_setup_cells(setups, repository)


def check_first_cell(notebook, path, paths, repository) -> Iterator[str]:
    """Title, minutes, link to Colab, the way back and the way forward."""
    first = notebook.cells[0]
    if first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "must be Markdown that starts with the title"
    if not re.search(r"\d+ minutes", first.source):
        yield "must say how many minutes the notebook takes"
    colab = "https://colab.research.google.com/github"
    if f"{colab}/{repository}/blob/main/notebooks/{path.name}" not in (
        first.source
    ):
        yield f"needs a link to Colab that opens {repository}"
    here = paths.index(path)
    for other in paths[max(here - 1, 0) : here + 2]:
        if other != path and f"({other.name})" not in first.source:
            yield f"must link to {other.name}"


def setup_source(notebook) -> str | None:
    """Return the source of the first code cell, which is the Setup cell."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return code[0].source if code else None


def check_setup_cells(setups: dict, repository: str) -> Iterator[str]:
    """One Setup cell, the same everywhere, that installs from here."""
    usual = next(iter(setups.values()), None)
    for name, source in setups.items():
        if source != usual:
            yield f"{name}: its Setup cell differs from the first notebook's"
        elif f"git+https://github.com/{repository}" not in (source or ""):
            yield f"{name}: its Setup cell does not install {repository}"


def check_links(notebook, path: Path) -> Iterator[str]:
    """Relative links and pictures exist; pictures have a text alternative."""
    for index, cell in markdown_cells(notebook):
        if WITHOUT_ALT.search(cell.source):
            yield f"cell {index}: a picture without alternative text"
        for match in LINK.finditer(FORMULA.sub("", cell.source)):
            target = (match[1] or match[2]).partition("#")[0]
            remote = re.match(r"[a-z]+:", target)
            if target and not remote and not (path.parent / target).exists():
                yield f"cell {index}: {target} does not exist"


def check_headings(notebook) -> Iterator[str]:
    """The headings that every notebook has, in the same order."""
    text = "\n".join(cell.source for _, cell in markdown_cells(notebook))
    found = re.findall(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    if [name for name in found if name in HEADINGS] != list(HEADINGS):
        yield f"needs the headings {', '.join(HEADINGS)}, once, in this order"


def check_kernel(notebook) -> Iterator[str]:
    """The kernel name that exists on every machine and in Colab."""
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "its kernel must be python3"


def check_code(notebook) -> Iterator[str]:
    """Code short and narrow enough to read, and compared by nbval."""
    for index, cell in code_cells(notebook):
        lines = cell.source.splitlines()
        if len(lines) > MAX_LINES:
            yield f"cell {index}: {len(lines)} lines, more than {MAX_LINES}"
        if any(len(line) > MAX_COLUMNS for line in lines):
            yield f"cell {index}: a line is wider than {MAX_COLUMNS} columns"
        if "NBVAL_SKIP" in cell.source:
            yield f"cell {index}: no cell may be skipped"
        if cell.metadata != metadata_of(cell):
            yield f"cell {index}: its metadata is not what the tools store"
        if "NBVAL_IGNORE_OUTPUT" in cell.source and not cell.outputs:
            yield f"cell {index}: NBVAL_IGNORE_OUTPUT without an output"


def check_outputs(notebook) -> Iterator[str]:
    """Outputs of one run from top to bottom, without errors or traces."""
    counts = [cell.execution_count for _, cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield "its outputs are not those of one run from top to bottom"
    for index, cell in code_cells(notebook):
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"cell {index}: an error is stored"
        if any(WIDGET in output.get("data", ()) for output in cell.outputs):
            yield f"cell {index}: a widget is stored, which needs its kernel"
        if trace := MACHINE_PATH.search("\n".join(texts(cell))):
            yield f"cell {index}: its output names a machine path: {trace[0]}"


def texts(cell) -> Iterator[str]:
    """Yield what a cell's outputs say in words."""
    for output in cell.outputs:
        yield output.get("text", "")
        for kind, content in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield content


def markdown_cells(notebook):
    """Return (index, cell) of the Markdown cells."""
    return _cells(notebook, "markdown")


def code_cells(notebook):
    """Return (index, cell) of the code cells that hold anything."""
    return [pair for pair in _cells(notebook, "code") if pair[1].source]


def _cells(notebook, kind):
    cells = enumerate(notebook.cells)
    return [(index, cell) for index, cell in cells if cell.cell_type == kind]


RULES = (check_headings, check_kernel, check_code, check_outputs)

if __name__ == "__main__":
    sys.exit(main())
