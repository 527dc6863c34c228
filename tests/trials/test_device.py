"""What a process does with its memory, told by the system's own account."""

import platform
import subprocess
import sys

import pytest

LEAVE_AND_TAKE = """
from resource import RUSAGE_SELF, getrusage

import torch

from trials.device import keep_freed_memory


def pages():
    before = getrusage(RUSAGE_SELF).ru_minflt
    for _ in range(10):
        maps = [torch.ones(2**21) for _ in range(10)]
        del maps
    return getrusage(RUSAGE_SELF).ru_minflt - before


as_it_is = pages()
keep_freed_memory(torch.device("cpu"))
first, again = pages(), pages()
print(as_it_is, again)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the account of glibc's blocks")
def test_memory_that_a_step_leaves_is_not_fetched_again_by_the_next():
    told = subprocess.run(
        [sys.executable, "-c", LEAVE_AND_TAKE], capture_output=True, text=True, check=True
    )

    as_it_is, kept = map(int, told.stdout.split())
    assert as_it_is > 10_000
    assert kept < as_it_is / 100
