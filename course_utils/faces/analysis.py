"""Load a model pack, detect faces in one picture or in a folder of them."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from course_utils import images, weights
from course_utils.faces.pack_settings import settings_for

if TYPE_CHECKING:
    from insightface.app import FaceAnalysis
    from insightface.app.common import Face

_STOPPED = "stopped before this picture was read."


class NoFaceError(ValueError):
    """A face is needed and none was found."""


@dataclass(frozen=True)
class ImageFaces:
    """What ``embed_images`` found in one file.

    Attributes:
        path: the file.
        faces: its faces from left to right, each with ``bbox``, ``kps``,
            ``det_score`` and ``embedding``; empty when there is none.
        error: why the file could not be used, or None.
    """

    path: Path
    faces: list[Face]
    error: str | None = None


def load_face_analysis(
    pack: str | os.PathLike = "course_mini",
    *,
    det_size: tuple[int, int] | None = None,
    det_thresh: float | None = None,
    providers: Sequence[str] | None = None,
) -> FaceAnalysis:
    """Load an InsightFace model pack, ready to use.

    Args:
        pack: "course_mini" (embedded, works offline), the name of an official
            pack that ``python -m course_utils models fetch NAME`` has brought
            ("buffalo_l", ...), or a folder with ONNX files.
        det_size: (width, height) in pixels, multiples of 32, to which pictures
            are scaled for the detector. Default: as InsightFace chooses, 128
            for faces that fill the picture and then 640 for the others.
        det_thresh: lowest detection score, 0 to 1. Default: what suits the
            pack.
        providers: onnxruntime execution providers, best first, for instance
            ``["CUDAExecutionProvider", "CPUExecutionProvider"]``. Default: the
            GPU when onnxruntime offers one, else the CPU.

    Returns:
        A ``FaceAnalysis``; ``app.get`` takes BGR, ``detect_faces`` takes RGB.

    Raises:
        weights.WeightsError: the pack is not there or is broken.
        ValueError: ``det_size``, ``det_thresh`` or a provider cannot be used.
    """
    import onnxruntime

    folder = _pack_folder(pack)
    settings = settings_for(folder.name)
    det_thresh = settings.det_thresh if det_thresh is None else det_thresh
    _check_detector_settings(det_size, det_thresh)
    _check_providers(providers, onnxruntime.get_available_providers())
    try:
        app = _open_pack(folder, providers, settings.threads)
    except Exception as error:  # InsightFace and onnxruntime raise many kinds
        fault = weights.pack_fault(folder)
        if fault is None:  # it is not the pack's
            raise
        raise weights.WeightsError(_complaint(pack, folder, fault)) from error
    if settings.threads == 1:
        _give_detector_all_cores(app)
    # ctx_id would only force the CPU when negative; providers= decides.
    app.prepare(ctx_id=0, det_thresh=det_thresh, det_size=det_size)
    return app


def detect_faces(app: FaceAnalysis, image: np.ndarray) -> list[Face]:
    """Find all faces of a picture and run every model of the pack on each.

    Args:
        app: from ``load_face_analysis``.
        image: RGB ``uint8``, shape (height, width, 3).

    Returns:
        InsightFace ``Face`` objects from left to right. Each is a dictionary
        with attributes: ``bbox`` (x0, y0, x1, y1) in pixels, ``det_score`` 0
        to 1, ``kps`` (5, 2), and what the pack's models add: ``embedding``,
        ``landmark_2d_106`` (106, 2), ``landmark_3d_68`` (68, 3), ``pose``
        (pitch, yaw, roll) in degrees, ``gender``, ``age`` in years.

    Raises:
        images.ImageError: ``image`` is not an RGB ``uint8`` picture.
    """
    image = images.require_rgb(image)
    if _is_a_sliver(image):
        return []
    return _left_to_right(app.get(_to_bgr(image)))


def embed_faces(app: FaceAnalysis, image: np.ndarray) -> list[Face]:
    """Find all faces of a picture and run only the recognition model on each.

    Args:
        app: from ``load_face_analysis``.
        image: RGB ``uint8``, shape (height, width, 3).

    Returns:
        Faces from left to right, each with ``bbox``, ``kps``, ``det_score``
        and ``embedding``: see ``detect_faces``.

    Raises:
        images.ImageError: ``image`` is not an RGB ``uint8`` picture.
        ValueError: the pack has no recognition model.
    """
    image = images.require_rgb(image)
    model = recognition_model(app)
    if _is_a_sliver(image):
        return []
    bgr = _to_bgr(image)
    faces = app.detect(bgr)
    for face in faces:
        model.get(bgr, face)
    return _left_to_right(faces)


def recognition_model(app: FaceAnalysis):
    """Return the model that makes the embeddings.

    Raises:
        ValueError: the pack has none.
    """
    model = app.models.get("recognition")
    if model is None:
        raise ValueError("This pack has no recognition model: use another.")
    return model


def largest_face(faces: Sequence[Face]) -> Face:
    """Return the face with the largest box, usually the one that is meant.

    Raises:
        NoFaceError: ``faces`` is empty.
    """
    if not faces:
        raise NoFaceError(
            "No face was found: try a sharper picture, a lower det_thresh "
            "or another det_size."
        )
    return max(faces, key=_box_area)


def embed_images(
    app: FaceAnalysis,
    paths: Iterable[str | os.PathLike],
    *,
    workers: int | None = None,
    progress: bool = True,
) -> list[ImageFaces]:
    """Detect and embed the faces of many files; no file can stop the others.

    Only detection and recognition run, on one core a worker. Interrupting
    keeps what is done; the files left have ``error`` set.

    Args:
        app: from ``load_face_analysis``.
        paths: picture files.
        workers: photographs worked on at the same time; default one a core.
        progress: show a bar with the time left.

    Returns:
        One ``ImageFaces`` a path, in the order given.

    Raises:
        ValueError: ``workers`` is less than 1, ``paths`` is a single one, or
            the pack has no recognition model.
    """
    if isinstance(paths, (str, os.PathLike)):
        raise ValueError(f"embed_images takes a list: write [{str(paths)!r}].")
    recognition_model(app)
    paths = [Path(path) for path in paths]
    results = [ImageFaces(path, [], _STOPPED) for path in paths]
    found = in_threads(lambda path: _embed(app, path), paths, workers)
    # Interrupted, what is done is kept and returned.
    with contextlib.closing(found), contextlib.suppress(KeyboardInterrupt):
        for place, result in enumerate(watch(found, len(paths), progress)):
            results[place] = result
    return results


def in_threads(
    function: Callable, items: Iterable, workers: int | None = None
) -> Iterator:
    """Yield ``function(item)`` of each item, in order, worked out in threads.

    Only a few items are begun before their turn, so that any number of them
    fits into memory. Close the generator to end early.

    Args:
        function: called in a thread; what it raises is raised here.
        items: what to call it with.
        workers: threads; default one a core.

    Raises:
        ValueError: at once, if ``workers`` is less than 1.
    """
    workers = os.cpu_count() or 1 if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}.")
    return _in_threads(function, items, workers)


def watch(photographs: Iterable, total: int, progress: bool) -> Iterator:
    """Pass photographs on and, if ``progress``, show a bar with time left."""
    return tqdm(photographs, total=total, unit="photo", disable=not progress)


def _in_threads(function: Callable, items: Iterable, workers: int) -> Iterator:
    pool = ThreadPoolExecutor(workers)
    begun = deque()
    try:
        for item in items:
            begun.append(pool.submit(function, item))
            if len(begun) > 4 * workers:  # a slow one must not idle the others
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _embed(app: FaceAnalysis, path: Path) -> ImageFaces:
    try:
        return ImageFaces(path, embed_faces(app, images.load_image(path)))
    except images.ImageError as error:
        return ImageFaces(path, [], str(error))
    except Exception as error:  # one strange file must not lose the others
        return ImageFaces(path, [], f"{path} failed: {error!r}.")


def _to_bgr(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[..., ::-1])


def _is_a_sliver(image: np.ndarray) -> bool:
    """Scaled to the detector's size, such a picture is less than 1 px thin."""
    return max(image.shape[:2]) > 128 * min(image.shape[:2])


