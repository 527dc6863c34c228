"""PSA, MA and its norms, against slow second versions."""

import math
from collections.abc import Sequence
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modules.attention.ma import MA, ConvMixer, SoftBAN
from modules.attention.psa import PSA
from modules.attention.se import SEGate
from modules.backbones.resnet import resnet50
from tests.modules.definitions import maps, near, scattered, slow_norm
from tests.references import parameters


def slow_branch_sum(branches: Sequence[Tensor], gate: SEGate) -> Tensor:
    """Weigh by a softmax over branches, largest kernel first."""
    powers = [gate(branch).exp() for branch in branches]
    weighed = [power / sum(powers) * y for power, y in zip(powers, branches, strict=True)]
    return torch.cat(weighed[::-1], 1)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("kernels", "groups"), [((3, 5, 7, 9), (1, 4, 8, 16)), ((3, 9), (1, 2)), ((5,), (1,))]
)
def test_psa_weighs_any_number_of_branches(kernels, groups, stride):
    module = scattered(PSA(64, stride, kernels, groups, reduction=4))
    x = maps(2, 64, 7, 6)

    output = module(x)

    branches = [conv(x) for conv in module.convs]
    assert [conv.kernel_size[0] for conv in module.convs] == list(kernels)
    assert near(output, slow_branch_sum(branches, module.branches.gate))


def test_softban_normalises_a_training_batch_as_batch_norm_does():
    module = scattered(SoftBAN(6)).train()
    plain = nn.BatchNorm2d(6, affine=False).double().train()
    plain.running_mean.copy_(module.running_mean)
    plain.running_var.copy_(module.running_var)
    x = maps(4, 6, 5, 5)

    output = module(x)

    logits = module.weight_readjust * x.mean((2, 3), keepdim=True) + module.bias_readjust
    share = logits.sigmoid().softmax(1)
    assert near(output, plain(x) * module.weight * share + module.bias)
    assert near(module.running_mean, plain.running_mean)
    assert near(module.running_var, plain.running_var)


def test_softban_starts_by_sharing_one_scale_equally():
    module = SoftBAN(8).double().eval()
    x = maps(2, 8, 3, 3)

    output = module(x)

    assert torch.allclose(output, x / 8 / math.sqrt(1 + 1e-5))


def test_softban_without_softmax_gives_each_channel_its_own_scale():
    module = scattered(SoftBAN(6, softmax=False)).eval()
    x = maps(2, 6, 4, 4)

    output = module(x)

    logits = module.weight_readjust * x.mean((2, 3), keepdim=True) + module.bias_readjust
    scale = module.weight / (1 + (-logits).exp())
    mean, var = (t[:, None, None] for t in (module.running_mean, module.running_var))
    assert near(output, (x - mean) / (var + 1e-5).sqrt() * scale + module.bias)


@pytest.mark.parametrize(
    ("norm", "extra"),
    [
        (SoftBAN, 4 * 16),
        (partial(SoftBAN, softmax=False), 4 * 16),
        (nn.BatchNorm2d, 2 * 16),
        (nn.Identity, 0),
    ],
)
def test_ma_takes_every_norm_of_the_papers_ablation(norm, extra):
    mixer = scattered(ConvMixer(64, 16, kernel=5, stride=2, groups=4, mixer=3, norm=norm)).eval()
    x = maps(2, 64, 7, 7)

    output = mixer(x)

    y = slow_norm(F.gelu(mixer.conv(x)), mixer.conv_norm)
    y = y + slow_norm(F.gelu(mixer.space(y)), mixer.space_norm)
    y = y + slow_norm(F.gelu(mixer.channel(mixer.norm(y))), mixer.channel_norm)
    assert parameters(mixer.norm) == extra
    assert near(output, y)


def test_ma_weighs_its_mixers_as_psa_weighs_its_convolutions():
    module = scattered(MA(64, mixer=3, reduction=4)).eval()
    x = maps(2, 64, 6, 6)

    output = module(x)

    branches = [mixer(x) for mixer in module.mixers]
    assert near(output, slow_branch_sum(branches, module.branches.gate))


def test_the_table_of_emanet_leaves_out_the_parameters_of_softban():
    with torch.device("meta"):
        whole = resnet50(mix=MA, stem="cifar", num_classes=10)
        bare = resnet50(mix=partial(MA, norm=nn.Identity), stem="cifar", num_classes=10)

    assert parameters(whole) == 21_191_061
    assert parameters(bare) == 21_175_957


@pytest.mark.parametrize("kind", [PSA, MA])
def test_a_branched_mixer_refuses_planes_that_do_not_divide(kind):
    with pytest.raises(ValueError, match="planes = 66 is not divisible by 4 kernels"):
        kind(66)
    with pytest.raises(
        ValueError, match="planes = 96 gives branches of 24 channels, not divisible by 16 groups"
    ):
        kind(96)
    with pytest.raises(ValueError, match="3 kernels need as many groups, not 4"):
        kind(64, kernels=(3, 5, 7))
    with pytest.raises(ValueError, match=r"kernels = \(3, 4\) are not all odd"):
        kind(64, kernels=(3, 4), groups=(1, 1))


def test_ma_refuses_an_even_mixer():
    with pytest.raises(ValueError, match="mixer = 8 is even"):
        MA(64, mixer=8)
