"""An architecture is its labels: they rebuild it, in any process, and say what does not fit."""

import json
import subprocess
import sys
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from modules.attention.mspa import MSPA
from modules.attention.se import SE
from modules.backbones.resnet import resnet50
from spaces import Space, SpaceError, choice
from tests.spaces.random_spaces import described, drawn_space, space_of


def anything(*args: object, **named: object) -> None: ...


@pytest.fixture
def mspa() -> Space:
    part = partial(MSPA, scales=choice(2, 3, 4, 5), omega=choice(14, 20, 24, 30))
    return Space(resnet50, mix=part, gate=choice(None, partial(SE, reduction=choice(4, 16))))


def test_labels_rebuild_what_they_came_from_through_json() -> None:
    for seed in range(60):
        space = space_of(drawn_space(Random(seed)))
        for architecture in islice(space, 20):
            again = space.at(json.loads(json.dumps(architecture.choices)))

            assert again == architecture
            assert (again.key, hash(again)) == (architecture.key, hash(architecture))
            assert described(again.network) == described(architecture.network)


def test_every_kind_of_label_keeps_its_type_through_json() -> None:
    options = (None, True, 3, 1e-4, 2.0, "3x3", (1, 2))
    space = Space(anything, choice(*options))

    for architecture, option in zip(space, options, strict=True):
        record = json.loads(json.dumps(architecture.choices))
        label = architecture.choices["0"]
        again = space.at(record).choices["0"]
        assert (again, type(again)) == (label, type(label))
        assert space.at(record).network.args == (option,)


def test_an_equal_answer_of_another_type_is_stored_as_the_label_it_equals(mspa: Space) -> None:
    plain = mspa.at({"mix.scales": 3, "mix.omega": 30, "gate": None})

    replayed = mspa.at({"mix.scales": 3.0, "mix.omega": 30.0, "gate": None})
    asked = mspa.sample(lambda name, _: {"mix.scales": 3.0, "mix.omega": 30}.get(name))

    assert plain.key == replayed.key == asked.key
    assert all(type(replayed.choices[name]) is int for name in ("mix.scales", "mix.omega"))
    assert type(asked.choices["mix.scales"]) is int


def test_the_order_of_a_record_does_not_matter(mspa: Space) -> None:
    record = {"mix.scales": 3, "mix.omega": 30, "gate": "SE", "gate.SE.reduction": 16}

    forward, backward = mspa.at(record), mspa.at(dict(reversed(record.items())))

    assert forward == backward
    assert forward.key == backward.key
    assert list(backward.choices) == list(record)


def test_a_key_is_the_hash_of_the_sorted_labels() -> None:
    space = Space(resnet50, mix=partial(MSPA, scales=choice(2, 3), omega=choice(28, 30)))

    architecture = space.at({"mix.scales": 3, "mix.omega": 30})

    # printf '%s' '{"mix.omega": 30, "mix.scales": 3}' | sha256sum
    assert architecture.key == "e7535155683c93e9"


def test_keys_are_the_same_in_every_process() -> None:
    program = """
from tests.spaces.random_spaces import drawn_space, space_of
from random import Random
for seed in range(30):
    print(next(iter(space_of(drawn_space(Random(seed))))).key)
"""
    root = Path(__file__).parents[2]
    here = [next(iter(space_of(drawn_space(Random(seed))))).key for seed in range(30)]

    for hash_seed in ("0", "12345"):
        printed = subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert printed.stdout.split() == here


def test_architectures_are_equal_when_their_labels_are(mspa: Space) -> None:
    record = {"mix.scales": 3, "mix.omega": 30, "gate": None}

    one, same, other = mspa.at(record), mspa.at(record), mspa.at({**record, "mix.omega": 24})

    assert one == same
    assert one != other
    assert one != record
    assert len({one, same, other}) == 2


def test_choices_are_asked_in_reading_order_and_only_where_they_arise(mspa: Space) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []

    def pick(name: str, labels: tuple[object, ...]) -> object:
        asked.append((name, labels))
        return labels[0]

    mspa.sample(pick)  # type: ignore[arg-type]

    assert asked == [
        ("mix.scales", (2, 3, 4, 5)),
        ("mix.omega", (14, 20, 24, 30)),
        ("gate", (None, "SE")),
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mix.omega": 7}, "mix.omega = 7 is not in this space; it offers [14, 20, 24, 30]"),
        ({"gate": "CBAM"}, "gate = 'CBAM' is not in this space; it offers [None, 'SE']"),
        ({"mix.omega": [14]}, "mix.omega = [14] is not in this space; it offers [14, 20, 24, 30]"),
        ({"mix.omga": 14}, "mix.omga = 14 is not in this space; did you mean 'mix.omega'?"),
        ({"x": 1}, "x = 1 is not in this space"),
        ({"gate.SE.reduction": 4}, "gate.SE.reduction = 4 does not arise from the other choices"),
        ({"gate": "SE"}, "no value for 'gate.SE.reduction'; this space offers [4, 16]"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_in_words(
    mspa: Space, changes: dict[str, object], words: str
) -> None:
    record = {"mix.scales": 3, "mix.omega": 30, "gate": None, **changes}

    with pytest.raises(SpaceError) as refusal:
        mspa.at(record)  # type: ignore[arg-type]

    assert str(refusal.value) == words


def test_a_missing_label_is_named(mspa: Space) -> None:
    with pytest.raises(SpaceError) as refusal:
        mspa.at({"mix.scales": 3})

    assert str(refusal.value) == "no value for 'mix.omega'; this space offers [14, 20, 24, 30]"


def test_an_answer_that_is_not_offered_is_refused(mspa: Space) -> None:
    with pytest.raises(SpaceError) as refusal:
        mspa.sample(lambda name, labels: 7)

    assert str(refusal.value) == "mix.scales = 7 is not in this space; it offers [2, 3, 4, 5]"


def test_part_of_a_space_is_varied_around_an_architecture(mspa: Space) -> None:
    around = {"mix.scales": 4, "mix.omega": 24, "gate": "SE", "gate.SE.reduction": 16}

    varied = [dict(one.choices) for one in mspa.varied(["gate", "gate.SE.reduction"], around)]

    kept = {"mix.scales": 4, "mix.omega": 24}
    assert varied == [
        {**kept, "gate": None},
        {**kept, "gate": "SE", "gate.SE.reduction": 4},
        {**kept, "gate": "SE", "gate.SE.reduction": 16},
    ]
    assert [one.choices["mix.omega"] for one in mspa.varied(["mix.omega"])] == [14, 20, 24, 30]


def test_an_architecture_builds_its_network() -> None:
    space = Space(resnet50, planes=choice(8, 16), depths=(1, 1, 1, 1), num_classes=10)

    network = space.at({"planes": 16}).build()

    assert sum(part.numel() for part in network.head.parameters()) == 10 * (4 * 16 * 8 + 1)
