"""`search.run`: from a script's values, from a file, from a notebook with its stop button."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from search import Recipe, Space, SpaceError, choice, run
from tests.search.runs import HEAD, events, wait_for, write

RECIPE = Recipe(data="digits", epochs=1, augment=())


def values() -> dict[str, object]:
    held: dict[str, object] = {}
    exec(HEAD, held)
    return held


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_space_in_no_file_is_refused_in_words_where_one_is_needed(here: Path) -> None:
    tiny = values()["tiny"]
    space = Space(tiny, width=choice(4, 8))

    for words, given in (
        ("workers = 2 read a space from its file", {"recipe": RECIPE, "workers": 2}),
        ("is not a Recipe", {"recipe": "preview"}),
        ("is not a name", {"recipe": RECIPE, "name": "../there"}),
    ):
        with pytest.raises(SpaceError, match=words):
            run(space, **given)
    with pytest.raises(SpaceError, match="name a recipe of it"):
        run("gates", RECIPE)

    assert not list(here.iterdir())


@pytest.mark.slow
def test_a_file_is_searched_as_the_command_line_does(here: Path) -> None:
    file = write(here)

    study = run(file, trials=2, workers=1, quiet=True)

    rows = study.trials
    assert [row["status"] for row in rows] == ["complete"] * 3
    assert rows[1].keys() >= {"number", "seed", "width", "accuracy", "macs", "params"}
    assert study.best().build()(torch.zeros(2, 3, 8, 8)).shape == (2, 10)
    assert study.figure("front").data
    assert {mean.name for mean in study.means()} == {"plain", ""}


NOTEBOOK = """
study = run(
    Space(tiny, gate=choice(None, Scale)),
    Recipe(data="digits", epochs=EPOCHS, augment=()),
    name="cell",
    baselines={"plain": Space(tiny)},
)
"""


@pytest.fixture
def kernel(here: Path) -> Iterator[tuple[object, object]]:
    manager = pytest.importorskip("jupyter_client.manager", reason="there is no Jupyter")
    held, client = manager.start_new_kernel(
        extra_arguments=["--HistoryManager.enabled=False"],
        cwd=str(here),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        yield held, client
    finally:
        client.stop_channels()
        held.shutdown_kernel(now=True)


@pytest.mark.slow
def test_in_a_notebook_classes_of_a_cell_are_searched_and_the_stop_button_stops(
    here: Path, kernel: tuple[object, object]
) -> None:
    manager, client = kernel
    head = f"{HEAD}\nfrom search import run\n"
    folder = here / "runs/cell/own"

    client.execute(head + NOTEBOOK.replace("EPOCHS", "2000"))
    wait_for(folder, "epoch", 3)
    manager.interrupt_kernel()
    stopped = client.get_shell_msg(timeout=60)["content"]
    again = client.execute_interactive(
        NOTEBOOK.replace("EPOCHS", "2").replace('"cell"', '"other"')
        + "import json; open('told.json', 'w').write(json.dumps("
        "[study.trials, type(study.best().build()).__name__, study.figure('front').to_json()]))",
        timeout=120,
        output_hook=lambda message: None,
    )["content"]

    assert stopped["status"] == "ok", stopped
    assert events(folder, "finished")[0]["status"] == "interrupted"
    assert again["status"] == "ok", again
    trials, built, _ = json.loads((here / "told.json").read_text())
    assert [row["status"] for row in trials] == ["complete"] * 3
    assert built == "Sequential"
