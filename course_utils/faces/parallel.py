"""InsightFace's ``FaceAnalysis``, with the faces shared among the cores."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from insightface.app import FaceAnalysis
from insightface.app.common import Face


class ParallelFaceAnalysis(FaceAnalysis):
    """The same models, input and output as ``FaceAnalysis``, only faster.

    InsightFace runs recognition, landmarks, gender and age of one face after
    the other. They do not depend on each other, and onnxruntime works outside
    Python's lock, so a small pool of threads can take them side by side.
    """

    def __init__(self, *args, **kwargs):
        """Take the arguments of ``insightface.app.FaceAnalysis``."""
        super().__init__(*args, **kwargs)
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)

    def get(self, img, max_num=0, det_metric="default"):
        """Detect and describe faces: see ``FaceAnalysis.get``.

        ``img`` is BGR ``uint8``, shape (height, width, 3).
        """
        if self.addons:  # liveness decides whether recognition may run
            return super().get(img, max_num, det_metric)
        faces = self.detect(img, max_num, det_metric)
        work = [
            (model, face)
            for face in faces
            for task, model in self.models.items()
            if task != "detection"
        ]
        for _ in self._pool.map(lambda job: job[0].get(img, job[1]), work):
            pass  # an exception in a thread is raised here
        return faces

    def detect(self, img, max_num=0, det_metric="default") -> list[Face]:
        """Only detect, with the same arguments as ``get``.

        Returns faces with ``bbox`` (x0, y0, x1, y1) in pixels, ``det_score``
        0 to 1, and ``kps``, (5, 2) in pixels, or None.
        """
        boxes, key_points = self.det_model.detect(
            img, max_num=max_num, metric=det_metric
        )
        return [
            Face(
                bbox=box[:4],
                det_score=box[4],
                kps=None if key_points is None else key_points[number],
            )
            for number, box in enumerate(boxes)
        ]
