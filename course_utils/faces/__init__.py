"""Faces: detect, draw, compare, and choose a threshold.

Data flows one way: RGB picture -> ``detect_faces`` -> InsightFace ``Face``
objects -> ``verify``, ``draw_faces`` or your own code. Nothing here imports
PyTorch or TensorFlow.
"""

from course_utils.faces import scale
from course_utils.faces.analysis import (
    NoFaceError,
    detect_faces,
    largest_face,
    load_face_analysis,
)
from course_utils.faces.draw import draw_faces, draw_pose
from course_utils.faces.enrolment import FolderReport, enrol_folder
from course_utils.faces.gallery import (
    BatchEnrolment,
    Enrolment,
    FaceGallery,
    Match,
    Rejection,
    SearchResult,
    UnknownPersonError,
    WrongPackError,
    pack_identity,
    photograph_digest,
)
from course_utils.faces.gallery_quality import (
    EnrolmentError,
    PoorFaceError,
    SeveralFacesError,
    usable_face,
)
from course_utils.faces.gallery_recovery import Recovery, recover_gallery
from course_utils.faces.gallery_table import (
    GalleryDamagedError,
    GalleryError,
    PackIdentity,
)
from course_utils.faces.orl import from_afar, orl
from course_utils.faces.verification import (
    Calibration,
    Verification,
    calibrate,
    cosine_similarity,
    verify,
)

__all__ = [
    "BatchEnrolment",
    "Calibration",
    "Enrolment",
    "EnrolmentError",
    "FaceGallery",
    "FolderReport",
    "GalleryDamagedError",
    "GalleryError",
    "Match",
    "NoFaceError",
    "PackIdentity",
    "PoorFaceError",
    "Recovery",
    "Rejection",
    "SearchResult",
    "SeveralFacesError",
    "UnknownPersonError",
    "Verification",
    "WrongPackError",
    "calibrate",
    "cosine_similarity",
    "detect_faces",
    "draw_faces",
    "draw_pose",
    "enrol_folder",
    "from_afar",
    "largest_face",
    "load_face_analysis",
    "orl",
    "pack_identity",
    "photograph_digest",
    "recover_gallery",
    "scale",
    "usable_face",
    "verify",
]
