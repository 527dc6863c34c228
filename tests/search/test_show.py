"""What `search show` finds out, against the papers' integers and counts by hand."""

import csv
import io
import json
from functools import partial
from pathlib import Path

import pytest

from modules import CBAM, SE, resnet18
from search.cli import main
from search.experiment import load
from search.show import as_csv, as_json, as_text, repeated
from search.survey import Survey, measured, survey
from spaces import Space, choice
from tests.references import REFERENCES

HEAD = """
from functools import partial
from modules import ECA, MSPA, SE, resnet18, resnet20, resnet50
from spaces import Space, choice, fit
from trials import Recipe
"""


def written(folder: Path, text: str) -> str:
    file = folder / "mine.py"
    file.write_text(HEAD + text)
    return str(file)


@pytest.fixture(scope="module")
def surveyed() -> Survey:
    return survey(load("mspa_s_omega", "cifar100"), everything=True)


@pytest.fixture(scope="module")
def mspa(surveyed: Survey) -> dict:
    return json.loads(as_json(surveyed))


def test_the_mspa_space_has_the_papers_parameters(mspa: dict) -> None:
    params = {tuple(row["choices"].values()): row["params"] for row in mspa["architectures"]}

    assert mspa["size"] == mspa["valid"] == len(params) == 20
    assert params[3, 30] == 23_768_872
    assert params[3, 28] == 21_916_971
    assert params[2, 30] == 16_884_352


def test_every_row_that_has_a_reference_equals_it(mspa: dict) -> None:
    rows = {tuple(row["choices"].values()): row for row in mspa["architectures"]}
    known = {
        (scales, omega): REFERENCES[f"network/mspanet-50-{omega}w{scales}s/cifar100"]
        for scales, omega in [(2, 30), (4, 30), (3, 32), (3, 36), (3, 28)]
    }
    known[3, 30] = REFERENCES["network/mspanet-B-50/cifar100"]

    for choices, reference in known.items():
        assert rows[choices]["params"] == reference["params"]
        assert rows[choices]["macs"] == reference["macs"]
        assert rows[choices]["ptflops"] == reference["other_counters"]["ptflops0.7.5"]


def test_the_document_names_space_recipe_input_classes_and_baselines(mspa: dict) -> None:
    plain = REFERENCES["network/resnet50+none/cifar100"]

    assert (mspa["space"], mspa["recipe"]) == ("mspa_s_omega", "cifar100")
    assert (mspa["input"], mspa["classes"]) == ([3, 32, 32], 100)
    assert mspa["baselines"]["ResNet-50"]["params"] == plain["params"]
    assert mspa["baselines"]["ResNet-50"]["thop"] == plain["other_counters"]["thop0.1.1"]
    assert all(len(row["key"]) == 16 for row in mspa["architectures"])


def test_without_a_recipe_the_network_is_shown_as_written() -> None:
    experiment = load("mspa_s_omega")

    assert experiment.shape == (3, 224, 224)
    assert experiment.classes == 1000
    reference = REFERENCES["network/mspanet-B-50/imagenet"]
    assert (
        experiment.cost(experiment.space.at({"mix.scales": 3, "mix.omega": 30})).params
        == (reference["params"])
    )


def test_a_large_space_says_its_exact_size_and_what_is_valid(tmp_path: Path) -> None:
    text = (
        "def gate():\n"
        "    return choice(None, ECA, partial(SE, reduction=choice(2, 4, 8, 16, 32, 64)))\n"
        "space = Space(resnet20, gate=[[gate() for _ in range(3)] for _ in range(3)])\n"
        "baselines = {'ResNet-20': Space(resnet20)}\n"
    )

    found = survey(load(written(tmp_path, text), shape=(3, 32, 32), classes=10))

    assert found.size == found.valid == 8**9
    assert f"{8**9:,} architectures" in as_text(found)
    assert "20,000 drawn at random" in as_text(found)


def test_refused_options_are_named_and_the_valid_size_is_told(tmp_path: Path) -> None:
    text = (
        "from modules import EMA\n"
        "space = Space(resnet18, gate=[None, None, choice(None, SE, partial(EMA,"
        " groups=choice(32, 48))), None])\n"
    )

    found = survey(load(written(tmp_path, text)))

    assert (found.size, found.valid) == (4, 3)
    assert list(found.refused) == ["gate.2: EMA(256): channels = 256 is not divisible by 48 groups"]


def test_refusals_of_a_space_too_large_to_list_multiply_out(tmp_path: Path) -> None:
    text = (
        "from modules import EMA\n"
        "def gate():\n"
        "    return choice(None, SE, ECA, partial(EMA, groups=choice(32, 48)))\n"
        "space = Space(resnet18, gate=[[gate() for _ in range(2)] for _ in range(4)])\n"
    )

    found = survey(load(written(tmp_path, text)))

    assert found.size == 5**8
    assert found.valid == 4**8
    assert len(found.refused) == 8


def test_gates_that_hardly_move_macs_are_said_to_need_another_price(tmp_path: Path) -> None:
    text = "space = Space(resnet18, gate=choice(None, SE, ECA))\n"

    found = survey(load(written(tmp_path, text)))

    assert "cannot rank this space" in as_text(found)


