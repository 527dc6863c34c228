"""The places of other people's networks, as `search show --sites` lists them."""

import json

import pytest

from search.sites import as_json, sites
from spaces import SpaceError

RESNET = "torchvision.models.resnet50"


def test_places_are_listed_by_pattern_with_their_channels():
    lines = [line.split() for line in sites(RESNET, []).splitlines()]

    assert ["layer3.*", "6", "Bottleneck", "1024", "channels"] in lines
    assert ["layer3.*.conv2", "6", "Conv2d", "256", "channels"] in lines
    assert not any(line[0] == "fc" for line in lines)
    assert lines[-1] == ["ends", "with", "fc"]


def test_what_a_pattern_hits_is_listed_one_by_one():
    lines = sites(RESNET, ["layer3.*"]).splitlines()

    assert lines[0] == "layer3.0  Bottleneck  1024 x 14 x 14"
    assert len(lines) == 7
    assert lines[-1] == "'layer3.*': 6 places, 6 can have a module after them"


def test_a_hit_that_can_have_no_module_says_why():
    text = sites(RESNET, ["*"])

    assert "fc       Linear             fc returns (2, 1000), not a map (n, c, h, w)" in text
    assert "10 places, 9 can have a module" in text


def test_the_size_of_images_may_be_another():
    assert "1024 x 2 x 2" in sites(RESNET, ["layer3.0"], (3, 32, 32))


def test_nested_hits_are_refused_in_words():
    with pytest.raises(
        SpaceError, match=r"layer3.0, hit by .* lies inside layer3, hit by 'layer3'"
    ):
        sites(RESNET, ["layer3", "layer3.*"])


def test_as_a_document_every_place_has_channels_or_a_refusal():
    document = json.loads(as_json(RESNET, []))

    places = {place["name"]: place for place in document["places"]}
    assert places["layer4.2"]["channels"] == 2048
    assert places["layer4.2"]["map"] == [7, 7]
    assert "not a map" in places["fc"]["refusal"]
    assert len(json.loads(as_json(RESNET, ["layer3.*"]))["places"]) == 6


def test_a_network_of_one_s_own_is_found_in_its_file(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(
        "from torch import nn\n\n\ndef network():\n    return nn.Sequential(nn.Conv2d(3, 8, 3))\n"
    )

    assert "0  Conv2d  8 x 222 x 222" in sites(f"{file}:network", ["0"])


@pytest.mark.parametrize(
    ("given", "patterns", "words"),
    [
        ("resnet50", [], "names no network; write torchvision.models.resnet50"),
        ("torchvision.models.resnt50", [], "resnt50 is not there; did you mean 'resnet50'"),
        ("nowhere.resnet50", [], "No module named 'nowhere'"),
        ("missing.py:network", [], "there is no file 'missing.py'"),
        ("torchvision.models.resnet", [], "resnet is a module, no function"),
        (RESNET, ["layr3.*"], "no place 'layr3.*' in ResNet; the nearest are 'layer3"),
    ],
)
def test_what_is_not_there_is_answered_in_words(given, patterns, words):
    with pytest.raises(SpaceError, match=words.replace("*", r"\*")):
        sites(given, patterns)
