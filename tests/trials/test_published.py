"""The published columns: each rule by hand, all of ptflops' rules by ptflops itself."""

from collections.abc import Iterator

import pytest
import torch
from ptflops import get_model_complexity_info
from torch import Tensor, nn

from trials.published import ptflops06, thop0031, thop_parameters


@pytest.mark.parametrize(
    ("layer", "shape", "ptflops", "thop"),
    [
        (nn.Conv2d(4, 6, 3, padding=1, groups=2), (1, 4, 5, 5), 108 * 25 + 150, 108 * 25 + 150),
        (nn.Conv2d(4, 6, 3, stride=2, bias=False), (1, 4, 5, 5), 216 * 4, 216 * 4),
        (nn.Conv1d(1, 1, 3, padding=1, bias=False), (2, 1, 7), 42, 42),
        (nn.ConvTranspose2d(4, 6, 3), (1, 4, 5, 5), 216 * 49 + 294, 216 * 49 + 294),
        (nn.BatchNorm2d(4), (1, 4, 5, 5), 200, 200),
        (nn.BatchNorm2d(4, affine=False), (1, 4, 5, 5), 100, 200),
        (nn.GroupNorm(2, 4), (1, 4, 5, 5), 200, 0),
        (nn.InstanceNorm2d(4), (1, 4, 5, 5), 100, 0),
        (nn.LayerNorm(5), (1, 4, 5, 5), 0, 0),
        (nn.ReLU(), (1, 4, 5, 5), 100, 0),
        (nn.LeakyReLU(), (1, 4, 5, 5), 100, 100),
        (nn.GELU(), (1, 4, 5, 5), 100, 0),
        (nn.Sigmoid(), (1, 4, 5, 5), 0, 0),
        (nn.Softmax(dim=1), (1, 4, 5, 5), 0, 0),
        (nn.MaxPool2d(2), (1, 4, 6, 6), 144, 0),
        (nn.AvgPool2d(2), (1, 4, 6, 6), 144, 36),
        (nn.AdaptiveMaxPool2d(1), (1, 4, 6, 6), 144, 0),
        (nn.AdaptiveAvgPool2d(1), (1, 4, 6, 6), 144, 4 * 37),
        (nn.AdaptiveAvgPool2d(2), (1, 4, 7, 7), 196, 16 * 10),
        (nn.Linear(4, 3), (2, 4), 30, 24),
        (nn.Upsample(scale_factor=2), (1, 4, 5, 5), 400, 0),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (1, 4, 5, 5), 400, 4400),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_each_layer_counts_as_the_two_tools_have_it(layer, shape, ptflops, thop):
    counted = ptflops06(layer, shape), thop0031(layer, shape)

    assert counted == (ptflops, thop)


class Everything(nn.Sequential):
    """One of each layer that ptflops knows and images need, but for nn.LayerNorm.

    Version 0.6.9 does not know that one, the installed version does.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3, 2, padding=1, groups=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=4, bias=False),
            nn.GroupNorm(2, 8),
            nn.PReLU(),
            nn.AvgPool2d(3, 1),
            nn.Conv2d(8, 12, 1, padding=1),
            nn.InstanceNorm2d(12, affine=True),
            nn.ELU(),
            nn.Upsample(scale_factor=2),
            nn.BatchNorm2d(12, affine=False),
            nn.LeakyReLU(),
            nn.AdaptiveMaxPool2d(4),
            nn.ReLU6(),
            nn.AdaptiveAvgPool2d(2),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(48, 6),
            nn.Linear(6, 2, bias=False),
        )


def test_a_network_of_all_layers_counts_as_in_ptflops():
    theirs, _ = get_model_complexity_info(
        Everything(),
        (3, 31, 33),
        as_strings=False,
        print_per_layer_stat=False,
        backend_specific_config={"count_functional": False},
    )

    assert ptflops06(Everything(), (1, 3, 31, 33)) == theirs


def test_two_images_count_twice():
    assert ptflops06(Everything(), (2, 3, 31, 33)) == 2 * ptflops06(Everything(), (1, 3, 31, 33))
    assert thop0031(Everything(), (2, 3, 31, 33)) == 2 * thop0031(Everything(), (1, 3, 31, 33))


class Convolution(nn.Conv2d):
    """A subclass, which neither tool looks at."""


class Functional(nn.Module):
    """Products that neither tool looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("oc,nchw->nohw", self.weight, x).relu()


def test_subclasses_and_functions_cost_nothing_and_thop_does_not_see_their_parameters():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), Convolution(4, 4, 3), Functional())

    assert ptflops06(network, (1, 3, 5, 5)) == thop0031(network, (1, 3, 5, 5)) == 4 * 25 * 4
    assert thop_parameters(network) == 16


def test_a_layer_that_is_called_twice_counts_twice():
    layer = nn.Conv2d(4, 4, 1, bias=False)

    assert ptflops06(nn.Sequential(layer, layer), (1, 4, 5, 5)) == 2 * 16 * 25


def test_counting_leaves_the_network_as_it_was():
    network = Everything()
    network[1].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    ptflops06(network, (1, 3, 31, 33))

    assert network.training and network[4].training and not network[1].training
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    assert not any(hooks for hooks in forward_hooks(network))


def test_a_network_that_fails_is_left_as_it_was_too():
    network = Everything()

    with pytest.raises(RuntimeError):
        ptflops06(network, (1, 4, 31, 33))

    assert network.training
    assert not any(hooks for hooks in forward_hooks(network))


def forward_hooks(network: nn.Module) -> Iterator[int]:
    return (len(layer._forward_hooks) for layer in network.modules())


def test_shapes_alone_are_enough():
    with torch.device("meta"):
        network = Everything()

    assert ptflops06(network, (1, 3, 31, 33)) == ptflops06(Everything(), (1, 3, 31, 33))
