"""An experiment written down: plain, without addresses, and what has changed since."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from search.record import Record, record
from tests.search.studies import SPACE, written


def made(folder: Path, text: str = SPACE, limits: tuple[str, ...] = ()) -> Record:
    """Write an experiment down and read it back as a database would give it."""
    return Record(**json.loads(json.dumps(asdict(record(written(folder, text, limits))))))


def test_a_record_says_what_stands_where(tmp_path: Path) -> None:
    written_down = made(tmp_path, limits=("params<=2k",))

    assert written_down.objectives == "maximize accuracy, minimize macs"
    assert written_down.limits == "params<=2000"
    assert written_down.training["backbone"] == "tiny"
    assert written_down.training["width"] == [4, 8, 12]
    assert written_down.training["input"] == "3x32x32"
    assert written_down.training["recipe.data"] == "clutter"
    assert "recipe.seeds" not in written_down.training
    assert written_down.baselines["plain"]["backbone"] == "tiny"


def test_a_record_is_the_same_wherever_and_however_often_it_is_made(tmp_path: Path) -> None:
    text = SPACE.replace("kernel=", "gate=[choice(Wide, lambda c: Scale(c))][0], kernel=")
    text = text.replace("lambda c: Scale(c)", "own=lambda c: Scale(c)").replace(
        "epochs=2", "epochs=2, train=lambda *_: iter(())"
    )

    one, other = made(tmp_path / "one", text), made(tmp_path / "other", text)

    assert one == other
    assert "0x" not in json.dumps(asdict(one))
    assert str(tmp_path) not in json.dumps(asdict(one))


NESTED = SPACE.replace(
    "kernel=choice(1, 3)",
    "gate=choice(None, partial(Deep, rate=choice(1, 2)), tie='gate'), kernel=3",
).replace("space =", "class Deep(Wide):\n    def __init__(self, channels, rate=1): ...\nspace =")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("choice(4, 8, 12)", "choice(4, 8, 12, 16)"),
        ("choice(4, 8, 12)", "choice(2, 12, 8, 4)"),
        ("choice(1, 2)", "choice(1, 2, 3)"),
        ("choice(None, ", "choice(None, Scale, "),
        ("tie='gate')", "wide=partial(Deep, rate=choice(7, 9)), tie='gate')"),
    ],
)
def test_more_options_extend_a_record(tmp_path: Path, before: str, after: str) -> None:
    assert before in NESTED
    old, new = made(tmp_path, NESTED), made(tmp_path, NESTED.replace(before, after))

    assert new.extends(old)
    assert not new.continues(old)
    assert not old.extends(new)


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ("choice(4, 8, 12)", "choice(4, 8, 16)", "width offered [4, 8, 12], now [4, 8, 16]"),
        ("choice(4, 8, 12)", "12", "width was [4, 8, 12], now 12"),
        ("kernel=3", "kernel=5", "kernel was 3, now 5"),
        ("tie='gate')", "tie='gates')", "gate is tied as was 'gate', now 'gates'"),
        ("Deep, rate", "Deep, 8, rate", "gate.Deep.0 = 8 is new"),
        ("epochs=2", "epochs=2, lr=0.5", "recipe.lr was 0.1, now 0.5"),
        ("Space(tiny)}", "Space(tiny, 4)}", "baseline plain: 0 = 4 is new"),
    ],
)
def test_anything_else_is_a_difference(
    tmp_path: Path, before: str, after: str, difference: str
) -> None:
    assert before in NESTED
    old, new = made(tmp_path, NESTED), made(tmp_path, NESTED.replace(before, after))

    assert not new.extends(old)
    assert not new.continues(old)
    assert difference in new.difference(old)


def test_seeds_and_baselines_may_come_and_go(tmp_path: Path) -> None:
    old = made(tmp_path)
    more = made(tmp_path, SPACE.replace("epochs=2", "epochs=2, seeds=(4, 5)"))
    alone = made(tmp_path, SPACE.replace('{"plain": Space(tiny)}', "{}"))

    assert more.continues(old)
    assert alone.continues(old)
    assert old.continues(alone)


def test_a_long_difference_is_cut(tmp_path: Path) -> None:
    changes = "epochs=9, batch=64, lr=0.5, momentum=0.8, ema=0.9, images=50"

    said = made(tmp_path, SPACE.replace("epochs=2", changes)).difference(made(tmp_path))

    assert said.count(";") == 4
    assert said.endswith("; and 2 more")


def test_choices_in_a_recipe_are_choices(tmp_path: Path) -> None:
    text = SPACE.replace(
        'Recipe(data="clutter",', 'partial(Recipe, "clutter", lr=choice(0.1, 0.2),'
    )

    assert made(tmp_path, text).training["recipe.lr"] == [0.1, 0.2]
    assert made(tmp_path, text.replace("0.2)", "0.2, 0.4)")).extends(made(tmp_path, text))
