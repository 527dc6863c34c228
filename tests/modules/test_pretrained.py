"""Published weights: what comes over, what stays, and what is said of both."""

import hashlib
import logging
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from modules.attention.gc import GC
from modules.attention.mspa import MSPA
from modules.backbones import pretrained
from modules.backbones.pretrained import load_pretrained
from modules.backbones.resnet import resnet18, resnet20, resnet34, resnet50, resnet101, resnet152


def trained(name: str) -> nn.Module:
    """A torchvision network whose values all differ, as after training."""
    torch.manual_seed(0)
    network = getattr(torchvision.models, name)()
    for tensor in network.state_dict().values():
        if tensor.is_floating_point() and tensor.dim() == 1:
            tensor.uniform_(0.5, 1.5)
    return network.eval()


def image() -> Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "build"), [("resnet18", resnet18), ("resnet50", resnet50)])
def test_a_network_computes_what_torchvision_s_does_bit_for_bit(name, build):
    theirs = trained(name)
    network = build().eval()

    report = load_pretrained(network, theirs.state_dict())

    assert torch.equal(network(image()), theirs(image()))
    assert str(report) == f"{len(report.loaded)} tensors loaded"


@pytest.mark.parametrize(
    ("name", "build", "count"),
    [
        ("resnet18", resnet18, 102),
        ("resnet34", resnet34, 182),
        ("resnet50", resnet50, 267),
        ("resnet101", resnet101, 522),
        ("resnet152", resnet152, 777),
    ],
)
def test_every_tensor_of_the_five_published_networks_has_its_place(name, build, count):
    with torch.device("meta"):
        network, theirs = build(), getattr(torchvision.models, name)()

    report = load_pretrained(network, theirs.state_dict())

    assert len(report.loaded) == count
    assert not report.reshaped + report.absent + report.unused


def test_a_gate_that_starts_as_the_identity_changes_nothing():
    theirs = trained("resnet18")
    network = resnet18(gate=GC).eval()

    report = load_pretrained(network, theirs.state_dict())

    assert torch.equal(network(image()), theirs(image()))
    assert str(report) == "102 tensors loaded\n64 kept, not published: gate of 8 blocks"


def test_a_head_for_other_classes_stays_as_it_was():
    network = resnet18(num_classes=10)
    before = network.state_dict()["head.2.weight"].clone()

    report = load_pretrained(network, trained("resnet18").state_dict())

    assert torch.equal(network.state_dict()["head.2.weight"], before)
    assert str(report) == "100 tensors loaded\n2 kept, published in another shape: head.2"


def test_a_new_mixer_is_named_beside_what_it_replaces():
    network = resnet50(mix={"stage4": MSPA}, stem="cifar", after={"stage1": GC})

    report = load_pretrained(network, trained("resnet50").state_dict())

    assert str(report).splitlines() == [
        "233 tensors loaded",
        "31 kept, published in another shape: stem.0, residual.0 of 3 blocks, "
        "residual.1 of 3 blocks, residual.4 of 3 blocks, residual.7 of 3 blocks",
        "65 kept, not published: stage1.after, residual.3 of 3 blocks",
        "3 published, without a place here: conv2 of 3 blocks",
    ]


def test_counters_of_batches_are_neither_needed_nor_counted():
    state = {
        name: tensor
        for name, tensor in trained("resnet18").state_dict().items()
        if not name.endswith("num_batches_tracked")
    }

    report = load_pretrained(resnet18(), state)

    assert len(report.loaded) == len(state)
    assert not report.absent


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """Publish a network for `resnet18`, in a folder instead of on the network."""
    network = trained("resnet18")
    file = tmp_path / "resnet18.pth"
    torch.save(network.state_dict(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    file.rename(tmp_path / f"resnet18-{digest}.pth")
    monkeypatch.setitem(pretrained.PUBLISHED, "resnet18", f"resnet18-{digest}.pth")
    monkeypatch.setattr(pretrained, "HOST", f"{tmp_path.as_uri()}/")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return network


def test_weights_are_loaded_into_the_network_that_a_backbone_builds(published, caplog, capsys):
    caplog.set_level(logging.INFO, "modules.backbones")

    network = resnet18(weights="imagenet", gate=GC).eval()

    assert torch.equal(network(image()), published(image()))
    assert "resnet18: 102 tensors loaded\n64 kept, not published" in caplog.text
    assert capsys.readouterr().out == ""


def test_a_file_whose_contents_are_not_the_published_ones_is_refused(published, monkeypatch):
    name = pretrained.PUBLISHED["resnet18"]
    folder = Path(pretrained.HOST.removeprefix("file://"))
    (folder / name).rename(folder / "resnet18-0123abcd.pth")
    monkeypatch.setitem(pretrained.PUBLISHED, "resnet18", "resnet18-0123abcd.pth")

    with pytest.raises(RuntimeError, match='expected "0123abcd"'):
        resnet18(weights="imagenet")


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "HOST", "http://127.0.0.1:9/models/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def test_without_a_network_the_way_out_is_said(offline, tmp_path):
    with pytest.raises(OSError, match="cannot download") as caught:
        resnet50(weights="imagenet")

    assert str(caught.value).startswith(
        "cannot download http://127.0.0.1:9/models/resnet50-0676ba61.pth (<urlopen error"
    )
    assert str(caught.value).endswith(
        f"without a network, put the file into {tmp_path}/hub/checkpoints, or build without weights"
    )


def test_a_plan_and_a_network_of_shapes_alone_need_no_download(offline):
    plan = resnet50.plan(weights="imagenet")
    with torch.device("meta"):
        network = resnet50(weights="imagenet")

    assert [name for name, _ in network.named_children()] == list(
        dict.fromkeys(name.partition(".")[0] for name in plan)
    )


def test_what_is_not_published_is_said():
    with pytest.raises(ValueError) as unpublished:
        resnet20(weights="imagenet")
    with pytest.raises(ValueError) as unknown:
        resnet50.plan(weights="imagenet21k")

    assert str(unpublished.value) == (
        "'resnet20' has no published weights; "
        "resnet18, resnet34, resnet50, resnet101, resnet152 have"
    )
    assert str(unknown.value) == (
        "weights = 'imagenet21k'; there are 'imagenet', and None for a fresh start"
    )


def test_weights_of_another_family_are_refused():
    state = torchvision.models.mobilenet_v2().state_dict()

    with pytest.raises(ValueError) as caught:
        load_pretrained(resnet18(), state)

    assert str(caught.value) == "'features.0.0.weight' is no name of a torchvision ResNet"


def test_weights_that_fit_nowhere_are_refused():
    with pytest.raises(ValueError) as caught:
        load_pretrained(resnet18(planes=8, num_classes=10), trained("resnet18").state_dict())

    assert str(caught.value) == "no published tensor has a name and a shape of this network's"
