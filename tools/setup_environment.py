"""Make `.venv` with the tested versions of everything, or repair it.

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
PATIENCE = {"UV_HTTP_RETRIES": "1", "UV_HTTP_TIMEOUT": "10"}


def main(arguments):
    """Bring `.venv` up to date; exit with one sentence where that fails."""
    check_this_python()
    requirements = TESTS if "--tests" in arguments else COURSE
    wanted, stamp = fingerprint(requirements), read_stamp()
    enough = (wanted, fingerprint(TESTS))
    error = import_error()
    damaged = bool(error) and not is_system_library(error)
    if stamp not in enough or damaged:
        if stamp in (*enough, UNFINISHED) or not python_runs():
            create()
        STAMP.write_text(UNFINISHED)
        install(requirements)
        configure_jupyter()
        STAMP.write_text(wanted)
        error = import_error()
    if error:
        sys.exit(explain(error))


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
        import venv  # noqa: F401
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


def read_stamp():
    """Return what the last run left, '' where none did."""
    return STAMP.read_text() if STAMP.exists() else ""


def python_runs():
    """Say whether `.venv` holds a working Python of a supported version."""
    supported = f"{OLDEST_PYTHON} <= sys.version_info[:2] <= {NEWEST_PYTHON}"
    code = f"import sys; sys.exit(not {supported})"
    return PYTHON.exists() and succeeds("-c", code, quiet=True)


def create():
    """Make an empty environment, removing what was there."""
    import venv

    print("Making .venv ...", flush=True)
    # Python goes first: an environment half deleted must not look whole.
    if PYTHON.exists():
        PYTHON.unlink()
    venv.EnvBuilder(clear=True, symlinks=os.name != "nt").create(str(FOLDER))


def install(requirements):
    """Install the tested versions and course_utils itself (editable)."""
    if not succeeds("-c", "import pip", quiet=True):
        run("-m", "ensurepip", "--default-pip", quiet=True)
    print("Installing the tested versions ...", flush=True)
    what = ("-r", str(ROOT / requirements), "-e", str(ROOT))
    # uv is many times faster; pip knows every mirror and proxy setting.
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")
    if succeeds("-m", "pip", "install", "--quiet", "uv"):
        install_pytorch()
        if uv_installs(*what):
            return
    print("uv could not do it; pip tries the same.", flush=True)
    run("-m", "pip", "install", *what)


def install_pytorch():
    """Take PyTorch in the build that this machine can use.

    uv looks for a driver of NVIDIA, AMD or Intel and takes torch and
    torchvision, both, from that index of PyTorch's own. Where it cannot be
    reached, what follows brings the usual build: with CUDA on Linux.
    """
    print("PyTorch, in the build for this machine ...", flush=True)
    versions = ("--constraint", str(ROOT / COURSE))
    if not uv_installs(
        *("--torch-backend=auto", *versions, "torch", "torchvision"),
        **PATIENCE,
    ):
        print("PyTorch's site does not answer; the usual build comes instead.")


def uv_installs(*what, **environment):
    """Let uv install something, and say whether it could."""
    command = ("-m", "uv", "pip", "install", "--python", str(PYTHON))
    return succeeds(*command, *what, **environment)


def configure_jupyter():
    """Name the kernel, and let JupyterLab start without asking the network."""
    kernel = "-m ipykernel install --sys-prefix --name python3 --display-name"
    run(*kernel.split(), "Course companion", quiet=True)
    news = "@jupyterlab/apputils-extension:announcements"
    run("-m", "jupyter", "labextension", "disable", news, quiet=True)


def import_error():
    """Return the last line of a failed import in `.venv`, '' when all is well.

    OpenCV is the one package that needs libraries of the operating system.
    """
    if not PYTHON.exists():
        return "no Python in .venv"
    done = subprocess.run(
        # -I: the course_utils of the working folder must not stand in.
        [str(PYTHON), "-I", "-c", "import cv2, course_utils"],
        stderr=subprocess.PIPE,
        text=True,
    )
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


def is_system_library(error):
    """Say whether an import failed for a library of the operating system."""
    return "cannot open shared object file" in error


def explain(error):
    """Turn an import error into a sentence that says what to do."""
    if is_system_library(error):
        return (
            f"OpenCV lacks a system library ({error}). Install it and "
            "repeat: sudo apt-get install -y libgl1 libglib2.0-0"
        )
    return f"The new environment does not work: {error}"


def succeeds(*arguments, quiet=False, **environment):
    """Run `.venv`'s Python and say whether it exited well."""
    output = subprocess.DEVNULL if quiet else None
    status = subprocess.call(
        [str(PYTHON), *arguments],
        stdout=output,
        stderr=output,
        env=dict(os.environ, **environment),
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
