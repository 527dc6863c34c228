"""The printed tables beside our counts: the papers' digits, and the integers of their code."""

import json
from collections import Counter
from pathlib import Path

import pytest

from search.experiment import load
from search.paper import Comparison, Line, as_json, as_text, compare
from spaces import SpaceError
from tests.references import REFERENCES

NETWORKS = [
    entry
    for key, entry in REFERENCES.items()
    if key.startswith("network/") and isinstance(entry.get("reported"), dict)
]


def tables(name: str) -> dict[str, Comparison]:
    return {comparison.name: comparison for comparison in compare(load(name))}


# large tables: whatever reads one is slow
@pytest.fixture(scope="module", params=[pytest.param("mspa_s_omega", marks=pytest.mark.slow)])
def mspa(request: pytest.FixtureRequest) -> dict[str, Comparison]:
    return tables(request.param)


@pytest.fixture(scope="module", params=[pytest.param("ma_kernels_groups", marks=pytest.mark.slow)])
def emanet(request: pytest.FixtureRequest) -> dict[str, Comparison]:
    return tables(request.param)


@pytest.fixture(scope="module")
def zoo() -> Comparison:
    return tables("se_reduction")["the zoo"]


@pytest.fixture(scope="module")
def every(mspa: dict, emanet: dict, zoo: Comparison) -> list[Line]:
    found = [*mspa.values(), *emanet.values(), zoo, *tables("spem_pools").values()]
    return [line for comparison in found for line in comparison.lines]


def named(comparison: Comparison, status: str) -> list[str]:
    return [line.row.name for line in comparison.lines if line.status == status]


def line_of(comparison: Comparison, name: str) -> Line:
    return next(line for line in comparison.lines if line.row.name == name)


def test_mspanet_s_table_on_cifar100_is_met_but_for_seven_rows_of_33(mspa: dict) -> None:
    table = mspa["CIFAR-100"]

    assert table.statuses == Counter({"met": 26, "missed": 6, "not counted": 1})
    assert named(table, "missed") == [
        "ResNet-50 + SA",
        "ResNeXt-29 16x64",
        "ResNeXt-29 8x64 + SRM",
        "MSPANeXt-29 6c×30ω×3s",
        "MSPANeXt-29 8c×30ω×3s",
        "PreActResNet-164 + SE",
    ]
    assert named(table, "not counted") == ["SKNet-50"]


def test_mspanet_s_table_on_imagenet_is_met_but_for_seven_rows_of_30(mspa: dict) -> None:
    table = mspa["ImageNet"]

    assert table.statuses == Counter({"met": 23, "missed": 5, "not counted": 2})
    assert named(table, "missed") == [
        "Res2Net-50 26ω×4s",
        "PyConvResNet-50",
        "EPSANet-101 (small)",
        "Res2Net-101 26ω×4s",
        "PyConvResNet-101",
    ]
    assert named(table, "not counted") == ["SKNet-50", "SKNet-101"]


def test_a_missed_row_is_off_by_no_more_than_its_reason_says(mspa: dict) -> None:
    apart = {
        line.row.name: (line.params.difference, line.flops.difference)
        for table in mspa.values()
        for line in table.lines
        if line.status == "missed"
    }

    assert apart == {
        "ResNet-50 + SA": ("+0.000", "-0.001"),
        "ResNeXt-29 16x64": ("-0.001", "+0.000"),
        "ResNeXt-29 8x64 + SRM": ("-0.001", "+0.000"),
        "MSPANeXt-29 6c×30ω×3s": ("+0.718", "+0.006"),
        "MSPANeXt-29 8c×30ω×3s": ("+1.303", "+0.011"),
        "PreActResNet-164 + SE": ("-0.001", "+0.000"),
        "Res2Net-50 26ω×4s": ("+0.012", "+0.006"),
        "PyConvResNet-50": ("+0.000", "-0.068"),
        "EPSANet-101 (small)": ("+0.000", "-0.001"),
        "Res2Net-101 26ω×4s": ("+0.026", "+0.011"),
        "PyConvResNet-101": ("+0.000", "-0.072"),
    }


