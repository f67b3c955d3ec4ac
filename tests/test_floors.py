"""The floors of the house: an import goes down only, and never in a circle."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

import course_utils

FOLDER = Path(course_utils.__file__).parent
FLOORS = (
    {"home"},  # what ``import course_utils`` itself needs
    {"hardware", "images", "quizzes", "weights"},
    {"faces", "style"},
    {"checks", "runtime", "widgets"},
    {"__main__"},
)
FLOOR_OF = {room: n for n, floor in enumerate(FLOORS) for room in floor}
FLOOR_OF["course_utils"] = 1
TENSORFLOW = {"course_utils.style.tensorflow_backend"}
TORCH = {"course_utils.style.torch_backend"}
OWNERS = {  # who may import it: nobody has to wait for a framework unasked
    "tensorflow": TENSORFLOW,
    "keras": TENSORFLOW,
    "torch": {*TORCH, "course_utils.faces.training"},
    "torchvision": TORCH,
}


def module_name(file):
    parts = file.relative_to(FOLDER.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(file): file for file in FOLDER.rglob("*.py")}


def imports(module):
    """What a module imports, wherever in it: names of modules."""
    file = MODULES[module]
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            source = resolve_name(dots + (node.module or ""), package)
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source


def floor(module):
    """The room that a module belongs to, and its floor."""
    room = module.split(".")[1] if "." in module else module
    return room, FLOOR_OF[room]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down_and_frameworks_are_their_owners(module):
    room, here = floor(module)
    for imported in imports(module):
        assert module in OWNERS.get(imported.split(".")[0], {module}), imported
        if imported in MODULES and imported != "course_utils":
            there, below = floor(imported)
            assert there == room or below < here, imported


def test_no_import_comes_back():
    TopologicalSorter(
        {module: set(imports(module)) - {module} for module in MODULES}
    ).prepare()  # raises CycleError, which names the circle


def loaded_by(statement):
    program = f"import sys; {statement}; print(*sys.modules)"
    printed = subprocess.check_output(
        [sys.executable, "-c", program], text=True
    )
    return set(printed.split())


def test_the_command_loads_no_library():
    libraries = {"numpy", "PIL", "cv2", "matplotlib", "requests", "IPython"}
    assert not loaded_by("import course_utils.__main__") & libraries


def test_importing_the_rooms_loads_nothing_heavy():
    rooms = ", ".join(sorted(set(FLOOR_OF) - {"__main__", "course_utils"}))
    loaded = loaded_by(f"from course_utils import {rooms}")
    heavy = {*OWNERS, "onnxruntime", "insightface", "ray", "cv2", "requests"}
    assert not loaded & heavy
