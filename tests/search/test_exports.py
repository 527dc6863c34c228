"""Exported files stand alone, and are the networks they were made from."""

import ast
import hashlib
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from random import Random

import pytest
import torch

import modules
from search.experiment import load
from search.exports import Original, ProofError, write
from search.space_file import ready_made, run
from spaces import SpaceError
from trials.cost import Cost

ROOT = Path(__file__).parent.parent.parent
SITES = [name for name in modules.__all__ if hasattr(getattr(modules, name), "site")]
BACKBONES = [name for name in modules.__all__ if hasattr(getattr(modules, name), "plan")]
SAMPLE = ("MSPA", "SCSA", "SPEM", "AFF", "CAM", "Swish")
"""A module for each site, for the fast tests; the slow ones take them all."""
SMALL = {"planes": 16, "width": 0.25, "widths": (16, 32, 48), "features": 64}
LIBRARIES = ("torchvision", "timm", "mmdet")
ALL = ("py", "pth", "pt2", "onnx", *LIBRARIES)
ABOUT = {"space": "gates", "choices": {"gate": "SE"}, "scores": {"accuracy": 0.875}}

HEAD = """
from functools import partial
import torch
from torch import Tensor, nn
from modules import SE, resnet20
from spaces import Space, choice
"""
USERS = {
    "a class in the space file": """
class Half(nn.Module):
    site = "gate"
    def __init__(self, channels: int, factor: float = 0.5) -> None:
        super().__init__()
        self.factor = factor
    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor

space = Space(resnet20, depths=(1, 1), planes=8, num_classes=10, gate=Half)
""",
    "shared modules and buffers": """
class Twice(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = self.second = nn.Conv2d(channels, channels, 1)
        self.gate = SE(channels)
        self.register_buffer("scale", torch.full((1,), 0.5))
        self.register_buffer("shift", torch.full((1,), 0.25), persistent=False)
    def forward(self, x: Tensor) -> Tensor:
        return self.gate(self.second(self.first(x))) * self.scale + self.shift

space = Space(resnet20, depths=(1, 1), planes=8, num_classes=10, gate=Twice)
""",
    "a class beside the space file": """
from neighbour import Quarter

space = Space(resnet20, depths=(1, 1), planes=8, num_classes=10, gate=Quarter)
""",
    "a function without a plan": """
WIDTHS = [8]
WIDTHS.append(16)

def net(widths=WIDTHS, gate=None, num_classes=10):
    first, last = widths
    return nn.Sequential(
        nn.Conv2d(3, first, 3), gate(first), nn.Conv2d(first, last, 3), Flat(last, num_classes)
    )

class Flat(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mean((2, 3)))

space = Space(net, gate=partial(SE, reduction=choice(4, 8)))
""",
    "all that a file of Python may do": """
from dataclasses import dataclass
from neighbour import REGISTRY, Fancy, Soft, shared

@dataclass(frozen=True)
class Options:
    kind: str = "soft"
    times: int = 1

def twice(x: "Tensor") -> "Tensor":
    return x * 2

class Mine(SE):
    def __init__(self, channels: int, options: "Options" = Options(), make=Fancy) -> None:
        super().__init__(channels)
        self.acts = nn.ModuleList([REGISTRY[options.kind](), Soft(), make()])
        self.times = options.times
    def forward(self, x: "Tensor") -> "Tensor":
        x = super().forward(x)
        for act in self.acts:
            x = shared(act(x), self.times)
        return twice(x)

class Outer:
    class Inner(Mine):
        pass
    @staticmethod
    def make(channels):
        return Mine(channels, Options(times=2))

gates = [partial(Mine, options=Options("hard")), Outer.make, [None, Outer.Inner]]
space = Space(resnet20, depths=(1, 1, 2), planes=8, num_classes=10, gate=gates)
""",
    "one size and a dict of outputs": """
class Fixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 16 * 16, 5)
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"logits": self.linear(x.flatten(1))}

space = Space(Fixed)
""",
}
NEIGHBOUR = """
from __future__ import annotations
import math
from typing import TYPE_CHECKING, Callable, Sequence
import torch.nn as nn
if TYPE_CHECKING:
    from torch import Tensor
try:
    from torch.nn import Mish as Fancy
except ImportError:
    Fancy = nn.SiLU

REGISTRY: dict[str, type] = {}
for key in ("hard",):
    REGISTRY[key] = nn.Hardswish

def register(name):
    def wrap(held):
        REGISTRY[name] = held
        return held
    return wrap

@register("soft")
class Soft(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.softplus(x)

WIDTH, DEPTH = 2, 1
if DEPTH > 0:
    def shared(x: Tensor, times: int) -> Tensor:
        return x * times / math.sqrt(WIDTH)
else:
    shared = None

FACTOR = 0.25

class Quarter(nn.Module):
    def __init__(self, channels: int, act: Callable[[], nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.act = act()
    def forward(self, x):
        return self.act(x) * FACTOR
"""


