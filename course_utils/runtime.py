"""Where does this run: Colab or not, which devices, and is all in order?"""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import course_utils
from course_utils import hardware

# Asked in processes of their own: a broken installation may end them. Of
# onnxruntime's providers, Azure's is always offered and computes elsewhere.
_QUESTIONS = {
    "torch": (
        "import torch; n = torch.cuda.is_available(); "
        "a = [torch.cuda.get_device_name()] if n else []; "
        "a += ['Apple GPU'] if torch.backends.mps.is_available() else []"
    ),
    "tensorflow": (
        "import tensorflow as tf; "
        "a = [d.name for d in tf.config.list_physical_devices('GPU')]"
    ),
    "cv2": "import cv2; a = []",
    "onnxruntime": (
        "import onnxruntime as o; a = [p.replace('ExecutionProvider', '') "
        "for p in o.get_available_providers() if p[:3] not in ('CPU', 'Azu')]"
    ),
}
_CLASHES = (
    ("onnxruntime", "onnxruntime-gpu"),
    ("opencv-python", "opencv-python-headless"),
)


def in_colab() -> bool:
    """Say whether this notebook runs in Google Colab."""
    return "google.colab" in sys.modules


def setup_notebook() -> None:
    """Make figures small and sharp, and hide a warning that helps nobody."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    hardware.prepare()
    # InsightFace 2.1 calls a function that scikit-image 2.2 will drop.
    warnings.filterwarnings("ignore", ".*estimate", FutureWarning)
    from matplotlib import pyplot as plt

    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "figure.figsize": (7, 4),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "image.cmap": "viridis",
            "legend.frameon": False,
        }
    )
    _use_jpeg_figures()
    print(f"course_utils {course_utils.__version__} is ready.")
    if in_colab():
        print(_colab_devices())


def device_report() -> dict[str, list[str] | str]:
    """Ask each library for its devices besides the processor, or its fault."""
    with ThreadPoolExecutor() as pool:
        answers = pool.map(_ask, _QUESTIONS.values())
        return dict(zip(_QUESTIONS, answers, strict=True))


def doctor() -> bool:
    """Print versions, devices, models, and what to do; True if all is well."""
    print(
        f"course_utils {course_utils.__version__}, "
        f"Python {platform.python_version()}, {platform.platform()}"
    )
    remedies = [
        *_report("Packages", _package_lines()),
        *_report("Devices", _device_lines()),
        *_report("Models and data", _weight_lines()),
        *_report("Face models run on", _provider_lines()),
    ]
    if not remedies:
        print("\nAll is well.")
        return True
    print(f"\nWhat to do (python stands for {sys.executable})")
    for remedy in remedies:
        print(f"  - {remedy}")
    return False


# A line of the report: what it is about, what was found, what to do about it
# (None when nothing is wrong).
_Line = tuple[str, str, str | None]


def _report(title: str, lines: Iterator[_Line]) -> list[str]:
    print(f"\n{title}")
    remedies = []
    for name, found, remedy in lines:
        print(f"  {'!!' if remedy else 'ok'}  {name:<18} {found}")
        if remedy:
            remedies.append(remedy)
    return remedies


def _package_lines() -> Iterator[_Line]:
    try:
        needed = importlib.metadata.requires("course_utils")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        fix = "python -m pip install --editable . (in the course's folder)"
        yield "course_utils", "runs from its folder, not installed", fix
        return
    from packaging.requirements import Requirement

    for text in needed:
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        version = _version(wanted.name)
        if version is None and wanted.name == "onnxruntime":
            version = _version("onnxruntime-gpu")  # stands in for it
        if version is None:
            yield wanted.name, "missing", f"python -m pip install '{text}'"
        elif not wanted.specifier.contains(version, prereleases=True):
            fix = f"python -m pip install --upgrade '{text}'"
            yield wanted.name, f"{version}, needs {wanted.specifier}", fix
        else:
            yield wanted.name, version, None
    # Colab's images hold both builds of OpenCV, from one version: no trouble.
    for one, other in () if in_colab() else _CLASHES:
        if _version(one) and _version(other):
            fix = (
                f"python -m pip uninstall -y {one} {other}, then install only "
                f"the one you need: they overwrite each other's files"
            )
            yield one, f"and {other} are both installed", fix


def _device_lines() -> Iterator[_Line]:
    cores = hardware.usable_cores()
    yield "processor", f"{platform.machine()}, {cores} cores", None
    for name, found in device_report().items():
        if isinstance(found, list):
            yield name, ", ".join(found) or "processor only", None
            continue
        package = "opencv-python" if name == "cv2" else name
        fix = f"python -m pip install {package}"
        if "shared object" in found:
            fix = "sudo apt-get install -y libgl1 libglib2.0-0"
        yield name, f"cannot be imported: {found}", fix


def _weight_lines() -> Iterator[_Line]:
    from course_utils import weights

    for item in weights.TABLE.values():
        try:
            state = weights.verify(item.name)
        except ImportError as error:  # whose cure stands under "Devices"
            yield item.name, f"cannot be checked: {error}", None
            continue
        if state == "absent" and item.kind not in ("embedded", "package"):
            yield item.name, "absent (optional)", None
        else:
            fine = state == "ready"
            yield item.name, state, None if fine else item.complaint(state)


def _provider_lines() -> Iterator[_Line]:
    try:
        from course_utils import faces

        app = faces.load_face_analysis()
    except Exception as error:  # whatever it is, the report goes on
        yield "course_mini", f"cannot be loaded: {error}", str(error)
        return
    for task, model in app.models.items():
        yield task, model.session.get_providers()[0], None


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _ask(question: str) -> list[str] | str:
    program = f"{question}\nimport json; print(json.dumps(a))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    if done.returncode:
        return (done.stderr.strip() or "it crashed").splitlines()[-1]
    return json.loads(done.stdout.splitlines()[-1])


def _colab_devices() -> str:
    # onnxruntime stays the build for processors: that for GPUs is made for one
    # version of CUDA each (12 up to onnxruntime-gpu 1.26, 13 from 1.27), must
    # not be installed beside it, and the embedded models are small.
    question = "nvidia-smi --query-gpu=name --format=csv,noheader"
    failed, cards = subprocess.getstatusoutput(question)
    if failed:
        return (
            "Everything runs on the processor; for style transfer, Runtime > "
            "Change runtime type offers a GPU."
        )
    card = cards.splitlines()[0]
    return f"Style transfer runs on {card}, face models on the processor."


def _use_jpeg_figures() -> None:
    """Photographs as PNG would make the notebooks several times larger."""
    from IPython import get_ipython
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    shell = get_ipython()
    if hasattr(shell, "kernel"):  # a notebook, neither None nor a terminal
        shell.run_line_magic("matplotlib", "inline")
        set_matplotlib_formats("jpeg", pil_kwargs={"quality": 80})