def test_the_points_of_figure_3_have_no_figures_to_meet(mspa: dict) -> None:
    table = mspa["figure 3"]

    assert table.statuses == Counter({"not printed": 8})
    assert [line.row.accuracy for line in table.lines if "30ω" in line.row.name] == [
        "80.83",
        "81.74",
        "81.34",
        "80.98",
    ]
    assert line_of(table, "MSPANet-50 30ω×2s").params.exact == 16_884_352


def test_emanet_s_table_is_met_but_for_the_flops_of_emanet(emanet: dict) -> None:
    table = emanet["CIFAR-10"]
    last = line_of(table, "EMANet")

    assert table.statuses == Counter({"met": 7, "missed": 1})
    assert (last.params.ours, last.params.exact) == ("20.20", 21_191_061 - 15_104)
    assert (last.flops.ours, last.flops.exact) == ("1.120", 1_202_126_508)
    assert (last.params.difference, last.flops.difference) == ("+0.00", "+0.001")


def test_the_norms_of_emanet_s_appendix_can_be_counted(emanet: dict) -> None:
    assert emanet["norms"].statuses == Counter({"not printed": 4})


def test_the_zoo_s_eight_integers_are_met(zoo: Comparison) -> None:
    assert zoo.statuses == Counter({"met": 8})
    assert [line.params.exact for line in zoo.lines] == [
        11_260_354,
        11_173_962,
        23_520_842,
        1_263_854,
        6_166_250,
        2_296_922,
        23_528_758,
        11_171_394,
    ]


def test_what_spem_s_readme_prints_is_accuracy_alone() -> None:
    found = tables("spem_pools")

    exact = [[line.params.exact for line in table.lines] for table in found.values()]

    assert exact == [[1_704_154, 1_736_518], [1_727_284, 1_759_648]]


def test_a_row_says_why_it_is_not_met_and_only_then(every: list[Line]) -> None:
    assert len(every) == 95
    for line in every:
        assert bool(line.row.unresolved) == (line.status in ("missed", "not counted"))


def test_every_row_that_has_a_reference_has_its_integers(mspa: dict) -> None:
    rows = {
        (line.row.params, line.row.accuracy): line
        for name in ("CIFAR-100", "ImageNet")
        for line in mspa[name].lines
        if line.row.network
    }
    met = 0

    for entry in NETWORKS:
        reported = entry["reported"]
        spread = f"{reported.get('top1', 0):.2f}" + (
            f"±{reported['std']:.2f}" if "std" in reported else f" / {reported.get('top5', 0):.2f}"
        )
        line = rows.get((f"{reported.get('params_M', 0):.3f}", spread))
        if line is None or "own k=7" in entry.get("note", ""):
            continue
        met += 1
        assert line.params.exact == entry["params"]
        assert line.flops.exact == entry["other_counters"]["ptflops0.6.9"]

    assert met == 33


def test_with_a_recipe_the_tables_on_its_data_are_compared() -> None:
    found = compare(load("spem_pools", "cifar10"))

    assert [comparison.name for comparison in found] == ["CIFAR-10"]
    assert found[0].images.classes == 10


def test_the_page_shows_published_ours_difference_and_the_integers(emanet: dict) -> None:
    page = as_text([emanet["CIFAR-10"]]).splitlines()

    assert page[0] == "CIFAR-10: Entropy 24(9), 1180, 2022, classification on CIFAR-10"
    assert page[1] == "input 3x32x32, 10 classes"
    row = next(line for line in page if line.endswith(" EMANet"))
    assert row.split() == [
        *("20.20", "20.20", "=", "1.119", "1.120", "+0.001"),
        *("21,175,957", "1,202,126,508", "95.61", "EMANet"),
    ]
    assert "8 rows: 7 met to the last printed digit, 1 missed" in page
    assert any(line.startswith("! EMANet: the released code counts 1.120") for line in page)
    assert any(line.startswith("  SENet: with the stem of the other rows") for line in page)


