"""Plans and tables of ablations, on the ready-made spaces and on made-up scores."""

import csv as standard_csv
import io
from collections.abc import Mapping
from dataclasses import replace

import pytest

from search.ablated import Ablated, csv, document, table
from search.ablation import Planned, plan
from search.equal import at_equal_cost
from search.experiment import Experiment, load
from search.inference import compare
from search.job import Job
from search.rows import Row
from search.worker import Bench
from spaces.labels import Label
from tests.search.studies import written

SE = {"gate": "SE", "gate.SE.reduction": 8, "inner": "SE", "inner.SE.reduction": 4}
PARTS = {
    "mix": "gated",
    "hierarchical": True,
    "dilate": True,
    "mix.gated.recalibrate.grid": "(1, 2)",
    "mix.gated.recalibrate.reduction": 4,
    "mix.gated.softmax": True,
}
STAGES = {"gate.stage1": "ECA", "gate.stage2": None, "gate.stage3": "SE", "gate.stage4": "SE"}


def planned(space: str, around: Mapping[str, Label]) -> dict[str, Planned]:
    return {row.title: row for row in plan(load(space, "preview"), around)}


def changed(around: Mapping[str, Label], row: Planned) -> dict[str, Label]:
    choices = row.architecture.choices
    return {name: label for name, label in choices.items() if around.get(name, ...) != label}


def of_kind(rows: Mapping[str, Planned], kind: str) -> list[str]:
    return [words for words, row in rows.items() if row.kind == kind]


def trained(row: Planned, seed: int, score: float | None, status: str = "complete") -> Row:
    cost = row.cost
    return Row(
        number=seed,
        name=row.name,
        choices=row.architecture.choices,
        key=row.architecture.key,
        seed=seed,
        status=status,
        reason="" if score else "loss is nan",
        metric="accuracy",
        score=score,
        curve=(),
        figures={"params": cost.params, "macs": cost.macs} if cost else {},
        seconds=1.0,
        flags=(),
        folder="",
        code={},
    )


def test_a_plan_leaves_out_each_part_and_sweeps_each_number() -> None:
    rows = planned("se_reduction", SE)

    assert next(iter(rows)) == "full"
    assert rows["full"].architecture.choices == SE
    assert of_kind(rows, "left out") == ["without gate", "without inner"]
    assert rows["without gate"].architecture.choices == {
        "gate": None,
        "inner": "SE",
        "inner.SE.reduction": 4,
    }
    assert of_kind(rows, "swept") == [
        f"{place}.SE.reduction = {number}"
        for place, numbers in (("gate", (4, 16, 32)), ("inner", (8, 16, 32)))
        for number in numbers
    ]
    assert changed(SE, rows["gate.SE.reduction = 16"]) == {"gate.SE.reduction": 16}


def test_what_is_left_of_a_network_without_any_part_is_the_baseline_it_is() -> None:
    rows = planned("se_reduction", SE)

    bare = rows["without any of these (ResNet-50)"]
    assert (bare.kind, bare.name) == ("bare", "ResNet-50")
    assert of_kind(rows, "baseline") == []


def test_parts_are_left_out_one_by_one_together_and_all_but_one() -> None:
    rows = planned("mspa_parts", PARTS)

    assert of_kind(rows, "left out") == [
        "without hierarchical",
        "without dilate",
        "without mix.gated.softmax",
    ]
    bare = {"hierarchical": False, "dilate": False, "mix.gated.softmax": False}
    assert changed(PARTS, rows["without any of these"]) == bare
    assert of_kind(rows, "alone") == [
        "hierarchical alone",
        "dilate alone",
        "mix.gated.softmax alone",
    ]
    assert changed(PARTS, rows["dilate alone"]) == {
        "hierarchical": False,
        "mix.gated.softmax": False,
    }
    assert of_kind(rows, "baseline") == ["ResNet-50"]


def test_each_module_is_put_in_where_there_is_none_and_takes_the_places_of_all() -> None:
    rows = planned("placement", STAGES)

    assert of_kind(rows, "put in") == [
        f"with gate.stage2 = {module}" for module in ("ECA", "SimAM", "CBAM", "SE")
    ]
    assert of_kind(rows, "swapped") == [
        f"{module} at the same places" for module in ("ECA", "SimAM", "CBAM")
    ]
    # the fourth is the first stage's sweep
    assert set(rows["gate.stage1 = SE"].architecture.choices.values()) == {None, "SE"}
    for words in of_kind(rows, "swapped"):
        choices = rows[words].architecture.choices
        module = words.partition(" ")[0]
        assert [*choices.values()] == [module, None, module, module]


@pytest.mark.parametrize(("space", "around"), [("mspa_parts", PARTS), ("placement", STAGES)])
def test_no_network_comes_twice(space: str, around: Mapping[str, Label]) -> None:
    rows = planned(space, around).values()

    assert len({row.identity for row in rows}) == len(rows)


def test_what_cannot_be_built_or_is_past_a_limit_is_refused(tmp_path) -> None:
    text = """
space = Space(tiny, width=choice(8, 12, 6), gate=choice(None, Scale))
recipes = {"quick": Recipe(data="clutter", epochs=1)}
"""
    experiment = written(tmp_path, text, ["params<400"])

    rows = {row.title: row for row in plan(experiment, {"width": 8, "gate": "Scale"})}

    assert rows["width = 6"].refusal == "gate: Scale(6): channels = 6 is not divisible by 4 groups"
    assert rows["width = 12"].refusal == "past params<400"
    assert rows["without gate"].refusal == ""


