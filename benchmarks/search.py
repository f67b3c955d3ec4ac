"""How fast is the gallery? Ratios, measured side by side in one run.

    python benchmarks/search.py            # a few minutes on two cores
    python benchmarks/search.py --quick    # smaller galleries

Everything compared is interleaved, so that a busy machine slows all sides.
Prints three tables: exact search against the article's loop and the bare matrix
product, what the gallery's file costs, and enrolment. What an index gains and
loses, notebook 05 measures.

The embeddings are made up, but not as uniform noise: they have the mean, the
spread between and within people, and about the effective dimension that
course_mini gives to the ORL faces (see ``FaceLike``).

Why FAISS and not USearch, on 100,000 of these rows with one thread: its cells
are built in 1 s, USearch's graph in 59 s; recall@1 is 0.998 in 0.45 ms against
1.000 in 0.35 ms; the wheels have 19 and 2 MB. On macOS FAISS and PyTorch crash
in one process (two OpenMP libraries: faiss-wheels issue 73), so no notebook
uses both.
"""

import argparse
import functools
import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from course_utils import faces, images
from course_utils.faces.analysis import embed_faces


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", ".*estimate", FutureWarning)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load average {load} at the start")
    count = 10_000 if options.quick else 100_000
    for size in (512, 128):
        exact_table(count, size)
    store_table(count)
    photograph_table()


class FaceLike:
    """Random embeddings with the statistics of the ORL faces in course_mini.

    Measured there, for unit vectors: the mean of all people has length 0.37,
    people vary by 0.70 around it and photographs by 0.165 around their person
    (traces of the covariances), and the 128 dimensions work like about 85.
    """

    def __init__(self, people, size, seed=0):
        """Draw one centre a person."""
        self._random = np.random.default_rng(seed)
        # A spectrum that falls with the root of the rank: 83 of 128.
        shares = np.arange(1, size + 1) ** -0.5
        shares /= shares.sum()
        mean = self._random.standard_normal(size)
        mean *= 0.37 / np.linalg.norm(mean)
        spread = np.sqrt(0.70 * shares)
        self._centres = self._noise(people, spread) + mean.astype(np.float32)
        self._within = np.sqrt(0.165 * shares)

    def photographs(self, people):
        """Draw one photograph of each of these people; float32, unit length."""
        rows = self._centres[people] + self._noise(len(people), self._within)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    def _noise(self, count, spread):
        size = len(spread)
        noise = self._random.standard_normal((count, size), dtype=np.float32)
        return noise * spread.astype(np.float32)


def exact_table(count, size):
    """Top 5 of all rows: the article's loop, the gallery, the bare product."""
    print(f"\nExact top 5 of {count:,} embeddings of {size} numbers")
    with tempfile.TemporaryDirectory() as folder:
        gallery, queries = filled_gallery(Path(folder), count, size)
        matrix = gallery.embeddings().matrix
        loop = functools.partial(article_loop, list(matrix))
        runs = {
            "the article's loop": loop,
            "FaceGallery.search": gallery.search,
            "matrix @ query alone": lambda query: matrix @ query,
        }
        assert_same(loop(queries[0]), gallery, queries[0])
        report(interleave(runs, queries[:7], slow=loop))


def article_loop(rows, query):
    """Compare with every row, as the article compares two faces."""

    def cosine_similarity(a, b):
        return np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))

    similarities = [cosine_similarity(row, query) for row in rows]
    order = range(len(rows))
    return sorted(order, key=similarities.__getitem__, reverse=True)[:5]


def assert_same(best_rows, gallery, query):
    """Both must find the same people, else the times say nothing."""
    people = [gallery.embeddings().people[row] for row in best_rows]
    found = [match.person for match in gallery.search(query, k=5).matches]
    once = list(dict.fromkeys(people))
    assert found[: len(once)] == once, (found, once)


def filled_gallery(folder, count, size):
    """Enrol ten photographs a person; return it and queries of the people."""
    people = count // 10
    faces_like = FaceLike(people, size)
    owners = np.arange(count) % people
    gallery = faces.FaceGallery(folder)
    enrol(gallery, owners, faces_like.photographs(owners))
    asked = np.random.default_rng(1).integers(0, people, 500)
    return gallery, faces_like.photographs(asked)


def enrol(gallery, owners, rows, first=0):
    """Commit rows of the people of these numbers."""
    gallery.enrol_embeddings(
        [f"person {owner}" for owner in owners],
        rows,
        [f"{first + place}.jpg" for place in range(len(rows))],
        digests=[
            (first + place).to_bytes(32, "big") for place in range(len(rows))
        ],
        pack=faces.gallery.PackIdentity("course_mini", "invented"),
    )


def store_table(count):
    """What the file costs: each once, then the median of five."""
    print(f"\nA gallery of {count:,} rows of 128 numbers, milliseconds")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        gallery, queries = filled_gallery(Path(folder), count, 128)
        print(
            f"  enrol all in one commit {time.perf_counter() - started:8.1f} s"
        )
        numbers = iter(range(count, 2 * count))

        def add_one():
            number = next(numbers)
            enrol(gallery, [number], queries[:1], first=number)

        def open_and_read():
            with faces.FaceGallery(folder) as other:
                len(other)

        actions = {
            "open and read all rows": open_and_read,
            "add one row": add_one,
            "search after that": lambda: gallery.search(queries[0]),
            "search again": lambda: gallery.search(queries[0]),
            "remove a person": lambda: gallery.remove(gallery.people()[0]),
        }
        times = {name: [] for name in actions}
        for _ in range(5):
            for name, action in actions.items():
                started = time.perf_counter()
                action()
                times[name].append(1e3 * (time.perf_counter() - started))
    for name, row in times.items():
        print(f"  {name:24} {statistics.median(row):8.1f}")


def photograph_table():
    """Photographs: enrolled one by one, against embedding them only."""
    print("\nOne photograph: read, detect, embed, judge, commit")
    app = faces.load_face_analysis()
    paths = [
        path
        for path in images.samples("faces")
        if len(embed_faces(app, images.load_image(path))) == 1
    ]
    with tempfile.TemporaryDirectory() as folder:
        gallery = faces.FaceGallery(folder, app)
        rounds = iter(range(1_000))

        def enrol_all(_query):
            number = next(rounds)
            for path in paths:
                gallery.enrol(f"{path.stem} {number}", path)

        def embed_all(_query):
            for path in paths:
                embed_faces(app, images.load_image(path))

        runs = {"embed_faces alone": embed_all, "gallery.enrol": enrol_all}
        times = interleave(runs, range(5))
    report({name: [t / len(paths) for t in row] for name, row in times.items()})


def interleave(runs, queries, slow=None):
    """Run all in turn for each query; if one is slow, the others ten times."""
    times = {name: [] for name in runs}
    for number, query in enumerate([queries[0], *queries]):
        for name, run in runs.items():
            for _ in range(1 if slow is None or run is slow else 10):
                started = time.perf_counter()
                run(query)
                if number:  # the first round warms up
                    times[name].append(time.perf_counter() - started)
    return times


def report(times):
    """Print median and quickest, and ratios of the medians to the first."""
    medians = {name: statistics.median(row) for name, row in times.items()}
    reference = next(iter(medians.values()))
    for name, row in times.items():
        print(
            f"  {name:22} {medians[name] * 1000:9.2f} ms "
            f"(quickest {min(row) * 1000:8.2f})   "
            f"{reference / medians[name]:8.2f} x"
        )


if __name__ == "__main__":
    main()
