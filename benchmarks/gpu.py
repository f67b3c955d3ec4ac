"""What a GPU makes of the course: seconds, and the memory taken of the card.

    python -m benchmarks.gpu

For one NVIDIA card, after `make with-tests`; with onnxruntime-gpu in place of
onnxruntime, faces are found on the card too. What takes no memory of the card
ran on the processor.
"""

import itertools
import multiprocessing
import time
import warnings

from course_utils import faces, images, style
from course_utils.style import vgg

PRESETS = ("quick", "balanced", "fine")  # 256, 512 and 1024 pixels


def main():
    """Print a line for each preset and framework, then what faces take."""
    # Each in a process of its own: memory peaks are a process's.
    fresh = multiprocessing.get_context("spawn")
    with fresh.Pool(1, maxtasksperchild=1) as own_process:
        for choice in itertools.product(PRESETS, vgg.BACKENDS):
            own_process.apply(paint, choice)
        own_process.apply(find_faces)


def paint(preset, backend):
    """Paint a preset; print the seconds and the card's peak bytes."""
    castle = images.load_image(images.sample("content/neuschwanstein"))
    starry = images.load_image(images.sample("styles/vangogh_starry_night"))
    recipe = getattr(style.StyleRecipe, preset)()
    seconds = style.transfer(castle, starry, recipe, backend).seconds
    framework, peak = vgg.load_backend(backend), 0
    if backend == "torch":
        peak = framework.torch.cuda.max_memory_allocated()
    elif framework.GPUS:
        pool = framework.tf.config.experimental.get_memory_info("GPU:0")
        peak = pool["peak"]
    name = f"{preset}, {backend}"
    print(f"{name:22} {seconds:7.1f} s {peak / 1e9:6.2f} GB", flush=True)


def find_faces():
    """Print how long the face models take, and where each of them runs."""
    warnings.filterwarnings("ignore", ".*estimate", FutureWarning)
    app = faces.load_face_analysis()
    photographs = [images.load_image(file) for file in images.samples("faces")]
    faces.detect_faces(app, photographs[0])  # to warm up
    started = time.perf_counter()
    for photograph in photographs:
        faces.detect_faces(app, photograph)
    each = (time.perf_counter() - started) / len(photographs)
    print(f"all face models: {1000 * each:.0f} ms a photograph")
    for task, model in app.models.items():
        print(f"  {task:20} {model.session.get_providers()[0]}", flush=True)


if __name__ == "__main__":
    main()
