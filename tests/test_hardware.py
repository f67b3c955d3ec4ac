"""What a process may use: in a real control group, and read from copies.

A group of version 1 is made where the machine allows it (root on Linux). The
files of both versions are also written into a temporary folder and read from
there: a patched probe, which runs everywhere.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils import hardware

GROUPS = Path("/sys/fs/cgroup")


@pytest.fixture
def real_group():
    """Make a group; yield a function that runs Python with a limit in it."""
    made = []

    def run(controller, limits, program):
        group = GROUPS / controller / f"course_utils_test_{os.getpid()}"
        try:
            group.mkdir()
            made.append(group)
            for name, value in limits.items():
                (group / name).write_text(str(value))
        except OSError as error:
            pytest.skip(f"no control groups to be made here: {error}")
        join = f"open('{group}/cgroup.procs', 'w').write('0')"
        answer = subprocess.run(
            [sys.executable, "-c", f"{join}\n{program}"],
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.split()

    yield run
    for group in made:
        group.rmdir()


@pytest.fixture
def copied_group(tmp_path, monkeypatch):
    """Write a group's files where the probe is told to look."""

    def write(version, files):
        own = tmp_path / "own"
        names = {1: "2:memory:/job/step\n1:cpu:/job/step", 2: "0::/job/step"}
        own.write_text(names[version])
        for name, text in files.items():
            tree = "." if version == 2 else name.split(".")[0]
            file = tmp_path / tree / "job" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        monkeypatch.setattr(hardware, "_GROUPS", tmp_path)
        monkeypatch.setattr(hardware, "_OWN_GROUPS", own)

    return write


def test_cores_of_a_real_group(real_group):
    limits = {"cpu.cfs_period_us": 100_000, "cpu.cfs_quota_us": 50_000}
    program = (
        "from course_utils import hardware; hardware.prepare()\n"
        "import torch; print(hardware.usable_cores(), torch.get_num_threads())"
    )
    assert real_group("cpu", limits, program) == ["1", "1"]


@pytest.mark.parametrize(
    ("version", "files", "cores"),
    [
        (2, {"cpu.max": "200000 100000"}, 2),
        (2, {"cpu.max": "150000 100000"}, 2),
        (2, {"cpu.max": "10000 100000"}, 1),
        (2, {"cpu.max": "max 100000"}, 64),
        (1, {"cpu.cfs_quota_us": "300000", "cpu.cfs_period_us": "100000"}, 3),
        (1, {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}, 64),
        (2, {}, 64),
    ],
    ids=str,
)
def test_cores_of_a_copied_group(
    version, files, cores, copied_group, monkeypatch
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    copied_group(version, files)
    assert hardware.usable_cores() == cores


def test_affinity_counts_without_a_group(monkeypatch):
    monkeypatch.setattr(hardware, "_OWN_GROUPS", Path("/nowhere"))
    assert hardware.usable_cores() == len(os.sched_getaffinity(0))


def test_a_real_groups_page_cache_is_free(real_group, tmp_path):
    """Read 300 MB of a file with a limit of 1 GB: nearly all stays free."""
    file = tmp_path / "large"
    file.write_bytes(bytes(300_000_000))
    os.sync()  # what is not on disk yet could not be forgotten
    program = (
        "import os\nfrom course_utils import hardware\n"
        "before = hardware.free_memory()\n"
        f"with open({str(file)!r}, 'rb') as f:\n"
        "    os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)\n"
        "    while f.read(1_000_000): pass\n"
        "print(before, hardware.free_memory())"
    )
    limits = {"memory.limit_in_bytes": 10**9}
    before, after = map(int, real_group("memory", limits, program))
    assert 7 * 10**8 < before < 10**9
    assert abs(before - after) < 5 * 10**7


@pytest.mark.parametrize(
    ("version", "files"),
    [
        (
            2,
            {
                "memory.max": "4300000000",
                "memory.current": "3900000000",
                "memory.stat": "anon 600000000\ninactive_file 3300000000\n",
            },
        ),
        (
            1,
            {
                "memory.limit_in_bytes": "4300000000",
                "memory.usage_in_bytes": "3900000000",
                "memory.stat": "inactive_file 1\ntotal_inactive_file "
                "3300000000\n",
            },
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_page_cache_of_a_copied_group_is_free(
    version, files, copied_group, tmp_path, monkeypatch
):
    machine = tmp_path / "meminfo"
    machine.write_text("MemTotal: 64000000 kB\nMemAvailable: 32000000 kB\n")
    monkeypatch.setattr(hardware, "_MEMORY", machine)
    monkeypatch.setattr(hardware, "_kept_memory", lambda: 0)
    copied_group(version, files)
    assert hardware.free_memory() == 3_700_000_000


def test_what_a_process_freed_and_kept_is_free():
    """Without this a second picture of the same size would be refused."""
    program = """
import numpy as np
from course_utils import hardware
hardware.prepare()
blocks = [np.ones(10_000_000, np.float32) for _ in range(20)]
filled = hardware._kept_memory()
guard = np.ones(1000)
del blocks
print(hardware._kept_memory() - filled)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert int(answer.stdout) > 7 * 10**8


def test_tensorflow_loads_without_an_error_stream():
    program = (
        "import os, sys; os.close(2); sys.stderr = None\n"
        "import course_utils.style.tensorflow_backend"
    )
    done = subprocess.run([sys.executable, "-c", program])
    assert done.returncode == 0


def test_tensorflow_may_be_imported_first():
    """triton loaded after TensorFlow would end the process without a word."""
    program = (
        "import tensorflow; from course_utils.style import tensorflow_backend;"
        "import torch; pixels = torch.zeros(3, requires_grad=True);"
        "torch.optim.LBFGS([pixels]); import torchvision"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-500:]
