"""The notebooks keep the conventions, and the tools for notebooks work."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbformat.v4 import new_output as output

from tools import check_notebooks, execute_notebooks, repository

REPOSITORY = repository.address()
NAMES = ("00_first.ipynb", "01_second.ipynb")


def test_the_notebooks_keep_the_conventions():
    complaints = check_notebooks.check_folder(repository.ROOT / "notebooks")
    assert "\n".join(complaints) == ""


def code(source, count, text):
    result = output("stream", name="stdout", text=text)
    return new_code_cell(source, execution_count=count, outputs=[result])


def good_notebook(name):
    other = NAMES[1 - NAMES.index(name)]
    page = f"{REPOSITORY}/blob/main/notebooks/{name}"
    colab = f"[Colab](https://colab.research.google.com/github/{page})"
    setup = f"%pip install git+https://github.com/{REPOSITORY}"
    cells = [
        new_markdown_cell(f"# Title\n\n20 minutes {colab} [on]({other})"),
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


def complaints_after(folder, change):
    (folder / "square.png").touch()
    for name in NAMES:
        notebook = good_notebook(name)
        if name == NAMES[1]:
            change(notebook)
        nbformat.write(notebook, folder / name)
    return list(check_notebooks.check_folder(folder))


def replaced(index, old, new):
    def change(notebook):
        cell = notebook.cells[index]
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def with_output(kind, **content):
    result = output(kind, **content)
    return lambda notebook: notebook.cells[5].outputs.append(result)


def retagged(notebook):
    notebook.cells[5].metadata.tags = ["raises-exception"]


def run_later(notebook):
    notebook.cells[5].execution_count = 7


WIDGET = {execute_notebooks.WIDGET: {"model_id": "1"}, "text/plain": "W()"}
BREACHES = {
    "needs the title": replaced(0, "# Title", "Title"),
    "needs a link to Colab": replaced(0, "/blob/main/", "/blob/old/"),
    "needs a link to 00_first": replaced(0, "(00_first", "(./00_first"),
    "02.ipynb does not exist": replaced(0, "[on]", "[on](02.ipynb) [on]"),
    "needs the headings": replaced(1, "Objectives", "Goals"),
    "Setup cells must be": replaced(3, "%pip", "# again\n%pip"),
    "alternative text": replaced(4, "A square", ""),
    "more than 30": replaced(5, "(9)", "(9)" + "\n" * 30 + "print(1)"),
    "skipped": replaced(5, "IGNORE_OUTPUT", "SKIP"),
    "not as `make notebooks`": retagged,
    "run from top": run_later,
    "stores it": with_output("display_data", data=WIDGET),
    "an error is": with_output("error", ename="E", evalue="", traceback=[]),
    "a machine: /home": with_output("stream", text="saved in /home/me/a.png"),
    "larger than": with_output("stream", text="9" * 1_500_000),
}


def test_a_good_notebook_gives_no_complaint(tmp_path):
    assert complaints_after(tmp_path, lambda notebook: None) == []


@pytest.mark.parametrize("words", BREACHES)
def test_each_breach_gives_one_complaint(tmp_path, words):
    (complaint,) = complaints_after(tmp_path, BREACHES[words])
    assert words in complaint


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
    assert execute_notebooks.run_one(path)
    notebook = nbformat.read(path, as_version=4)
    (cell, *others) = notebook.cells
    assert [o.output_type for o in cell.outputs] == ["stream", "execute_result"]
    assert cell.outputs[0].text == "1\n2\n" and cell.id == "cell-00"
    # Only solutions stay folded, in JupyterLab and in Colab.
    folded = {"jupyter": {"source_hidden": True}, "cellView": "form"}
    assert cell.metadata == folded
    assert [other.metadata for other in others] == [{}, {}]
    assert notebook.metadata.kernelspec.name == "python3"


def test_failed_execution_keeps_the_file(tmp_path, capsys):
    path = stored(tmp_path / "small.ipynb", "raise ValueError('too bright')")
    before = path.read_bytes()
    assert not execute_notebooks.run_one(path)
    assert path.read_bytes() == before
    assert "too bright" in capsys.readouterr().out
