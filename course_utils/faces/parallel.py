"""InsightFace's ``FaceAnalysis``, with the faces shared among the cores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from insightface.app import FaceAnalysis
from insightface.app.common import Face

from course_utils import hardware


class ParallelFaceAnalysis(FaceAnalysis):
    """The same models, input and output as ``FaceAnalysis``, only faster.

    Recognition, landmarks, gender and age do not depend on each other, and
    onnxruntime works outside Python's lock.
    """

    def __init__(self, folder, load, **options):
        """Open a pack; ``load()`` has to open it again, in another process."""
        super().__init__(folder, **options)
        self._load = load

    def get(self, img, max_num=0, det_metric="default"):
        """Detect and describe faces, as ``FaceAnalysis.get``; takes BGR."""
        faces = self.detect(img, max_num, det_metric)
        work = [
            (model, face)
            for face in faces
            for task, model in self.models.items()
            if task != "detection"
        ]
        # Threads of its own: those of an earlier call do not survive a fork.
        with ThreadPoolExecutor(hardware.usable_cores()) as pool:
            for _ in pool.map(lambda job: job[0].get(img, job[1]), work):
                pass  # an exception in a thread is raised here
        return faces

    def detect(self, img, max_num=0, det_metric="default") -> list[Face]:
        """Only detect: faces with ``bbox``, ``det_score`` and ``kps``."""
        if self._makes_a_sliver_of(img):
            return []
        boxes, key_points = self.det_model.detect(
            img, max_num=max_num, metric=det_metric
        )
        return [
            Face(bbox=box[:4], det_score=box[4], kps=points)
            for box, points in zip(boxes, key_points, strict=True)
        ]

    def __reduce__(self):
        """Travel as the way to open the pack; no session can be copied."""
        settings = list(self.models), self.det_thresh, self.det_size
        return _again, (self._load, *settings)

    def _makes_a_sliver_of(self, img) -> bool:
        """Say whether it is less than a pixel thin at a detector's size."""
        sides = np.array(img.shape[1::-1])  # width, height
        sizes = np.reshape(self.det_size, (-1, 2))
        scales = (sizes / sides).min(axis=1)
        return bool((scales * sides.min() <= 1).any())


def _again(load, tasks, det_thresh, det_size) -> ParallelFaceAnalysis:
    app = load()
    app.models = {task: app.models[task] for task in tasks}
    app.prepare(ctx_id=0, det_thresh=det_thresh, det_size=det_size)
    return app
