"""The ways of installing the course agree, and the set-up explains itself."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tools import setup_environment

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
PYTHONS = SpecifierSet(PROJECT["requires-python"])
LIMITS = setup_environment.OLDEST_PYTHON, setup_environment.NEWEST_PYTHON
# What the course promised to use.
PROMISED = {
    *("jupyterlab", "insightface", "onnxruntime", "opencv-python", "numpy"),
    *("torch", "torchvision", "tensorflow", "pillow", "matplotlib", "nbval"),
    "ipywidgets",
}


def lines_of(name):
    text = (ROOT / name).read_text()
    return re.findall(r"^[^#\s].*$", text, flags=re.MULTILINE)


def pinned():
    pins = [Requirement(line) for line in lines_of("requirements.txt")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def test_requirements_are_exact_versions_each_named_once():
    include, *more = lines_of("requirements-test.txt")
    assert include == "-r requirements.txt"
    lines = lines_of("requirements.txt") + more
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    names = {line.partition("==")[0].lower() for line in lines}
    assert len(names) == len(lines)


@pytest.mark.parametrize("dependency", PROJECT["dependencies"])
def test_tested_version_lies_in_the_range_of_the_package(dependency):
    wanted = Requirement(dependency)
    pin = pinned()[canonicalize_name(wanted.name)]
    version = str(pin.specifier).removeprefix("==")
    assert wanted.specifier.contains(version)


def test_every_promised_package_is_installed():
    assert set(pinned()) >= PROMISED


def test_conda_takes_its_versions_from_requirements():
    *others, pip = CONDA["dependencies"]
    assert pip == {"pip": ["-r requirements.txt", "-e ."]}
    python, with_pip = map(Requirement, others)
    assert (python.name, with_pip.name) == ("python", "pip")
    assert python.specifier == PYTHONS
    assert not with_pip.specifier


def test_the_setup_script_accepts_the_pythons_of_the_package():
    oldest, newest = LIMITS
    accepted = [minor for minor in range(30) if oldest <= (3, minor) <= newest]
    assert accepted == [m for m in range(30) if f"3.{m}.0" in PYTHONS]


def test_continuous_integration_tests_the_oldest_and_the_newest_python():
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    job = yaml.safe_load(text)["jobs"]["test"]
    tested = job["strategy"]["matrix"]["python"]
    assert tested == [".".join(map(str, limit)) for limit in LIMITS]
    assert any(".ci/run" in step.get("run", "") for step in job["steps"])


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
import runpy, subprocess, sys
from pathlib import Path
calls = Path({str(folder)!r}) / "calls.txt"
state = {{"error": "", "failing": ""}}
def call(command, **_):
    with calls.open("a") as file:
        file.write(" ".join(command[1:]) + "\\n")
    failing = state["failing"]
    return int(bool(failing) and failing in " ".join(command))
def run(command, **_):
    status = 1 if state["error"] else 0
    return subprocess.CompletedProcess(command, status, "", state["error"])
subprocess.call, subprocess.run = call, run
sys.argv[1:] = {arguments!r}
{code}
runpy.run_path({str(script)!r}, run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    calls = folder / "calls.txt"
    noted = calls.read_text() if calls.exists() else ""
    calls.unlink(missing_ok=True)
    return done, noted


def test_second_setup_installs_nothing(setup_copy):
    done, calls = run_setup(setup_copy)
    assert done.returncode == 0, done.stderr
    assert "requirements.txt" in calls and "ipykernel install" in calls
    done, calls = run_setup(setup_copy)
    assert done.returncode == 0 and calls == ""


def test_what_the_tests_need_comes_on_top(setup_copy):
    _, calls = run_setup(setup_copy)
    assert "requirements-test.txt" not in calls
    own = setup_copy / ".venv/own-package"
    own.touch()
    _, calls = run_setup(setup_copy, "", "--tests")
    assert "requirements-test.txt" in calls and own.exists()
    # Who has run the tests has all that the course needs.
    for arguments in ((), ("--tests",)):
        _, calls = run_setup(setup_copy, "", *arguments)
        assert calls == ""


@pytest.mark.parametrize("failing", ["", "--torch-backend"])
def test_pytorch_comes_in_the_build_for_this_machine(setup_copy, failing):
    done, calls = run_setup(setup_copy, f'state["failing"] = {failing!r}')
    assert done.returncode == 0
    installs = [line for line in calls.splitlines() if "uv pip" in line]
    assert len(installs) == 2  # torch for this machine, then all the rest
    assert "--torch-backend=auto" in installs[0]
    assert installs[0].endswith("torch torchvision")
    assert "--torch-backend" not in installs[1] and "-r " in installs[1]
    assert ("does not answer" in done.stdout) == bool(failing)


def test_a_silent_pytorch_site_costs_seconds(tmp_path):
    """uv itself, against an index on this machine that gives no answer."""
    shorter = {"UV_HTTP_TIMEOUT": "1"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "uv", "pip", "install", "--no-cache"]
            + ["--dry-run", "--target", tmp_path, "colorama"]
            + ["--default-index", f"http://127.0.0.1:{port}/simple"],
            env={**os.environ, **setup_environment.PATIENCE, **shorter},
            capture_output=True,
            timeout=60,
        )
    assert done.returncode != 0


def test_changed_requirements_are_installed_on_top(setup_copy):
    run_setup(setup_copy)
    own = setup_copy / ".venv/own-package"
    own.touch()
    with (setup_copy / "requirements.txt").open("a") as file:
        file.write("another==1.0\n")
    done, calls = run_setup(setup_copy)
    assert done.returncode == 0 and "requirements.txt" in calls
    assert own.exists()


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


def test_missing_system_library_names_the_command(setup_copy):
    error = "ImportError: libGL.so.1: cannot open shared object file: No such"
    done, _ = run_setup(setup_copy, f'state["error"] = {error!r}')
    assert done.returncode == 1
    assert "libGL.so.1" in done.stderr
    assert "sudo apt-get install -y libgl1 libglib2.0-0" in done.stderr
    # It is not a reason to install anything again.
    done, calls = run_setup(setup_copy)
    assert done.returncode == 0 and calls == ""


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_unsupported_python_is_named(setup_copy, version):
    done, calls = run_setup(setup_copy, f"sys.version_info = {version}")
    assert done.returncode == 1 and calls == ""
    assert "needs Python 3.11 to 3.13" in done.stderr
    assert f"this is 3.{version[1]}" in done.stderr


def test_missing_venv_module_names_the_command(setup_copy):
    done, calls = run_setup(setup_copy, 'sys.modules["ensurepip"] = None')
    assert done.returncode == 1 and calls == ""
    assert "sudo apt-get install -y python3-venv" in done.stderr


def test_every_make_target_is_short_and_listed():
    text = (ROOT / "Makefile").read_text()
    for recipe in re.findall(r"(?m)^(?:\t.*\n)+", text):
        assert recipe.count("\n") <= 5
    targets = set(re.search(r"(?s)\.PHONY: (.*?)\n\n", text)[1].split())
    listed = set(re.findall(r"(?m)^([a-z-]+):.*## \S", text))
    assert targets - listed - {"\\"} == {"environment", "with-tests"}
