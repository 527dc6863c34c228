"""Networks without values, and networks to do with as one likes."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from modules.backbones.resnet import resnet18
from trials.meta import Uncomputed, needs_values, own, separate


class Holding(nn.Module):
    def __init__(self, held: object) -> None:
        super().__init__()
        self.held = held


def test_a_network_built_on_the_meta_device_is_ones_own() -> None:
    with torch.device("meta"):
        fresh = resnet18()
    there = nn.Sequential(fresh, nn.Linear(2, 2))

    assert own(fresh) is fresh
    assert own(there) is not there


def test_only_what_was_there_before_is_copied() -> None:
    there = nn.Linear(2, 2)
    shared = partial(nn.Sequential, there)

    assert separate(lambda: there) is not there
    assert separate(shared)[0] is not there
    assert separate(lambda: Holding(torch.ops)).held is torch.ops


@pytest.mark.parametrize(
    ("function", "needed"),
    [
        (lambda x: x.sum().item(), True),
        (lambda x: bool(x.sum() > 0), True),
        (lambda x: x.nonzero(), True),
        (lambda x: x.numpy(), True),
        (lambda x: x + torch.zeros(8, 6, 6), True),
        (lambda x: x + x[:, :3], False),
        (lambda x: x.view(7), False),
    ],
)
def test_errors_for_want_of_values_are_told_from_others(
    function: Callable[[Tensor], object], needed: bool
) -> None:
    with pytest.raises((RuntimeError, TypeError)) as error:
        function(torch.zeros(1, 8, 6, 6, device="meta"))

    assert needs_values(error.value) == needed


def test_uncomputed_results_are_zeros_of_the_same_look() -> None:
    network = resnet18(stem="cifar", num_classes=10).eval()
    with torch.no_grad():
        expected = network(torch.ones(2, 3, 16, 16))
        with Uncomputed():
            got = network(torch.ones(2, 3, 16, 16))

    assert got.shape == expected.shape
    assert not got.any()
    assert expected.any()