def at_its_site(name: str) -> Original:
    """A bottleneck network with the module wherever its site is."""
    held = {getattr(modules, name).site: getattr(modules, name)}
    network = partial(modules.resnet50, depths=(1, 1), stem="cifar", num_classes=10, **held)
    return Original(network, (3, 16, 16), 10)


def shrunk(name: str) -> Original:
    """A backbone with one block a stage and few channels."""
    parameters = inspect.signature(getattr(modules, name)).parameters
    arguments = {key: value for key, value in SMALL.items() if key in parameters}
    depths = (1,) * len(parameters["depths"].default)
    network = partial(getattr(modules, name), depths=depths, num_classes=10, **arguments)
    return Original(network, (3, 32, 32), 10)


def small(trained: bool = False, about: Mapping[str, object] | None = None) -> Original:
    """A network of three blocks, as a seed starts it or as seed 7 would leave it."""
    network = partial(modules.resnet20, depths=(1, 2), planes=8, num_classes=10, gate=modules.SE)
    torch.manual_seed(7)
    state = network().state_dict() if trained else None
    return Original(network, (3, 16, 16), 10, state, about or {})


def users(folder: Path, text: str, name: str = "mine") -> Original:
    """The first architecture of a user's space file."""
    (folder / "neighbour.py").write_text(NEIGHBOUR)
    (folder / f"{name}.py").write_text(HEAD + text)
    space = run(folder / f"{name}.py").space
    architecture = space.sample(lambda _, labels: labels[0])
    return Original(architecture.network, (3, 16, 16), 10)


def drawn(name: str, count: int) -> dict[str, tuple[Original, Cost]]:
    """Architectures of a ready-made space at its preview's size, each once, with their costs."""
    experiment = load(name, "preview")
    random = Random(0)
    chosen: dict[str, tuple[Original, Cost]] = {}
    for _ in range(20 * count):
        architecture = experiment.space.draw(random)
        try:
            cost = experiment.cost(architecture)
        except ValueError:
            continue
        original = Original(architecture.network, experiment.shape, experiment.classes)
        chosen.setdefault(f"{name}_{architecture.key}", (original, cost))
        if len(chosen) == count:
            break
    return chosen


