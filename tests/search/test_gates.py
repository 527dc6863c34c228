"""Gate statistics of gates whose opening is known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from modules import SE, SimAM, resnet18
from search.gates import QUANTILES, openings


class Fixed(nn.Module):
    """Opens every second channel by `low`, the others by `high`."""

    site = "gate"

    def __init__(self, channels: int, low: float = 0.25, high: float = 0.75) -> None:
        super().__init__()
        shares = torch.tensor([low, high]).repeat(channels // 2)
        self.register_buffer("shares", shares[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return x * self.shares


def test_a_gate_s_opening_is_what_it_multiplies_by() -> None:
    network = resnet18(planes=8, gate=Fixed, stem="cifar", num_classes=10)

    found = openings(network, torch.randn(8, 3, 32, 32))

    assert list(found) == ["stage1", "stage2", "stage3", "stage4"]
    for one in found.values():
        assert one.mean == pytest.approx(0.5, abs=0.02)
        assert one.std == pytest.approx(0.25, abs=0.01)
        assert one.quantiles == pytest.approx((0.25, 0.25, one.quantiles[2], 0.75, 0.75))


def test_the_opening_of_se_is_its_own_gate() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(SE(16))
    x = torch.rand(4, 16, 5, 5) + 0.5

    (found,) = openings(network, x).values()

    weights = network[0].gate(x).detach().expand(x.shape).double().numpy()
    assert found.mean == pytest.approx(weights.mean(), rel=1e-5)
    assert found.std == pytest.approx(weights.std(), rel=1e-4)
    judged = np.quantile(weights, QUANTILES, method="nearest")
    assert found.quantiles == pytest.approx(tuple(judged), rel=1e-5)


def test_only_the_stages_with_gates_are_told_of() -> None:
    network = resnet18(planes=8, gate={"stage2": SE, "stage4": SimAM}, stem="cifar", num_classes=10)

    found = openings(network, torch.randn(2, 3, 32, 32))

    assert list(found) == ["stage2", "stage4"]


def test_a_network_without_gates_has_no_openings() -> None:
    network = resnet18(planes=8, stem="cifar", num_classes=10)

    assert openings(network, torch.randn(2, 3, 32, 32)) == {}
