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


@pytest.fixture
def versions(monkeypatch):
    """Pretend that packages have other versions, or are not there (None)."""
    real = runtime._version

    def pretend(found):
        monkeypatch.setattr(
            runtime, "_version", lambda name: found.get(name, real(name))
        )

    return pretend


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


def test_missing_old_and_clashing_packages(no_devices, versions, capsys):
    versions({"insightface": None, "numpy": "1.26", "onnxruntime-gpu": "1.31"})
    assert runtime.doctor() is False
    advice = capsys.readouterr().out.split("What to do")[1]
    assert "pip install 'insightface" in advice
    assert "pip install --upgrade 'numpy" in advice
    assert "uninstall -y onnxruntime onnxruntime-gpu" in advice


def test_the_gpu_build_stands_in_for_onnxruntime(no_devices, versions):
    versions({"onnxruntime": None, "onnxruntime-gpu": "1.31"})
    assert runtime.doctor() is True


def test_it_runs_where_nothing_is_installed():
    without_packages = (sys.executable, "-S", "-m", "course_utils", "doctor")
    done = subprocess.run(without_packages, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    advice = done.stdout.split("What to do")[1]
    assert "pip install --editable ." in advice


def test_a_broken_pack_is_named_with_its_cure(no_devices, home, capsys):
    (home / ".insightface" / "models" / "buffalo_l").mkdir(parents=True)
    assert runtime.doctor() is False
    advice = capsys.readouterr().out.split("What to do")[1]
    assert "models fetch buffalo_l" in advice


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """Stand in for Colab; the folder of its PATH may get an nvidia-smi."""
    module = types.ModuleType("google.colab")
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.setenv("PATH", str(tmp_path))
    with plt.rc_context():  # the set-up changes how figures look
        yield tmp_path


def test_colab_names_its_gpu(colab, capsys):
    runtime.setup_notebook()
    ready, devices = capsys.readouterr().out.splitlines()
    assert ready.endswith("is ready.")
    assert "Change runtime type offers a GPU" in devices
    (colab / "nvidia-smi").write_text("#!/bin/sh\necho Tesla T4\n")
    (colab / "nvidia-smi").chmod(0o755)
    runtime.setup_notebook()
    assert "transfer runs on Tesla T4, face models" in capsys.readouterr().out


def test_colab_may_have_both_builds_of_opencv(colab, no_devices, versions):
    versions({"opencv-python-headless": "4.10"})
    assert runtime.doctor() is True
