"""How fast style transfer is, against the article's loops and this machine.

    python benchmarks/style.py            # about half an hour on two cores
    python benchmarks/style.py --quick    # small pictures, a few minutes

Everything compared is interleaved, so that a busy machine slows both sides.
Prints one evaluation, the time to the quality of the picture that the article
saves, and the presets.
"""

import argparse
import functools
import itertools
import json
import subprocess
import sys
import time

import article_style
import numpy as np

from course_utils import images
from course_utils.style import vgg
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
    options = parser.parse_args()
    size = (128, 256) if options.quick else (256, 512)
    evaluation_table(size, rounds=5 if options.quick else 15)
    for backend in ARTICLES:
        quality_table(backend, size)
    preset_table(["quick"] if options.quick else ["quick", "balanced"])


def evaluation_table(size, rounds):
    """Time one loss and gradient, and the bare convolutions in between."""
    height, width = size
    layers = vgg.layers_up_to_deepest(ARTICLES["torch"].content_layers)
    # Two operations a multiply-add, once forward and once backward.
    work = {n: 4e-9 * vgg.multiply_adds(n, height, width) for n in layers}
    evaluations = evaluation_runs(*pictures(size))
    alone = {
        (precision, layer): convolution_run(layer, size, precision)
        for precision, layer in itertools.product(PRECISIONS, layers)
    }
    seconds = interleave(evaluations | alone, rounds)
    rows = []
    for name in evaluations:
        least = min(seconds[name])
        precision = "bfloat16" if "bfloat16" in name else "float32"
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
    articles = {name: make(content, style) for name, make in ARTICLES.items()}
    runs = {f"article, {n}": a.evaluation() for n, a in articles.items()}
    start = np.float32(content) / 255
    for backend, precision in itertools.product(ARTICLES, PRECISIONS):
        evaluate = objective(
            articles["torch"], backend, precision, content, style
        )
        runs[f"{backend}, {precision}"] = functools.partial(evaluate, start)
    return runs


def quality_table(backend, size):
    """Time until a saved picture is as good as the article's saved one.

    Ours paints whole after every 100 evaluations of the article's loop. Of
    both sides the fastest stretch counts: of the article's loop the best 20
    evaluations, of ours the best whole run.
    """
    content, style = pictures(size)
    article = ARTICLES[backend](content, style)
    start = np.float32(content) / 255
    ours = {
        precision: objective(article, backend, precision, content, style)
        for precision in PRECISIONS
    }
    for evaluate in ours.values():
        evaluate(start)  # compiling is not painting
    rates, losses = [], {0: None}
    paintings = {name: [] for name in ours}
    started = time.perf_counter()
    for count, picture in article.run():
        spent = time.perf_counter() - started
        rates.append(spent / (count - max(losses)))
        losses[count] = article.judge(picture)
        if count % 100 == 0:
            for name, evaluate in ours.items():
                paintings[name].append(paint(start, evaluate))
        started = time.perf_counter()
    rows = []
    for until in (max(losses), 100):
        seconds, loss = until * min(rates), losses[until]
        rows.append([f"article, {backend}", "", until, f"{seconds:.1f}", "1"])
        for precision, paths in paintings.items():
            reached = [first_at(article, loss, path) for path in paths]
            evaluations, fastest = min(reached, key=lambda pair: pair[1])
            rows.append(
                [
                    f"{backend}, {precision}",
                    f"loss {loss:.4g}",
                    evaluations,
                    f"{fastest:.2f}",
                    f"{seconds / fastest:.1f}",
                ]
            )
    print_table(
        f"Time to the article's saved picture, {size[1]} x {size[0]}",
        ["", "until", "evaluations", "seconds", "ratio"],
        rows,
    )
    print("Judged by the article's own loss of the clipped 8-bit picture.")


def paint(start, evaluate):
    """Minimise; return (seconds, best 8-bit picture) of every evaluation."""
    optimizer, path, started = Lbfgs(start), [], time.perf_counter()
    for _ in range(40):
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


def convolution_run(layer, size, precision):
    """Return a layer's convolution alone, forward and backward."""
    torch_backend = vgg.load_backend("torch")
    torch = torch_backend.torch
    cuda = torch.cuda.is_available()
    weight, _ = vgg.load_weights(layers=[layer]).layers[layer]
    inputs, outputs = weight.shape[2:]
    height, width = (side >> (vgg.block_of(layer) - 1) for side in size)
    x, kernel = (
        torch.rand(
            *shape,
            dtype=torch_backend.DTYPES[precision],
            device="cuda" if cuda else "cpu",
        ).contiguous(memory_format=torch.channels_last)
        for shape in ((1, inputs, height, width), (outputs, inputs, 3, 3))
    )
    x.requires_grad_(True)

    def convolve():
        y = torch.nn.functional.conv2d(x, kernel, padding=1)
        torch.autograd.grad(y, x, y.detach())
        if cuda:
            torch.cuda.synchronize()

    return convolve


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
