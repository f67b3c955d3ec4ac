"""Build the pack: `python -m tools.build_course_mini`."""

import hashlib

from tools.repository import ROOT

from . import sources
from .detection import build_detection
from .gender_age import build_gender_age
from .landmarks import build_landmarks_68, build_landmarks_106
from .recognition import build_recognition

PACK = ROOT / "course_utils/faces/packs/course_mini"


def main():
    """Fetch the sources and write the pack's ONNX files and SHA256SUMS."""
    face_mesh = sources.FACE_MESH.load()
    models = {
        "detection.onnx": build_detection(sources.YUNET.load()),
        "recognition.onnx": build_recognition(sources.SFACE.load()),
        "landmark_2d_106.onnx": build_landmarks_106(face_mesh),
        "landmark_3d_68.onnx": build_landmarks_68(face_mesh),
        "genderage.onnx": build_gender_age(
            sources.AGE_GENDER_MANIFEST.load(),
            sources.AGE_GENDER_WEIGHTS.load(),
        ),
    }
    checksums = ""
    for name, data in models.items():
        (PACK / name).write_bytes(data)
        checksums += f"{hashlib.sha256(data).hexdigest()}  {name}\n"
        print(f"{len(data):>12,} bytes  {name}")
    (PACK / "SHA256SUMS").write_text(checksums, encoding="utf-8")


if __name__ == "__main__":
    main()
