import errno
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from inspect import getsource
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.trials.tiny import (
    build_hungry,
    data,
    plain,
    recipe,
    states,
    trapped,
)
from trials.checkpoint import Checkpoint
from trials.data import Data
from trials.device import choose, team
from trials.epoch import Epoch
from trials.recipe import Recipe
from trials.split import Split
from trials.trial import Result, Setting, Trial, run


def timeless(result: Result) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in result.curve]


def test_a_trial_ends_with_the_score_of_its_last_epoch(tmp_path):
    result = run(plain, recipe(), 0, data(), Setting("cpu", folder=tmp_path))

    assert result.status == "complete"
    assert result.score == result.accuracy == result.curve[-1].score
    assert [epoch.number for epoch in result.curve] == [1, 2, 3]
    assert (result.world, result.precision, result.flags) == (1, "float32", ())
    assert states(tmp_path) == ["finished.state", "weights.state"]


def test_a_score_on_the_test_set_is_flagged():
    result = run(plain, recipe(select_on_test=True), 0, data(), Setting("cpu"))

    assert result.flags == ("scored on the test set",)


def test_whoever_reads_a_trial_may_stop_and_go_on_later(tmp_path):
    setting = Setting("cpu", folder=tmp_path)
    whole = run(plain, recipe(), 0, data(), Setting("cpu"))
    trial = Trial(plain, recipe(), 0, data(), setting)

    for epoch in trial:
        if epoch.number == 2:
            break

    assert (trial.result.status, trial.result.score) == ("stopped", None)
    assert trial.result.reason == "its reader left after epoch 2"
    assert timeless(trial.result) == timeless(whole)[:2]
    assert timeless(run(plain, recipe(), 0, data(), setting)) == timeless(whole)


def test_a_trial_and_its_reader_do_not_disturb_each_others_random_numbers():
    build = trapped(99, "none")  # its dropout draws from torch's global numbers
    alone = run(build, recipe(), 0, data(), Setting("cpu"))
    torch.manual_seed(5)
    expected = [float(torch.rand(())) for _ in range(3)]

    torch.manual_seed(5)
    trial = Trial(build, recipe(), 0, data(), Setting("cpu"))
    drawn = [float(torch.rand(())) for _ in trial]

    assert drawn == expected
    assert timeless(trial.result) == timeless(alone)


GO = """
import sys
from dataclasses import asdict
from pathlib import Path
from tests.trials.tiny import data, recipe, trapped
from trials.checkpoint import read
from trials.trial import Setting, run

step, folder = int(sys.argv[1]), Path(sys.argv[2])
how = recipe(epochs=4, ema=0.9, optimizer=sys.argv[3], augment=("crop", "flip", "mixup"))
result = run(trapped(step, "kill"), how, 3, data(), Setting("cpu", folder=folder))
print(result.status)
print([{**asdict(epoch), "seconds": 0} for epoch in result.curve])
weights = read(folder / "weights.state")
print({name: value.double().sum().item().hex() for name, value in weights.items()})
"""


