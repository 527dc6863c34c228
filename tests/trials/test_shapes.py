"""What is known of a result without torch is what torch says of it."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torchvision.models
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import modules
from modules.backbones.resnet import resnet18
from trials.shapes import is_meta, known

ZOO = [name for name in modules.__all__ if hasattr(getattr(modules, name), "site")]
VISION = ["resnet18", "convnext_tiny", "mobilenet_v3_small", "swin_t", "shufflenet_v2_x0_5"]


class Compared(TorchDispatchMode):
    """Runs every operator, and notes where what is known of it is something else."""

    def __init__(self) -> None:
        super().__init__()
        self.same: dict[str, int] = {}
        self.wrong: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        ours = known(func, args, kwargs) if is_meta(args) else None
        out = func(*args, **(kwargs or {}))
        if ours is not None:
            # of an evaluated batch norm's statistics nothing is said, see test_cost
            count = 1 if func is torch.ops.aten.native_batch_norm.default else None
            pair = [[look(leaf) for leaf in tree_leaves(result)[:count]] for result in (ours, out)]
            if pair[0] != pair[1]:
                self.wrong.append(f"{func}: {pair}")
            self.same[str(func)] = self.same.get(str(func), 0) + 1
        return out


def look(x: Tensor) -> tuple[object, ...]:
    # an axis of one element has no stride worth the name
    strides = [step for step, size in zip(x.stride(), x.shape, strict=True) if size > 1]
    return (tuple(x.shape), x.dtype, strides if x.numel() else [])


def compared(build: Callable[[], nn.Module], *shapes: tuple[int, ...], **how: object) -> Compared:
    with torch.device("meta"):
        network, images = build().eval(), [torch.zeros(1, *shape, **how) for shape in shapes]
    with torch.no_grad(), Compared() as found:
        network(*images)
    return found


@pytest.mark.parametrize("name", ZOO)
def test_results_in_modules_of_the_zoo_are_known_as_they_are(name: str) -> None:
    kind = getattr(modules, name)
    channels = {"ShuffleAttention": 128}.get(name, 64)
    arguments = (channels, 2) if kind.site == "mix" else () if kind.site == "act" else (channels,)
    width = kind(*arguments).channels if kind.site == "mix" else channels
    inputs = [(width, 28, 28)] * (2 if kind.site == "fuse" else 1)

    found = compared(partial(kind, *arguments), *inputs)

    assert not found.wrong


@pytest.mark.parametrize("name", VISION)
def test_results_in_networks_are_known_as_they_are(name: str) -> None:
    found = compared(partial(getattr(torchvision.models, name), weights=None), (3, 64, 64))

    assert not found.wrong
    assert sum(found.same.values()) > 50


def test_in_a_resnet_nearly_everything_is_known() -> None:
    found = compared(resnet18, (3, 64, 64))

    assert not found.wrong
    assert found.same == {
        "aten.convolution.default": 20,
        "aten.native_batch_norm.default": 20,
        "aten.relu_.default": 17,
        "aten.max_pool2d_with_indices.default": 1,
        "aten.add.Tensor": 8,
        "aten.mean.dim": 1,
        "aten.addmm.default": 1,
    }


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> object:
        return self.function(x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.transpose(2, 3) + 1,
        lambda x: x + x.transpose(2, 3),
        lambda x: x * x.mean((2, 3), keepdim=True),
        lambda x: x.mean((2, 3), keepdim=True) * x,
        lambda x: x.mean(-1) + x.mean(1).mean(1),
        lambda x: x.mean((-1, 0)),
        lambda x: x * x.new_zeros(()),
        lambda x: x + torch.ones_like(x, dtype=torch.int64),
        lambda x: torch.ones_like(x, dtype=torch.int64) + 1.5,
        lambda x: x * 2j,
        lambda x: x.half() + x,
        lambda x: x.to(memory_format=torch.channels_last).relu() + x,
        lambda x: F.conv2d(x.to(memory_format=torch.channels_last), x.new_zeros(4, 8, 3, 3)),
        lambda x: F.conv2d(x, x.new_zeros(4, 2, 3, 2), x.new_zeros(4), (2, 1), 1, (1, 2), 4),
        lambda x: F.conv1d(x[:, :, 0], x.new_zeros(4, 8, 3), padding="same"),
        lambda x: F.conv3d(x[None], x.new_zeros(4, 1, 1, 3, 3)),
        lambda x: F.conv_transpose2d(x, x.new_zeros(8, 4, 3, 3), stride=2),
        lambda x: F.batch_norm(x, None, None, training=True),
        lambda x: F.batch_norm(x.transpose(2, 3), x.new_zeros(8), x.new_ones(8)),
        lambda x: x.mean(3, keepdim=True) * x.mean(2, keepdim=True),
        lambda x: x.mean((1, 3), keepdim=True) + x.mean(2, keepdim=True),
        lambda x: F.max_pool2d(x, 3, 2, 1),
        lambda x: F.max_pool2d(x, 2),
        lambda x: x * x[:, :, :, :1] * x[:, ::8] * x.transpose(2, 3),
        lambda x: [x[:, :1] * x.transpose(2, 3), x.transpose(2, 3) / 3, x[:, :, 1:] + 1],
        lambda x: x[:, :, :1] * x[:, :1].transpose(2, 3),
        lambda x: F.adaptive_avg_pool2d(x, (2, 3)) + F.adaptive_avg_pool2d(x[0], (2, 3)),
        lambda x: F.adaptive_avg_pool2d(x.transpose(1, 3), 2),
        lambda x: x[0, :, :1] * x + x / x[0, 0, 0],
        lambda x: x.sum() * x + x / x.mean(),
        lambda x: [x.transpose(1, 2).mean(1, keepdim=True), x.permute(3, 2, 1, 0).amax(2)],
        lambda x: [x.transpose(1, 3).std((0, 2)), x.transpose(0, 2).norm(dim=(1, 2))],
        lambda x: x[:1].expand(4, 8, 6, 6).sigmoid() + x,
        lambda x: x[:, :1].expand(-1, 8, -1, -1) * x + x[..., :1].expand(-1, -1, -1, 6),
        lambda x: x[:, :, :1].expand(-1, -1, 6, -1).mean(3).softmax(1),
        lambda x: F.conv2d(x.transpose(2, 3), x.new_zeros(4, 8, 3, 3)),
        lambda x: F.conv2d(x.transpose(1, 2), x.new_zeros(4, 6, 3, 3)),
        lambda x: F.conv2d(x.transpose(1, 3), x.new_zeros(4, 6, 3, 3)),
        lambda x: F.conv2d(x, x.new_zeros(8, 4, 3, 3).transpose(0, 1)),
        lambda x: F.conv1d(x[0].transpose(1, 2), x.new_zeros(4, 6, 3)),
        lambda x: F.conv2d(x[:, ::2], x.new_zeros(4, 4, 1, 1)),
        lambda x: F.conv2d(x[:, :1], x.new_zeros(4, 1, 1, 1)),
        lambda x: F.adaptive_max_pool2d(x, (2, 3)),
        lambda x: F.adaptive_max_pool2d(x[0], 1),
        lambda x: x.std((2, 3)) + x.var((2, 3), correction=0),
        lambda x: x.std(1, keepdim=True) + x.std(),
        lambda x: F.normalize(x, dim=1) + x.norm(dim=(2, 3), keepdim=True),
        lambda x: F.hardswish(x, inplace=True).clamp_(0, 6),
        lambda x: F.max_pool2d(x, (2, 3), (1, 2), (0, 1), 2),
        lambda x: F.max_pool2d(x, 4, 3, ceil_mode=True),
        lambda x: F.max_pool2d(x[0], 2),
        lambda x: F.group_norm(x, 4, x.new_zeros(8), x.new_zeros(8)),
        lambda x: F.group_norm(x.half(), 2),
        lambda x: F.group_norm(x.transpose(2, 3), 2),
        lambda x: x.sum(2) / x.sum(3, dtype=torch.float64),
        lambda x: x.sum((2, 3), keepdim=True).clamp_min(0.1) ** 2,
        lambda x: torch.ones_like(x, dtype=torch.int64) / 2,
        lambda x: torch.ones_like(x, dtype=torch.int64).sum(1) ** 2,
        lambda x: torch.cat([x.new_zeros(0), x], 1),
        lambda x: torch.cat([x, x[:, :3]], -3),
        lambda x: torch.stack([x, x], -1),
        lambda x: x.softmax(2),
        lambda x: torch.softmax(x.half(), 1, dtype=torch.float32),
        lambda x: x.flatten(2) @ x.flatten(2).mT,
        lambda x: F.linear(x.transpose(1, 2), x.new_zeros(3, 6), x.new_zeros(3)),
        lambda x: x.amax((2, 3)),
        lambda x: x.transpose(1, 2).sigmoid_(),
        lambda x: x[:, :1].add_(1).mul_(x[:, :1]),
    ],
)
def test_results_that_are_not_so_plain_are_known_or_left_to_torch(
    function: Callable[[Tensor], object],
) -> None:
    assert not compared(partial(Function, function), (8, 6, 6)).wrong


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + x[:, :3],
        lambda x: x.mul_(x[:, :3]),
        lambda x: x[:, :1].mul_(x),
        lambda x: x.mean(4),
        lambda x: x.amax(-5),
        lambda x: F.conv2d(x, x.new_zeros(4, 3, 3, 3)),
        lambda x: F.conv2d(x, x.new_zeros(4, 8, 9, 3)),
        lambda x: F.max_pool2d(x, 7),
        lambda x: F.max_pool2d(x, 2, 2, 2),
        lambda x: torch.cat([x, x[:, :, :3]], 1),
        lambda x: torch.cat([x, x], 4),
        lambda x: torch.stack([x, x[:, :3]]),
        lambda x: x[0] @ x[0, :, :3],
        lambda x: x[0, 0] @ x[0, 0, :3],
        lambda x: torch.addmm(x[0, 0, 0, :3], x[0, 0], x[0, 0]),
    ],
)
def test_what_torch_refuses_is_not_known(function: Callable[[Tensor], object]) -> None:
    x = torch.zeros(1, 8, 6, 6, device="meta")

    class Known(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            ours = known(func, args, kwargs) if is_meta(args) else None
            return func(*args, **(kwargs or {})) if ours is None else ours

    with pytest.raises((RuntimeError, IndexError)), torch.no_grad(), Known():
        function(x)
