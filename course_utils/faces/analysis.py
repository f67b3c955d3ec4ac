"""Load a model pack, and detect the faces of a picture."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_utils import hardware, images, weights


class NoFaceError(ValueError):
    """A face is needed and none was found."""


@dataclass(frozen=True)
class PackSettings:
    """What suits one model pack; the defaults are InsightFace's."""

    det_thresh: float = 0.5  # lowest score that counts as a face, 0 to 1
    threshold: float | None = None  # cosine of one person, where published
    search_threshold: float | None = None  # and of a known one in a gallery
    small: bool = False  # networks: the cores share faces, not one network


PACK_SETTINGS = {
    # 0.363: OpenCV's FaceRecognizerSF tutorial, on LFW. In a search a stranger
    # has as many chances as people are enrolled: of 400 ORL photographs, among
    # 39 other people, 31 % reach 0.363 and 0.8 % reach 0.463, as do all 200 of
    # enrolled people. Others need another one: notebook 04 finds it from data.
    "course_mini": PackSettings(0.65, 0.363, 0.463, small=True),
    # Threshold: InsightFace's server README, at a false accept rate of 1e-6.
    "buffalo_l": PackSettings(0.5, 0.4078, 0.4078),
}


def settings_for(pack: str) -> PackSettings:
    """Look up a pack by name; unknown ones get the defaults."""
    return PACK_SETTINGS.get(pack, PackSettings())


def threshold_for(pack: str, *, search: bool = False) -> float:
    """Look up from which cosine similarity two faces count as one person.

    In a ``search``: from which the best match of many counts as known.
    """
    settings = settings_for(pack)
    threshold = settings.search_threshold if search else settings.threshold
    if threshold is None:
        raise ValueError(
            f"No threshold is published for {pack!r}: give threshold=, chosen "
            "with faces.calibrate on pairs of your own."
        )
    return threshold


def load_face_analysis(
    pack: str | os.PathLike = "course_mini",
    *,
    det_size: tuple[int, int] | None = None,
    det_thresh: float | None = None,
    providers: Sequence[str | tuple[str, dict]] | None = None,
):
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
        providers: onnxruntime execution providers, best first, each a name or
            (name, options). Default: the GPU when onnxruntime offers one, else
            the CPU.

    Returns a ``FaceAnalysis``; ``app.get`` takes BGR, ``detect_faces`` RGB.
    Raises WeightsError for a pack that is absent or broken, ValueError for a
    size, threshold or provider that cannot be used.
    """
    folder = _pack_folder(pack)
    settings = settings_for(folder.name)
    det_thresh = settings.det_thresh if det_thresh is None else det_thresh
    _check_detector_settings(det_size, det_thresh)
    _check_providers(providers or ())
    try:
        app = _open_pack(folder, providers, settings.small)
    except Exception as error:  # InsightFace and onnxruntime raise many kinds
        fault = weights.pack_fault(folder)
        if fault is None:  # it is not the pack's
            raise
        raise weights.WeightsError(_complaint(pack, folder, fault)) from error
    # ctx_id would only force the CPU when negative; providers= decides.
    app.prepare(ctx_id=0, det_thresh=det_thresh, det_size=det_size)
    return app


def detect_faces(app, image: np.ndarray) -> list:
    """Find all faces of a picture, from left to right; run all models on each.

    An InsightFace ``Face`` is a dictionary with attributes: ``bbox`` (x0, y0,
    x1, y1) in pixels, ``det_score`` 0 to 1, ``kps`` (5, 2), and what the
    pack's models add: ``embedding``, ``landmark_2d_106`` (106, 2),
    ``landmark_3d_68`` (68, 3), ``pose`` (pitch, yaw, roll) in degrees,
    ``gender``, ``age`` in years.
    """
    return _left_to_right(app.get(_to_bgr(image)))


def embed_faces(app, image: np.ndarray) -> list:
    """Find faces and run only the recognition model: see ``detect_faces``."""
    model = recognition_model(app)
    bgr = _to_bgr(image)
    faces = app.detect(bgr)
    for face in faces:
        model.get(bgr, face)
    return _left_to_right(faces)


def recognition_model(app):
    """Return the model that makes the embeddings, or raise ValueError."""
    model = app.models.get("recognition")
    if model is None:
        raise ValueError("This pack has no recognition model: use another.")
    return model


def largest_face(faces: Sequence):
    """Return the face with the largest box, usually the one that is meant."""
    if not faces:
        raise NoFaceError(
            "No face was found: try a sharper picture, a lower det_thresh "
            "or another det_size."
        )
    return max(faces, key=lambda face: np.prod(face.bbox[2:] - face.bbox[:2]))


def _to_bgr(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.require_rgb(image)[..., ::-1])


def _left_to_right(faces: Iterable) -> list:
    return sorted(faces, key=lambda face: face.bbox[0])


def _pack_folder(pack: str | os.PathLike) -> Path:
    packs = weights.face_packs()
    if pack in packs:
        return weights.find(pack)
    folder = Path(os.path.expanduser(pack))
    if not folder.is_dir():
        raise weights.WeightsError(
            f"{str(pack)!r} is neither a folder nor one of {', '.join(packs)}."
        )
    return folder.resolve()


def _open_pack(folder: Path, providers: Sequence | None, small: bool):
    from insightface.model_zoo import model_zoo

    from course_utils.faces.parallel import ParallelFaceAnalysis

    cores = hardware.usable_cores()
    app = ParallelFaceAnalysis(
        str(folder),
        providers=providers,
        sess_options=_session_options(1 if small else cores),
    )
    if small:  # The detector runs alone, before there are faces to share out.
        app.det_model = app.models["detection"] = model_zoo.get_model(
            app.det_model.model_file,
            providers=providers,
            sess_options=_session_options(cores),
        )
    return app


def _session_options(threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Idle threads would otherwise burn a core each, waiting for work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _complaint(pack: str | os.PathLike, folder: Path, fault: str) -> str:
    if pack in weights.TABLE:
        return weights.TABLE[pack].complaint(f"broken: {fault}")
    return f"{folder} cannot be used: {fault}; name a model pack's folder."


def _check_detector_settings(det_size, det_thresh) -> None:
    if det_size is not None and (
        np.shape(det_size) != (2,)
        or np.min(det_size) < 32
        or np.mod(det_size, 32).any()
    ):
        raise ValueError(
            "det_size is (width, height) in multiples of 32, for instance "
            f"(640, 640), not {det_size!r}."
        )
    if not 0 < det_thresh < 1:
        raise ValueError(f"det_thresh lies between 0 and 1, not {det_thresh}.")


def _check_providers(wanted) -> None:
    from onnxruntime import get_available_providers

    if isinstance(wanted, str):
        raise ValueError(f"providers is a list of names: write [{wanted!r}].")
    offered = get_available_providers()
    names = [each if isinstance(each, str) else each[0] for each in wanted]
    missing = [name for name in names if name not in offered]
    if missing:
        raise ValueError(
            f"This onnxruntime does not offer {', '.join(missing)}, only "
            f"{', '.join(offered)}: see 'NVIDIA GPU' in the README."
        )
