"""Make `.venv` with the tested versions of everything, or complete it.

    python3 tools/setup_environment.py            (Windows: py ...)
    python3 tools/setup_environment.py --tests    what the tests need, too

Only the standard library is used, and the syntax stays readable for an old
Python, so that a machine with the wrong one gets a sentence, not a traceback.
It may be interrupted and repeated at any time: the stamp inside `.venv` says
"unfinished" until every step is done, and such an environment starts over.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

# The same limits as requires-python in pyproject.toml (a test compares them).
OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 13)

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".venv"
PYTHON = FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = FOLDER / "course-companion.stamp"
UNFINISHED = "unfinished"
COURSE = "requirements.txt"
TESTS = "requirements-test.txt"  # begins with all of COURSE
# In vain a try shall cost seconds; uv's own patience is minutes.
IMPATIENT = {"UV_HTTP_RETRIES": "1", "UV_HTTP_TIMEOUT": "10"}


def main(arguments):
    """Bring `.venv` up to date; exit with one sentence where that fails."""
    check_this_python()
    requirements = TESTS if "--tests" in arguments else COURSE
    enough = (fingerprint(requirements), fingerprint(TESTS))
    stamp = STAMP.read_text() if STAMP.exists() else ""
    # A new version of the system's Python takes the old one's file away.
    lost = not PYTHON.exists()
    if lost or stamp not in enough:
        print("Making .venv ...", flush=True)
        clear = lost or stamp == UNFINISHED
        venv.create(
            FOLDER, clear=clear, symlinks=os.name != "nt", with_pip=True
        )
        STAMP.write_text(UNFINISHED)
        install(requirements)
        # JupyterLab's start shall not ask the network.
        news = "@jupyterlab/apputils-extension:announcements"
        run("-m", "jupyter", "labextension", "disable", news, quiet=True)
        STAMP.write_text(enough[0])
    check_opencv()


def check_this_python():
    """Exit when this Python cannot build the environment."""
    if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        sys.exit(
            "The course needs Python {}.{} to {}.{}, and this is {}.{}. "
            "Install one of those and name it: make lab PYTHON3=python3.12, "
            "or on Windows: py -3.12 tools/setup_environment.py".format(
                *OLDEST_PYTHON, *NEWEST_PYTHON, *sys.version_info[:2]
            )
        )
    try:
        import ensurepip  # noqa: F401 - Debian packs it separately
    except ImportError:
        sys.exit(
            "This Python cannot make virtual environments. Install the "
            "missing part and repeat: sudo apt-get install -y python3-venv"
        )


def fingerprint(requirements):
    """Return a hash of everything that decides what `.venv` contains."""
    digest = hashlib.sha256(str(FOLDER).encode())
    for name in (COURSE, requirements, "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def install(requirements):
    """Install the tested versions and course_utils itself (editable)."""
    print("Installing the tested versions ...", flush=True)
    what = ("-r", str(ROOT / requirements), "-e", str(ROOT))
    # uv is many times faster; pip knows every mirror and proxy setting.
    uv = ("-m", "uv", "pip", "install", "--python", str(PYTHON))
    if succeeds("-m", "pip", "install", "--quiet", "uv"):
        # First PyTorch in the build for this machine: uv looks for a driver
        # of NVIDIA, AMD or Intel. Where PyTorch's own site cannot be reached,
        # the usual build comes with the rest, on Linux the one with CUDA.
        constraint = ("--constraint", str(ROOT / COURSE))
        pytorch = ("--torch-backend=auto", "torch", "torchvision")
        if not succeeds(*uv, *constraint, *pytorch, **IMPATIENT):
            print("PyTorch's site does not answer: the usual build comes.")
        if succeeds(*uv, *what):
            return
    print("uv could not do it; pip tries the same.", flush=True)
    run("-m", "pip", "install", *what)


def check_opencv():
    """Exit where a library of the operating system is missing.

    OpenCV is the one package that needs any.
    """
    # -I: the course_utils of the working folder must not stand in.
    done = subprocess.run(
        [str(PYTHON), "-I", "-c", "import cv2, course_utils"],
        stderr=subprocess.PIPE,
        text=True,
    )
    error = done.stderr.strip().rpartition("\n")[2]
    if done.returncode and "cannot open shared object file" in error:
        sys.exit(
            f"OpenCV lacks a system library ({error}). Install it and "
            "repeat: sudo apt-get install -y libgl1 libglib2.0-0"
        )
    if done.returncode:
        sys.exit(f"{error}. Delete the folder .venv and repeat the command.")


def succeeds(*arguments, quiet=False, **environment):
    """Run `.venv`'s Python and say whether it exited well."""
    status = subprocess.call(
        [str(PYTHON), *arguments],
        stderr=subprocess.DEVNULL if quiet else None,
        env=dict(os.environ, UV_SYSTEM_CERTS="1", **environment),
    )
    return status == 0


def run(*arguments, quiet=False):
    """Run `.venv`'s Python; exit with a sentence when it fails."""
    if not succeeds(*arguments, quiet=quiet):
        sys.exit(
            f"The set-up stopped at: python {' '.join(arguments)}. Check the "
            "network and the free disk space, then repeat the same command."
        )


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("\nStopped. Repeat the same command to start over cleanly.")
