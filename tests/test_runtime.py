"""The doctor finds trouble and names its cure."""

import subprocess
import sys
import types

import pytest
from matplotlib import pyplot as plt

from course_utils import runtime, weights

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def no_devices(monkeypatch):
    """Starting PyTorch and TensorFlow for every test would take too long."""
    monkeypatch.setattr(runtime, "_QUESTIONS", {"cv2": "a = []"})


def test_a_healthy_machine(no_devices, capsys):
    assert runtime.doctor() is True
    printed = capsys.readouterr().out
    assert "All is well" in printed
    assert "detection" in printed and "ExecutionProvider" in printed
    for name in weights.TABLE:
        assert name in printed


@pytest.mark.parametrize(
    "question, cure",
    [
        ("import no_such_package", "python -m pip install torch"),
        (
            "raise ImportError('libGL.so.1: cannot open shared object file')",
            "apt-get install",
        ),
    ],
)
def test_what_cannot_be_imported(monkeypatch, capsys, question, cure):
    monkeypatch.setattr(runtime, "_QUESTIONS", {"torch": question})
    assert runtime.doctor() is False
    printed = capsys.readouterr().out
    assert "cannot be imported" in printed
    advice = printed.split("What to do")[1]
    assert cure in advice and sys.executable in advice


def test_missing_old_and_clashing_packages(no_devices, monkeypatch, capsys):
    real = runtime._version
    found = {"insightface": None, "numpy": "1.26", "onnxruntime-gpu": "1.31"}
    monkeypatch.setattr(
        runtime, "_version", lambda name: found.get(name, real(name))
    )
    assert runtime.doctor() is False
    advice = capsys.readouterr().out.split("What to do")[1]
    assert "pip install 'insightface" in advice
    assert "pip install --upgrade 'numpy" in advice
    assert "uninstall -y onnxruntime onnxruntime-gpu" in advice


def test_the_gpu_build_stands_in_for_onnxruntime(
    no_devices, monkeypatch, capsys
):
    real = runtime._version
    found = {"onnxruntime": None, "onnxruntime-gpu": "1.31"}
    monkeypatch.setattr(
        runtime, "_version", lambda name: found.get(name, real(name))
    )
    assert runtime.doctor() is True


def test_a_broken_pack_is_named_with_its_cure(no_devices, home, capsys):
    (home / ".insightface" / "models" / "buffalo_l").mkdir(parents=True)
    assert runtime.doctor() is False
    advice = capsys.readouterr().out.split("What to do")[1]
    assert "models fetch buffalo_l" in advice


def test_importing_the_package_is_cheap():
    """Nothing heavy may be loaded before it is used."""
    program = (
        "import sys; import course_utils; "
        "from course_utils import checks, faces, images, runtime, style; "
        "from course_utils import quizzes, weights; "
        "heavy = {'torch', 'tensorflow', 'cv2', 'insightface', 'onnxruntime',"
        " 'ray', 'matplotlib', 'ipywidgets',"
        " 'filelock'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_outside_colab():
    assert runtime.in_colab() is False


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """Stand in for Colab; the folder of its PATH may get an nvidia-smi."""
    module = types.ModuleType("google.colab")
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.setenv("PATH", str(tmp_path))
    with plt.rc_context():  # the set-up changes how figures look
        yield tmp_path


def test_colab_without_a_gpu(colab, capsys):
    runtime.setup_notebook()
    ready, devices = capsys.readouterr().out.splitlines()
    assert ready.endswith("is ready.")
    assert "Change runtime type offers a GPU" in devices


@pytest.mark.parametrize("status, named", [(0, True), (9, False)])
def test_colab_names_its_gpu(colab, capsys, status, named):
    program = colab / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho Tesla T4\nexit {status}\n")
    program.chmod(0o755)
    runtime.setup_notebook()
    devices = capsys.readouterr().out.splitlines()[1]
    expected = "runs on Tesla T4, face models on the processor"
    assert (expected in devices) is named


def test_colab_may_have_both_builds_of_opencv(
    colab, no_devices, monkeypatch, capsys
):
    real = runtime._version
    found = {"opencv-python-headless": real("opencv-python")}
    monkeypatch.setattr(
        runtime, "_version", lambda name: found.get(name, real(name))
    )
    assert runtime.doctor() is True
