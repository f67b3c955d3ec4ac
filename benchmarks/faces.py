"""How fast are the face helpers? Ratios, measured side by side in one run.

python -m benchmarks.faces [--quick]
"""

import sys
import warnings
from multiprocessing.pool import ThreadPool

import numpy as np
from insightface.app import FaceAnalysis

from benchmarks.timing import compare
from course_utils import faces, images, weights
from course_utils.faces import analysis
from tools.build_course_mini import originals


def main():
    """Measure and print three tables."""
    rounds = 2 if "--quick" in sys.argv else 8
    warnings.filterwarnings("ignore", ".*estimate", FutureWarning)
    app = faces.load_face_analysis()
    files = images.samples("faces")
    pictures = [
        np.ascontiguousarray(images.load_image(file)[..., ::-1])
        for file in files
    ]
    stock = FaceAnalysis(str(weights.find("course_mini")))
    stock.prepare(ctx_id=0, det_thresh=app.det_thresh, det_size=app.det_size)
    all_tasks = {
        "FaceAnalysis, default sessions": lambda: run(stock.get, pictures),
        "load_face_analysis": lambda: run(app.get, pictures),
    }
    compare("All five tasks, a photograph", all_tasks, rounds, len(files))

    # The same weights in OpenCV and here.
    detector = originals.detector(app.det_thresh)
    recogniser = originals.recogniser()
    squares = [originals.letterbox(picture) for picture in pictures]
    here = faces.load_face_analysis(det_size=(640, 640))
    for task in ("landmark_2d_106", "landmark_3d_68", "genderage"):
        del here.models[task]

    def with_opencv(square):
        found = detector.detect(square)[1]
        for row in () if found is None else found:
            recogniser.feature(recogniser.alignCrop(square, row))

    two_tasks = {
        "OpenCV's YuNet and SFace": lambda: run(with_opencv, squares),
        "course_mini": lambda: run(here.get, squares),
    }
    compare("Detect and embed, a photograph", two_tasks, rounds, len(files))

    def embed(file):
        analysis.embed_faces(app, images.load_image(file))

    with ThreadPool(2) as pool:
        workers = {
            "1 worker": lambda: run(embed, files),
            "2 workers": lambda: pool.map(embed, files, chunksize=1),
        }
        compare("Read, detect and embed, a file", workers, rounds, len(files))


def run(function, pictures):
    """Call the function with each picture."""
    for picture in pictures:
        function(picture)


if __name__ == "__main__":
    main()
