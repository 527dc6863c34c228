"""Networks as graphs, run by the runtimes they are for."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import modules
from search.graphs import FORMATS, check_installed, save_graph
from search.proof import ProofError
from spaces import SpaceError

IMAGES = torch.linspace(-1, 1, 5 * 3 * 16 * 16).reshape(5, 3, 16, 16)


def network() -> nn.Module:
    torch.manual_seed(0)
    gate = partial(modules.SE, reduction=4)
    made: nn.Module = modules.resnet20(depths=(1, 1), planes=8, num_classes=10, gate=gate)
    return made


class Counting(nn.Module):
    """Does something else for every number of images."""

    def forward(self, x: Tensor) -> Tensor:
        return x * len(x) if len(x) > 2 else x


class Several(nn.Module):
    """Returns more than one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        maps = self.conv(x)
        return {"maps": maps, "means": maps.mean((2, 3))}


def test_a_program_of_torch_gives_the_same_bits_for_any_batch(tmp_path: Path) -> None:
    original = network()
    path = tmp_path / "x.pt2"

    found = save_graph("pt2", original, (3, 16, 16), path)

    program = torch.export.load(path).module()
    assert found["largest difference"] == 0.0
    assert found["batches"] == [1, 2, 3]
    assert not original.training
    for count in (1, 4, 5):
        assert torch.equal(program(IMAGES[:count]), original(IMAGES[:count]))


def test_onnx_runs_without_torch_for_any_batch(tmp_path: Path) -> None:
    for needed in FORMATS["onnx"].needs:
        pytest.importorskip(needed)
    original = network()
    path = tmp_path / "x.onnx"

    save_graph("onnx", original, (3, 16, 16), path)

    code = """
import sys
import numpy
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
(images,), (output,) = session.get_inputs(), session.get_outputs()
x = numpy.linspace(-1, 1, 5 * 3 * 16 * 16, dtype="float32").reshape(5, 3, 16, 16)
print(images.name, output.name, images.shape, "torch" in sys.modules)
print(session.run(None, {"images": x})[0].tolist())
"""
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    about, outputs = done.stdout.splitlines()
    assert about == "images output ['batch', 3, 16, 16] False"
    expected = original(IMAGES)
    assert torch.allclose(torch.tensor(eval(outputs)), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", FORMATS)
def test_several_outputs_are_all_compared(form: str, tmp_path: Path) -> None:
    for needed in FORMATS[form].needs:
        pytest.importorskip(needed)

    found = save_graph(form, Several(), (3, 16, 16), tmp_path / f"x.{form}")

    assert found["largest difference"] <= 1e-6


@pytest.mark.parametrize("form", FORMATS)
def test_no_graph_tells_where_it_was_made(form: str, tmp_path: Path) -> None:
    for needed in FORMATS[form].needs:
        pytest.importorskip(needed)
    path = tmp_path / f"x.{form}"

    save_graph(form, network(), (3, 16, 16), path)

    assert str(Path(modules.__file__).parent).encode() not in path.read_bytes()


def test_a_network_that_asks_how_many_images_there_are_is_no_graph(tmp_path: Path) -> None:
    with pytest.raises(ProofError, match=r"x\.pt2: the network is no graph that torch runs: "):
        save_graph("pt2", Counting(), (3, 16, 16), tmp_path / "x.pt2")


def test_what_a_format_needs_is_named() -> None:
    held = FORMATS["onnx"]
    missing = (*held.needs, "no_such_package")
    FORMATS["other"] = type(held)(held.save, held.load, held.runtime, missing, held.allowed)

    try:
        with pytest.raises(SpaceError, match=r"--format other needs no_such_package; pip install"):
            check_installed(["other"])
    finally:
        del FORMATS["other"]


BOUND = {("SAN", "pt2"), ("SAN", "onnx"), ("CondConv", "pt2"), ("CondConv", "onnx")}
BOUND |= {("DynamicConv", "onnx")}
"""Each image has kernels of its own there, so the number of images is part of the graph."""


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "name", [name for name in modules.__all__ if hasattr(getattr(modules, name), "site")]
)
def test_every_module_is_a_graph_at_its_site(name: str, form: str, tmp_path: Path) -> None:
    for needed in FORMATS[form].needs:
        pytest.importorskip(needed)
    held = {getattr(modules, name).site: getattr(modules, name)}
    torch.manual_seed(0)
    made = modules.resnet50(depths=(1, 1), stem="cifar", num_classes=10, **held)

    if (name, form) in BOUND:
        with pytest.raises(ProofError, match="the network is no graph that"):
            save_graph(form, made, (3, 16, 16), tmp_path / f"x.{form}")
        return
    found = save_graph(form, made, (3, 16, 16), tmp_path / f"x.{form}")

    assert found["largest difference"] <= 1e-5
