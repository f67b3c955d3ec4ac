"""Faces: detect, draw, compare, and choose a threshold.

Data flows one way: RGB picture -> ``detect_faces`` -> InsightFace ``Face``
objects -> ``verify``, ``draw_faces`` or your own code. Nothing here imports
PyTorch or TensorFlow.
"""

from course_utils.faces.analysis import (
    NoFaceError,
    detect_faces,
    largest_face,
    load_face_analysis,
)
from course_utils.faces.draw import draw_faces, draw_pose
from course_utils.faces.enrolment import (
    FolderReport,
    enrol_folder,
    enrol_folder_with_ray,
)
from course_utils.faces.gallery import (
    Enrolment,
    FaceGallery,
    GalleryDamagedError,
    GalleryError,
    Match,
    PackIdentity,
    Rejection,
    SearchResult,
    UnknownPersonError,
    WrongPackError,
    pack_identity,
)
from course_utils.faces.orl import from_afar, orl
from course_utils.faces.quality import (
    EnrolmentError,
    PoorFaceError,
    SeveralFacesError,
)
from course_utils.faces.verification import (
    Calibration,
    Verification,
    calibrate,
    cosine_similarity,
    verify,
)

__all__ = [
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
    "enrol_folder_with_ray",
    "from_afar",
    "largest_face",
    "load_face_analysis",
    "orl",
    "pack_identity",
    "verify",
]
