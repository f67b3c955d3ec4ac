"""How fast style transfer is, against the article's loops and this machine.

    python benchmarks/style.py            # about half an hour on two cores
    python benchmarks/style.py --quick    # small pictures, a few minutes

Everything compared is interleaved in one run, so that a busy machine slows
both sides. Prints three tables: one evaluation, the time to the quality of
the picture that the article saves, and the presets.
"""

import argparse
import itertools
import json
import subprocess
import sys
import time

import article_style
import numpy as np

from course_utils import images
from course_utils.style import backends, vgg
from course_utils.style.optimizers import Lbfgs

ARTICLES = {
    "torch": article_style.TorchArticle,
    "tensorflow": article_style.TensorflowArticle,
}
PRECISIONS = ("float32", "bfloat16")
CONTENT, STYLE = "content/china_pavilion", "styles/hokusai_great_wave"


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("evaluation", "quality", "presets"))
    options = parser.parse_args()
    size = (128, 256) if options.quick else (256, 512)
    rounds = 5 if options.quick else 15
    if options.only in (None, "evaluation"):
        evaluation_table(size, rounds)
    if options.only in (None, "quality"):
        quality_table(size)
    if options.only in (None, "presets"):
        preset_table(["quick"] if options.quick else ["quick", "balanced"])


def evaluation_table(size, rounds):
    """Time one loss and gradient, as often as the article's own."""
    content, style = pictures(size)
    height, width = size
    article = ARTICLES["torch"](content, style)
    runs = {"article, torch": article.evaluation()}
    runs["article, tensorflow"] = ARTICLES["tensorflow"](
        content, style
    ).evaluation()
    start = np.float32(content) / 255
    for backend, precision in itertools.product(ARTICLES, PRECISIONS):
        evaluate = objective(article, backend, precision, content, style)
        runs[f"{backend}, {precision}"] = lambda f=evaluate: f(start)
    seconds = interleave(runs, rounds)
    layers = vgg.layers_up_to_deepest(article.content_layers)
    operations = 4e-9 * sum(vgg.multiply_adds(n, height, width) for n in layers)
    best = {p: best_convolution(size, p) for p in PRECISIONS}
    rows = []
    for name, times in seconds.items():
        precision = name.split(", ")[1]
        ceiling = best.get(precision, best["float32"])
        rows.append(
            [
                name,
                f"{min(times):.3f}",
                f"{np.median(times):.3f}",
                f"{min(seconds['article, torch']) / min(times):.2f}",
                f"{operations / min(times):.0f}",
                f"{100 * operations / min(times) / ceiling:.0f}",
            ]
        )
    titles = ["evaluation", "least s", "median s", "ratio", "GFLOP/s", "%"]
    print_table(f"One evaluation, {width} x {height}", titles, rows)
    print(
        "GFLOP/s counts convolutions only; % is of this machine's best one: "
        + ", ".join(f"{b:.0f} GFLOP/s {p}" for p, b in best.items())
    )


def quality_table(size):
    """Time until a saved picture is as good as the article's saved one."""
    content, style = pictures(size)
    rows = []
    for backend in ARTICLES:
        rows += quality_rows(backend, content, style)
    height, width = size
    print_table(
        f"Time to the article's saved picture, {width} x {height}",
        ["loop", "until", "evaluations", "seconds", "ratio"],
        rows,
    )
    print("Judged by the article's own loss of the clipped 8-bit picture.")


def quality_rows(backend, content, style):
    """Run the article's loop, and ours three times in between."""
    article = ARTICLES[backend](content, style)
    ours = {
        precision: objective(article, backend, precision, content, style)
        for precision in PRECISIONS
    }
    for evaluate in ours.values():
        evaluate(np.float32(content) / 255)  # compiling is not painting
    seconds, saved, runs = 0.0, {}, {precision: [] for precision in ours}
    clock = time.perf_counter()
    for count, picture in article.run():
        seconds += time.perf_counter() - clock
        saved[count] = seconds, article.judge(picture)
        if count in (100, 200, 300):
            for precision, evaluate in ours.items():
                runs[precision].append(paint(evaluate, content))
        clock = time.perf_counter()
    rows = []
    for until in (max(saved), 100):
        spent, loss = saved[until]
        name = f"evaluation {until}"
        rows.append([f"article, {backend}", name, until, f"{spent:.0f}", "1"])
        for precision, paintings in runs.items():
            reached = [first_at(article, loss, run) for run in paintings]
            evaluations, fastest = min(reached, key=lambda pair: pair[1])
            ratio = spent / fastest
            rows.append(
                [
                    f"{backend}, {precision}",
                    f"as good ({loss:.3g})",
                    evaluations,
                    f"{fastest:.2f}",
                    f"{ratio:.1f}",
                ]
            )
    return rows