@pytest.mark.parametrize("metric", [pytest.param("params", marks=pytest.mark.slow), "macs"])
def test_rows_at_equal_cost_cost_what_the_full_one_does(metric: str) -> None:
    experiment = load("mspa_s_omega", "cifar100")
    rows = plan(experiment, {"mix.scales": 3, "mix.omega": 30})

    equal = at_equal_cost(experiment, rows, metric)

    target = getattr(rows[0].cost, metric)
    assert [row.title for row in equal[:1]] == ["full"]
    for row in equal[1:]:
        if row.title != "ResNet-50":
            assert getattr(row.cost, metric) == pytest.approx(target, rel=0.05), row.title
    assert any(row.of for row in equal)


def test_a_row_brings_its_own_numbers_to_equal_cost_before_the_width() -> None:
    experiment = load("se_reduction", "preview")
    rows = plan(experiment, {"gate": "SE", "gate.SE.reduction": 8, "inner": None})

    equal = at_equal_cost(experiment, rows, "params")

    (row,) = [row for row in equal if row.kind == "put in"]
    assert row.title == "with inner = SE, inner.SE.reduction = 32"
    assert row.of is None


def test_a_row_that_cannot_come_close_is_refused(tmp_path) -> None:
    text = """
def fixed(kernel=3, num_classes=10):
    return tiny(8, kernel, None, num_classes)

space = Space(fixed, kernel=choice(1, 3))
recipes = {"quick": Recipe(data="clutter", epochs=1)}
"""
    experiment = written(tmp_path, text)
    rows = plan(experiment, {"kernel": 3})

    equal = at_equal_cost(experiment, rows, "macs")

    assert equal[1].refusal == "it stays -88.9% from the macs of the full row"


def test_a_worker_rebuilds_what_is_not_in_the_space(tmp_path) -> None:
    experiment = load("se_reduction", "preview")
    rows = plan(experiment, {"gate": "SE", "gate.SE.reduction": 8, "inner": None})
    wider = [row for row in at_equal_cost(experiment, rows, "params") if row.of]

    for row in wider:
        job = Job(
            number=0,
            space="se_reduction",
            recipe="preview",
            choices=row.of.choices,
            baseline=row.of.baseline,
            seed=0,
            folder=str(tmp_path),
            changes=row.of.changes,
        )
        built = Bench().trial(job).build()
        assert sum(one.numel() for one in built.parameters()) == row.cost.params
    assert {row.of.baseline for row in wider} == {"", "ResNet-50"}


def made_up(experiment: Experiment) -> Ablated:
    rows = plan(experiment, {"width": 8, "kernel": 3})
    luck = {0: 0.0, 1: 0.02, 2: -0.01}
    done = [
        trained(row, seed, 0.8 + 0.01 * place + luck[seed] + 0.001 * ((place * seed) % 3))
        for place, row in enumerate(rows[:-1])
        for seed in luck
    ]
    return Ablated(experiment, rows, done, (0, 1, 2))


def test_the_table_has_the_differences_of_the_model(tmp_path) -> None:
    held = made_up(written(tmp_path))

    lines = list(standard_csv.DictReader(io.StringIO(csv(held))))

    scores: dict[str, dict[int, float]] = {}
    for row in held.trained:
        scores.setdefault(row.identity, {})[row.seed] = row.score
    judged = compare(scores, held.plan[0].identity).differences
    for row, line in zip(held.plan, lines, strict=True):
        if row.identity in judged:
            one = judged[row.identity]
            assert float(line["difference"]) == one.estimate
            assert (float(line["low"]), float(line["high"])) == one.interval
            assert float(line["joint_p"]) == one.joint_chance
    assert [line["row"] for line in lines] == [row.title for row in held.plan]


def test_the_table_prints_points_and_says_what_is_missing(tmp_path) -> None:
    held = made_up(written(tmp_path))

    made = table(held)

    assert made.heads[3:] == ("Accuracy (%)", "Difference", "95% interval", "p", "Seeds")
    assert made.rows[0][3:] == ("80.33 ± 1.53", "", "", "", "3")
    assert made.rows[1][3].startswith("81.")
    assert made.rows[1][4].startswith("+1.")
    assert made.rows[-1][3:] == ("", "", "", "", "0")
    assert made.notes[-1] == f"{held.plan[-1].words}: not trained"
    assert made.best == {(len(made.rows) - 2, 3)}


def test_one_seed_makes_a_table_without_intervals(tmp_path) -> None:
    held = made_up(written(tmp_path))
    single = replace(held, seeds=(0,))

    found = document(single)

    assert found["residual"] is None
    assert found["rows"][1]["difference"] == pytest.approx(0.01)
    assert found["rows"][1]["low"] is None
    assert "without a second seed no noise is known" in table(single).notes[0]


def test_what_is_trained_is_not_missing_and_what_has_failed_is_not_tried_again(tmp_path) -> None:
    held = made_up(written(tmp_path))
    last = held.plan[-1]

    assert held.missing() == [(last, 0), (last, 1), (last, 2)]
    failed = replace(held, trained=[*held.trained, trained(last, 0, None, "diverged")])
    running = replace(held, trained=[*held.trained, trained(last, 0, None, "interrupted")])
    assert failed.missing() == []
    assert failed.reason(last) == "loss is nan"
    assert len(running.missing()) == 3
    assert [seed for _, seed in replace(held, seeds=(0, 7)).missing()].count(7) == len(held.plan)


def test_a_table_without_the_full_row_compares_nothing(tmp_path) -> None:
    held = replace(made_up(written(tmp_path)), trained=())

    assert held.comparison is None
    assert table(held).rows[0][3:] == ("", "", "", "", "0")
