"""Modules at places of networks that others wrote."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from modules.attention.cbam import CBAM
from modules.attention.eca import ECA
from modules.attention.gc import GC
from modules.attention.mspa import MSPA
from modules.attention.se import SE
from modules.blend import Blend
from modules.graft import Grafted, graft
from modules.places import traced

FAMILIES = {
    "resnet50": "layer*.*",
    "resnext50_32x4d": "layer4.*",
    "regnet_y_400mf": "trunk_output.*.*",
    "mobilenet_v3_small": "features.*.block",
    "efficientnet_b0": "features.*.*.block",
    "densenet121": "features.denseblock*",
    "convnext_tiny": "features.*.*",
}
every_family = pytest.mark.parametrize(("family", "pattern"), FAMILIES.items(), ids=str)

# plain kinds of convolutional networks of timm
TIMM = {
    "resnet10t": "layer*.*",
    "regnetx_002": "s*.b*",
    "mobilenetv3_small_050": "blocks.*.*",
    "ghostnet_050": "blocks.*.*",
    "convnext_atto": "stages.*.blocks.*",
}


class Tiny(nn.Module):
    """Two convolutions, an activation used twice, and a layer that two names share."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)
        self.second = nn.Conv2d(8, 8, 3, 1, 1)
        self.again = self.second
        self.wide = nn.Conv2d(8, 16, 1)
        self.act = nn.ReLU()
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(self.second(self.first(x)))
        return self.fc(self.act(self.wide(self.act(x))).mean((2, 3)))


class Auxiliary(nn.Module):
    """A network with a second head that only trains."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 8, 3)
        self.side = nn.Conv2d(8, 4, 1)
        self.aux = nn.Linear(4, 5)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> object:
        x = self.body(x)
        logits = self.fc(x.mean((2, 3)))
        return (logits, self.aux(self.side(x).mean((2, 3)))) if self.training else logits


class Swish(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x.sigmoid()


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.norm = nn.LayerNorm(6)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(self.conv(x).permute(0, 2, 3, 1)).mean((1, 2)))


class Halved(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x[:, ::2]


def seeded(network, **grafted):
    torch.manual_seed(0)
    return graft(network, **grafted) if grafted else network()


def images(size: int = 32) -> Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def names_of(network: nn.Module) -> list[str]:
    return [name for name, module in network.named_modules() if isinstance(module, Grafted)]


@every_family
def test_a_gate_goes_into_every_family_forward_and_backward(family, pattern):
    network = graft(getattr(models, family), after={pattern: SE}, num_classes=10)

    logits = network.train()(images())
    F.cross_entropy(logits, torch.tensor([0, 1])).backward()

    gates = [module for module in network.modules() if isinstance(module, SE)]
    assert len(gates) == len(names_of(network)) >= 3
    assert logits.shape == (2, 10)
    for gate in gates:
        for parameter in gate.parameters():
            assert parameter.grad is not None
            assert parameter.grad.isfinite().all()


@every_family
def test_a_gate_that_starts_as_the_identity_changes_no_output(family, pattern):
    build = getattr(models, family)
    plain, grafted = seeded(build).eval(), seeded(build, after={pattern: GC}).eval()

    expected, output = plain(images()), grafted(images())

    assert names_of(grafted)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("gate", [SE, ECA, CBAM])
def test_a_gate_that_is_no_identity_becomes_one_in_a_blend(gate):
    plain = seeded(models.resnet18).eval()
    after = {"layer*.*": partial(Blend, gate=gate)}

    bare = seeded(models.resnet18, after={"layer*.*": gate}).eval()
    blended = seeded(models.resnet18, after=after).eval()

    torch.testing.assert_close(blended(images()), plain(images()), rtol=0, atol=1e-6)
    assert (bare(images()) - plain(images())).abs().max() > 1e-2


def test_a_blend_learns_how_much_of_a_gate_it_takes():
    blend = Blend(8, SE)
    x = torch.randn(2, 8, 5, 5)

    blend(x).sum().backward()

    assert blend.share.grad != 0
    assert torch.equal(blend(x), x)


@pytest.mark.parametrize("name", TIMM)
def test_it_goes_into_networks_of_timm(name):
    timm = pytest.importorskip("timm", reason="timm is not installed: pip install '.[timm]'")
    build = partial(timm.create_model, name, pretrained=False)
    plain = seeded(build).eval()
    grafted = seeded(build, after={TIMM[name]: GC}, num_classes=1000).eval()

    torch.testing.assert_close(grafted(images()), plain(images()), rtol=0, atol=1e-6)
    grafted.train()(images()).sum().backward()

    assert len(names_of(grafted)) >= 4


def test_the_own_gates_of_mobilenet_can_be_replaced():
    places = [f"features.{block}.block.2" for block in (4, 5, 6, 7, 8, 9, 10, 11)]
    build = models.mobilenet_v3_small

    network = graft(build, instead=dict.fromkeys(places, ECA), num_classes=10)

    assert all(isinstance(network.get_submodule(place), ECA) for place in places)
    assert network(images()).shape == (2, 10)
    theirs = [module for module in network.modules() if "Squeeze" in type(module).__name__]
    assert len(theirs) == 1  # that of the first block stays


def test_a_mixer_takes_the_place_of_a_convolution_with_its_stride():
    mix = partial(MSPA, scales=4, omega=16)

    network = graft(models.resnet50, instead={"layer*.*.conv2": mix}, num_classes=10)

    strides = [network.get_submodule(f"layer{stage}.0.conv2").cascaded for stage in (1, 2)]
    assert strides == [True, False]
    assert network(images()).shape == (2, 10)


@pytest.mark.parametrize("act", [partial(nn.SiLU, inplace=True), nn.PReLU, Swish, nn.Identity])
def test_an_activation_is_called_with_nothing(act):
    network = graft(Tiny, instead={"act": act})

    assert type(network.act) is (act.func if isinstance(act, partial) else act)
    assert network(images()).shape == (2, 5)


def test_a_function_of_any_arguments_is_handed_the_channels():
    def gate(*arguments: int) -> nn.Module:
        return SE(*arguments)

    network = graft(Tiny, after={"second": gate})

    assert network.second.graft.gate.reduce.in_channels == 8


@pytest.fixture
def published(tmp_path, monkeypatch):
    """ResNet-18's weights as torch.hub keeps them, drawn at random."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    weights = models.ResNet18_Weights.IMAGENET1K_V1
    torch.manual_seed(7)
    state = models.resnet18().state_dict()
    (tmp_path / "checkpoints").mkdir()
    torch.save(state, tmp_path / "checkpoints" / weights.url.rpartition("/")[2])
    return weights, state


