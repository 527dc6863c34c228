"""The files that take an export into other libraries, each run with the library itself."""

import importlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

import modules
from search.exports import Original
from search.plugins import in_mmdet
from search.snippets import LIBRARIES, snippet
from search.standalone import standalone
from search.weights import save_tensors
from spaces import SpaceError

GATES = [modules.SE, None, partial(modules.SE, reduction=4)]
NETWORK = partial(
    modules.resnet50,
    depths=(1, 1, 1),
    planes=16,
    stem="strided",
    num_classes=10,
    inner=modules.SCSA,
    gate=GATES,
)
IMAGES = torch.linspace(-1, 1, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return NETWORK().eval()


@pytest.fixture(scope="module")
def folder(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An export of that network with all its snippets, to be imported from."""
    made = tmp_path_factory.mktemp("elsewhere")
    original = Original(NETWORK, (3, 64, 64), 10, network.state_dict())
    (made / "taken.py").write_text(standalone(original, "taken", type(network)))
    save_tensors(made / "taken.safetensors", network.state_dict())
    for library in LIBRARIES:
        (made / f"taken_{library}.py").write_text(snippet(library, original, "taken", network))
    sys.path.insert(0, str(made))
    yield made
    sys.path.remove(str(made))


def imported(library: str, needed: str, folder: Path) -> ModuleType:
    pytest.importorskip(needed)
    return importlib.import_module(f"taken_{library}")


def maps_of(network: nn.Module) -> list[Tensor]:
    maps: list[Tensor] = network.stages(IMAGES)
    return maps


def test_torchvision_detects_on_the_networks_maps(folder: Path, network: nn.Module) -> None:
    taken = imported("torchvision", "torchvision", folder)
    torch.manual_seed(0)

    with torch.no_grad():
        pyramid = taken.pyramid(channels=32).eval()
        levels = pyramid(IMAGES)
        body = pyramid.body(IMAGES)
    detector = taken.detector(num_classes=3)
    detector.transform.min_size = (64,)
    boxes = torch.tensor([[4.0, 4.0, 40.0, 40.0]])
    losses = detector([IMAGES[0]], [{"boxes": boxes, "labels": torch.tensor([1])}])
    with torch.no_grad():
        (found,) = detector.eval()([IMAGES[0]])

    assert [tuple(one.shape) for one in levels.values()] == [
        (2, 32, size, size) for size in (32, 16, 8, 4)
    ]
    assert all(torch.equal(*pair) for pair in zip(body.values(), maps_of(network), strict=True))
    assert all(loss.isfinite() for loss in losses.values())
    assert found["boxes"].shape[1:] == (4,)


def test_timm_builds_the_network_and_its_maps(folder: Path, network: nn.Module) -> None:
    timm = pytest.importorskip("timm")
    imported("timm", "timm", folder)

    whole = timm.create_model("taken", pretrained=True).eval()
    other = timm.create_model("taken", num_classes=7)
    features = timm.create_model(
        "taken", pretrained=True, features_only=True, out_indices=(0, 2)
    ).eval()

    with torch.no_grad():
        maps = features(IMAGES)
    assert torch.equal(whole(IMAGES), network(IMAGES))
    assert other(IMAGES).shape == (2, 7)
    assert features.feature_info.channels() == [64, 256]
    assert features.feature_info.reduction() == [2, 8]
    assert torch.equal(maps[0], maps_of(network)[0])
    assert torch.equal(maps[1], maps_of(network)[2])


def test_mmdet_builds_the_network_as_a_backbone(folder: Path, network: nn.Module) -> None:
    registry = pytest.importorskip("mmengine.registry")
    imported("mmdet", "mmcv", folder)

    backbone = registry.MODELS.build({"type": "TakenBackbone"}).eval()

    with torch.no_grad():
        maps = backbone(IMAGES)
    assert isinstance(maps, tuple)
    assert all(torch.equal(*pair) for pair in zip(maps, maps_of(network), strict=True))


@pytest.mark.parametrize(
    ("kind", "reduction"), [("TakenSE", 16), ("TakenSE2", 4), ("TakenSCSA", None)]
)
def test_mmcv_builds_the_networks_attention_as_plugins(
    kind: str, reduction: int | None, folder: Path
) -> None:
    mmcv = pytest.importorskip("mmcv.cnn")
    imported("mmdet", "mmcv", folder)
    x = torch.linspace(-1, 1, 2 * 64 * 8 * 8).reshape(2, 64, 8, 8)

    # as mmdet's ResNet does: the configuration has the type, the block knows its channels
    name, plugin = mmcv.build_plugin_layer({"type": kind}, in_channels=64, postfix="1")

    torch.manual_seed(0)
    written = modules.SE(64, reduction=reduction) if reduction else modules.SCSA(64)
    plugin.layer.load_state_dict(written.state_dict())
    assert name.endswith("1")
    assert torch.equal(plugin.eval()(x), written.eval()(x))


def test_the_configuration_it_shows_is_python_that_names_what_is_there(folder: Path) -> None:
    text = (folder / "taken_mmdet.py").read_text()

    shown = text.split('"""')[1].split("In a configuration:")[1]
    lines = [line[4:] for line in shown.splitlines() if line.startswith("    ")]
    held: dict[str, object] = {}
    exec("\n".join(lines), held)

    plugins = held["plugins"]
    assert isinstance(plugins, list)
    assert [plugin["cfg"]["type"] for plugin in plugins] == ["TakenSCSA", "TakenSE", "TakenSE2"]
    assert [plugin["position"] for plugin in plugins] == [
        "after_conv2",
        "after_conv3",
        "after_conv3",
    ]
    assert all(f"class {plugin['cfg']['type']}(nn.Module)" in text for plugin in plugins)


def test_a_network_without_attention_there_has_no_plugins() -> None:
    text = in_mmdet("mine", [16, 32], {"mix": modules.MSPA, "gate": None})

    assert "plugins" not in text
    assert "class MineBackbone(BaseModule)" in text


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_network_without_stages_is_refused(library: str) -> None:
    original = Original(partial(nn.Conv2d, 3, 8, 3), (3, 8, 8), 8)

    with pytest.raises(SpaceError, match=rf"mine has no stages\(\), whose maps {library} would"):
        snippet(library, original, "mine", nn.Conv2d(3, 8, 3))
