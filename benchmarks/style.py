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
from course_utils.style import pyramid, vgg
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
    """Time one loss and gradient, and the bare convolutions in between."""
    height, width = size
    layers = vgg.layers_up_to_deepest(ARTICLES["torch"].content_layers)
    # Two operations a multiply-add, once forward and once backward.
    work = {n: 4e-9 * vgg.multiply_adds(n, height, width) for n in layers}
    evaluations = evaluation_runs(*pictures(size))
    alone = {p: convolution_runs(layers, size, p) for p in PRECISIONS}
    runs = evaluations.copy()
    for precision, convolutions in alone.items():
        runs |= {(precision, n): run for n, run in convolutions.items()}
    seconds = interleave(runs, rounds)
    rows = []
    for name in evaluations:
        least, precision = min(seconds[name]), name.split(", ")[1]
        if precision not in PRECISIONS:
            precision = "float32"
        bare = {n: min(seconds[precision, n]) for n in layers}
        rate = sum(work.values()) / least
        best = max(work[n] / bare[n] for n in layers)
        rows.append(
            [
                name,
                f"{least:.3f}",
                f"{np.median(seconds[name]):.3f}",
                f"{min(seconds['article, torch']) / least:.2f}",
                f"{rate:.0f}",
                f"{100 * rate / best:.0f} %",
                f"{100 * sum(bare.values()) / least:.0f} %",
            ]
        )
    print_table(
        f"One evaluation, {width} x {height}",
        ["", "least s", "median s", "ratio", "GFLOP/s", "of best", "of all"],
        rows,
    )
    print(
        "GFLOP/s: of the convolutions. Of best: of the fastest convolution's "
        "rate.\nOf all: the share that the same convolutions take alone."
    )


def evaluation_runs(content, style) -> dict:
    """Return the article's evaluations and ours of its PyTorch loss."""
    article = ARTICLES["torch"](content, style)
    runs = {
        "article, torch": article.evaluation(),
        "article, tensorflow": ARTICLES["tensorflow"](
            content, style
        ).evaluation(),
    }
    start = np.float32(content) / 255
    for backend, precision in itertools.product(ARTICLES, PRECISIONS):
        evaluate = objective(article, backend, precision, content, style)
        runs[f"{backend}, {precision}"] = lambda f=evaluate: f(start)
    return runs


def quality_table(size):
    """Time until a saved picture is as good as the article's saved one."""
    height, width = size
    for backend in ARTICLES:
        print_table(
            f"Time to the article's saved picture, {width} x {height}",
            ["", "until", "evaluations", "seconds", "ratio"],
            quality_rows(backend, size),
        )
    print(
        "Judged by the article's own loss of the clipped 8-bit picture.\n"
        "Coarse to fine, as the presets paint: evaluations at a quarter of "
        "the size,\nthen at the whole."
    )


def quality_rows(backend, size):
    """Run the article's loop, and ours whole after every 100 evaluations.

    Of both sides the fastest stretch counts: of the article's loop the best
    20 evaluations, of ours the best whole run.
    """
    article = ARTICLES[backend](*pictures(size))
    ours = {
        (precision, way): levels
        for precision in PRECISIONS
        for way, levels in ways(article, backend, precision, size).items()
    }
    rates, losses = [], {0: None}
    paintings = {name: [] for name in ours}
    started = time.perf_counter()
    for count, picture in article.run():
        spent = time.perf_counter() - started
        rates.append(spent / (count - max(losses)))
        losses[count] = article.judge(picture)
        if count % 100 == 0:
            for name, levels in ours.items():
                paintings[name].append(paint(levels))
        started = time.perf_counter()
    rows = []
    for until in (max(losses), 100):
        seconds, loss = until * min(rates), losses[until]
        rows.append([f"article, {backend}", "", until, f"{seconds:.1f}", "1"])
        for (precision, way), paths in paintings.items():
            reached = [first_at(article, loss, path) for path in paths]
            evaluations, fastest = min(reached, key=lambda pair: pair[1])
            before = sum(n for *_, n in ours[precision, way][:-1])
            rows.append(
                [
                    f"{backend}, {precision}, {way}",
                    f"loss {loss:.4g}",
                    f"{before} + {evaluations}" if before else evaluations,
                    f"{fastest:.2f}",
                    f"{seconds / fastest:.1f}",
                ]
            )
    return rows