def python(folder: Path, code: str) -> str:
    """Run code in a folder from where nothing of ours is imported."""
    environment = {**os.environ, "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert not ended.returncode, ended.stderr
    return ended.stdout


@pytest.fixture(
    scope="module", params=["sample", pytest.param("all of it", marks=pytest.mark.slow)]
)
def zoo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of exports: modules at their sites, backbones."""
    folder = tmp_path_factory.mktemp("zoo")
    is_sample = request.param == "sample"
    sites, backbones = (SAMPLE, BACKBONES[::7]) if is_sample else (SITES, BACKBONES)
    originals = {f"with_{name.lower()}": at_its_site(name) for name in sites}
    write(originals | {name: shrunk(name) for name in backbones}, folder)
    return folder


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one trained export, in every format."""
    folder = tmp_path_factory.mktemp("best")
    write({"best": small(True, ABOUT)}, folder, ALL)
    return folder


def test_every_module_and_every_backbone_is_exported_and_proved(
    zoo: Path, request: pytest.FixtureRequest
) -> None:
    manifest = json.loads((zoo / "manifest.json").read_text())

    is_sample = "sample" in request.node.name
    assert len(SITES) >= 80
    assert len(BACKBONES) >= 19
    expected = len(SAMPLE) + 3 if is_sample else len(SITES) + len(BACKBONES)
    assert len(list(zoo.glob("*.py"))) == len(manifest) == expected
    assert {len(entry["proof"]["py"]["equal"]) for entry in manifest.values()} == {8}


def test_exported_files_pass_the_linter_and_the_formatter(zoo: Path) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    settings = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", str(zoo)]

    # as in modules/, a forward does what its class says
    linted = subprocess.run([*ruff, "check", "--ignore", "D102", *settings], capture_output=True)
    formatted = subprocess.run([*ruff, "format", "--check", *settings], capture_output=True)

    assert not linted.returncode, linted.stdout.decode()
    assert not formatted.returncode, formatted.stdout.decode()


@pytest.mark.slow
def test_exported_files_pass_the_strict_type_checker(zoo: Path) -> None:
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file", ROOT / "pyproject.toml"]

    checked = subprocess.run([*mypy, *sorted(zoo.glob("*.py"))], capture_output=True, cwd=zoo)

    assert not checked.returncode, checked.stdout.decode()


def test_exported_files_are_old_python_without_anything_unused(zoo: Path) -> None:
    for file in zoo.glob("*.py"):
        tree = ast.parse(file.read_text(), feature_version=(3, 8))

        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert {"torch"} <= imported(tree) <= {"torch", *sys.stdlib_module_names}, file.name
        assert defined(tree) - used == {"build"}, file.name


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def defined(tree: ast.Module) -> set[str]:
    names = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize(
    ("count", "total"),
    [
        pytest.param(20, 209, marks=pytest.mark.slow),
        pytest.param(200, 444, marks=pytest.mark.soak),
    ],
)
def test_architectures_drawn_from_every_ready_made_space_export(
    count: int, total: int, tmp_path: Path
) -> None:
    """Small spaces have fewer architectures than are drawn, each of which counts once."""
    chosen = {name: drawn(name, count) for name in ready_made()}
    every = {key: pair for held in chosen.values() for key, pair in held.items()}

    exported = write({key: original for key, (original, _) in every.items()}, tmp_path)

    manifest = json.loads((tmp_path / "manifest.json").read_text())
    proofs = {key: entry["proof"]["py"] for key, entry in manifest.items()}
    sizes = {name: min(count, load(name, "preview").space.size) for name in chosen}
    assert all(len(held) >= 0.7 * sizes[name] for name, held in chosen.items())
    assert len(exported) >= total
    assert len({files.files[0].read_text() for files in exported}) == len(exported) == len(every)
    for key, (_, cost) in every.items():
        assert proofs[key]["parameters"] == cost.params
        assert proofs[key]["multiply-accumulates"] == cost.macs


def test_what_a_user_writes_is_exported_too(tmp_path: Path) -> None:
    originals = {
        f"user_{place}": users(tmp_path, text, f"mine_{place}")
        for place, text in enumerate(USERS.values())
    }

    exported = write(originals, tmp_path / "out")

    texts = dict(zip(USERS, (files.files[0].read_text() for files in exported), strict=True))
    assert "class SEGate" in texts["shared modules and buffers"]
    assert "FACTOR = 0.25" in texts["a class beside the space file"]
    assert "what is from neighbour.py is its" in texts["a class beside the space file"]
    assert "REGISTRY[key] = nn.Hardswish" in texts["all that a file of Python may do"]
    assert "WIDTHS.append(16)" in texts["a function without a plan"]
    assert "gate=partial(SE, reduction=4)" in texts["a function without a plan"]
    assert "def build(weights" in texts["one size and a dict of outputs"]
    assert not any(str(tmp_path) in text for text in texts.values())


def test_a_file_and_its_weights_need_nothing_but_torch(best: Path) -> None:
    original = small(True)
    network = original.network().eval()
    images = torch.linspace(-1, 1, 3 * 16 * 16).reshape(1, 3, 16, 16)
    network.load_state_dict(original.state)
    expected = network(images)

    printed = python(
        best,
        """
import sys
import torch
import best
network = best.build(weights="best.safetensors").eval()
images = torch.linspace(-1, 1, 3 * 16 * 16).reshape(1, 3, 16, 16)
print(network(images).tolist())
print([list(x.shape) for x in network.stages(images)])
print(list(best.build(num_classes=7)(torch.zeros(2, 3, 32, 32)).shape))
print(sorted({"modules", "spaces", "trials", "search"} & set(sys.modules)))
""",
    )

    outputs, maps, other, ours = printed.splitlines()
    assert torch.equal(torch.tensor(json.loads(outputs)), expected)
    assert maps == "[[1, 8, 16, 16], [1, 16, 8, 8]]"
    assert other == "[2, 7]"
    assert ours == "[]"


@pytest.mark.slow
def test_two_exports_are_the_same_to_the_last_byte(best: Path, tmp_path: Path) -> None:
    write({"best": small(True, ABOUT)}, tmp_path, ALL)

    first, second = (
        {file.name: file.read_bytes() for file in folder.glob("best.*")}
        | {"manifest.json": (folder / "manifest.json").read_bytes()}
        for folder in (best, tmp_path)
    )
    assert first == second
    assert len(first) == 6


def test_pickled_weights_are_plain_tensors(best: Path) -> None:
    expected = small(True).state

    state = torch.load(best / "best.pth", weights_only=True)

    assert type(state) is dict
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_the_manifest_says_what_lies_there_and_what_was_proved(best: Path) -> None:
    entry = json.loads((best / "manifest.json").read_text())["best"]

    files = [file for file in best.iterdir() if file.name != "manifest.json"]
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    network = small().network()
    assert entry["sha256"] == hashes
    assert entry["about"] == ABOUT
    assert entry["network"] == "resnet20(depths=(1, 2), planes=8, num_classes=10, gate=SE)"
    assert entry["proof"]["py"]["parameters"] == sum(
        weight.numel() for weight in network.parameters()
    )
    assert entry["proof"]["py"]["equal"][-1] == "multiply-accumulates"


def test_exports_share_a_folder_and_without_a_state_have_no_weights(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"first": {"sha256": {}}}')

    write({"second": small()}, tmp_path)

    assert {file.name for file in tmp_path.iterdir()} == {"second.py", "manifest.json"}
    assert set(json.loads((tmp_path / "manifest.json").read_text())) == {"first", "second"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            """
SCALE = 1.0
class Scaled(nn.Module):
    def __init__(self, channels):
        super().__init__()
    def forward(self, x):
        return x * SCALE
space = Space(resnet20, depths=(1, 1), planes=8, gate=Scaled)
globals().update(SCALE=2.0)
""",
            "best.py is not the network it was made from; what differs first: outputs in training",
            id="a value that the file does not have",
        ),
        pytest.param(
            """
from importlib import import_module
class Sly(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gate = import_module("modules").SE(channels)
    def forward(self, x):
        return self.gate(x)
space = Space(resnet20, depths=(1, 1), planes=8, gate=Sly)
""",
            "best.py does not run by itself: ImportError: it imports modules, and has nothing but",
            id="an import that no text shows",
        ),
        pytest.param(
            """
import os
import sys
class Mortal(nn.Module):
    def __init__(self, channels):
        super().__init__()
        if "search" not in sys.modules:
            os._exit(3)
    def forward(self, x):
        return x
space = Space(resnet20, depths=(1, 1), planes=8, gate=Mortal)
""",
            "best.py ended the process that examined it",
            id="a process that dies",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            """
from modules.backbones.network import Backbone
from modules.backbones.parts import Head, Stem
@Backbone
def net(num_classes=10):
    return {"stem": partial(Stem, "cifar", 8), "head": partial(Head, 8, 2 * num_classes)}
space = Space(net)
""",
            "what differs first: tensors for another number of classes",
            id="classes that the plan computes with",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_nothing_is_left_of_what_does_not_prove_right(text: str, told: str, tmp_path: Path) -> None:
    original = users(tmp_path, text)

    with pytest.raises(ProofError) as error:
        write({"fine": small(), "best": original}, tmp_path / "out")

    assert told in str(error.value)
    assert not (tmp_path / "out").exists()


def refusal(text: str, folder: Path) -> str:
    with pytest.raises(SpaceError) as error:
        write({"best": users(folder, text)}, folder / "out")
    assert not (folder / "out").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "space = Space(resnet20, gate=choice(mine=lambda channels: nn.Identity()))",
            "gate is a lambda; define it with a name at the top of its file",
        ),
        (
            """
def make():
    class Inner(nn.Identity):
        pass
    return Inner
space = Space(resnet20, gate=make())
""",
            "gate is make.<locals>.Inner, defined inside a function; define it with a name at",
        ),
        (
            "space = Space(resnet20, gate=partial(SE, reduction=torch.tensor(4)))",
            "gate.reduction is a Tensor; what can be written are numbers, strings",
        ),
        (
            """
import numpy
class Noisy(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale = float(numpy.ones(1)[0])
space = Space(resnet20, gate=Noisy)
""",
            "numpy is of the package numpy; an exported file needs nothing but torch",
        ),
        (
            """
from numpy import ones
class Noisy(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale = float(ones(1)[0])
space = Space(resnet20, gate=Noisy)
""",
            "numpy is of the package numpy; an exported file needs nothing but torch",
        ),
        (
            """
class Lazy(nn.Module):
    def __init__(self, channels):
        from modules import SE
        super().__init__()
        self.gate = SE(channels)
    def forward(self, x):
        return self.gate(x)
space = Space(resnet20, gate=Lazy)
""",
            "mine.py:10 imports modules inside a definition; import it at the top",
        ),
        (
            """
import modules
class Whole(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gate = modules.SE(channels)
    def forward(self, x):
        return self.gate(x)
space = Space(resnet20, gate=Whole)
""",
            "uses the module 'modules' as a whole; import the names themselves",
        ),
        (
            """
from modules import SE as Squeeze
class Renamed(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gate = Squeeze(channels)
    def forward(self, x):
        return self.gate(x)
space = Space(resnet20, gate=Renamed)
""",
            "mine.py imports SE as Squeeze; import it under its own name",
        ),
        (
            """
class SE(nn.Identity):
    def __init__(self, channels):
        super().__init__()
space = Space(resnet20, gate=SE)
""",
            "mine.py imports and defines 'SE'; rename one of them",
        ),
        (
            """
def build():
    return nn.Identity()
class Mine(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.inner = build()
    def forward(self, x):
        return self.inner(x)
space = Space(resnet20, gate=Mine)
""",
            "both define 'build', and not alike; rename one of them",
        ),
        (
            """
from trials import Recipe
class Mine(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.recipe = Recipe
space = Space(resnet20, gate=Mine)
""",
            "mine.py uses Recipe of trials, which is no part of a network",
        ),
        (
            """
class Late(nn.Identity):
    pass
Before = Late
class Late(nn.Identity):
    pass
space = Space(resnet20, act=Before)
""",
            "act is Late of ",
        ),
    ],
)
def test_what_cannot_be_written_out_is_refused_in_a_line(
    text: str, told: str, tmp_path: Path
) -> None:
    assert told in refusal(text, tmp_path)