def test_a_choice_object_at_two_places_is_pointed_out() -> None:
    gate = choice(*(f"option{number}" for number in range(30)))
    tied = choice(*(f"option{number}" for number in range(30)), tie="gate")

    assert repeated(Space(resnet18, gate=[None, None, gate, gate])) == [["gate.2", "gate.3"]]
    assert repeated(Space(resnet18, gate=[None, None, tied, tied])) == []


def test_a_choice_in_options_that_exclude_each_other_is_no_repetition() -> None:
    reduction = choice(4, 8)
    gate = choice(partial(SE, reduction=reduction), partial(CBAM, reduction=reduction))

    assert repeated(Space(resnet18, gate=gate)) == []
    assert repeated(Space(resnet18, gate=[gate, gate, None, None])) == [["gate.0", "gate.1"]]


def test_a_limit_keeps_what_is_within_it() -> None:
    found = survey(load("mspa_s_omega", "cifar100", limits=["params<=17M"]), everything=True)

    assert found.allowed == len(found.rows) == 2
    assert all(row.figures["params"] <= 17e6 for row in found.rows)


def test_csv_reads_back_to_the_same_integers(surveyed: Survey, mspa: dict) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(surveyed))))

    assert [int(row["macs"]) for row in rows[1:]] == [r["macs"] for r in mspa["architectures"]]
    assert [row["mix.scales"] for row in rows[1:6]] == ["2"] * 5


def test_recipe_choices_multiply_the_space_and_leave_the_costs(tmp_path: Path) -> None:
    text = (
        "space = Space(resnet20, gate=choice(None, SE))\n"
        "recipes = {'cifar10': partial(Recipe, data='cifar10', lr=choice(0.05, 0.1, 0.2))}\n"
    )

    experiment = load(written(tmp_path, text), "cifar10")

    assert experiment.space.size == 6
    assert experiment.space.labels["recipe.lr"] == (0.05, 0.1, 0.2)
    assert len({experiment.cost(architecture) for architecture in experiment.space}) == 2


def test_equal_cost_widths_are_fitted_to_a_baseline_by_name(tmp_path: Path) -> None:
    text = (
        "space = Space(resnet50, mix=partial(MSPA, scales=choice(2, 5),"
        " omega=fit(range(14, 44, 2), macs='ResNet-50')))\n"
        "baselines = {'ResNet-50': Space(resnet50)}\n"
        "recipes = {'cifar100': Recipe(data='cifar100')}\n"
    )

    found = survey(load(written(tmp_path, text), "cifar100"), everything=True)

    base = found.baselines[0].figures["macs"]
    assert found.size == 2
    assert all(abs(row.figures["macs"] / base - 1) < 0.05 for row in found.rows)
    assert "mix.omega: fitted, 14 … 42 (15), by macs" in as_text(found)


def test_a_preview_overrides_what_the_network_is_written_with() -> None:
    experiment = load("mspa_s_omega", "preview")

    network = partial.__call__(next(iter(experiment.space)).network)

    assert [name for name, _ in network.named_children()] == [
        "stem",
        "stage1",
        "stage2",
        "stage3",
        "head",
    ]
    assert experiment.shape == (3, 32, 32)


def test_sites_of_one_block_are_tried_together(tmp_path: Path) -> None:
    text = (
        "from modules import ELA\n"
        "omega = lambda: choice(*range(30, 34))\n"
        "space = Space(resnet50, mix=[partial(MSPA, omega=omega()) for _ in range(4)],"
        " inner=[choice(None, ELA) for _ in range(4)],"
        " gate=[choice(None, SE, ECA) for _ in range(4)])\n"
    )

    found = survey(load(written(tmp_path, text), shape=(3, 32, 32), classes=10))

    fits = [
        sum(3 * (64 * 2**stage * omega // 64) % 16 == 0 for omega in range(30, 34))
        for stage in range(4)
    ]
    assert found.size == 24**4
    assert found.valid == 3**4 * (4 + fits[0]) * (4 + fits[1]) * (4 + fits[2]) * (4 + fits[3])


def test_latency_and_memory_are_measured_on_request_and_say_where() -> None:
    found = survey(load("mspa_s_omega", "preview", limits=["params<=200k"]))

    measured(found, "cpu", batch=2)

    text = as_text(found)
    assert all(row.speed and row.speed.latency > 0 for row in [*found.baselines, *found.rows])
    assert "passes of 2 images in fp32" in text
    assert json.loads(as_json(found))["architectures"][0]["speed"]["batch"] == 2


@pytest.mark.parametrize(
    ("space", "name", "printed", "exact"),
    [
        pytest.param(
            "mspa_s_omega", "MSPANet-B-50", "23.769", "23,768,872", marks=pytest.mark.slow
        ),
        ("se_reduction", "SA-ResNet50", "23,528,758", "23,528,758"),
    ],
)
def test_the_published_table_stands_beside_our_counts(
    capsys: pytest.CaptureFixture[str], space: str, name: str, printed: str, exact: str
) -> None:
    assert main(["show", space, "--paper"]) == 0

    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if line.endswith(name)).split()
    assert row[:3] == [printed, printed, "="]
    assert exact in row
