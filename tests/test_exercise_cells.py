"""The notebooks ask for every exercise, and give every solution, folded."""

import nbformat
import pytest

from course_utils import checks
from tools.execute_notebooks import SOLUTION_TITLE
from tools.repository import ROOT


@pytest.mark.parametrize("title", checks.BY_NOTEBOOK)
def test_the_learner_comes_first_then_the_folded_solution(title):
    (path,) = (ROOT / "notebooks").glob(f"{int(title.split()[0]):02d}_*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].source.startswith(f"# {title}")
    for exercise in checks.BY_NOTEBOOK[title]:
        call = f"checks.check_{exercise.name}("
        learners, solution = [c for c in notebook.cells if call in c.source]
        before, after = learners.outputs[0].text, solution.outputs[0].text
        assert f"– {exercise.name}: not attempted yet." in before or (
            f"✘ {exercise.name}: {next(iter(exercise.mistakes))}" in before
        )
        # It says so only where no tick is noted: record=False.
        assert f"{exercise.name}: the solution passes." in after
        assert solution.source.startswith(SOLUTION_TITLE)
