"""What an exported file says: values, definitions as they were written, a network in blocks."""

import ast
import enum
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import modules
from search.expression import Classes, Expressions
from search.standalone import Original, standalone
from spaces import SpaceError

ZOO = Path(modules.__file__).parent


class Pair(NamedTuple):
    first: int = 1
    second: object = None


@dataclass(frozen=True)
class Options:
    width: int
    act: object = nn.ReLU


class Kind(enum.Enum):
    ONE = 1


def text_of(network: partial, classes: int = 10, **rest: object) -> str:
    original = Original(network, (3, 32, 32), classes, **rest)
    return standalone(original, "best", type(original.call(classes)()))


def constructor(text: str) -> str:
    """The lines of the network's constructor after the first."""
    (network,) = (node for node in ast.parse(text).body if getattr(node, "name", "") == "Network")
    source = ast.get_source_segment(text, network.body[1])
    return inspect.cleandoc(source.split("super().__init__()\n")[1])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        (-1, "-1"),
        (1e-05, "1e-05"),
        (float("inf"), 'float("inf")'),
        ("average", '"average"'),
        ("it's", '"it\'s"'),
        ('say "x"', "'say \"x\"'"),
        ("a\n", r'"a\n"'),
        ((3,), "(3,)"),
        ((), "()"),
        ([1, (2, "x")], '[1, (2, "x")]'),
        ({"stage1": modules.SE, 3: None}, '{"stage1": SE, 3: None}'),
        (nn.ReLU, "nn.ReLU"),
        (F.gelu, "F.gelu"),
        (torch.sigmoid, "torch.sigmoid"),
        (torch.float16, "torch.float16"),
        (max, "max"),
        (modules.SE, "SE"),
        (Classes(10), "num_classes"),
        (partial(modules.SE), "SE"),
        (partial(modules.SE, reduction=16), "SE"),
        (partial(modules.SE, reduction=4, bias=True), "partial(SE, reduction=4)"),
        (partial(modules.SE, 64), "partial(SE, 64)"),
        (partial(nn.Conv2d, 3, 8, bias=True), "partial(nn.Conv2d, 3, 8)"),
        (
            partial(modules.MSPA, recalibrate=partial(modules.SPR, grid=(1, 2, 4))),
            "partial(MSPA, recalibrate=partial(SPR, grid=(1, 2, 4)))",
        ),
        (Pair(), "Pair()"),
        (Pair(second=nn.ReLU), "Pair(second=nn.ReLU)"),
        (Options(8, nn.ReLU), "Options(width=8)"),
    ],
)
def test_a_value_is_written_as_the_shortest_call_that_makes_it(
    value: object, expected: str
) -> None:
    assert str(Expressions().value(value, "gate")) == expected


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (nn.ReLU(), r"gate is a ReLU that is built already; defer it: partial\(ReLU, \.\.\.\)"),
        (torch.ones(2), r"gate is a Tensor; what can be written are numbers, strings"),
        (Kind.ONE, "gate is a Kind; what can be written are"),
        ([1, {2, 3}], r"gate\.1 is a set; what can be written are"),
        (partial(modules.SE, reduction=lambda: 4), r"gate\.reduction is a lambda; define it"),
    ],
)
def test_a_value_that_no_expression_makes_is_refused_with_its_place(
    value: object, told: str
) -> None:
    with pytest.raises(SpaceError, match=told):
        Expressions().value(value, "gate")


def test_a_network_is_written_block_by_block() -> None:
    network = partial(
        modules.resnet50, depths=(1, 5), planes=16, mix=partial(modules.MSPA, scales=4, omega=30)
    )

    text = text_of(network)

    assert constructor(text) == inspect.cleandoc(
        """
        held = Held(mix=partial(MSPA, scales=4))
        self.stem = Stem("imagenet", 16)
        self.stage1 = nn.Sequential(bottleneck(16, 16, 1, held))
        self.stage2 = nn.Sequential(
            bottleneck(64, 32, 2, held),
            *[bottleneck(128, 32, 1, held) for _ in range(4)],
        )
        self.head = Head(128, num_classes)
        """
    )


def test_what_blocks_hold_is_named_by_what_it_is() -> None:
    four = partial(modules.SE, reduction=4)
    network = partial(
        modules.resnet20,
        depths=(2, 2, 2),
        gate=[modules.SE, four, [None, modules.ECA]],
        after={"stage1": modules.CAM},
    )

    text = text_of(network)

    assert constructor(text) == inspect.cleandoc(
        """
        held_se = Held(gate=SE)
        held_se_4 = Held(gate=partial(SE, reduction=4))
        self.stem = Stem("cifar", 16)
        self.stage1 = nn.Sequential(
            basic(16, 16, 1, held_se),
            basic(16, 16, 1, held_se),
        )
        self.stage1.add_module("after", CAM(16))
        self.stage2 = nn.Sequential(
            basic(16, 32, 2, held_se_4),
            basic(32, 32, 1, held_se_4),
        )
        self.stage3 = nn.Sequential(
            basic(32, 64, 2, Held()),
            basic(64, 64, 1, Held(gate=ECA)),
        )
        self.head = Head(64, num_classes)
        """
    )


