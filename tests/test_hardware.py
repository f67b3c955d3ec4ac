"""What a process may use, read from copies of a control group's files.

A real group needs root and a kernel that shows them; the copies are a patched
probe, which runs everywhere.
"""

import os
import subprocess
import sys

import pytest

from course_utils import hardware


@pytest.fixture
def group(tmp_path, monkeypatch):
    """A folder in the place where a container's limits stand."""
    monkeypatch.setattr(hardware, "_GROUP", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("150000 100000", 2), ("10000 100000", 1), ("max 100000", 64)],
)
def test_cores_of_a_group(limit, cores, group, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    (group / "cpu.max").write_text(limit)
    assert hardware.usable_cores() == cores


def test_affinity_counts_without_a_group(group):
    assert hardware.usable_cores() == len(os.sched_getaffinity(0))


def test_pytorch_starts_as_many_threads_as_the_quota_allows(group):
    (group / "cpu.max").write_text("100000 100000")
    program = f"""
import os, pathlib
from course_utils import hardware
hardware._GROUP = pathlib.Path({str(group)!r})
os.sched_getaffinity = lambda _: range(64)
os.environ.pop("OMP_NUM_THREADS", None)
hardware.prepare()
import torch
print(torch.get_num_threads())
"""
    printed = subprocess.check_output([sys.executable, "-c", program])
    assert int(printed) == 1


def test_a_container_has_less_memory_than_its_machine(group, monkeypatch):
    machine = group / "meminfo"
    machine.write_text("MemTotal: 64000000 kB\nMemAvailable: 32000000 kB\n")
    monkeypatch.setattr(hardware, "_MEMORY", machine)
    assert hardware.free_memory() == 32_768_000_000
    (group / "memory.max").write_text("4300000000")
    (group / "memory.stat").write_text("anon 600000000\nfile 3300000000\n")
    assert hardware.free_memory() == 3_700_000_000


def test_tensorflow_may_be_imported_first():
    """triton loaded after TensorFlow would end the process without a word."""
    program = (
        "import tensorflow; from course_utils.style import tensorflow_backend;"
        "import torch; pixels = torch.zeros(3, requires_grad=True);"
        "torch.optim.LBFGS([pixels]); import torchvision"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
