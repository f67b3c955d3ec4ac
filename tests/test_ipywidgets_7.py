"""The widgets' tests once more, on the ipywidgets of Google Colab.

It is fetched once; without a network these tests are skipped.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOLDER = HERE.parent / "build/ipywidgets7"
PACKAGES = ("ipywidgets==7.7.1", "ipython_genutils==0.2.0")
TESTS = (*sorted(HERE.glob("test_widgets*.py")), HERE / "test_style_lab.py")


@pytest.fixture(scope="module")
def folder():
    fetch = ("pip", "install", "--quiet", "--no-deps", "--target", str(FOLDER))
    if not FOLDER.exists() and run(*fetch, *PACKAGES).returncode:
        reason = "the older ipywidgets could not be fetched"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return FOLDER


def run(*module, **environment):
    return subprocess.run(
        [sys.executable, "-m", *module],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.stem)
def test_on_ipywidgets_7(folder, tests, tmp_path):
    version = tmp_path / "version.py"
    version.write_text(
        "import ipywidgets\n"
        "def test_it_is_the_older_one():\n"
        "    assert ipywidgets.__version__ == '7.7.1'\n"
    )
    files = (str(tests), str(version))
    done = run("pytest", "-q", *files, PYTHONPATH=str(folder))
    assert done.returncode == 0, done.stdout
