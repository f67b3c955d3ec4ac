"""What this process may use of the machine, and how libraries should use it.

The standard answers (``os.cpu_count``, the memory that the system calls
available) are those of the whole machine, also inside a container.
"""

import contextlib
import ctypes
import functools
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")  # Linux shows control groups there
_OWN_GROUPS = Path("/proc/self/cgroup")
_MEMORY = Path("/proc/meminfo")


def prepare() -> None:
    """Have the libraries behave; call it before they are imported.

    OpenMP's threads sleep while they wait: spinning, as they do by default,
    slows PyTorch down several times where a second program runs. PyTorch and
    TensorFlow start as many threads as a container allows this process cores.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if usable_cores() < _affinity():
        for name in (
            "OMP_NUM_THREADS",
            "TF_NUM_INTRAOP_THREADS",
            "TF_NUM_INTEROP_THREADS",
        ):
            os.environ.setdefault(name, str(usable_cores()))


def load_triton() -> None:
    """Load triton before TensorFlow; PyTorch alone would load it later.

    At its first optimiser or with torchvision, which after TensorFlow ends the
    process (tensorflow issue 124205). Where TensorFlow came first, triton is
    hidden, and PyTorch does without.
    """
    if "tensorflow" in sys.modules:
        sys.modules.setdefault("triton", None)
    else:
        with contextlib.suppress(ImportError):
            import triton  # noqa: F401


def keep_freed_memory() -> None:
    """Have freed blocks stay with the process for the next one (glibc).

    By default feature maps return to the system after every evaluation, which
    then hands out pages of zeros again: a third of a bfloat16 evaluation went
    into that. One heap for all threads leaves fewer holes.
    """
    mmap_threshold, trim_threshold, arena_max = -3, -1, -8  # malloc.h
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_threshold, 2**30)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(arena_max, 1)


def usable_cores() -> int:
    """Return how many cores this process may use, at least 1.

    The smaller of its affinity and its container's quota, rounded up: 2 under
    ``docker run --cpus=1.5``.
    """
    quota = min(map(_quota, _groups()), default=math.inf)
    return max(1, math.ceil(min(_affinity(), quota)))


@functools.cache
def cpu_has_bfloat16() -> bool:
    """Say whether the processor multiplies bfloat16 itself (Linux)."""
    try:
        features = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in features or "amx_bf16" in features


def free_memory() -> int | None:
    """Return the bytes this process may still fill, None if not on Linux."""
    with contextlib.suppress(OSError, AttributeError):  # as above, glibc
        # Else the blocks that this process keeps would count as used.
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    available = _named_number(_MEMORY, "MemAvailable:")
    if available is None:
        return None
    allowed = min(map(_group_memory, _groups()), default=math.inf)
    return min(available * 1024, allowed)


@contextlib.contextmanager
def silent_stderr():
    """Hide what C++ code writes to the error stream in the meantime.

    TensorFlow greets with a page of hints while it is imported, which no
    setting turns off (tensorflow issue 100442).
    """
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _groups() -> Iterator[Path]:
    """Go through the folders of this process's control groups, outwards.

    Every group around a process limits it too; a container may show the root
    only. (Version 2 of control groups: the first is on its way out.)
    """
    with contextlib.suppress(OSError):  # no Linux
        for line in _OWN_GROUPS.read_text().splitlines():
            if line.startswith("0::/"):
                own = Path(line.removeprefix("0::/"))
                yield from (_GROUPS / group for group in (own, *own.parents))


def _quota(group: Path) -> float:
    """Return the cores that a group allows, possibly a fraction."""
    quota, period = _numbers(group / "cpu.max") or (math.inf, 1)
    return quota / period


def _group_memory(group: Path) -> float:
    """Return the bytes that a group leaves.

    Files that were read lately count as used (``inactive_file``), but give
    way to whoever needs the place.
    """
    limit = _numbers(group / "memory.max")
    used = _numbers(group / "memory.current")
    if not limit or not used:
        return math.inf
    files = _named_number(group / "memory.stat", "inactive_file") or 0
    return limit[0] - used[0] + files


def _numbers(file: Path) -> list[int]:
    """Read whole numbers; none if the file is missing or says "max"."""
    with contextlib.suppress(OSError, ValueError):
        return [int(word) for word in file.read_text().split()]
    return []


def _named_number(file: Path, name: str) -> int | None:
    """Read the number behind a name, of a file with one a line."""
    with contextlib.suppress(OSError):
        for line in file.read_text().splitlines():
            if line.split()[0] == name:
                return int(line.split()[1])
    return None
