"""Programs without a usable home folder, as containers start them."""

import os
import subprocess
import sys

import pytest

AS_UNKNOWN = ("unshare", "--user", "--map-user=12345")
PROGRAM = """
import os
from course_utils import __main__ as command
from course_utils import checks, images, weights
from course_utils.checks import progress_file

assert command.main(["models", "verify"]) == 0
checks.check_total_cost(lambda content, style, alpha=10, beta=40: (
    alpha * content + beta * style
))
assert progress_file.solved() == {"total_cost"}
image = images.load_image(images.sample("faces/obama_1"))
images.save_image(image, "~/obama.png")
os.chdir("/")
for place in (weights.cache_folder(), weights.TABLE["buffalo_l"].path):
    place.mkdir(parents=True)
print(os.environ["HOME"])
"""


def can_change_users():
    try:
        return subprocess.run([*AS_UNKNOWN, "true"]).returncode == 0
    except FileNotFoundError:
        return False


def without_user(program):
    """A command that runs as a user id which the system does not know."""
    if can_change_users():
        return [*AS_UNKNOWN, sys.executable, "-c", program]
    # No namespaces here: only what is asked for the user's entry is replaced.
    probe = "import pwd\ndef unknown(_): raise KeyError\npwd.getpwuid = unknown"
    return [sys.executable, "-c", f"{probe}\n{program}"]


@pytest.mark.parametrize("case", ["unset", "relative", "file", "locked"])
def test_without_a_home_a_private_folder_serves(case, tmp_path):
    if case == "locked" and os.getuid() == 0 and not can_change_users():
        pytest.skip("nothing is locked for root")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "locked").mkdir(mode=0o500)
    ours = ("HOME", "COURSE_UTILS", "XDG_")
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(ours)
    }
    environment["TMPDIR"] = str(elsewhere)
    if case != "unset":
        path = tmp_path / case
        environment["HOME"] = "here" if case == "relative" else str(path)
    done = subprocess.run(
        without_user(PROGRAM),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot be used") == 1
    (folder,) = elsewhere.iterdir()
    assert done.stdout.splitlines()[-1] == str(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "obama.png").exists()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"elsewhere", "file", "locked"}


def printed(program, **environment):
    return subprocess.check_output(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        text=True,
    ).strip()


def test_a_folder_that_somebody_else_made_is_not_used(tmp_path):
    """Anybody may write to the temporary folder, and galleries are private."""
    decoy = tmp_path / f"course_utils_{os.getuid()}"
    decoy.symlink_to(tmp_path / "theirs")
    program = "import os, course_utils; print(os.environ['HOME'])"
    home = printed(program, HOME="", TMPDIR=str(tmp_path))
    assert home.startswith(f"{tmp_path}/course_utils_") and home != str(decoy)


def test_relative_places_survive_cd(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = (
        "import os; from course_utils import weights; os.chdir('/');"
        "print(weights.cache_folder())"
    )
    folder = printed(program, COURSE_UTILS_CACHE="mine")
    assert folder == str(tmp_path / "mine")
