"""How fast is the gallery? Ratios, measured side by side in one run.

    python benchmarks/search.py            # about ten minutes on two cores
    python benchmarks/search.py --quick    # smaller galleries, one minute

Everything compared is interleaved, so that a busy machine slows all sides.
Prints three tables: exact search against the article's loop and the bare
matrix product, the index against exact search, and enrolment.

The embeddings are made up, but not as uniform noise: they have the mean, the
spread between and within people, and about the effective dimension that
course_mini gives to the ORL faces (see ``FaceLike``).
"""

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from course_utils import faces, images
from course_utils.faces import gallery as gallery_module
from course_utils.faces.analysis import embed_faces


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("exact", "index", "enrolment"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore", ".*estimate", FutureWarning)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load average {load} at the start")
    if options.only in (None, "exact"):
        for size in (512, 128):
            exact_table(10_000 if options.quick else 100_000, size)
    if options.only in (None, "index"):
        counts = (30_000,) if options.quick else (100_000, 300_000, 1_000_000)
        for count in counts:
            index_table(count)
    if options.only in (None, "enrolment"):
        store_table(2_000 if options.quick else 10_000)
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
        rows = list(matrix)
        runs = {
            "the article's loop": lambda query: article_loop(rows, query),
            "FaceGallery.search": lambda query: gallery.search(query),
            "matrix @ query alone": lambda query: matrix @ query,
        }
        loop = runs["the article's loop"]
        assert_same(loop(queries[0]), gallery, queries[0])
        report(interleave(runs, queries[:7], slow=loop))


def article_loop(rows, query):
    """Compare with every row, as the article compares two faces."""

    def cosine_similarity(a, b):
        return np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))

    similarities = [cosine_similarity(row, query) for row in rows]
    return sorted(range(len(rows)), key=similarities.__getitem__, reverse=True)[
        :5
    ]


def assert_same(best_rows, gallery, query):
    """Both must find the same people, else the times say nothing."""
    people = [gallery.embeddings().people[row] for row in best_rows]
    found = [match.person for match in gallery.search(query, k=5).matches]
    once = list(dict.fromkeys(people))
    assert found[: len(once)] == once, (found, once)


def index_table(count):
    """Exact search against the index: time, and how often it misses."""
    print(f"\nAn index over {count:,} embeddings of 128 numbers")
    gallery_module.INDEX_FROM = 1  # also where it does not pay
    with tempfile.TemporaryDirectory() as folder:
        exact, queries = filled_gallery(Path(folder) / "exact", count, 128)
        truth = [first(exact, query) for query in queries]
        indexed, _ = filled_gallery(Path(folder) / "indexed", count, 128)
        started = time.perf_counter()
        indexed.build_index()
        print(f"  built in {time.perf_counter() - started:.0f} s")
        found = [first(indexed, query) for query in queries]
        pairs = list(zip(found, truth, strict=True))
        photograph = np.mean([a.photograph == b.photograph for a, b in pairs])
        person = np.mean([a.person == b.person for a, b in pairs])
        print(
            f"  recall@1 over {len(queries)} queries: {photograph:.3f} of the "
            f"photographs, {person:.3f} of the people"
        )
        # Ten in a row: looking at all rows empties the processor's caches.
        runs = {
            "all rows": lambda batch: [first(exact, q) for q in batch],
            "index": lambda batch: [first(indexed, q) for q in batch],
        }
        times = interleave(runs, np.split(queries[:100], 10))
    report({name: [t / 10 for t in row] for name, row in times.items()})


def first(gallery, query):
    """Return the best match."""
    return gallery.search(query, k=1).matches[0]


def filled_gallery(folder, count, size):
    """Enrol ten photographs a person; return it and queries of the people."""
    people = count // 10
    faces_like = FaceLike(people, size)
    owners = np.arange(count) % people
    gallery = faces.FaceGallery(folder)
    gallery.enrol_embeddings(
        [f"person {owner}" for owner in owners],
        faces_like.photographs(owners),
        [f"{number}.jpg" for number in range(count)],
        digests=[number.to_bytes(32, "big") for number in range(count)],
        pack=faces.gallery.PackIdentity("course_mini", "invented", size),
    )
    asked = np.random.default_rng(1).integers(0, people, 500)
    return gallery, faces_like.photographs(asked)


def store_table(count):
    """Durable rows: LanceDB as the gallery uses it, and SQLite's blobs."""
    print("\nDurable enrolment of embeddings of 128 numbers, rows a second")
    print(f"  {'rows a commit':>14} {'FaceGallery':>12} {'SQLite':>9}")
    rows = FaceLike(count, 128).photographs(np.arange(count))
    with tempfile.TemporaryDirectory() as folder:
        stores = {
            "gallery": enrol_into_gallery(Path(folder) / "gallery"),
            "sqlite": enrol_into_sqlite(Path(folder) / "rows.sqlite"),
        }
        for batch in (1, 100, count):
            times = {name: [] for name in stores}
            for number in range(20 if batch < count else 4):
                for name, enrol in stores.items():
                    started = time.perf_counter()
                    enrol(rows[:batch], number)
                    times[name].append(time.perf_counter() - started)
            rates = [batch / statistics.median(t) for t in times.values()]
            print(f"  {batch:14,} {rates[0]:12,.0f} {rates[1]:9,.0f}")


def enrol_into_gallery(folder):
    """Return a function that commits rows of a new person."""
    gallery = faces.FaceGallery(folder)
    pack = faces.gallery.PackIdentity("course_mini", "invented", 128)

    def enrol(rows, number):
        gallery.enrol_embeddings(
            [f"person {number} of {len(rows)}"] * len(rows),
            rows,
            ["x.jpg"] * len(rows),
            digests=[n.to_bytes(32, "big") for n in range(len(rows))],
            pack=pack,
        )

    return enrol


def enrol_into_sqlite(file):
    """Return the same for a table with the embedding as a blob."""
    database = sqlite3.connect(file)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")  # fsync at every commit
    database.execute(
        "CREATE TABLE faces (person, photograph, digest, embedding, "
        "UNIQUE (person, digest))"
    )

    def enrol(rows, number):
        with database:
            database.executemany(
                "INSERT OR IGNORE INTO faces VALUES (?, ?, ?, ?)",
                (
                    (
                        f"person {number} of {len(rows)}",
                        "x.jpg",
                        place.to_bytes(32, "big"),
                        row.tobytes(),
                    )
                    for place, row in enumerate(rows)
                ),
            )

    return enrol


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
