"""The notebooks ask for every exercise, and give every solution, folded."""

import functools
import re
from pathlib import Path

import nbformat
import pytest

from course_utils import checks, quizzes
from tools.execute_notebooks import SOLUTION_TITLE

ROOT = Path(__file__).resolve().parents[1]
CALL = re.compile(r"checks\.check_(\w+)\(\s*(\w+)(.*?)\)", re.DOTALL)


TITLES = {
    exercise.name: title
    for title, exercises in checks.BY_NOTEBOOK.items()
    for exercise in exercises
}


@functools.cache
def notebook_called(title):
    """The notebook of this number: "8 · Style ..." is 08_."""
    number = int(title.split()[0])
    (path,) = (ROOT / "notebooks").glob(f"{number:02d}_*.ipynb")
    return nbformat.read(path, as_version=4)


def calls(notebook, name):
    """(cell, function, further arguments) of every check of this name."""
    return [
        (cell, function, arguments)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for checked, function, arguments in CALL.findall(cell.source)
        if checked == name
    ]


@pytest.mark.parametrize("exercise", checks.EXERCISES, ids=lambda e: e.name)
def test_the_learner_comes_first_then_the_folded_solution(exercise):
    title = TITLES[exercise.name]
    notebook = notebook_called(title)
    assert notebook.cells[0].source.startswith(f"# {title}")
    learners, solution = calls(notebook, exercise.name)
    cell, function, arguments = learners
    before = cell.outputs[0].text
    assert f"– {exercise.name}: not attempted yet." in before or (
        f"✘ {exercise.name}: {next(iter(exercise.mistakes))}" in before
    )
    assert f"def {function}(" in cell.source and "record" not in arguments
    assert not cell.source.startswith(SOLUTION_TITLE)
    # Running all cells must not tick off what the learner has not solved.
    cell, function, arguments = solution
    assert f"def {function}(" in cell.source and "record=False" in arguments
    assert cell.source.startswith(SOLUTION_TITLE)
    after = cell.outputs[0].text
    assert f"{exercise.name}: the solution passes." in after


def test_every_quiz_is_shown_in_one_notebook():
    sources = [
        cell.source
        for path in (ROOT / "notebooks").glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]
    for name in quizzes.NAMES:
        assert sum(f'quizzes.show("{name}")' in text for text in sources) == 1
