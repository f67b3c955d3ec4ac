"""Nothing leaves the machine, and nothing is written where nobody looks.

Of Ray tests/test_enrolment_ray.py says so.
"""

import os
import shlex
import socket
import subprocess
import sys

import pytest

from tests.browser.server import TOKEN, answer, free_port
from tools.repository import ROOT

# Settings and lists of fonts, which these libraries keep for themselves.
LIBRARIES = (".keras/keras.json", ".cache/matplotlib")


@pytest.fixture
def watched(tmp_path):
    """An environment whose every connection would end here; none may come.

    What the course itself switches off is on again: this process imported
    course_utils, and its children would inherit that.
    """
    switches = ("ORT_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED")
    ours = (*switches, "COURSE_UTILS", "XDG_")
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(ours)
    }
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            environment |= {name: address, name.lower(): address}
        local = "127.0.0.1,localhost"
        environment |= {"NO_PROXY": local, "no_proxy": local}
        yield environment | {"HOME": str(tmp_path)}
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def written(home):
    """The folders below a home in which a file lies, except what may."""
    files = (path for path in home.rglob("*") if path.is_file())
    names = (path.relative_to(home).as_posix() for path in files)
    ours = (name for name in names if not name.startswith(LIBRARIES))
    return {name.split("/")[0] for name in ours}


FACES = """
from course_utils import faces, images, weights

app = faces.load_face_analysis()
photo = images.load_image(images.sample("faces/obama_1"))
assert faces.verify(app, photo, photo).same_person
gallery = faces.FaceGallery("~/people", app)
gallery.enrol("Obama", [photo])
gallery.search(faces.detect_faces(app, photo)[0].embedding)
assert weights.pack_fault(weights.find("course_mini")) is None
"""


def test_faces_are_nobody_else_s_business(watched, tmp_path):
    """onnxruntime's first sign is a file, when it is loaded.

    ``.cache/Microsoft/DeveloperTools/.onnxruntime/deviceid``; it connects some
    20 seconds later, which is too long to wait for.
    """
    subprocess.run([sys.executable, "-c", FACES], env=watched, check=True)
    assert written(tmp_path) == {"people"}


def test_the_doctor_asks_only_this_machine(watched, tmp_path):
    """It starts PyTorch, TensorFlow, OpenCV and onnxruntime."""
    printed = subprocess.check_output(
        [sys.executable, "-m", "course_utils", "doctor"],
        env=watched,
        cwd=ROOT,
        text=True,
    )
    assert "All is well" in printed
    assert written(tmp_path) == set()


def test_jupyterlab_asks_nobody(watched, tmp_path):
    """Neither at its start nor when the tab of extensions is opened."""
    recipe = subprocess.check_output(
        # Below `make test`, make would also tell of its folder.
        ["make", "--no-print-directory", "-n", "lab"],
        cwd=ROOT,
        text=True,
    )
    arguments = recipe.replace("\\\n", "").partition(" -m jupyterlab")[2]
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", *shlex.split(arguments)),
            *("--no-browser", "--allow-root", f"--ServerApp.port={port}"),
            f"--IdentityProvider.token={TOKEN}",
        ],
        env=watched | {"JUPYTER_CONFIG_DIR": str(tmp_path / "config")},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    lab = f"http://127.0.0.1:{port}/lab"
    extensions = "api/extensions?refresh=1&page=1&per_page=30"
    try:
        page = answer(process, f"{lab}?token={TOKEN}")
        # Made by tools/setup_environment: no question about news at the start.
        assert "apputils-extension:announcements" in page.text
        assert answer(process, f"{lab}/{extensions}&token={TOKEN}").ok
    finally:
        process.terminate()
        process.wait(60)