def test_a_row_that_cannot_be_counted_shows_dashes(mspa: dict) -> None:
    page = as_text([mspa["CIFAR-100"]]).splitlines()

    row = next(line for line in page if line.endswith(" SKNet-50"))

    assert row.split() == ["25.628", "-", "1.437", "-", "-", "-", "81.23±0.27", "SKNet-50"]


def test_the_document_has_every_row(mspa: dict, zoo: Comparison) -> None:
    document = json.loads(as_json([mspa["ImageNet"], zoo]))

    imagenet, integers = document["tables"]
    assert (imagenet["input"], imagenet["classes"]) == ([3, 224, 224], 1000)
    assert len(imagenet["rows"]) == 30
    assert imagenet["rows"][-1] == {
        "name": "MSPANet-B-101",
        "status": "met",
        "params": {
            "published": "44.923",
            "ours": "44.923",
            "difference": "+0.000",
            "exact": 44_923_387,
        },
        "flops": {
            "published": "7.993",
            "ours": "7.993",
            "difference": "+0.000",
            "exact": 7_993_087_696,
        },
        "accuracy": "79.50 / 94.63",
        "note": "",
        "unresolved": "",
    }
    assert integers["rows"][0]["params"]["ours"] == "11,260,354"
    assert integers["rows"][0]["flops"]["published"] is None


HEAD = """
from modules import SE, resnet20
from modules import ShuffleAttention as SA
from spaces import Space, choice
from spaces.table import Row, Table
from trials import Recipe

space = Space(resnet20, gate=choice(None, SE))
recipes = {"digits": Recipe(data="digits")}
"""


def written(folder: Path, published: str) -> Path:
    file = folder / "mine.py"
    file.write_text(f"{HEAD}published = {{{published}}}\n")
    return file


def refusal(file: Path, recipe: str | None = None) -> str:
    with pytest.raises(SpaceError) as refused:
        compare(load(str(file), recipe))
    return str(refused.value).removeprefix(f"{file}: ")


def test_a_table_of_one_s_own_is_compared(tmp_path: Path) -> None:
    row = 'Row("ResNet-20", Space(resnet20), "0.27")'
    file = written(tmp_path, f'"He": Table("table 6", "cifar10", "ptflops 0.6", ({row},))')

    (found,) = compare(load(str(file)))

    (line,) = found.lines
    assert (line.params.ours, line.params.exact, line.status) == ("0.27", 272_474, "met")
    assert (line.flops.published, line.flops.difference) == ("", "")


@pytest.mark.parametrize(
    ("published", "words"),
    [
        ("", "holds no published table"),
        ('"He": [1, 2]', "published 'He' is a list, not a Table"),
        (
            '"He": Table("table 6", "cifar10", "ptflops 0.7", ())',
            "published 'He': convention = 'ptflops 0.7' is not known; did you mean 'ptflops 0.6'?",
        ),
        (
            '"He": Table("table 6", "svhn", "layers", ())',
            "published 'He': data = 'svhn' is not known; it is one of "
            "clutter, digits, cifar10, cifar100, imagenet",
        ),
        (
            '"He": Table("table 6", "cifar10", "layers", (Row("ResNet-20", space),))',
            "published row 'ResNet-20' has 2 networks; it is one",
        ),
        (
            '"He": Table("table 6", "cifar10", "layers", (Row("SA", Space(resnet20, gate=SA)),))',
            "published row 'SA': channels = 16 is not divisible by 2 * 64; "
            "ShuffleAttention halves each of its groups",
        ),
    ],
    ids=["none", "no table", "convention", "data", "two networks", "no network"],
)
def test_what_is_no_table_is_refused_in_words(tmp_path: Path, published: str, words: str) -> None:
    assert refusal(written(tmp_path, published)) == words


def test_tables_without_names_are_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(HEAD + "published = [1]")

    assert refusal(file) == "published is a list, not a dict of tables by name"


def test_a_recipe_on_other_data_than_the_tables_is_refused_in_words(tmp_path: Path) -> None:
    file = written(tmp_path, '"He": Table("table 6", "cifar10", "layers", ())')

    assert refusal(file, "digits") == (
        "recipe 'digits' is not on the data of the published tables, cifar10"
    )
