"""How fast are the face helpers? Ratios, measured side by side in one run.

    python benchmarks/faces.py [--rounds 8]

Every round runs all contestants once, so that whatever else the machine does
hits them alike. The medians of the rounds are compared.
"""

import argparse
import statistics
import sys
import time
import warnings
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from insightface.app import FaceAnalysis

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from course_utils import faces, images, weights
from course_utils.faces import analysis
from tools.build_course_mini import reference, sources

PHOTOGRAPHS = 100


def main():
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    rounds = parser.parse_args().rounds
    warnings.filterwarnings("ignore", ".*estimate", FutureWarning)
    app = faces.load_face_analysis()
    pictures = [
        np.ascontiguousarray(images.load_image(file)[..., ::-1])
        for file in images.samples("faces")
    ]
    compare_whole_get(app, pictures, rounds)
    compare_with_opencv(app, pictures, rounds)
    compare_workers(app, rounds)


def compare_whole_get(app, pictures, rounds):
    """All five tasks: the course's sessions against InsightFace's default."""
    stock = FaceAnalysis(str(weights.find("course_mini")))
    stock.prepare(ctx_id=0, det_thresh=app.det_thresh, det_size=app.det_size)
    times = interleave(
        {
            "FaceAnalysis, default sessions": lambda: run(stock.get, pictures),
            "load_face_analysis": lambda: run(app.get, pictures),
        },
        rounds,
    )
    report("All five tasks", times, len(pictures), "photograph")


def compare_with_opencv(app, pictures, rounds):
    """Detect and embed with the same weights, in OpenCV and here."""
    try:
        detector = reference.original_detector()
        recogniser = reference.original_recogniser()
    except sources.SourceError as error:
        print(f"Detection and embedding: left out. {error}")
        return
    squares = [reference.letterbox(picture) for picture in pictures]
    here = faces.load_face_analysis(det_size=(640, 640))
    for task in ("landmark_2d_106", "landmark_3d_68", "genderage"):
        del here.models[task]

    def with_opencv(square):
        for row in () if (r := detector.detect(square)[1]) is None else r:
            recogniser.feature(recogniser.alignCrop(square, row))

    times = interleave(
        {
            "OpenCV's YuNet and SFace": lambda: run(with_opencv, squares),
            "course_mini": lambda: run(here.get, squares),
        },
        rounds,
    )
    report("Detection and embedding", times, len(pictures), "photograph")


def compare_workers(app, rounds):
    """Photographs from their files, with 1 and 2 workers."""
    samples = images.samples("faces")
    files = [samples[n % len(samples)] for n in range(PHOTOGRAPHS)]

    def embed(file):
        return analysis.embed_faces(app, images.load_image(file))

    with ThreadPool(2) as pool:
        times = interleave(
            {
                "1 worker": lambda: run(embed, files),
                "2 workers": lambda: pool.map(embed, files),
            },
            max(2, rounds // 2),
        )
    report("Read, detect and embed", times, PHOTOGRAPHS, "photograph")


def run(function, pictures):
    """Call the function with each picture."""
    for picture in pictures:
        function(picture)


def interleave(contestants, rounds):
    """Run all in turn, once to warm up and then `rounds` times."""
    times = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, function in contestants.items():
            start = time.perf_counter()
            function()
            if number:
                times[name].append(time.perf_counter() - start)
    return times


def report(title, times, count, unit):
    """Print the medians, and how many times faster than the first each is."""
    print(f"\n{title}")
    medians = {name: statistics.median(row) for name, row in times.items()}
    first = next(iter(medians.values()))
    for name, median in medians.items():
        each = median / count * 1000
        print(f"  {name:32} {each:6.1f} ms a {unit}   {first / median:.2f} x")


if __name__ == "__main__":
    main()
