import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.trials.tiny import data, plain, recipe, states
from trials.checkpoint import read
from trials.parallel import rank
from trials.trial import Result, Setting, Trial, run

TOGETHER = Setting("cpu", processes=2)


def curve(result: Result) -> list[tuple[float, float]]:
    assert result.status == "complete", result.details
    return [(epoch.loss, epoch.score) for epoch in result.curve]


def exact(**changes: object):
    return recipe(precision="fp64", lr=0.01, sync_norms=True, **changes)


class Last(nn.Module):
    """Do something bad in the second process only."""

    def __init__(self, harm: str) -> None:
        super().__init__()
        self.harm = harm

    def forward(self, x: Tensor) -> Tensor:
        if rank() == 1 and self.harm == "die":
            os._exit(7)
        if rank() == 1:
            raise RuntimeError("only here")
        return x


def unlucky(harm: str) -> nn.Module:
    return plain(extra=Last(harm))


def test_two_processes_learn_what_one_does_from_the_same_batches(tmp_path):
    how = exact(ema=0.9, augment=("crop", "flip", "cutout"))

    alone = run(plain, how, 0, data(), Setting("cpu", folder=tmp_path / "one"))
    together = run(plain, how, 0, data(), replace(TOGETHER, folder=tmp_path / "two"))

    assert together.world == 2
    for (loss, score), (other, same) in zip(curve(alone), curve(together), strict=True):
        assert abs(loss - other) <= 1e-12
        assert score == same
    one, two = (read(tmp_path / name / "weights.state") for name in ("one", "two"))
    assert list(one) == list(two)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_without_synced_norms_each_process_norms_its_own_part():
    how = replace(exact(epochs=1), sync_norms=False)

    alone, together = (
        run(plain, how, 0, data(), Setting("cpu")),
        run(plain, how, 0, data(), TOGETHER),
    )

    assert abs(curve(alone)[0][0] - curve(together)[0][0]) > 1e-6


@pytest.mark.slow
def test_two_processes_go_on_from_their_checkpoint(tmp_path):
    how = exact()
    setting = replace(TOGETHER, folder=tmp_path)
    for epoch in Trial(plain, how, 0, data(), setting):
        if epoch.number == 2:
            break
    left = states(tmp_path)

    resumed = run(plain, how, 0, data(), setting)

    assert left == ["epoch-00001.state", "epoch-00002.state"]
    assert curve(resumed) == curve(run(plain, how, 0, data(), TOGETHER))


@pytest.mark.slow
def test_a_fault_in_one_process_is_the_trials():
    result = run(partial(unlucky, "raise"), recipe(), 0, data(), TOGETHER)

    assert (result.status, result.score) == ("failed", None)
    assert result.reason == "RuntimeError: only here"
    assert "in forward" in result.details


@pytest.mark.slow
def test_a_process_that_dies_ends_the_trial_at_once():
    started = time.monotonic()

    result = run(partial(unlucky, "die"), recipe(), 0, data(), TOGETHER)

    assert (result.status, result.score) == ("failed", None)
    assert result.reason == "a process of the trial died with exit code 7"
    assert time.monotonic() - started < 60


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(ValueError, match="batch = 15 is not divisible by processes = 2"):
        Trial(plain, recipe(batch=15), 0, data(), TOGETHER)


def test_a_network_that_other_processes_cannot_know_is_refused():
    with pytest.raises(ValueError, match="what 2 processes are to build must be defined in a mod"):
        Trial(lambda: plain(), recipe(), 0, data(), TOGETHER)


ORPHANS = """
import multiprocessing
from tests.trials.tiny import data, plain, recipe
from trials.trial import Setting, Trial

if __name__ == "__main__":
    how = recipe(epochs=100_000)
    for _ in Trial(plain, how, 0, data(), Setting("cpu", processes=2)):
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
"""


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_processes_of_a_trial_do_not_outlive_its_driver(tmp_path):
    script = tmp_path / "orphans.py"
    script.write_text(ORPHANS)
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as driver:
        children = [int(number) for number in driver.stdout.readline().split()]
        driver.kill()

    deadline = time.monotonic() + 20
    while any(alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert len(children) == 2
    assert not any(alive(child) for child in children)
