"""How fast is exact search? Ratios, measured side by side in one run.

What an index gains and loses, notebook 05 measures.
"""

import tempfile

import numpy as np

from benchmarks.timing import compare
from course_utils import faces
from course_utils.faces.gallery import pack_identity

COUNT = 100_000
SIZE = 128  # numbers in an embedding of course_mini


def main():
    """Top 5 of all rows: the article's loop, the gallery, the bare product."""
    with tempfile.TemporaryDirectory() as folder:
        gallery = filled_gallery(folder)
        matrix = gallery.embeddings().matrix
        rows, query = list(matrix), matrix[-1]
        runs = {
            "the article's loop": lambda: article_loop(rows, query),
            "FaceGallery.search": lambda: gallery.search(query, k=5),
            "matrix @ query alone": lambda: matrix @ query,
        }
        compare(f"Top 5 of {COUNT:,} embeddings", runs, 5)


def filled_gallery(folder):
    """Enrol random embeddings, ten a person: the time depends on no values."""
    gallery = faces.FaceGallery(folder)
    rows = np.random.default_rng(0).standard_normal((COUNT, SIZE), np.float32)
    names = [str(number) for number in range(COUNT)]
    gallery.enrol_embeddings(
        [f"person {number // 10}" for number in range(COUNT)],
        rows,
        names,
        digests=[name.encode() for name in names],
        pack=pack_identity(faces.load_face_analysis()),
    )
    return gallery


def article_loop(rows, query):
    """Compare with every row, as the article compares two faces."""

    def cosine_similarity(a, b):
        return np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))

    similarities = [cosine_similarity(row, query) for row in rows]
    order = range(len(rows))
    return sorted(order, key=similarities.__getitem__, reverse=True)[:5]


if __name__ == "__main__":
    main()
