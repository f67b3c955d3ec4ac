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
def copied_group(tmp_path, monkeypatch):
    """Write a group's files where the probe is told to look."""

    def write(files):
        own = tmp_path / "own"
        own.write_text("0::/job/step")
        (tmp_path / "job").mkdir()
        for name, text in files.items():
            (tmp_path / "job" / name).write_text(text)
        monkeypatch.setattr(hardware, "_GROUPS", tmp_path)
        monkeypatch.setattr(hardware, "_OWN_GROUPS", own)

    return write


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("max 100000", 64),
    ],
)
def test_cores_of_a_group(limit, cores, copied_group, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    copied_group({"cpu.max": limit})
    assert hardware.usable_cores() == cores


def test_pytorch_starts_as_many_threads_as_the_quota_allows(copied_group):
    copied_group({"cpu.max": "100000 100000"})
    program = f"""
import os, pathlib
from course_utils import hardware
hardware._GROUPS = pathlib.Path({str(hardware._GROUPS)!r})
hardware._OWN_GROUPS = pathlib.Path({str(hardware._OWN_GROUPS)!r})
os.sched_getaffinity = lambda _: range(64)
os.environ.pop("OMP_NUM_THREADS", None)
hardware.prepare()
import torch
print(torch.get_num_threads())
"""
    printed = subprocess.check_output([sys.executable, "-c", program])
    assert int(printed) == 1


def test_page_cache_is_free(copied_group, tmp_path, monkeypatch):
    machine = tmp_path / "meminfo"
    machine.write_text("MemTotal: 64000000 kB\nMemAvailable: 32000000 kB\n")
    monkeypatch.setattr(hardware, "_MEMORY", machine)
    copied_group(
        {
            "memory.max": "4300000000",
            "memory.current": "3900000000",
            "memory.stat": "anon 600000000\ninactive_file 3300000000\n",
        }
    )
    assert hardware.free_memory() == 3_700_000_000


TENSORFLOW_FIRST = """
import tensorflow
from course_utils.style import tensorflow_backend
import torch
torch.optim.LBFGS([torch.zeros(3, requires_grad=True)])
import torchvision
"""
OURS_FIRST = """
from course_utils.style import tensorflow_backend
import torchvision
"""


@pytest.mark.parametrize("program", [TENSORFLOW_FIRST, OURS_FIRST])
def test_tensorflow_and_pytorch_share_a_process(program):
    """triton loaded after TensorFlow would end it without a word."""
    subprocess.run([sys.executable, "-c", program], check=True)
