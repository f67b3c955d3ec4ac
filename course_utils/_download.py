"""One HTTP download that survives dropped connections, for ``weights``.

What has arrived is kept in ``<file>.part`` and continued with an HTTP range
request (RFC 9110, section 14), as long as the server can prove with
``If-Range`` that its file is still the same one.
"""

import os
import re
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests
from tqdm.auto import tqdm
from urllib3.exceptions import ProtocolError

TRIES_WITHOUT_PROGRESS = 5
FIRST_PAUSE = 0.5  # seconds, doubled after every try without progress
TIMEOUT = (10, 60)  # seconds to connect, seconds of silence while receiving
CHUNK = 8192  # bytes; what a dropped connection loses at most


class DownloadError(Exception):
    """A download failed for good; the message is one clear sentence."""


class OfflineError(DownloadError):
    """The server cannot be reached at all."""


class _Dropped(Exception):
    """This try failed, another one may succeed."""


class _Unreachable(_Dropped):
    """This try did not even get a connection."""


def download(url: str, destination: Path, progress: bool = True) -> Path:
    """Fetch ``url`` into the file ``destination``, continuing where it stopped.

    The file appears under its own name only when every byte has arrived;
    one that is there already is left as it is. Stopping, also with
    KeyboardInterrupt, keeps ``destination`` + ".part" for the next time.
    Raises OfflineError or DownloadError.
    """
    if destination.exists():
        return destination
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_name(destination.name + ".part")
    failures = 0
    with requests.Session() as session:
        while True:
            before = _size(partial)
            try:
                _receive(session, url, partial, progress)
                break
            except _Dropped as problem:
                first = not failures
                failures = 1 if _size(partial) > before else failures + 1
                _give_up_if_hopeless(url, problem, first, failures)
                time.sleep(FIRST_PAUSE * 2 ** (failures - 1))
    os.replace(partial, destination)
    _validator_file(partial).unlink(missing_ok=True)
    return destination


def _give_up_if_hopeless(url, problem, first, failures):
    """Raise once another try is not worth the learner's time."""
    if first and isinstance(problem, _Unreachable):
        raise OfflineError(
            f"{urlsplit(url).hostname} cannot be reached ({problem}): you "
            "seem to be offline."
        ) from problem
    if failures >= TRIES_WITHOUT_PROGRESS:
        raise DownloadError(
            f"The download of {url} failed {failures} times in a row "
            f"({problem}); what arrived is kept, so try again later to "
            "continue."
        ) from problem


def _receive(session, url, partial, progress):
    """Append to ``partial``; raise _Dropped unless it is complete then."""
    offset, validator = _resume_point(partial)
    # A compressed transfer would make lengths and offsets meaningless.
    headers = {"Accept-Encoding": "identity"}
    if offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": validator}
    try:
        with session.get(
            url, headers=headers, stream=True, timeout=TIMEOUT
        ) as response:
            total = _expected_size(response, partial, offset, validator)
            resumed = response.status_code == 206
            _check_free_space(partial.parent, total, offset if resumed else 0)
            _write(response, partial, total, resumed, progress)
    except requests.RequestException as problem:
        raise _as_dropped(problem) from problem
    if total is not None and _size(partial) < total:
        raise _Dropped("the connection closed early")


def _expected_size(response, partial, offset, validator) -> int | None:
    """Return the whole file's size in bytes, None if the server is mute."""
    status = response.status_code
    if status == 206:
        found = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", "")
        )
        same = _validator(response) in (None, validator)
        if found and same and int(found[1]) == offset:
            return int(found[2])
    if status in (206, 416):
        # Not the continuation of what lies here: begin again, cleanly.
        partial.unlink(missing_ok=True)
        raise _Dropped("the file on the server has changed")
    if status == 429 or status >= 500:
        raise _Dropped(f"the server answered {status}")
    if status != 200:
        raise DownloadError(
            f"The server answered {status} ({response.reason}) for "
            f"{response.url}, so the file has moved or is not public."
        )
    length = response.headers.get("Content-Length")
    return None if length is None else int(length)


def _write(response, partial, total, resumed, progress):
    """Stream the body to disk; the validator goes first, so both fit."""
    if not resumed:
        partial.unlink(missing_ok=True)
        _validator_file(partial).write_text(_validator(response) or "")
    bar = tqdm(
        desc=partial.stem,
        total=total,
        initial=_size(partial),
        unit="B",
        unit_scale=True,
        disable=not progress,
    )
    try:
        with bar, partial.open("ab") as file:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    except requests.RequestException:
        raise  # an OSError too, but the network's and not the disk's
    except OSError as problem:
        raise DownloadError(
            f"{partial} cannot be written ({problem.strerror or problem}): "
            "make room or permit writing there, then try again."
        ) from problem


def _as_dropped(problem) -> _Dropped:
    """Tell 'no connection' from 'connection lost on the way'."""
    cause = problem.args[0] if problem.args else None
    connected = isinstance(cause, ProtocolError)
    if isinstance(problem, requests.ConnectionError) and not connected:
        return _Unreachable(type(problem).__name__)
    return _Dropped("the connection broke")


def _check_free_space(folder, total, have):
    free = shutil.disk_usage(folder).free
    if total is not None and free < total - have:
        raise DownloadError(
            f"{folder} has {free / 1e6:.0f} MB free but the download needs "
            f"{(total - have) / 1e6:.0f} MB more: make room and try again."
        )


def _resume_point(partial) -> tuple[int, str]:
    """Return (bytes already here, validator), (0, "") to begin at the start."""
    known = _validator_file(partial)
    validator = known.read_text() if known.exists() else ""
    # Without a validator nothing proves that both halves belong together.
    return (_size(partial), validator) if validator else (0, "")


def _validator(response) -> str | None:
    """Return what ``If-Range`` accepts: a strong ETag, else the date."""
    etag = response.headers.get("ETag")
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")


def _validator_file(partial) -> Path:
    return partial.with_name(partial.name + ".validator")


def _size(path) -> int:
    return path.stat().st_size if path.exists() else 0
