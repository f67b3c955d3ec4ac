"""What a GPU makes of the course: seconds, memory, and the tests on it.

    python -m benchmarks.gpu [--quick]

For one NVIDIA card, after `make with-tests`; with onnxruntime-gpu in place of
onnxruntime, faces are found on the card too. On a machine without a card the
processor is measured.
"""

import itertools
import multiprocessing
import resource
import subprocess
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor

from course_utils.style import vgg

PRESETS = ("quick", "balanced", "fine")  # 256, 512 and 1024 pixels
TESTS = (
    "tests/test_parity.py",
    "tests/test_engine.py",
    "tests/test_checks.py",
    "notebooks/06_train_a_recogniser.ipynb",
)


def main():
    """Print a table, then what the tests say."""
    quick = "--quick" in sys.argv
    presets = PRESETS[:1] if quick else PRESETS
    # Each in a process of its own: memory peaks are a process's.
    with ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        max_tasks_per_child=1,
    ) as own_process:
        for choice in itertools.product(presets, vgg.BACKENDS):
            seconds, peak, where = own_process.submit(paint, *choice).result()
            name = ", ".join(choice)
            print(f"{name:22} {seconds:7.1f} s {peak / 1e9:6.2f} GB  {where}")
        for line in own_process.submit(find_faces).result():
            print(line)
    if not quick:
        nbval = ("--nbval", "--nbval-current-env")
        command = (sys.executable, "-m", "pytest", "-q", *TESTS, *nbval)
        sys.exit(subprocess.run(command).returncode)


def paint(preset: str, backend: str) -> tuple[float, int, str]:
    """Paint a preset; return seconds, peak bytes of memory, and the device."""
    from course_utils import images, style

    castle = images.load_image(images.sample("content/neuschwanstein"))
    starry = images.load_image(images.sample("styles/vangogh_starry_night"))
    recipe = getattr(style.StyleRecipe, preset)()
    result = style.transfer(castle, starry, recipe, backend)
    framework = vgg.load_backend(backend)
    if backend == "torch" and framework.torch.cuda.is_available():
        cuda = framework.torch.cuda
        return result.seconds, cuda.max_memory_allocated(), "GPU"
    if backend == "tensorflow" and framework.GPUS:
        pool = framework.tf.config.experimental.get_memory_info("GPU:0")
        return result.seconds, pool["peak"], "GPU"
    # Linux counts in kibibytes.
    kept = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return result.seconds, kept, "processor"


def find_faces() -> list[str]:
    """Say how long the face models take, and where each of them runs."""
    from course_utils import faces, images

    warnings.filterwarnings("ignore", ".*estimate", FutureWarning)
    app = faces.load_face_analysis()
    photographs = [images.load_image(file) for file in images.samples("faces")]
    faces.detect_faces(app, photographs[0])  # to warm up
    started = time.perf_counter()
    for photograph in photographs:
        faces.detect_faces(app, photograph)
    each = (time.perf_counter() - started) / len(photographs)
    return [f"all face models: {1000 * each:.0f} ms a photograph"] + [
        f"  {task:20} {model.session.get_providers()[0]}"
        for task, model in app.models.items()
    ]


if __name__ == "__main__":
    main()