@pytest.mark.parametrize("name", ["../best", "a/b", "/tmp/best", "..", "", "a b", "1st", "class"])
def test_a_name_that_is_none_of_a_module_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="cannot name a Python file that is imported"):
        write({name: small()}, tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["torch", "random", "search"])
def test_a_name_that_another_module_has_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=f"'{name}' is another module's name"):
        write({name: small()}, tmp_path)


def test_a_format_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="there is no format 'pkl'; there is py, pth, pt2, onnx"):
        write({"best": small()}, tmp_path, ["py", "pkl"])


def test_what_is_there_stays_unless_it_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "best.py").write_text("mine")
    (tmp_path / "best.pth").write_text("mine too")

    with pytest.raises(SpaceError, match=r"best\.py is there already; --force replaces it"):
        write({"best": small()}, tmp_path)
    assert (tmp_path / "best.py").read_text() == "mine"

    write({"best": small()}, tmp_path, force=True)
    assert {file.name for file in tmp_path.iterdir()} == {"best.py", "manifest.json"}


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")

    with pytest.raises(SpaceError, match="out is a file, not a folder"):
        write({"best": small()}, tmp_path / "out")


def test_a_manifest_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"version": 3}')

    with pytest.raises(SpaceError, match="is not a manifest of exports; choose another folder"):
        write({"best": small()}, tmp_path)


def test_a_state_that_does_not_fit_is_refused_with_what_does_not(tmp_path: Path) -> None:
    original = small(True)
    state = dict(original.state)
    del state["head.2.bias"]
    state |= {"head.2.weight": torch.zeros(3, 16), "tail": torch.zeros(1)}

    with pytest.raises(SpaceError) as error:
        write({"best": Original(original.network, (3, 16, 16), 10, state)}, tmp_path)

    assert str(error.value) == (
        "the state does not fit the network; it lacks: head.2.bias; the network has no: tail; "
        "it has: head.2.weight of 3x16, not 10x16"
    )


def test_a_size_the_network_does_not_take_is_refused(tmp_path: Path) -> None:
    network = partial(modules.resnet20, depths=(1, 1), planes=8, inner=modules.SCSA)

    with pytest.raises(SpaceError, match="takes no 3x8x8 images: a 4x4 map is smaller"):
        write({"best": Original(network, (3, 8, 8), 1000)}, tmp_path)
