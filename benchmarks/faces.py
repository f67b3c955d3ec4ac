"""How fast are the face helpers? Ratios, measured side by side in one run."""

import warnings

import cv2
import numpy as np
from insightface.app import FaceAnalysis

from benchmarks.timing import compare
from course_utils import faces, images, weights
from tools.build_course_mini import originals

ROUNDS = 8


def main():
    """Measure and print two tables."""
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
    compare("All five tasks, a photograph", all_tasks, ROUNDS, len(files))

    # The same weights in OpenCV and here.
    detector = originals.detector(app.det_thresh)
    recogniser = originals.recogniser()
    squares = [cv2.resize(picture, originals.SIZE) for picture in pictures]
    here = faces.load_face_analysis(det_size=originals.SIZE)
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
    compare("Detect and embed, a photograph", two_tasks, ROUNDS, len(files))


def run(function, pictures):
    """Call the function with each picture."""
    for picture in pictures:
        function(picture)


if __name__ == "__main__":
    main()
