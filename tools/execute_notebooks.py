"""Execute notebooks in fresh kernels and store their outputs.

python -m tools.execute_notebooks NOTEBOOK...        (`make notebooks`)
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

CELL_TIMEOUT_S = 900
WIDGET = "application/vnd.jupyter.widget-view+json"
# A solution is folded away: its title stays, a click opens it. The first key
# is for JupyterLab, the second for Colab.
SOLUTION_TITLE = "# @title Solution"
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}


def main(names: list[str]) -> int:
    """Execute every named notebook; return how many failed."""
    return sum(not run_one(Path(name)) for name in names)


def run_one(path: Path) -> bool:
    """Execute one notebook and say whether it ran through.

    A failed notebook keeps its old outputs.
    """
    print(path.name, flush=True)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        coalesce_streams=True,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
    )
    try:
        client.execute()
    except CellExecutionError as error:
        print(error)
        return False
    normalise(notebook)
    nbformat.write(notebook, path)
    return True


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Drop what changes from run to run or from machine to machine."""
    kernel = {"display_name": "Python 3", "language": "python"}
    notebook.metadata = {
        "kernelspec": {**kernel, "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat_minor = 5
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index:02d}"
        folded = cell.source.startswith(SOLUTION_TITLE)
        cell.metadata = nbformat.from_dict(FOLDED if folded else {})
        for output in cell.get("outputs", ()):
            # Without its kernel a stored widget is but an error message.
            output.get("data", {}).pop(WIDGET, None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