def test_published_weights_are_kept(published):
    weights, state = published

    network = graft(
        partial(models.resnet18, weights=weights), after={"layer3.*": GC}, num_classes=10
    )

    ours = {name.replace(".place.", "."): t for name, t in network.state_dict().items()}
    kept = [name for name in state if not name.startswith("fc.")]
    assert all(torch.equal(ours[name], state[name]) for name in kept)
    assert network.fc.weight.shape == (10, 512)


def test_a_head_of_as_many_classes_is_kept(published):
    weights, state = published

    network = graft(partial(models.resnet18, weights=weights), num_classes=1000)

    assert torch.equal(network.fc.weight, state["fc.weight"])


def test_on_the_meta_device_no_weights_are_asked_for(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    call = partial(models.resnet18, weights=models.ResNet18_Weights.DEFAULT)

    with torch.device("meta"):
        network = graft(call, after={"layer1.*": SE}, num_classes=10)

    assert all(parameter.is_meta for parameter in network.parameters())
    assert network.fc.out_features == 10


def test_a_network_that_its_weights_give_other_parts_says_so(tmp_path, monkeypatch):
    def build(weights: str | None = None) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3), *([nn.Conv2d(4, 4, 1)] if weights else []))

    with pytest.raises(ValueError, match=r"has another 1.weight with its weights than without"):
        graft(partial(build, weights="published"))


@pytest.mark.parametrize(
    ("build", "classes"),
    [
        (models.squeezenet1_0, "classifier.1"),
        (models.vgg11, "classifier.6"),
        (models.mobilenet_v2, "classifier.1"),
        (models.shufflenet_v2_x0_5, "fc"),
        (models.convnext_tiny, "classifier.2"),
    ],
)
def test_the_head_is_found_whatever_its_name(build, classes):
    assert traced(build, (3, 224, 224)).heads == [classes]


def test_auxiliary_heads_that_only_train_are_replaced_too():
    network = graft(Auxiliary, after={"side": SE}, num_classes=3)

    trained, evaluated = network.train()(images()), network.eval()(images())

    assert [logits.shape for logits in trained] == [(2, 3), (2, 3)]
    assert evaluated.shape == (2, 3)
    assert names_of(network) == ["side"]


def test_a_network_without_a_last_layer_is_refused():
    build = partial(nn.Sequential, nn.ReLU())

    with pytest.raises(ValueError, match="Sequential has no last layer to replace for 3 classes"):
        graft(build, num_classes=3)


def test_a_module_of_two_names_gets_one_graft_for_both():
    network = graft(Tiny, after={"second": SE})

    assert network.second is network.again
    assert isinstance(network.second, Grafted)
    assert network(images()).shape == (2, 5)


def test_both_names_of_a_shared_module_are_one_place():
    with pytest.raises(ValueError, match=r"second is hit by 'second' and by 'again'"):
        graft(Tiny, after={"second": SE, "again": SE})


