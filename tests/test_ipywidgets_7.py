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
IS_OLD = """
import ipywidgets, pytest, sys
assert ipywidgets.__version__ == "7.7.1"
sys.exit(pytest.main(["-q", *sys.argv[1:]]))
"""


@pytest.fixture(scope="module", autouse=True)
def older_ipywidgets():
    fetch = ("pip", "install", "--quiet", "--no-deps", "--target", str(FOLDER))
    if not FOLDER.exists() and run("-m", *fetch, *PACKAGES).returncode:
        reason = "the older ipywidgets could not be fetched"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_on_ipywidgets_7():
    # Of the labs not every painting and training: those know no ipywidgets.
    few = (
        "not style_lab and not training or start_paints or snapshots_hang"
        " or grey or typed or knob or recipe or margin or many_starts"
    )
    done = run("-c", IS_OLD, "-k", few, *map(str, TESTS))
    assert done.returncode == 0, done.stdout
