"""A grafted network in the language, in costs, in records, in a training: a backbone like any."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torchvision import models
from torchvision.models.convnext import LayerNorm2d

from modules.attention.eca import ECA
from modules.attention.se import SE
from modules.backbones.resnet import resnet18
from modules.graft import graft
from search.code import code_hash
from search.experiment import Experiment, load
from search.exports import Original, write
from search.record import record
from spaces import Space, SpaceError, choice
from trials.cost import measure
from trials.identity import fingerprint
from trials.price import Prices
from trials.trial import Trial

IMAGE = (3, 32, 32)


@pytest.fixture(scope="module")
def preview() -> Experiment:
    return load("grafted_resnet50", "preview")


def space() -> Space:
    after = {"layer3.*": choice(None, SE, ECA), "layer4.1": partial(SE, reduction=choice(4, 16))}
    return Space(graft, network=partial(models.resnet18), after=after)


def test_patterns_are_the_names_of_choices():
    assert space().size == 6
    assert list(space().labels) == ["after.layer3.*", "after.layer4.1.reduction"]


def test_an_architecture_comes_back_from_its_labels():
    architecture = list(space())[3]

    again = space().at(architecture.choices)

    assert again == architecture
    assert measure(again.build, IMAGE) == measure(architecture.build, IMAGE)


def test_it_is_costed_as_it_is_counted():
    prices = Prices(IMAGE)

    costs = [prices(architecture.network) for architecture in space()]

    assert costs == [measure(architecture.build, IMAGE) for architecture in space()]
    assert len(set(costs)) == 6


def test_the_plain_network_costs_what_torchvision_s_own_does():
    prices = Prices(IMAGE)
    grafted = Space(graft, network=models.resnet18, num_classes=10)

    cost = prices(next(iter(grafted)).network)

    assert cost == measure(partial(models.resnet18, num_classes=10), IMAGE)


def test_a_module_that_does_not_fit_is_a_misfit_with_its_place():
    grafted = Space(graft, network=models.resnet18, after={"layer1.*": partial(SE, reduction=0)})

    with pytest.raises(ValueError, match=r"after layer1.0: SE\(64\): integer division"):
        Prices(IMAGE)(next(iter(grafted)).network)


def test_a_wrong_pattern_refuses_every_architecture_in_words():
    grafted = Space(graft, network=models.resnet18, after={"layr1.*": choice(SE, ECA)})

    for architecture in grafted:
        with pytest.raises(ValueError, match=r"no place 'layr1.\*' in ResNet; the nearest are"):
            Prices(IMAGE)(architecture.network)


def test_a_recipe_overrides_the_network_and_the_classes(preview):
    network = next(iter(preview.space)).build()

    assert network.fc.out_features == 10
    assert len(network.layer3) == 2


def test_an_override_that_a_graft_does_not_take_is_refused(tmp_path):
    file = tmp_path / "own.py"
    text = Path(graft.__globals__["__file__"]).parent.parent / "spaces" / "grafted_resnet50.py"
    file.write_text(text.read_text().replace('{"network": resnet18}', '{"depths": (1, 1)}'))

    with pytest.raises(SpaceError, match="graft has no argument 'depths'"):
        load(str(file), "preview")


def test_equal_grafts_are_one_architecture_and_others_are_not(preview):
    first, second, *_ = preview.space

    assert fingerprint(first.build, IMAGE) == fingerprint(first.build, IMAGE)
    assert fingerprint(first.build, IMAGE) != fingerprint(second.build, IMAGE)


def test_a_record_names_network_weights_and_places():
    written = record(load("grafted_resnet50", "cifar100")).training

    assert written["network"] == "resnet50"
    assert written["network.weights"] == "IMAGENET1K_V2"
    assert written["after.layer3.*"] == [None, "GC", "SE", "ECA"]


def test_the_code_of_the_graft_is_part_of_a_trial_and_torchvision_s_is_not():
    _, files = code_hash(list(space())[-1].network)

    assert {"modules/graft.py", "modules/places.py", "modules/attention/se.py"} <= set(files)
    assert not any("torchvision" in file for file in files)


def test_it_trains(preview):
    recipe = replace(preview.recipe_value, epochs=1, images=64, batch=32, warmup=0)
    last = list(preview.space)[-1]

    trial = Trial(last.build, recipe, seed=0)
    epochs = list(trial)

    assert trial.result.status == "complete", trial.result.details
    assert len(epochs) == 1
    assert torch.isfinite(torch.tensor(trial.result.score))


@pytest.mark.slow
def test_an_export_imports_the_one_library_it_grafts_and_says_so(tmp_path):
    call = partial(
        graft,
        network=partial(models.resnet18, weights=models.ResNet18_Weights.DEFAULT),
        after={"layer4.*": SE},
        num_classes=10,
    )
    state = graft(models.resnet18, after={"layer4.*": SE}, num_classes=10).state_dict()

    (exported,) = write({"best": Original(call, IMAGE, 10, state)}, tmp_path)

    text = (tmp_path / "best.py").read_text()
    assert "in one file that needs torch and torchvision." in text
    assert re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE).count("torchvision") == 1
    assert "from torchvision.models import resnet18" in text
    assert "weights=ResNet18" not in text
    assert "evaluation" in " ".join(exported.entry["proof"]["py"]["equal"])


def test_an_export_imports_no_library_for_a_module(tmp_path):
    call = partial(resnet18, gate=LayerNorm2d, depths=(1,), planes=8)

    with pytest.raises(
        SpaceError, match=r"torchvision.models.convnext is of the package torchvision"
    ):
        write({"best": Original(call, IMAGE, 10)}, tmp_path)