def test_a_module_used_with_different_channels_is_refused():
    words = "act is called several times and returns maps of 8 and 16 channels"

    with pytest.raises(ValueError, match=words):
        graft(Tiny, after={"act": SE})


def test_a_map_with_its_channels_last_is_refused():
    with pytest.raises(ValueError, match=r"norm returns \(2, 222, 222, 6\), a map with its channe"):
        graft(ChannelsLast, after={"norm": SE})


@pytest.mark.parametrize(
    ("pattern", "nearest"),
    [
        ("layr3.*", "'layer3.*'|'layer*.*'"),
        ("layer3.*.conv9", r"'layer3\.\*\.conv2'"),
        ("Layer3.0", "'layer3.0'"),
    ],
)
def test_a_wrong_pattern_is_answered_with_the_nearest_names(pattern, nearest):
    for factory in (SE, None):
        with pytest.raises(ValueError, match=f"no place '.*' in ResNet; the nearest.*({nearest})"):
            graft(models.resnet18, after={pattern: factory})


def test_a_star_crosses_no_dot():
    network = graft(models.resnet50, after={"layer3.*": SE})

    assert names_of(network) == [f"layer3.{block}" for block in range(6)]


@pytest.mark.parametrize(
    ("after", "instead", "words"),
    [
        (
            {"layer3": SE, "layer3.*": SE},
            {},
            r"layer3.0, hit by 'layer3.\*', lies inside layer3, hit by 'layer3'",
        ),
        ({"layer3.0": SE}, {"layer3.*.conv2": nn.Identity}, "layer3.0.conv2, hit by"),
        (
            {"layer3.*": SE, "layer3.1": ECA},
            {},
            r"layer3.1 is hit by 'layer3.\*' and by 'layer3.1'",
        ),
    ],
)
def test_nested_and_double_hits_are_refused_in_words(after, instead, words):
    with pytest.raises(ValueError, match=words):
        graft(models.resnet18, after=after, instead=instead)


def test_a_pattern_that_holds_nothing_is_in_nobody_s_way():
    network = graft(models.resnet18, after={"layer3": None, "layer3.*": SE})

    assert names_of(network) == ["layer3.0", "layer3.1"]


@pytest.mark.parametrize(
    ("grafted", "words"),
    [
        ({"after": {"fc": SE}}, r"fc returns \(2, 1000\), not a map"),
        ({"after": {"layer1.0": SE(64)}}, "holds a SE; a place holds a factory"),
        ({"after": {"layer1.0": Halved}}, r"after layer1.0: Halved returned \(2, 32, 56, 56\) for"),
        ({"instead": {"layer2.0": SE}}, r"layer2.0 makes .* SE keeps shapes and can stand after"),
        ({"instead": {"layer1.0.conv2": MSPA}}, "MSPA works on 90 channels, and 64 stay"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(grafted, words):
    with pytest.raises(ValueError, match=words):
        graft(models.resnet18, **grafted)


def test_a_network_that_is_built_already_is_refused():
    with pytest.raises(ValueError, match="network is a Tiny that is built already; hand in what"):
        graft(Tiny(), after={"second": SE})


def test_a_function_that_builds_no_new_network_is_found_out():
    held = Tiny()
    graft(lambda: held, after={"second": SE})

    with pytest.raises(ValueError, match=r"grafted already|has another"):
        graft(lambda: held, after={"first": SE})


def test_another_size_than_the_network_takes_is_said():
    build = partial(nn.Sequential, nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, 10))

    with pytest.raises(ValueError, match=r"Sequential on \(2, 3, 224, 224\): .*image=\(c, h, w\)"):
        graft(build, after={"0": SE})


def test_the_size_of_images_can_be_said():
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, 10))

    network = graft(build, after={"0": SE}, image=(1, 28, 28), num_classes=3)

    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 3)


def test_modules_train_as_they_did_and_no_hook_stays():
    network = graft(models.resnet18, after={"layer1.*": SE})

    assert all(module.training for module in network.modules())
    assert not any(module._forward_hooks for module in network.modules())


def test_looking_for_places_draws_no_random_number():
    torch.manual_seed(0)
    traced.cache_clear()

    traced(models.regnet_y_400mf, (3, 224, 224))

    drawn = torch.rand(4)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(4))


def test_a_graft_draws_the_same_network_whatever_is_put_in():
    first = seeded(models.resnet18, after={"layer1.*": SE}, num_classes=10)
    second = seeded(models.resnet18, after={"layer4.*": CBAM}, num_classes=10)

    assert torch.equal(first.fc.weight, second.fc.weight)
    assert torch.equal(first.layer2[0].conv1.weight, second.layer2[0].conv1.weight)
