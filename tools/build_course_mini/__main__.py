"""Build the pack: `python -m tools.build_course_mini`."""

import argparse
import hashlib
from pathlib import Path

from . import sources
from .detection import build_detection
from .gender_age import build_gender_age
from .landmarks import build_landmarks_68, build_landmarks_106
from .recognition import build_recognition

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "course_utils/faces/packs/course_mini"
SOURCES = ROOT / "build/sources"

FILES = {
    "detection.onnx": (build_detection, sources.YUNET),
    "recognition.onnx": (build_recognition, sources.SFACE),
    "landmark_2d_106.onnx": (build_landmarks_106, sources.FACE_MESH),
    "landmark_3d_68.onnx": (build_landmarks_68, sources.FACE_MESH),
    "genderage.onnx": (
        build_gender_age,
        sources.AGE_GENDER_MANIFEST,
        sources.AGE_GENDER_WEIGHTS,
    ),
}


def main():
    """Fetch the sources and write the pack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PACK)
    parser.add_argument("--sources", type=Path, default=SOURCES)
    options = parser.parse_args()
    build_pack(options.output, options.sources)


def build_pack(output, source_folder):
    """Write the pack's ONNX files and SHA256SUMS into the folder `output`."""
    models = {
        name: build(*(part.load(source_folder) for part in parts))
        for name, (build, *parts) in FILES.items()
    }
    output.mkdir(parents=True, exist_ok=True)
    checksums = ""
    for name, data in models.items():
        (output / name).write_bytes(data)
        checksums += f"{hashlib.sha256(data).hexdigest()}  {name}\n"
        print(f"{len(data):>12,} bytes  {output / name}")
    (output / "SHA256SUMS").write_text(checksums, encoding="utf-8")


if __name__ == "__main__":
    main()
