"""The floors of the house: an import goes down only, and never in a circle."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import course_utils

FOLDER = Path(course_utils.__file__).parent
FLOORS = (
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


FILES = {module_name(file): file for file in FOLDER.rglob("*.py")}


def imports(module):
    """What a module imports, wherever in it: names of modules."""
    file = FILES[module]
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    tree = ast.parse(file.read_text(encoding="utf-8"))
    hidden = {  # what only type checkers read
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            source = resolve_name(dots + (node.module or ""), package)
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in FILES else source


IMPORTS = {module: set(imports(module)) for module in FILES}


def room(module):
    """The part of course_utils that a module belongs to."""
    return module.split(".")[1] if "." in module else "course_utils"


def test_every_room_has_a_floor():
    assert {room(module) for module in FILES} == {"course_utils", *FLOOR_OF}


def test_imports_go_down():
    for module, found in IMPORTS.items():
        here = room(module)
        for imported in found & FILES.keys() - {"course_utils"}:
            there = room(imported)
            assert here == there or FLOOR_OF[there] < FLOOR_OF[here], (
                f"{module} imports {imported}: not from a floor below"
            )


def test_a_framework_is_imported_by_its_own_file_alone():
    for module, found in IMPORTS.items():
        for imported in found:
            owners = OWNERS.get(imported.split(".")[0])
            assert owners is None or module in owners, f"{module}: {imported}"


def test_no_import_comes_back():
    TopologicalSorter(
        {module: found - {module} for module, found in IMPORTS.items()}
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
    heavy = {*OWNERS, "onnxruntime", "insightface", "ray", "cv2", "requests"}
    assert not loaded & heavy
