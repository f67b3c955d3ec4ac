"""What `make test-colab` relies on; the run itself takes too long for here."""

import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_ipywidgets_7 import PACKAGES as IPYWIDGETS_7
from tools import colab_environment

PROJECT = tomllib.loads(
    (colab_environment.ROOT / "pyproject.toml").read_text()
)["project"]
LINES = colab_environment.PACKAGES.read_text().splitlines()
COLAB = dict(
    line.split("==") for line in LINES if line and not line.startswith("#")
)
HAS = {canonicalize_name(name): version for name, version in COLAB.items()}


@pytest.mark.parametrize("dependency", PROJECT["dependencies"])
def test_pip_has_no_reason_to_replace_what_colab_has(dependency):
    wanted = Requirement(dependency)
    version = HAS.get(canonicalize_name(wanted.name))
    assert version is None or wanted.specifier.contains(version)


def test_the_widgets_are_tested_on_colab_s_version():
    assert f"ipywidgets=={COLAB['ipywidgets']}" in IPYWIDGETS_7


def test_the_stand_in_looks_like_colab():
    code = (
        colab_environment.STAND_IN
        + "from course_utils import runtime; print(runtime.in_colab())"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed == "True\n"


@pytest.mark.parametrize(
    "after, status, said",
    [
        ({"numpy": "2.1.3", "onnx": "1.22.0"}, 0, "installed: onnx 1.22.0"),
        ({"numpy": "2.4.6"}, 1, "numpy was 2.1.3 and is 2.4.6"),
        ({}, 1, "numpy was 2.1.3 and is gone"),
    ],
)
def test_a_replaced_package_is_a_failure(capsys, after, status, said):
    assert colab_environment.compare({"numpy": "2.1.3"}, after) == status
    assert said in capsys.readouterr().out
