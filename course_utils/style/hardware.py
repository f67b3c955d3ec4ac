"""What the processor is good at, and how much memory is left."""

import contextlib
import ctypes
import functools
import os
from pathlib import Path


@functools.cache
def cpu_has_bfloat16() -> bool:
    """Say whether the processor multiplies bfloat16 in hardware.

    Without AVX512-BF16 or AMX a bfloat16 convolution is emulated, slower than
    float32. Read from Linux's list of processor features; False elsewhere.
    """
    try:
        features = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in features or "amx_bf16" in features


def free_memory() -> int | None:
    """Return the bytes this process may still take, None if unknown.

    The smaller of what the machine has left and what the container allows
    (Linux; control groups version 2).
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    sizes = dict(line.split(":") for line in lines)
    free = int(sizes["MemAvailable"].split()[0]) * 1024
    return min(free, _container_memory(free))


def _container_memory(otherwise: int) -> int:
    folder = Path("/sys/fs/cgroup")
    try:
        limit = int((folder / "memory.max").read_text())
        return limit - int((folder / "memory.current").read_text())
    except (OSError, ValueError):  # no container, or "max": no limit
        return otherwise


def keep_freed_memory() -> None:
    """Have freed blocks stay with the process for the next one (glibc).

    Feature maps come and go at every evaluation. By default the large ones
    return to the system each time, which then hands out pages of zeros again:
    a third of a bfloat16 evaluation went into that. One heap for all threads
    (PyTorch runs backwards in a thread of its own) leaves fewer holes.
    """
    mmap_threshold, trim_threshold, arena_max = -3, -1, -8  # malloc.h
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_threshold, 2**30)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(arena_max, 1)


@contextlib.contextmanager
def silent_stderr():
    """Hide what C++ code writes to the error stream in the meantime.

    TensorFlow greets with a page of hints while it is imported, which no
    setting turns off (tensorflow issue 100442). Python's exceptions are not
    affected.
    """
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