def go(step: int, folder: Path, optimizer: str) -> subprocess.CompletedProcess[str]:
    arguments = [str(step), str(folder), optimizer]
    return subprocess.run(
        [sys.executable, "-c", GO, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("optimizer", ["sgd", pytest.param("adamw", marks=pytest.mark.slow)])
def test_a_trial_killed_within_an_epoch_goes_on_as_if_it_had_not_been(tmp_path, optimizer):
    uninterrupted = go(999, tmp_path / "a", optimizer)

    killed = go(11, tmp_path / "b", optimizer)
    left = states(tmp_path / "b")
    resumed = go(999, tmp_path / "b", optimizer)

    assert killed.returncode == -9
    assert left == ["epoch-00001.state", "epoch-00002.state"]
    assert uninterrupted.stdout.startswith("complete")
    assert resumed.stdout == uninterrupted.stdout


def test_a_damaged_checkpoint_costs_an_epoch_and_is_flagged(tmp_path):
    whole = run(plain, recipe(), 0, data(), Setting("cpu"))
    setting = Setting("cpu", folder=tmp_path)
    for epoch in Trial(plain, recipe(), 0, data(), setting):
        if epoch.number == 2:
            break
    newest = tmp_path / "epoch-00002.state"
    newest.write_bytes(newest.read_bytes()[:-100])

    result = run(plain, recipe(), 0, data(), setting)

    assert [(e.number, e.loss, e.score) for e in result.curve] == [
        (e.number, e.loss, e.score) for e in whole.curve
    ]
    assert result.flags == ("epoch-00002.state is torn: its content does not match its hash",)


def test_a_folder_of_another_training_is_left_alone(tmp_path):
    setting = Setting("cpu", folder=tmp_path)
    for _ in Trial(plain, recipe(), 0, data(), setting):
        break

    result = run(plain, recipe(lr=0.5), 0, data(), setting)
    other = run(partial(plain, extra=nn.ReLU()), recipe(), 0, data(), setting)

    assert result.status == other.status == "failed"
    assert "holds a training with lr = 0.05, this one has lr = 0.5" in result.reason
    assert "holds a training with network = " in other.reason
    assert states(tmp_path) == ["epoch-00001.state"]


def test_a_loss_that_is_no_number_is_a_result():
    result = run(trapped(6, "nan"), recipe(), 0, data(), Setting("cpu"))

    assert (result.status, result.score) == ("diverged", None)
    assert result.reason == "the loss is nan at step 2 of epoch 2"
    assert len(result.curve) == 1


def test_a_module_that_raises_is_a_result_with_its_traceback():
    result = run(trapped(6, "raise"), recipe(), 0, data(), Setting("cpu"))

    assert (result.status, result.score) == ("failed", None)
    assert result.reason == "RuntimeError: this module wants 64 channels"
    assert "in forward" in result.details


def test_a_network_that_cannot_be_built_is_a_result():
    def refuse() -> nn.Module:
        raise ValueError("channels = 24 is not divisible by 32 groups")

    result = run(refuse, recipe(), 0, data(), Setting("cpu"))

    assert result.status == "failed"
    assert result.reason == "ValueError: channels = 24 is not divisible by 32 groups"


def test_what_does_not_fit_into_memory_is_tried_once_in_parts_and_flagged():
    result = run(partial(build_hungry, 4), recipe(), 0, data(), Setting("cpu"))

    assert result.status == "complete"
    assert len(result.curve) == 3
    assert result.flags[0].startswith("batches in 4 parts, which is what norms see: [enforce fail")


def test_what_does_not_fit_in_parts_either_is_a_result():
    result = run(partial(build_hungry, 2), recipe(), 0, data(), Setting("cpu"))

    assert (result.status, result.score) == ("out of memory", None)
    assert "allocate memory" in result.reason


def test_ctrl_c_is_a_result_and_the_trial_goes_on_later(tmp_path):
    setting = Setting("cpu", folder=tmp_path)

    result = run(trapped(6, "interrupt"), recipe(), 0, data(), setting)

    assert (result.status, result.score) == ("interrupted", None)
    assert states(tmp_path) == ["epoch-00001.state"]
    assert run(trapped(99, "none"), recipe(), 0, data(), setting).status == "complete"


def test_the_time_limit_is_a_result():
    result = run(plain, recipe(epochs=10_000), 0, data(), Setting("cpu", seconds=0.5))

    assert (result.status, result.score) == ("timed out", None)
    assert result.reason.startswith("the time was up ")
    assert 0.5 <= result.seconds < 5


def unreadable(root: Path | None) -> Data:
    raise OSError(errno.EIO, "cannot be decoded", "cats/0012.jpg")


def test_an_image_that_cannot_be_read_is_a_result_that_names_it():
    result = run(plain, recipe(data=unreadable), 0, None, Setting("cpu"))

    assert result.status == "failed"
    assert "cats/0012.jpg" in result.reason


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.trials.tiny import data, plain, recipe
from trials.trial import Setting, run

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
result = run(plain, recipe(), 0, data(), Setting("cpu", folder=Path(sys.argv[1])))
print(result.status, result.reason)
"""


def test_a_full_disk_is_a_result(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("failed disk full: ")
    assert states(tmp_path) == []


# a user's own task, from its network to its metric


class Segmenter(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 3, padding=1))


def overlap(network: nn.Module, split: Split) -> float:
    guess = network(split.images / 255).argmax(1)
    both = [((guess == k) & (split.labels == k)).sum() for k in (0, 1)]
    either = [((guess == k) | (split.labels == k)).sum() for k in (0, 1)]
    return float(sum(b / e.clamp(min=1) for b, e in zip(both, either, strict=True)) / 2)


def segment(
    network: nn.Module,
    data: Data,
    recipe: Recipe,
    seed: int,
    device: torch.device,
    checkpoint: Checkpoint | None,
) -> Iterator[Epoch]:
    optimizer = torch.optim.SGD(network.parameters(), recipe.lr)
    pairs, first = (data.train.images, data.train.labels), 1
    if checkpoint and checkpoint.state:
        network.load_state_dict(checkpoint.state["network"])
        first = len(checkpoint.curve) + 1
    for number in range(first, recipe.epochs + 1):
        for images, masks in zip(*(part.split(8) for part in pairs), strict=True):
            loss = F.cross_entropy(network(images / 255), masks)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        epoch = Epoch(number, loss.item(), overlap(network, data.validation), "mIoU")
        if checkpoint:
            checkpoint.save(epoch, {"network": network.state_dict()})
        yield epoch


def squares() -> Data:
    def some(count: int) -> Split:
        corners = torch.randint(0, 8, (count, 2))
        axis = torch.arange(16)
        inside = (axis >= corners[..., None]) & (axis < corners[..., None] + 8)
        masks = inside[:, 0, :, None] & inside[:, 1, None, :]
        images = torch.randint(0, 120, (count, 3, 16, 16)) + 120 * masks[:, None]
        return Split(images.to(torch.uint8), masks.long())

    torch.manual_seed(0)
    return replace(data(), train=some(64), validation=some(16))


def test_a_loop_of_ones_own_takes_less_than_forty_lines():
    lines = sum(len(getsource(part).splitlines()) for part in (Segmenter, overlap, segment))

    assert lines < 40


def test_a_loop_of_ones_own_is_scored_stopped_and_resumed_like_any_other(tmp_path):
    how = recipe(train=segment, epochs=30, lr=0.5)
    setting = Setting("cpu", folder=tmp_path)
    whole = run(Segmenter, how, 0, squares(), Setting("cpu"))

    for epoch in Trial(Segmenter, how, 0, squares(), setting):
        if epoch.number == 5:
            break
    resumed = run(Segmenter, how, 0, squares(), setting)

    assert (whole.status, whole.metric, whole.direction) == ("complete", "mIoU", "maximize")
    assert whole.score > 0.9
    assert whole.accuracy is None
    assert resumed.curve == whole.curve
    assert states(tmp_path) == ["finished.state", "weights.state"]


def nothing(*_: object) -> Iterator[Epoch]:
    yield from ()


def only_words(*_: object) -> Iterator[str]:
    yield "epoch 1"


def no_number(*_: object) -> Iterator[Epoch]:
    yield Epoch(1, 0.5, float("nan"), "PSNR")


def test_a_loop_of_ones_own_that_yields_something_else_is_told_so():
    words = run(plain, recipe(train=only_words), 0, data(), Setting("cpu"))
    number = run(plain, recipe(train=no_number), 0, data(), Setting("cpu"))
    none = run(plain, recipe(train=nothing), 0, data(), Setting("cpu"))

    assert words.reason == "TypeError: train yielded a str; a loop yields Epochs"
    assert (number.status, number.reason) == ("diverged", "the PSNR is nan after epoch 1")
    assert (none.status, none.reason) == ("failed", "train yielded no epoch")


def test_a_gpu_that_torch_cannot_use_is_refused_unless_the_cpu_is_asked_for(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("torch can use the GPU here")
    driver = tmp_path / "version"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.256.02\nGCC version")

    with pytest.raises(ValueError) as refused:
        choose("auto", driver)

    words = str(refused.value)
    assert "470.256.02" in words
    assert torch.__version__ in words
    assert "update the driver or install a torch built for it" in words
    assert words.endswith("or ask for device cpu")
    assert choose("cpu", driver) == torch.device("cpu")
    assert choose("auto", tmp_path / "none") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "tpu:0", ""])
def test_a_device_that_is_none_is_refused_before_anything_runs(name):
    with pytest.raises(ValueError, match="is not one of 'auto', 'cpu', 'cuda', 'cuda:N'"):
        Trial(plain, recipe(), setting=Setting(name))


def test_a_trial_of_no_processes_is_refused():
    with pytest.raises(ValueError, match="processes = 0 trains nothing"):
        team("cpu", 0)
