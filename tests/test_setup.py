"""The ways of installing the course agree, and the set-up explains itself."""

import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.test_ipywidgets_7 import PACKAGES as IPYWIDGETS_7
from tools import setup_environment
from tools.repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COURSE, COLAB = "requirements.txt", "tools/colab_packages.txt"
LIMITS = setup_environment.OLDEST_PYTHON, setup_environment.NEWEST_PYTHON


def lines_of(name):
    text = (ROOT / name).read_text()
    return re.findall(r"^[^#\s].*$", text, flags=re.MULTILINE)


def versions_in(name):
    pins = [Requirement(line) for line in lines_of(name)]
    return {canonicalize_name(pin.name): pin.specifier for pin in pins}


@pytest.mark.parametrize("name", [COURSE, COLAB])
def test_what_is_pinned_lies_in_the_range_of_the_package(name):
    """Pip must have no reason to replace what Colab has."""
    pinned = versions_in(name)
    for dependency in map(Requirement, PROJECT["dependencies"]):
        pins = pinned.get(canonicalize_name(dependency.name), ())
        assert pins or name == COLAB, dependency
        for pin in pins:
            assert pin.operator == "==" and pin.version in dependency.specifier


def test_the_widgets_are_tested_on_colab_s_version():
    assert f"ipywidgets{versions_in(COLAB)['ipywidgets']}" in IPYWIDGETS_7


def test_every_place_names_the_same_pythons():
    oldest, newest = LIMITS
    pythons = SpecifierSet(PROJECT["requires-python"])
    accepted = [minor for minor in range(30) if oldest <= (3, minor) <= newest]
    assert accepted == [m for m in range(30) if f"3.{m}.0" in pythons]
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    job = yaml.safe_load(text)["jobs"]["test"]
    tested = job["strategy"]["matrix"]["python"]
    assert tested == [".".join(map(str, limit)) for limit in LIMITS]


@pytest.fixture
def setup_copy(tmp_path):
    """A repository of only the files that the set-up reads."""
    for name in ("requirements.txt", "requirements-test.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/setup_environment.py", tmp_path / "tools")
    return tmp_path


def run_setup(folder, code="", *arguments):
    """Run the script after `code`, with subprocesses that only get noted."""
    script = folder / "tools/setup_environment.py"
    program = f"""
import runpy, subprocess, sys, venv
calls = open({str(folder / "calls.txt")!r}, "w")
state = {{"error": "", "failing": "nothing"}}
def call(command, **_):
    print(*command[1:], file=calls)
    return int(state["failing"] in " ".join(command))
def run(command, **_):
    status = 1 if state["error"] else 0
    return subprocess.CompletedProcess(command, status, "", state["error"])
subprocess.call, subprocess.run = call, run
venv.EnvBuilder._setup_pip = lambda *_: None  # it takes seconds
sys.argv[1:] = {arguments!r}
{code}
runpy.run_path({str(script)!r}, run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    return done, (folder / "calls.txt").read_text()


def test_second_setup_installs_nothing(setup_copy):
    done, calls = run_setup(setup_copy)
    assert done.returncode == 0, done.stderr
    pytorch, everything = [c for c in calls.splitlines() if "uv pip" in c]
    assert pytorch.endswith("--torch-backend=auto torch torchvision")
    assert "-r " in everything and "requirements.txt" in everything
    assert run_setup(setup_copy)[1] == ""


def test_what_is_new_comes_on_top(setup_copy):
    run_setup(setup_copy)
    own = setup_copy / ".venv/own-package"
    own.touch()
    assert "requirements-test.txt" in run_setup(setup_copy, "", "--tests")[1]
    # Who has run the tests has all that the course needs.
    assert run_setup(setup_copy)[1] == ""
    with (setup_copy / "requirements.txt").open("a") as file:
        file.write("another==1.0\n")
    assert "requirements.txt" in run_setup(setup_copy)[1]
    assert own.exists()


def test_a_pytorch_site_that_does_not_answer_is_done_without(setup_copy):
    done, calls = run_setup(setup_copy, 'state["failing"] = "--torch-backend"')
    assert done.returncode == 0 and "-r " in calls
    assert "PyTorch's site does not answer" in done.stdout


@pytest.mark.parametrize("damage", ["interrupted", "without Python"])
def test_a_damaged_environment_is_made_again(setup_copy, damage):
    if damage == "interrupted":
        stop = "def call(*_, **__): raise KeyboardInterrupt"
        done, _ = run_setup(setup_copy, f"{stop}\nsubprocess.call = call")
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert "Repeat the same command" in done.stderr
    else:
        run_setup(setup_copy)
        (setup_copy / setup_environment.PYTHON.relative_to(ROOT)).unlink()
    leftover = setup_copy / ".venv/leftover"
    leftover.touch()
    done, calls = run_setup(setup_copy)
    assert done.returncode == 0 and "requirements.txt" in calls
    assert not leftover.exists()


def test_failed_installation_is_one_sentence_and_not_stamped(setup_copy):
    done, _ = run_setup(setup_copy, 'state["failing"] = "-r"')
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "Check the network" in done.stderr
    stamp = setup_copy / ".venv" / setup_environment.STAMP.name
    assert stamp.read_text() == setup_environment.UNFINISHED


NO_LIBGL = "ImportError: libGL.so.1: cannot open shared object file: No such"
SENTENCES = {
    f'state["error"] = {NO_LIBGL!r}': "apt-get install -y libgl1 libglib2.0-0",
    'state["error"] = "No module named cv2"': "named cv2. Delete the folder",
    "sys.version_info = (3, 10)": "needs Python 3.11 to 3.13, and this is 3.10",
    'sys.modules["ensurepip"] = None': "apt-get install -y python3-venv",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_each_trouble_names_its_cure(setup_copy, code):
    done, _ = run_setup(setup_copy, code)
    assert done.returncode == 1
    assert SENTENCES[code] in done.stderr and done.stderr.count("\n") == 1
