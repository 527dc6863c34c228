"""Networks that the zoo's modules are counted in, against the references' integers."""

import pytest
import torch
from torch import nn

import modules as zoo
from modules.backbones.resnet import resnet18, resnet50
from modules.backbones.resnext import resnext29_8x64
from tests.references import REFERENCES, parameters
from trials.count import Counter


def test_dca_makes_up_what_its_networks_add() -> None:
    for backbone, width, key in ((resnet18, 1, "18"), (resnet50, 4, "50")):
        depths = (2, 2, 2, 2) if key == "18" else (3, 4, 6, 3)
        channels, total = 64, 0
        with torch.device("meta"):
            for stage, depth in enumerate(depths):
                for _ in range(depth):
                    out = 64 * 2**stage * width
                    total += parameters(zoo.DCASE(out, previous=channels))
                    channels = out
            total += parameters(backbone())

        assert total == REFERENCES[f"network/zoo dca_se_resnet{key}/imagenet"]["params"]


def test_gather_excite_makes_up_what_its_network_adds() -> None:
    reference = REFERENCES["network/zoo ge_resnext29_8x64d/cifar100"]
    gates = [zoo.GatherExcite] * 3

    def sized(channels: int) -> nn.Module:
        return gates[0](channels, size=32 * 256 // channels)

    with torch.device("meta"):
        network = resnext29_8x64(gate=sized, num_classes=100)
        with torch.no_grad(), Counter() as counter:
            network.eval()(torch.empty(reference["input"]))

    assert parameters(network) == reference["params"]
    assert counter.macs == reference["macs"]


def test_scnet_50_has_the_published_counts() -> None:
    reference = REFERENCES["network/zoo scnet50/imagenet"]
    with torch.device("meta"):
        network = resnet50(mix=zoo.SelfCalibrated)
        for part in list(network.modules()):
            if isinstance(part, nn.Sequential) and any(
                isinstance(m, zoo.SelfCalibrated) for m in part
            ):
                place = [isinstance(m, zoo.SelfCalibrated) for m in part].index(True)
                part[place + 1], part[place + 2] = nn.Identity(), nn.Identity()
        with torch.no_grad(), Counter() as counter:
            network.eval()(torch.empty(reference["input"]))

    assert parameters(network) == reference["params"]
    assert counter.macs == reference["macs"]


def test_effnet_has_the_zoo_s_counts() -> None:
    reference = REFERENCES["network/zoo EffNet/cifar10"]
    with torch.device("meta"):
        network = zoo.EffNet().eval()
        with torch.no_grad(), Counter() as counter:
            logits = network(torch.empty(reference["input"]))

    assert logits.shape == (1, 10)
    assert parameters(network) == reference["params"]
    assert counter.macs == reference["macs"]


@pytest.mark.parametrize("norm", [False, True], ids=["none", "batch_norm"])
def test_fpt_has_the_zoo_s_parameters(norm: bool) -> None:
    name = "batch_norm" if norm else "none"

    def render(channels: int) -> nn.Module:
        return zoo.Rendering(channels, concatenate=True)

    with torch.device("meta"):
        network = zoo.FPT(norm=norm, render=render).eval()
        pyramid = [torch.empty(1, 2**n * 256, 32 // 2**n, 32 // 2**n) for n in range(4)]
        results = network(pyramid)

    reference = REFERENCES[f"network/zoo FPT(feature_dim=256, with_norm={name})"]
    assert parameters(network) == reference["params"]
    assert [list(x.shape) for x in results] == [[1, 256, 32 // 2**n, 32 // 2**n] for n in range(4)]
