"""What `make test-colab` relies on; the run itself takes too long for here."""

import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_ipywidgets_7 import PACKAGES as IPYWIDGETS_7
from tools.repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINES = (ROOT / "tools/colab_packages.txt").read_text().splitlines()
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
