"""The notebooks keep the conventions, and the tools for notebooks work."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbformat.v4 import new_output as output

from tools import check_notebooks, execute_notebooks
from tools.set_repository import repository

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "someone/course"
NAMES = ("00_first.ipynb", "01_second.ipynb")


def test_the_notebooks_keep_the_conventions():
    complaints = check_notebooks.check_folder(
        ROOT / "notebooks", repository(ROOT)
    )
    assert "\n".join(complaints) == ""


def badge(name):
    page = f"{REPOSITORY}/blob/main/notebooks/{name}"
    colab = "https://colab.research.google.com/github"
    return f"[![Colab](badge.svg)]({colab}/{page})"


def code(source, count, text):
    result = output("stream", name="stdout", text=text)
    return new_code_cell(source, execution_count=count, outputs=[result])


def good_notebook(name):
    other = NAMES[1 - NAMES.index(name)]
    title = f"# Title\n\n20 minutes {badge(name)} [on]({other})"
    setup = f"%pip install git+https://github.com/{REPOSITORY}"
    cells = [
        new_markdown_cell(title),
        new_markdown_cell("## Objectives\n\n- learn"),
        new_markdown_cell("## Setup"),
        code(setup, 1, "ready"),
        new_markdown_cell("![A square](square.png) $a^{[l](C)}$"),
        code("# NBVAL_IGNORE_OUTPUT\nprint(9)", 2, "9"),
        new_markdown_cell("## Exercises\n\n1. Why?"),
        code("# @title Solution: why\nprint(2)", 3, "2"),
        new_markdown_cell("## Summary\n\nDone."),
    ]
    notebook = new_notebook(cells=cells)
    execute_notebooks.normalise(notebook)
    return notebook


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        nbformat.write(good_notebook(name), tmp_path / name)
    for picture in ("square.png", "badge.svg"):
        (tmp_path / picture).touch()
    return tmp_path


def complaints_after(folder, change):
    path = folder / NAMES[1]
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)
    return list(check_notebooks.check_folder(folder, REPOSITORY))


def replaced(index, old, new):
    def change(notebook):
        cell = notebook.cells[index]
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def printed(text):
    return lambda notebook: notebook.cells[5].outputs[0].update(text=text)


def with_metadata(index, metadata):
    stored = nbformat.from_dict(metadata)
    return lambda notebook: notebook.cells[index].update(metadata=stored)


def with_output(result):
    return lambda notebook: notebook.cells[5].outputs.append(result)


ERROR = output("error", ename="E", evalue="", traceback=[])
VIEW = {execute_notebooks.WIDGET: {"model_id": "1"}, "text/plain": "W()"}
with_widget = with_output(output("display_data", data=VIEW))


BREACHES = {
    "starts with the title": replaced(0, "# Title", "Title"),
    "how many minutes": replaced(0, "20 minutes", "soon"),
    "link to Colab": replaced(0, "/blob/main/", "/blob/old/"),
    "must link to 00_first.ipynb": replaced(0, "(00_first", "(./00_first"),
    "02.ipynb does not exist": replaced(0, "[on]", "[on](02.ipynb) [on]"),
    "needs the headings": replaced(1, "Objectives", "Goals"),
    "Setup cell differs": replaced(3, "%pip", "# again\n%pip"),
    "alternative text": replaced(4, "A square", ""),
    "round.png does not exist": replaced(4, "square.png", "round.png"),
    "wider than 80": replaced(5, "(9)", "(9)" + " " * 80 + "# far"),
    "more than 30": replaced(5, "(9)", "(9)" + "\n" * 30 + "print(1)"),
    "skipped": replaced(5, "IGNORE_OUTPUT", "SKIP"),
    "cell 5: its metadata": with_metadata(5, {"tags": ["raises-exception"]}),
    "5: its metadata is not": with_metadata(5, execute_notebooks.FOLDED),
    "cell 7: its metadata": with_metadata(7, {}),
    "without an output": lambda notebook: notebook.cells[5].outputs.clear(),
    "run from top": lambda notebook: notebook.cells[5].update(
        execution_count=7
    ),
    "an error is stored": with_output(ERROR),
    "a widget is stored": with_widget,
    "names a machine path": printed("saved in /home/me/a.png"),
    "kernel must be python3": lambda notebook: (
        notebook.metadata.kernelspec.update(name="mine")
    ),
    "larger than": printed("9" * 1_500_000),
}


def test_a_good_notebook_gives_no_complaint(folder):
    assert complaints_after(folder, lambda notebook: None) == []


@pytest.mark.parametrize("words", BREACHES)
def test_each_breach_gives_one_complaint(folder, words):
    (complaint,) = complaints_after(folder, BREACHES[words])
    assert words in complaint and complaint.startswith(NAMES[1])


def test_setup_cell_must_install_this_repository(folder):
    other = "another/course"
    complaints = check_notebooks.check_folder(folder, other)
    assert any(f"does not install {other}" in text for text in complaints)


def test_storing_drops_widgets_and_keeps_their_text():
    notebook = good_notebook(NAMES[0])
    with_widget(notebook)
    execute_notebooks.normalise(notebook)
    assert notebook.cells[5].outputs[-1].data == {"text/plain": "W()"}


def test_set_repository_rewrites_every_address(tmp_path):
    old = repository(ROOT)
    other = (".git", ".venv", "build", "__pycache__", "*.jpg", "*.onnx")
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*other))
    command = [sys.executable, "-m", "tools.set_repository"]
    for wrong in ("under_score/course", "one-word"):
        assert subprocess.run([*command, wrong], cwd=copy).returncode == 2
    subprocess.run([*command, "new-owner/my.course"], cwd=copy, check=True)
    assert repository(copy) == "new-owner/my.course"
    holding = [p for p in copy.rglob("*.*") if old in read(p)]
    assert holding == []


def read(path):
    return path.read_text(errors="replace") if path.is_file() else ""


def stored(path, *sources):
    cells = [new_code_cell(source) for source in sources]
    for cell in cells:
        cell.metadata = nbformat.from_dict({**execute_notebooks.FOLDED, "a": 1})
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "mine", "display_name": "Mine"}
    nbformat.write(notebook, path)
    return path


def test_execution_stores_outputs_and_nothing_of_the_machine(tmp_path):
    solution = "# @title Solution: counting\nprint(1)\nprint(2)\n3"
    path = stored(tmp_path / "small.ipynb", solution, "# @title Sizes", "2")
    assert execute_notebooks.run_one(path, None)
    once = path.read_bytes()
    assert execute_notebooks.run_one(path, None)
    assert path.read_bytes() == once
    notebook = nbformat.read(path, as_version=4)
    (cell, *others) = notebook.cells
    assert [o.output_type for o in cell.outputs] == ["stream", "execute_result"]
    assert cell.outputs[0].text == "1\n2\n" and cell.id == "cell-00"
    # Only solutions stay folded, in JupyterLab and in Colab.
    folded = {"jupyter": {"source_hidden": True}, "cellView": "form"}
    assert cell.metadata == folded
    assert [other.metadata for other in others] == [{}, {}]
    assert notebook.metadata.kernelspec.name == "python3"


def test_failed_execution_keeps_the_file_and_shows_in_the_page(
    tmp_path, capsys
):
    path = stored(tmp_path / "small.ipynb", "raise ValueError('too bright')")
    before = path.read_bytes()
    assert not execute_notebooks.run_one(path, None)
    assert path.read_bytes() == before
    assert not execute_notebooks.run_one(path, path.parent / "pages")
    assert "too bright" in (path.parent / "pages/small.html").read_text()
    assert "too bright" in capsys.readouterr().out
