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
OWNERS = {  # who may import it: nobody has to wait for a framework unasked
    "tensorflow": {"course_utils.style.tensorflow_backend"},
    "keras": {"course_utils.style.tensorflow_backend"},
    "torch": {
        "course_utils.style.torch_backend",
        "course_utils.faces.training",
    },
    "torchvision": {"course_utils.style.torch_backend"},
}


def module_name(file):
    parts = file.relative_to(FOLDER.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(file): file for file in FOLDER.rglob("*.py")}


def statements(tree):
    """Every statement and expression, but not what only type checkers read."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node)):
            yield from statements(node)


def imports(module):
    """What a module imports, wherever in it: names of modules."""
    file = MODULES[module]
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    for node in statements(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            source = resolve_name(dots + (node.module or ""), package)
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source


def room(module):
    """The part of course_utils that a module belongs to."""
    return module.split(".")[1] if "." in module else "course_utils"


def test_every_room_has_a_floor():
    assert {room(module) for module in MODULES} == {"course_utils", *FLOOR_OF}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down(module):
    here = room(module)
    for imported in imports(module):
        if imported not in MODULES or imported == "course_utils":
            continue  # a library, or the version number
        there = room(imported)
        if there != here:
            assert FLOOR_OF[there] < FLOOR_OF.get(here, 1), (
                f"{module} imports {imported}: not from a floor below"
            )


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_framework_is_imported_by_its_own_file_alone(module):
    for imported in imports(module):
        owners = OWNERS.get(imported.split(".")[0])
        assert owners is None or module in owners, f"{module}: {imported}"


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
    rooms = ", ".join(sorted(set(FLOOR_OF) - {"__main__"}))
    loaded = loaded_by(f"from course_utils import {rooms}")
    assert {f"course_utils.{name}" for name in rooms.split(", ")} <= loaded
    heavy = {*OWNERS, "onnxruntime", "insightface", "ray", "cv2", "requests"}
    assert not loaded & heavy