def test_a_long_call_is_broken_as_a_formatter_would() -> None:
    mix = partial(
        modules.MSPA, scales=4, omega=28, base=16, hierarchical=False, dilate=False, softmax=False
    )

    text = text_of(partial(modules.resnet50, depths=(2,), planes=16, mix=mix))

    assert constructor(text).startswith(
        inspect.cleandoc(
            """
            held = Held(
                mix=partial(
                    MSPA,
                    scales=4,
                    omega=28,
                    base=16,
                    hierarchical=False,
                    dilate=False,
                    softmax=False,
                ),
            )
            """
        )
    )


def test_definitions_stay_as_they_were_written_with_their_comments() -> None:
    text = text_of(partial(modules.resnet20, depths=(1, 1), inner=modules.PAM))

    assert inspect.getsource(modules.PAM) in text
    assert "# no dimension, so that a float32 gamma leaves a half-precision map" in text
    assert "# Dual Attention (DANet), Fu et al. 2019, https://arxiv.org/abs/1809.02983." in text


def test_definitions_that_nobody_reaches_are_dropped() -> None:
    text = text_of(partial(modules.resnet20, depths=(1, 1), inner=modules.PAM))

    names = {node.name for node in ast.parse(text).body if hasattr(node, "name")}
    assert "PAM" in names
    assert not names & {
        "CAM",
        "DualAttention",
        "bottleneck",
        "Backbone",
        "Places",
        "resnet20",
        "Sites",
    }


def definitions(files: Iterable[Path]) -> dict[str, set[str]]:
    """The texts of functions and classes by name."""
    texts: dict[str, set[str]] = {}
    for file in files:
        source = file.read_text()
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                texts.setdefault(node.name, set()).add(ast.get_source_segment(source, node))
    return texts


def test_any_modules_of_the_zoo_can_stand_in_one_file_with_any_backbone() -> None:
    zoo = definitions([*ZOO.glob("attention/*.py"), *ZOO.glob("blocks/*.py"), *ZOO.glob("*.py")])
    backbones = definitions(ZOO.glob("backbones/*.py"))

    assert len(zoo) >= 100
    assert [name for name, held in zoo.items() if len(held) > 1] == []
    assert [name for name in zoo.keys() & backbones.keys() if zoo[name] != backbones[name]] == []


def test_published_weights_are_no_part_of_a_file() -> None:
    text = text_of(partial(modules.resnet18, depths=(1, 1), weights="imagenet"), 1000)

    assert "imagenet" not in text.replace('Stem("imagenet"', "").split("class Network")[1]
    assert "weights=" not in ast.get_docstring(ast.parse(text))


def test_the_docstring_says_what_it_is_and_how_to_use_it() -> None:
    about = {
        "space": "gates",
        "choices": {"gate": "SE", "gate.reduction": 4},
        "scores": {"accuracy": 0.87654321, "seeds": [0, 1, 2]},
        "costs": {"params": 23768872},
    }
    network = partial(modules.resnet20, depths=(1, 1), gate=modules.SE)
    state = network().state_dict()

    docstring = ast.get_docstring(ast.parse(text_of(network, state=state, about=about)))

    what, licence = docstring.rsplit("\n\n", 1)
    assert licence.startswith(
        "Licence: MIT (https://opensource.org/license/mit), copyright (c) 2026"
    )
    assert what == inspect.cleandoc(
        """
        best: one network, in one file that needs nothing but torch.

            resnet20(depths=(1, 1), gate=SE, num_classes=10)

        How to use it:

            import best

            network = best.build(weights="best.safetensors").eval()
            output = network(images)  # images are (n, 3, 32, 32)
            maps = network.stages(images)  # one per stage, the finest first

        space: gates
        choices:
            gate = SE
            gate.reduction = 4
        scores:
            accuracy = 0.876543
            seeds = 0, 1, 2
        costs:
            params = 23,768,872
        """
    )


def test_no_label_can_break_out_of_the_docstring() -> None:
    about = {"choices": {'gate"""': '"""\nimport os\n"""', "path": "C:\\new"}}

    text = text_of(partial(modules.resnet20, depths=(1, 1)), about=about)

    tree = ast.parse(text)
    assert 'gate"""' in ast.get_docstring(tree)
    assert "path = C:\\new" in ast.get_docstring(tree)
    assert "import os" not in [ast.unparse(node) for node in tree.body]