def ways(article, backend, precision, size) -> dict:
    """Return levels of (start, objective, evaluations) for two ways to paint.

    Compiling is not painting: every objective has been evaluated once.
    """
    levels = []
    for shrink, evaluations in ((4, 20), (1, 40)):
        content, style = pictures([side // shrink for side in size])
        evaluate = objective(article, backend, precision, content, style)
        start = np.float32(content) / 255
        evaluate(start)
        levels.append((start, evaluate, evaluations))
    return {"full size only": levels[1:], "coarse to fine": levels}


def paint(levels):
    """Minimise; return (seconds, best 8-bit picture) of the last level's."""
    change, started = np.zeros_like(levels[0][0]), time.perf_counter()
    for start, evaluate, evaluations in levels:
        change = pyramid.resize(change, start.shape[:2])
        optimizer, path = Lbfgs(np.clip(start + change, 0, 1)), []
        for _ in range(evaluations):
            optimizer.tell(*evaluate(optimizer.trial))
            picture = np.uint8(np.round(255 * optimizer.best))
            path.append((time.perf_counter() - started, picture))
        change = optimizer.best - start
    return path


def first_at(article, loss, path):
    """Return (evaluations, seconds) of the first picture at most ``loss``."""
    for count, (seconds, picture) in enumerate(path, start=1):
        if article.judge(picture) <= loss:
            return count, seconds
    return len(path), float("inf")


def objective(article, backend, precision, content, style):
    """Return the article's loss by course_utils: pixels -> loss, gradient."""
    network = vgg.load_backend(backend).Network(
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
    titles = ["preset", "backend", "size", "evaluations", "seconds", "peak MiB"]
    print_table("Presets, precision auto", titles, rows)


PAINT = """
import json, sys
from pathlib import Path
from course_utils import images, style
preset, backend, content, painting = sys.argv[1:]
photo = images.load_image(images.sample(content))
painting = images.load_image(images.sample(painting))
recipe = getattr(style.StyleRecipe, preset)()
result = style.transfer(photo, painting, recipe, backend)
height, width, _ = result.image.shape
# Not getrusage's maximum, which a new process inherits from its parent.
lines = Path("/proc/self/status").read_text().splitlines()
(peak,) = (int(x.split()[1]) // 1024 for x in lines if x.startswith("VmHWM"))
print(json.dumps([f"{width} x {height}", len(result.history),
                  f"{result.seconds:.1f}", peak]))
"""


def convolution_runs(layers, size, precision) -> dict:
    """Return every layer's convolution alone, forward and backward."""
    torch_backend = vgg.load_backend("torch")
    torch = torch_backend.torch
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options = {"dtype": torch_backend.DTYPES[precision], "device": device}
    runs = {}
    for layer, (weight, _) in vgg.load_weights(layers=layers).layers.items():
        inputs, outputs = weight.shape[2:]
        height, width = (side >> (vgg.block_of(layer) - 1) for side in size)
        x, kernel = (
            torch.rand(*shape, **options).contiguous(
                memory_format=torch.channels_last
            )
            for shape in ((1, inputs, height, width), (outputs, inputs, 3, 3))
        )
        x.requires_grad_(True)

        def convolve(x=x, kernel=kernel):
            y = torch.nn.functional.conv2d(x, kernel, padding=1)
            torch.autograd.grad(y, x, y.detach())
            if device == "cuda":
                torch.cuda.synchronize()

        runs[layer] = convolve
    return runs


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