def paint(evaluate, content, evaluations=60):
    """Minimise; return (seconds, best 8-bit picture) of every evaluation."""
    optimizer = Lbfgs(np.float32(content) / 255)
    path, started = [], time.perf_counter()
    for _ in range(evaluations):
        optimizer.tell(*evaluate(optimizer.trial))
        picture = np.uint8(np.round(255 * optimizer.best))
        path.append((time.perf_counter() - started, picture))
    return path


def first_at(article, loss, path):
    """Return (evaluations, seconds) of the first picture at most ``loss``."""
    for count, (seconds, picture) in enumerate(path, start=1):
        if article.judge(picture) <= loss:
            return count, seconds
    return len(path), float("inf")


def objective(article, backend, precision, content, style):
    """Return the article's loss by course_utils: pixels -> loss, gradient."""
    network = backends.load(backend).Network(
        article.weights(), "max", precision
    )
    targets = article_style.targets(article, network, content, style)
    evaluate = network.objective(targets)

    def loss_and_gradient(pixels):
        terms, gradient = evaluate(pixels)
        return targets.losses(terms).total, gradient

    return loss_and_gradient


def preset_table(presets):
    """Paint with the presets, each in a process of its own."""
    rows = []
    for preset, backend in itertools.product(presets, ARTICLES):
        command = [sys.executable, "-c", PAINT, preset, backend, CONTENT, STYLE]
        answer = subprocess.run(command, capture_output=True, check=True)
        found = json.loads(answer.stdout.splitlines()[-1])
        rows.append([preset, backend, *found])
    titles = ["preset", "backend", "size", "evaluations", "seconds", "peak MB"]
    print_table("Presets, precision auto", titles, rows)


PAINT = """
import json, resource, sys
from course_utils import images, style
preset, backend, content, painting = sys.argv[1:]
photo = images.load_image(images.sample(content))
painting = images.load_image(images.sample(painting))
recipe = getattr(style.StyleRecipe, preset)()
result = style.transfer(photo, painting, recipe, backend)
height, width, _ = result.image.shape
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps([f"{width} x {height}", len(result.history),
                  f"{result.seconds:.1f}", peak]))
"""


def best_convolution(size, precision) -> float:
    """Return the GFLOP/s of the fastest of VGG16's inner convolutions."""
    torch_backend = backends.load("torch")
    torch = torch_backend.torch
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options = {"dtype": torch_backend.DTYPES[precision], "device": device}
    fastest = 0.0
    for block, (channels, _) in vgg.BLOCKS.items():
        height, width = (side >> (block - 1) for side in size)
        layer = f"conv{block}_2"
        x = torch.rand(1, channels, height, width, **options)
        kernel = torch.rand(channels, channels, 3, 3, **options)
        x, kernel = (
            tensor.contiguous(memory_format=torch.channels_last)
            for tensor in (x, kernel)
        )
        operations = 2e-9 * vgg.multiply_adds(layer, *size)

        def convolve(x=x, kernel=kernel):
            torch.nn.functional.conv2d(x, kernel, padding=1)
            if device == "cuda":
                torch.cuda.synchronize()

        with torch.no_grad():
            times = interleave({"": convolve}, 20)[""]
        fastest = max(fastest, operations / min(times))
    return fastest


def interleave(runs, rounds) -> dict[str, list[float]]:
    """Time every function once a round, after a first call that is not."""
    for run in runs.values():
        run()
    seconds = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def pictures(size):
    """Return content and style, stretched to (height, width) as it does."""
    from PIL import Image

    loaded = [images.load_image(images.sample(n)) for n in (CONTENT, STYLE)]
    bilinear = Image.Resampling.BILINEAR
    return [
        np.asarray(Image.fromarray(picture).resize(size[::-1], bilinear))
        for picture in loaded
    ]


def print_table(title, titles, rows):
    """Print left-aligned columns under a title."""
    lines = [titles, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n{title}")
    for line in lines:
        cells = zip(line, widths, strict=True)
        print("  " + "  ".join(cell.ljust(width) for cell, width in cells))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
