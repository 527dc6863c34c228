"""The spaces that come with the package: what each file must hold, say and be able to do."""

import re
from collections import Counter
from functools import cache

import pytest
import torch

from modules import CBAM
from search.experiment import COUNTED, Experiment, load
from search.space_file import read_space_file, ready_made
from search.survey import RESOLUTION
from spaces.table import Table
from spaces.tables.unseen import cbam
from trials.cost import Cost

NAMES = sorted(ready_made())
RECIPES = [(name, recipe) for name in NAMES for recipe in read_space_file(name)[1]["recipes"]]
# at 224 pixels a space takes long to cost and the same modules are built
SMALL = [(name, recipe) for name, recipe in RECIPES if recipe != "imagenet"]
LARGE = [name for name, recipe in RECIPES if recipe == "imagenet"]
CIFAR = {name: next(r for n, r in RECIPES if n == name and "cifar" in r) for name in NAMES}
SAID_TO_BE_REFUSED = {("scsa_heads_windows", "cifar100"): 8}
"""How many architectures of a recipe are refused, where the docstring says so."""


def docstring(name: str) -> str:
    text = ready_made()[name].read_text()
    return " ".join(text.split('"""')[1].split())


@cache
def costed(name: str, recipe: str) -> tuple[Experiment, list[Cost], Counter[str]]:
    experiment = load(name, recipe)
    costs: list[Cost] = []
    refused: Counter[str] = Counter()
    for architecture in experiment.space:
        try:
            costs.append(experiment.cost(architecture))
        except ValueError as error:
            refused[str(error)] += 1
    return experiment, costs, refused


def spread(costs: list[Cost], metric: str) -> tuple[int, int]:
    figures = [getattr(cost, metric) for cost in costs]
    return min(figures), max(figures)


def test_twelve_questions_are_ready_in_35_recipes() -> None:
    assert NAMES == [
        "gates",
        "grafted_resnet50",
        "ma_kernels_groups",
        "mixers",
        "mspa_parts",
        "mspa_s_omega",
        "placement",
        "scsa_heads_windows",
        "se_reduction",
        "spem_pools",
        "zoo_gates",
        "zoo_mixers",
    ]
    assert len(RECIPES) == 35


@pytest.mark.parametrize("name", NAMES)
def test_it_has_a_preview_and_a_recipe_of_the_papers_on_cifar(name: str) -> None:
    recipes = read_space_file(name)[1]["recipes"]

    assert recipes["preview"].data == "clutter"
    assert CIFAR[name] in recipes
    assert not any(recipe.select_on_test for recipe in recipes.values())


@pytest.mark.parametrize("name", NAMES)
def test_its_docstring_has_question_paper_size_and_command(name: str) -> None:
    said = docstring(name)

    experiment = load(name)

    assert "?" in said.split(". ")[0]
    assert "https://" in said
    assert f"search show {name}" in said
    assert re.findall(r"(\d+) architectures", said) == [str(experiment.space.size)]


@pytest.mark.parametrize("name", NAMES)
def test_the_plain_network_is_a_baseline(name: str) -> None:
    experiment = load(name)

    plain = [
        baseline
        for baseline in experiment.baselines.values()
        if not any(callable(held) for site, held in baseline.sites.items() if site != "network")
    ]

    assert [baseline.backbone for baseline in plain] == [experiment.space.backbone]


@pytest.mark.parametrize(("name", "recipe"), SMALL)
def test_every_architecture_can_be_costed_but_for_what_the_docstring_says(
    name: str, recipe: str
) -> None:
    experiment, costs, refused = costed(name, recipe)

    expected = SAID_TO_BE_REFUSED.get((name, recipe), 0)
    assert refused.total() == expected
    assert len(costs) == experiment.space.size - expected


@pytest.mark.parametrize("name", LARGE)
def test_the_first_and_the_last_architecture_can_be_costed_on_imagenet(name: str) -> None:
    experiment = load(name, "imagenet")

    first, *_, last = experiment.space

    assert experiment.cost(first).macs > experiment.cost(first).params
    assert experiment.cost(last).macs > experiment.cost(last).params


def test_scsa_refuses_windows_that_are_larger_than_the_last_maps_of_cifar() -> None:
    _, costs, refused = costed("scsa_heads_windows", "cifar100")

    assert len(costs) == 8
    for window in (5, 7):
        reason = f"a 4x4 map is smaller than the window of {window}"
        assert [count for text, count in refused.items() if reason in text] == [4]
    assert "windows of 5 and 7 are refused there, which leaves 8" in docstring("scsa_heads_windows")


@pytest.mark.parametrize(("name", "recipe"), SMALL)
def test_a_price_that_is_counted_tells_the_options_apart(name: str, recipe: str) -> None:
    experiment, costs, _ = costed(name, recipe)
    accuracy, price = experiment.objectives

    assert accuracy == "accuracy"
    if price in COUNTED:
        low, high = spread(costs, price)
        assert high > (1 + RESOLUTION) * low
    else:
        assert price == "latency"
        for counted in ("params", "macs"):
            low, high = spread(costs, counted)
            assert high <= (1 + RESOLUTION) * low


RANGE = re.compile(
    r"([\d.]+) to ([\d.]+) (million parameters|billion MACs) on (CIFAR-100?\b|ImageNet)"
)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"scsa_heads_windows", "spem_pools"}))
def test_it_costs_what_its_docstring_says(name: str) -> None:
    found = RANGE.search(docstring(name))
    assert found

    low, high, unit, data = found.groups()

    _, costs, _ = costed(name, data.lower().replace("-", ""))
    metric, power = ("params", 1e6) if "parameters" in unit else ("macs", 1e9)
    least, most = spread(costs, metric)
    assert (low, high) == (f"{least / power:.1f}", f"{most / power:.1f}")


def test_what_costs_the_same_everywhere_costs_what_its_docstring_says() -> None:
    _, spem, _ = costed("spem_pools", "cifar100")
    _, scsa, _ = costed("scsa_heads_windows", "imagenet")

    assert "1.8 million parameters and 0.248 billion MACs" in docstring("spem_pools")
    assert {f"{cost.params / 1e6:.1f} {cost.macs / 1e9:.3f}" for cost in spem} == {"1.8 0.248"}
    assert "all at 4.1 billion MACs on ImageNet" in docstring("scsa_heads_windows")
    assert {f"{cost.macs / 1e9:.1f}" for cost in scsa} == {"4.1"}
    assert len({cost.params for cost in scsa}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_published_table_is_on_the_data_of_one_of_its_recipes(name: str) -> None:
    _, held = read_space_file(name)

    tables = held["published"].values()

    data = {recipe.data for recipe in held["recipes"].values()}
    assert all(isinstance(table, Table) and table.data in data for table in tables)
    unpublished = (
        "grafted_resnet50",
        "mspa_parts",
        "placement",
        "scsa_heads_windows",
        "zoo_gates",
        "zoo_mixers",
    )
    assert bool(tables) == (name not in unpublished)


@pytest.mark.parametrize("name", NAMES)
def test_the_preview_s_networks_answer_with_one_row_an_image(name: str) -> None:
    experiment = load(name, "preview")
    last = list(experiment.space)[-1]

    logits = last.build().eval()(torch.zeros(2, *experiment.shape))

    assert logits.shape == (2, 10)


def test_cbam_with_unseen_pools_is_cbam() -> None:
    torch.manual_seed(0)
    plain = CBAM(32).eval()
    torch.manual_seed(0)
    unseen = cbam(32).eval()
    x = torch.randn(2, 32, 7, 5)

    assert torch.equal(unseen(x), plain(x))
