"""What `make test-colab` relies on; the run itself takes too long for here."""

import subprocess
import sys
import tomllib

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


def test_pip_has_no_reason_to_replace_what_colab_has():
    for dependency in PROJECT["dependencies"]:
        wanted = Requirement(dependency)
        version = HAS.get(canonicalize_name(wanted.name))
        assert version is None or version in wanted.specifier, dependency


def test_the_widgets_are_tested_on_colab_s_version():
    assert f"ipywidgets=={COLAB['ipywidgets']}" in IPYWIDGETS_7


def test_the_stand_in_looks_like_colab():
    code = (
        colab_environment.STAND_IN
        + "from course_utils import runtime; print(runtime.in_colab())"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed == "True\n"


def test_a_replaced_package_is_a_failure(capsys):
    before = {"numpy": "2.1.3", "torch": "2.11.0"}
    after = {"numpy": "2.4.6", "torch": "2.11.0", "onnx": "1.22.0"}
    assert colab_environment.compare(before, after) == 1
    assert "numpy was 2.1.3 and is 2.4.6" in capsys.readouterr().out
