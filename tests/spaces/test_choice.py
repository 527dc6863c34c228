"""What a choice is called, where it may stand, and what is refused when a space is written."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import pytest

from modules.attention.cbam import CBAM
from modules.attention.eca import ECA
from modules.attention.mspa import MSPA
from modules.attention.se import SE
from modules.backbones.resnet import resnet18, resnet50
from spaces import Space, SpaceError, choice
from trials.recipe import Recipe


def anything(*args: object, **named: object) -> tuple[tuple[object, ...], dict[str, object]]:
    return args, named


def first(space: Space) -> Any:
    return next(iter(space)).network


def test_a_choice_is_named_by_its_path() -> None:
    space = Space(
        resnet50,
        mix=partial(MSPA, scales=choice(2, 3), omega=choice(28, 30)),
        gate=[None, choice(None, SE), None, choice(None, partial(SE, reduction=choice(4, 16)))],
    )

    assert space.labels == {
        "mix.scales": (2, 3),
        "mix.omega": (28, 30),
        "gate.1": (None, "SE"),
        "gate.3": (None, "SE"),
        "gate.3.SE.reduction": (4, 16),
    }


def test_choices_count_wherever_they_stand() -> None:
    space = Space(
        anything,
        choice(1, 2),
        (3, choice(4, 5)),
        blocks=[[choice("a", "b")], {"stage2": choice(True, False)}],
        part=partial(anything, choice(6, 7), last=(choice(8.5, 9.5),)),
    )

    assert list(space.labels) == [
        "0", "1.1", "blocks.0.0", "blocks.1.stage2", "part.0", "part.last.0"
    ]  # fmt: skip
    *_, last = space
    args, named = last.network()
    assert args == (2, (3, 5))
    assert named["blocks"] == [["b"], {"stage2": False}]
    assert named["part"]() == ((7,), {"last": (9.5,)})


def test_a_choice_inside_an_option_is_named_by_the_options_too() -> None:
    light = partial(SE, reduction=choice(small=choice(4, 8), large=16))

    space = Space(anything, gate=choice(None, light=light, strong=[CBAM, choice(SE, ECA)]))

    assert space.labels == {
        "gate": (None, "light", "strong"),
        "gate.light.reduction": ("small", "large"),
        "gate.light.reduction.small": (4, 8),
        "gate.strong.1": ("SE", "ECA"),
    }


def test_the_backbone_may_be_a_choice() -> None:
    space = Space(choice(resnet18, partial(resnet50, planes=choice(32, 64))), num_classes=10)

    assert [dict(architecture.choices) for architecture in space] == [
        {"backbone": "resnet18"},
        {"backbone": "resnet50", "backbone.resnet50.planes": 32},
        {"backbone": "resnet50", "backbone.resnet50.planes": 64},
    ]
    assert first(space).func is resnet18
    assert first(space).keywords == {"num_classes": 10}


def test_a_choice_may_stand_for_the_function_of_a_deferred_call() -> None:
    space = Space(resnet18, gate=partial(choice(SE, CBAM), reduction=choice(4, 16)))

    assert space.labels == {"gate": ("SE", "CBAM"), "gate.reduction": (4, 16)}
    gates = [architecture.network.keywords["gate"] for architecture in space]
    assert [(gate.func, gate.keywords["reduction"]) for gate in gates] == [
        (SE, 4), (SE, 16), (CBAM, 4), (CBAM, 16)
    ]  # fmt: skip


def test_classes_functions_values_and_plain_tuples_name_themselves() -> None:
    options = (None, True, 3, 0.5, "x", (1, "a", None), (), SE, partial(ECA, k=3), anything)

    space = Space(anything, choice(*options))

    assert space.labels["0"] == (
        None, True, 3, 0.5, "x", "(1, a, None)", "()", "SE", "ECA", "anything"
    )  # fmt: skip
    given = [architecture.network.args[0] for architecture in space]
    assert given == list(options)
    assert all(one is other for one, other in zip(given, options, strict=True))


def test_enumerations_are_stored_as_plain_values() -> None:
    class Level(enum.IntEnum):
        LOW = 1

    class Mode(enum.StrEnum):
        FAST = "fast"

    labels = Space(anything, choice(Level.LOW, Mode.FAST)).labels["0"]

    assert labels == (1, "fast")
    assert [type(label) for label in labels] == [int, str]
    assert first(Space(anything, choice(Level.LOW))).args[0] is Level.LOW


def test_a_named_tuple_stays_one() -> None:
    class Pair(NamedTuple):
        left: object
        right: object

    space = Space(anything, Pair(choice(1, 2), 3))

    assert space.labels == {"0.0": (1, 2)}
    assert [architecture.network.args[0] for architecture in space] == [Pair(1, 3), Pair(2, 3)]
    assert type(first(space).args[0]) is Pair


def test_what_holds_no_choice_stays_the_object_it_was() -> None:
    gates = [None, partial(SE, reduction=4)]

    space = Space(anything, gate=gates, depth=choice(1, 2))

    assert first(space).keywords["gate"] is gates


def test_equal_ties_are_decided_once_with_what_lies_inside() -> None:
    def gate() -> Any:
        return choice(None, partial(SE, reduction=choice(4, 16)), tie="gate")

    space = Space(resnet50, gate=[None, None, gate(), gate()])

    assert space.labels == {"gate": (None, "SE"), "gate.SE.reduction": (4, 16)}
    *_, last = space
    assert [part and part.keywords["reduction"] for part in last.network.keywords["gate"]] == [
        None, None, 16, 16
    ]  # fmt: skip


def test_a_tie_inside_an_option_is_tied_with_its_equals_elsewhere() -> None:
    def reduction() -> Any:
        return choice(4, 16, tie="reduction")

    space = Space(
        resnet50,
        inner=choice(None, partial(SE, reduction=reduction())),
        gate=choice(None, partial(CBAM, reduction=reduction())),
    )

    assert [dict(architecture.choices) for architecture in space] == [
        {"inner": None, "gate": None},
        {"inner": None, "gate": "CBAM", "reduction": 4},
        {"inner": None, "gate": "CBAM", "reduction": 16},
        {"inner": "SE", "reduction": 4, "gate": None},
        {"inner": "SE", "reduction": 4, "gate": "CBAM"},
        {"inner": "SE", "reduction": 16, "gate": None},
        {"inner": "SE", "reduction": 16, "gate": "CBAM"},
    ]


def test_choices_in_a_deferred_recipe_are_named_after_it() -> None:
    space = Space(resnet18, planes=choice(16, 32))

    with_recipe = space.with_recipe(partial(Recipe, epochs=7, lr=choice(0.1, 0.05)))

    assert space.labels == {"planes": (16, 32)}
    assert with_recipe.labels == {"planes": (16, 32), "recipe.lr": (0.1, 0.05)}
    assert with_recipe.size == 4
    recipe = with_recipe.at({"planes": 16, "recipe.lr": 0.05}).recipe()
    assert (recipe.lr, recipe.epochs) == (0.05, 7)


def test_a_recipe_without_choices_is_handed_on() -> None:
    recipe = Recipe(epochs=7)

    assert next(iter(Space(resnet18).with_recipe(recipe))).recipe is recipe


def test_a_recipe_and_a_network_may_be_tied() -> None:
    space = Space(resnet18, planes=choice(16, 32, tie="size"))

    tied = space.with_recipe(partial(Recipe, batch=choice(16, 32, tie="size")))

    assert [(found.network.keywords["planes"], found.recipe().batch) for found in tied] == [
        (16, 16), (32, 32)
    ]  # fmt: skip


def test_arguments_are_set_on_a_copy() -> None:
    space = Space(resnet18, planes=choice(16, 32), num_classes=10)

    changed = space.with_arguments(num_classes=100, stem="cifar")

    assert first(changed).keywords == {"planes": 16, "num_classes": 100, "stem": "cifar"}
    assert first(space).keywords == {"planes": 16, "num_classes": 10}
    assert changed.labels == space.labels


def test_what_a_backbone_takes_by_unpacked_keywords_may_be_named() -> None:
    assert Space(partial(resnet50, planes=32), zero_init_residual=choice(True, False)).size == 2


@dataclass
class Settings:
    width: object


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: choice(), "a choice needs at least one option"),
    (
        lambda: choice(SE, partial(SE, reduction=4)),
        "two options are both called 'SE'; name them: choice(small=..., large=...)",
    ),
    (
        lambda: choice(1, True),
        "two options are both called True; name them: choice(small=..., large=...)",
    ),
    (
        lambda: choice(3, "3"),
        "two options are both called '3'; name them: choice(small=..., large=...)",
    ),
    (
        lambda: choice(SE, SE=ECA),
        "two options are both called 'SE'; name them: choice(small=..., large=...)",
    ),
    (
        lambda: choice(float("nan"), 1.0),
        "cannot name the option nan; name it: choice(small=...)",
    ),
    (
        lambda: choice((1, float("inf"))),
        "cannot name the option inf; name it: choice(small=...)",
    ),
    (
        lambda: choice([1, 2, 3]),
        "cannot name the option [1, 2, 3]; name it: choice(small=...)",
    ),
    (
        lambda: choice(SE, choice(ECA, CBAM)),
        "cannot name the option choice(ECA, CBAM); name it: choice(small=...)",
    ),
    (lambda: choice(1, 2, tie=""), "tie = '' is not a name; write tie='reduction'"),
    (
        lambda: Space(resnet50, gaet=SE),
        "resnet50 has no argument 'gaet'; did you mean 'gate'?",
    ),
    (
        lambda: Space(choice(resnet18, resnet50), gaet=SE),
        "resnet18 has no argument 'gaet'; did you mean 'gate'?",
    ),
    (
        lambda: Space(partial(resnet50, planes=64), gaet=SE),
        "resnet50 has no argument 'gaet'; did you mean 'gate'?",
    ),
    (
        lambda: Space(resnet50, gate=choice(None, partial(SE, reductoin=choice(4, 8)))),
        "gate.SE: SE has no argument 'reductoin'; did you mean 'reduction'?",
    ),
    (
        lambda: Space(resnet50, gate=partial(choice(SE, ECA), reduction=4)),
        "gate: ECA has no argument 'reduction'",
    ),
    (
        lambda: Space(resnet50, gate=partial(choice(SE, None), reduction=4)),
        "gate: None cannot be called; give a class or a function",
    ),
    (
        lambda: Space("resnet50"),
        "'resnet50' cannot be called; give a class or a function",
    ),
    (
        lambda: Space(resnet50, (1, 1), depths=(1, 1, 1, 1)),
        "resnet50: multiple values for argument 'depths'",
    ),
    (
        lambda: Space(resnet50, gate=[None, partial(ECA, 64, 3, 1)]),
        "gate.1: ECA: too many positional arguments",
    ),
    (
        lambda: Space(anything, choice(4, 8, tie="size"), choice(4, 16, tie="size")),
        "choices tied as 'size' offer [4, 8] and [4, 16]; equal ties offer equal options",
    ),
    (
        lambda: Space(
            anything,
            choice(None, partial(SE, reduction=4), tie="gate"),
            choice(None, partial(SE, reduction=8), tie="gate"),
        ),
        "choices tied as 'gate' offer different things under the same labels; "
        "equal ties offer equal options",
    ),
    (
        lambda: Space(
            anything,
            choice(None, partial(SE, reduction=choice(4, 8)), tie="gate"),
            choice(None, partial(SE, reduction=choice(4, 16)), tie="gate"),
        ),
        "choices tied as 'gate' offer different things under the same labels; "
        "equal ties offer equal options",
    ),
    (
        lambda: Space(anything, gate=choice(SE, ECA), inner=choice(SE, ECA, tie="gate")),
        "tie='gate' is also the path of a choice; rename the tie",
    ),
    (
        lambda: Space(
            anything,
            inner=choice(a=partial(SE, reduction=choice(4, 8)), b=None, tie="gate"),
            gate={"a": partial(SE, reduction=choice(4, 8))},
        ),
        "two choices are both called 'gate.a.reduction'; give one a name of its own: tie=",
    ),
    (
        lambda: Space(anything, gate={"stage4": [choice(1, 2)], "stage4.0": choice(1, 2)}),
        "two choices are both called 'gate.stage4.0'; give one a name of its own: tie=",
    ),
    (
        lambda: Space(anything, {choice(1, 2)}),
        "0: a choice stands in a set, which has no places; write a list",
    ),
    (
        lambda: Space(anything, of=Settings(width=[choice(1, 2)])),
        "of: width is a choice in a Settings that is built already; "
        "defer it: partial(Settings, width=...)",
    ),
    (
        lambda: Space(resnet18).with_recipe(Recipe(overrides={"planes": choice(8, 16)})),
        "recipe: overrides is a choice in a Recipe that is built already; "
        "defer it: partial(Recipe, overrides=...)",
    ),
    (
        lambda: choice(SE, ECA)(64),
        "choice(SE, ECA) is used before it is decided; "
        "defer the call that it stands in: partial(Recipe, lr=choice(...))",
    ),
    (
        lambda: Recipe(lr=choice(0.1, 0.05)),
        "choice(0.1, 0.05) is used before it is decided; "
        "defer the call that it stands in: partial(Recipe, lr=choice(...))",
    ),
]


@pytest.mark.parametrize(("write", "words"), REFUSED)
def test_what_cannot_be_a_space_is_refused_in_words(
    write: Callable[[], object], words: str
) -> None:
    with pytest.raises(SpaceError) as refusal:
        write()

    assert str(refusal.value) == words


@pytest.mark.parametrize("option", [lambda channels: None, object(), {"a": 1}, SE(16), range(3)])
def test_an_option_that_names_nothing_needs_a_name(option: object) -> None:
    with pytest.raises(SpaceError, match=r"cannot name the option .*; name it: choice\(small="):
        choice(SE, option)

    assert Space(anything, choice(SE, small=option)).labels == {"0": ("SE", "small")}
