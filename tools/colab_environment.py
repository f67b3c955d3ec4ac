"""Run the notebooks as Google Colab would: `make test-colab`.

Makes `build/colab-env` with Colab's Python and packages (colab_packages.txt),
then executes the notebooks of the last commit there, away from the repository.
The Setup cell stays as it is: a module stands in for `google.colab`, and git
takes the repository's address for this folder, so that pip installs from here.

Needs the package registries, and a Python 3.13, which uv finds or fetches;
PYTHON313 names one. Pages with the results are left in `build/colab`.
"""

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

from tools.repository import ROOT, address

PACKAGES = Path(__file__).with_name("colab_packages.txt")
FOLDER = ROOT / "build/colab-env"
PYTHON = FOLDER / "bin/python"
RESULTS = ROOT / "build/colab"
# IPython runs this before a notebook's first cell. Colab's own module has been
# imported by then too, which is how notebooks recognise Colab.
STAND_IN = """\
import sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
"""


def main() -> int:
    """Run all notebooks; return 0 if all is well."""
    build()
    before = installed()
    failed = execute(sorted(unpack_notebooks().glob("*.ipynb")))
    return compare(before, installed()) or failed


def build() -> None:
    """Make the environment afresh: what Colab lacks must be missing."""
    python = os.environ.get("PYTHON313", "3.13")
    uv("venv", "--quiet", "--clear", "--python", python, str(FOLDER))
    # Nothing is compiled: Colab's packages come as wheels.
    wheels = ("--quiet", "--only-binary=:all:", "-r", str(PACKAGES))
    uv("pip", "install", "--python", str(PYTHON), *wheels)
    startup = FOLDER / "ipython/profile_default/startup/google_colab.py"
    startup.parent.mkdir(parents=True)
    startup.write_text(STAND_IN)


def installed() -> dict[str, str]:
    """Return {package: version or origin} of the environment."""
    lines = uv("pip", "freeze", "--python", str(PYTHON)).splitlines()
    return dict(re.split("==| @ ", line, maxsplit=1) for line in lines)


def unpack_notebooks() -> Path:
    """Take the last commit's notebooks out of the repository."""
    command = ["git", "-C", str(ROOT), "archive", "HEAD", "notebooks"]
    archive = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(RESULTS, filter="data")
    return RESULTS / "notebooks"


def execute(notebooks: list[Path]) -> int:
    """Execute the notebooks one after the other; return how many failed."""
    command = [str(PYTHON), "-m", "tools.execute_notebooks", "--html"]
    settings = {
        "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}",
        "IPYTHONDIR": str(FOLDER / "ipython"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{ROOT.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://github.com/{address()}",
    }
    return subprocess.run(
        [*command, str(RESULTS), *map(str, notebooks)],
        cwd=ROOT,
        env={**os.environ, **settings},
    ).returncode


def compare(before: dict[str, str], after: dict[str, str]) -> int:
    """Print which of Colab's packages changed; return how many."""
    changed = [name for name in before if after.get(name) != before[name]]
    for name in changed:
        print(f"{name} was {before[name]} and is {after.get(name, 'gone')}")
    return len(changed)


def uv(*arguments: str) -> str:
    """Run uv and return what it printed; exit when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "uv", *arguments],
        env={"UV_SYSTEM_CERTS": "1", **os.environ},
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        sys.exit(f"Stopped at: uv {' '.join(arguments)}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
