import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.trials.tiny import plain, states
from trials.checkpoint import MARK, Checkpoint, DamagedError, expected_size, read, write
from trials.epoch import Epoch


class Touch:
    """A pickle that makes a file where it is loaded carelessly."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def saved(folder: Path, epochs: int) -> Checkpoint:
    checkpoint = Checkpoint(folder, {"lr": "0.1"})
    for number in range(1, epochs + 1):
        checkpoint.save(Epoch(number, 1 / number, 0.5), {"weight": torch.full((3,), number)})
    return checkpoint


def sealed(content: bytes) -> bytes:
    return MARK + hashlib.sha256(content).digest() + content


def test_a_file_gives_back_what_was_written(tmp_path):
    state = {
        "weight": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "numbers": [1, 2.5, None, "word", (True, b"bytes")],
    }

    write(tmp_path / "x.state", state)

    back = read(tmp_path / "x.state")
    assert torch.equal(back["weight"], state["weight"])
    assert back["weight"].stride() == state["weight"].stride()
    assert back["numbers"] == state["numbers"]


def test_the_newest_two_states_are_kept(tmp_path):
    saved(tmp_path, 4)

    assert states(tmp_path) == ["epoch-00003.state", "epoch-00004.state"]


def test_a_training_goes_on_from_its_newest_state(tmp_path):
    saved(tmp_path, 3)

    found = Checkpoint(tmp_path, {"lr": "0.1"})

    assert found.state["weight"].tolist() == [3, 3, 3]
    assert found.curve == [Epoch(number, 1 / number, 0.5) for number in (1, 2, 3)]
    assert found.remarks == []


def test_an_epochs_tuples_come_back_as_tuples(tmp_path):
    epoch = Epoch(1, 0.5, 0.25, top5=0.75, classes=(0.25, 0.5), seconds=1.5, remarks=("slow",))

    Checkpoint(tmp_path).save(epoch, {})

    assert Checkpoint(tmp_path).curve == [epoch]


def flip_a_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES = {
    "truncated": lambda content: content[:-7],
    "a bit flipped": flip_a_bit,
    "empty": lambda content: b"",
    "another file": lambda content: b"PK\x03\x04",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_state_is_passed_over_for_the_one_before(tmp_path, damage):
    saved(tmp_path, 3)
    newest = tmp_path / "epoch-00003.state"
    newest.write_bytes(damage(newest.read_bytes()))

    found = Checkpoint(tmp_path, {"lr": "0.1"})

    assert found.state["weight"].tolist() == [2, 2, 2]
    assert len(found.curve) == 2
    assert len(found.remarks) == 1
    assert found.remarks[0].startswith("epoch-00003.state ")


def test_two_damaged_states_start_the_training_again_and_do_not_outlive_it(tmp_path):
    saved(tmp_path, 3)
    for path in tmp_path.iterdir():
        path.write_bytes(flip_a_bit(path.read_bytes()))

    found = Checkpoint(tmp_path, {"lr": "0.1"})
    found.save(Epoch(1, 1.0, 0.5), {})

    assert found.state is None
    assert len(found.remarks) == 2
    assert states(tmp_path) == ["epoch-00001.state"]


@pytest.mark.parametrize("wrap", [sealed, bytes], ids=["with the right hash", "as it is"])
def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path, wrap):
    marker, path = tmp_path / "marker", tmp_path / "epoch-00001.state"
    torch.save({"state": Touch(marker)}, path)
    path.write_bytes(wrap(path.read_bytes()))

    with pytest.raises(DamagedError):
        read(path)

    assert not marker.exists()


def test_a_bare_pickle_is_refused_and_runs_nothing(tmp_path):
    marker, path = tmp_path / "marker", tmp_path / "weights.state"
    path.write_bytes(sealed(pickle.dumps(Touch(marker))))

    with pytest.raises(DamagedError, match=r"weights.state holds more than tensors"):
        read(path)

    assert not marker.exists()


def test_the_folder_of_another_training_is_refused_in_words(tmp_path):
    saved(tmp_path, 1)

    with pytest.raises(ValueError, match=r"holds a training with lr = 0.1, this one has lr = 0.2"):
        Checkpoint(tmp_path, {"lr": "0.2"})


def test_after_the_end_weights_and_curve_stay(tmp_path):
    checkpoint = saved(tmp_path, 3)
    (tmp_path / "epoch-00009.tmp").write_bytes(b"torn")

    checkpoint.finish({"weight": torch.ones(2)})

    assert states(tmp_path) == ["finished.state", "weights.state"]
    assert read(tmp_path / "weights.state")["weight"].tolist() == [1, 1]
    assert not Checkpoint(tmp_path).curve


def test_one_killed_after_its_end_and_before_it_was_heard_of_is_not_trained_again(tmp_path):
    checkpoint = saved(tmp_path, 3)
    checkpoint.finish({"weight": torch.ones(2)}, checkpoint.curve)

    again = Checkpoint(tmp_path)

    assert again.is_finished
    assert again.curve == checkpoint.curve


FULL = """
import resource, signal, sys
from pathlib import Path
import torch
from trials.checkpoint import Checkpoint
from trials.epoch import Epoch

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
checkpoint = Checkpoint(Path(sys.argv[1]))
checkpoint.save(Epoch(1, 1.0, 0.5), {"weight": torch.ones(10)})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    checkpoint.save(Epoch(2, 1.0, 0.5), {"weight": torch.ones(100_000)})
except OSError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_state_before_and_no_litter(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert "File too large" in done.stdout
    assert states(tmp_path) == ["epoch-00001.state"]
    assert Checkpoint(tmp_path).state["weight"].tolist() == [1] * 10


def test_the_expected_size_is_what_a_training_takes(tmp_path):
    network = plain()
    for _ in range(6):
        network.append(torch.nn.Linear(200, 200))
    optimizer = torch.optim.SGD(network.parameters(), 0.1, 0.9)
    for weight in network.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    checkpoint = Checkpoint(tmp_path)
    for number in (1, 2):
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
        checkpoint.save(Epoch(number, 1.0, 0.5), state)

    while_running, afterwards = expected_size(network, "sgd", ema=False)

    sizes = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert while_running == pytest.approx(sizes, rel=0.05)
    checkpoint.finish(network.state_dict())
    assert afterwards == pytest.approx((tmp_path / "weights.state").stat().st_size, rel=0.05)