def _left_to_right(faces: Iterable[Face]) -> list[Face]:
    return sorted(faces, key=lambda face: face.bbox[0])


def _box_area(face: Face) -> float:
    x0, y0, x1, y1 = face.bbox
    return float((x1 - x0) * (y1 - y0))


def _pack_folder(pack: str | os.PathLike) -> Path:
    packs = weights.face_packs()
    if pack in packs:
        return weights.find(pack)
    folder = Path(pack).expanduser()
    if not folder.is_dir():
        raise weights.WeightsError(
            f"{str(pack)!r} is neither a folder nor one of {', '.join(packs)}."
        )
    return folder


def _open_pack(folder: Path, providers, threads: int) -> FaceAnalysis:
    from course_utils.faces.parallel import ParallelFaceAnalysis

    return ParallelFaceAnalysis(
        str(folder),
        providers=None if providers is None else list(providers),
        sess_options=_session_options(threads),
    )


def _complaint(pack: str | os.PathLike, folder: Path, fault: str) -> str:
    if pack in weights.TABLE:
        return weights.TABLE[pack].complaint(f"broken: {fault}")
    return f"{folder} cannot be used: {fault}; name a model pack's folder."


def _session_options(threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Idle threads would otherwise burn a core each, waiting for work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _give_detector_all_cores(app: FaceAnalysis) -> None:
    """The detector runs alone, before there are faces to share out."""
    from insightface.model_zoo import model_zoo

    app.det_model = app.models["detection"] = model_zoo.get_model(
        app.det_model.model_file,
        providers=app.det_model.session.get_providers(),
        sess_options=_session_options(os.cpu_count() or 1),
    )


def _check_detector_settings(det_size, det_thresh) -> None:
    if det_size is not None and not _is_a_detector_size(det_size):
        raise ValueError(
            "det_size is (width, height) in multiples of 32, for instance "
            f"(640, 640), not {det_size!r}."
        )
    if not 0 < det_thresh < 1:
        raise ValueError(f"det_thresh lies between 0 and 1, not {det_thresh}.")


def _is_a_detector_size(size) -> bool:
    return (
        isinstance(size, Sequence)
        and len(size) == 2
        and all(isinstance(side, Integral) for side in size)
        and all(side >= 32 and side % 32 == 0 for side in size)
    )


def _check_providers(wanted, offered) -> None:
    if isinstance(wanted, str):
        raise ValueError(f"providers is a list of names: write [{wanted!r}].")
    missing = [name for name in wanted or () if name not in offered]
    if missing:
        raise ValueError(
            f"This onnxruntime does not offer {', '.join(missing)}, only "
            f"{', '.join(offered)}: see 'NVIDIA GPU' in the README."
        )
