"""Maps judged by the grad-cam package, and by a network whose answer is known."""

import pytest
import torch
from torch import Tensor, nn

from modules import ECA, SE, mobilenet_v2, resnet18
from search.gradcam import last_maps, looked_at


def network(kind: str) -> nn.Module:
    torch.manual_seed(0)
    built = {
        "resnet": lambda: resnet18(planes=16, gate=SE, stem="cifar", num_classes=10),
        "mobilenet": lambda: mobilenet_v2(width=0.25, gate=ECA, stem="cifar", num_classes=10),
    }[kind]()
    # statistics and scales of a trained network, so that slopes are not all alike
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return built.eval()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["resnet", "mobilenet"])
@pytest.mark.parametrize("size", [32, 45])
def test_maps_are_those_of_the_grad_cam_package(kind: str, size: int) -> None:
    from pytorch_grad_cam import GradCAMPlusPlus
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    held = network(kind)
    images = torch.randn(4, 3, size, size, generator=torch.Generator().manual_seed(1))
    classes = torch.tensor([3, 1, 4, 1])

    found = looked_at(held, images, classes)

    with GradCAMPlusPlus(held, [last_maps(held, images[:1])]) as package:
        judged = package(images, [ClassifierOutputTarget(int(one)) for one in classes])
    assert found.shape == (4, size, size)
    # α is a quotient of sums in float32, and the package sums in another order
    assert found.numpy() == pytest.approx(judged, abs=1e-3)
    assert judged.std() > 0.05


def test_without_classes_the_map_is_that_of_the_guess() -> None:
    held = network("resnet")
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(2))

    found = looked_at(held, images)

    assert torch.equal(found, looked_at(held, images, held(images).argmax(1)))


class Bright(nn.Module):
    """Class 0 is how bright the red channel is, class 1 the green one."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.pool(self.maps(x))
        return pooled.flatten(1)[:, :2] * 100


def test_a_network_that_adds_up_red_looks_at_what_is_red() -> None:
    images = torch.zeros(1, 3, 8, 8)
    images[0, 0, 2:4, 5:7] = 1
    images[0, 1, 6, 1] = 1

    red = looked_at(Bright(), images, torch.tensor([0]))
    green = looked_at(Bright(), images, torch.tensor([1]))

    assert red[0].round(decimals=3).tolist() == images[0, 0].tolist()
    assert green[0].round(decimals=3).tolist() == images[0, 1].tolist()


def test_nothing_is_left_on_the_network() -> None:
    held = network("resnet")

    looked_at(held, torch.randn(1, 3, 32, 32))

    assert all(not module._forward_hooks for module in held.modules())
    assert all(parameter.grad is None for parameter in held.parameters())


def test_a_network_without_maps_is_refused() -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))

    with pytest.raises(ValueError, match="no module of the network hands on maps"):
        looked_at(flat, torch.randn(1, 3, 2, 2))
