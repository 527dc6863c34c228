"""Exports in a virtual environment that has an old torch and nothing else."""

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from search.exports import Original, stir, write
from search.place import Place, placed
from search.winners import Wish, export
from search.worker import recipe_of
from tests.search.test_exports import SAMPLE, at_its_site
from trials.data import load
from trials.trial import Setting, Trial

pytestmark = pytest.mark.slow

OLD = "torch==2.1.2" if sys.version_info < (3, 12) else "torch==2.6.0"
IMAGES = torch.linspace(-1, 1, 2 * 3 * 16 * 16).reshape(2, 3, 16, 16)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of an environment with an old torch, and the numpy it was built for."""
    folder = tmp_path_factory.mktemp("old") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", OLD, "numpy<2"], check=True)
    yield python
    shutil.rmtree(folder)  # five gigabytes, which pytest would keep for three runs


def in_it(python: Path, code: str, folder: Path) -> str:
    """Run code where nothing of ours can be imported, with files of a folder at hand."""
    command = [python, "-I", "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert not done.returncode, done.stderr
    return done.stdout


def trained_a_little(name: str) -> tuple[Original, nn.Module]:
    original = at_its_site(name)
    torch.manual_seed(0)
    network = original.network()
    stir(network)
    return Original(original.network, (3, 16, 16), 10, network.state_dict()), network.eval()


def test_exports_are_the_same_networks_there(old: Path, tmp_path: Path) -> None:
    pairs = {name.lower(): trained_a_little(name) for name in SAMPLE}
    write({name: original for name, (original, _) in pairs.items()}, tmp_path)
    torch.save(IMAGES, tmp_path / "images.pt")

    printed = in_it(
        old,
        f"""
import importlib, json
import torch
from torch.utils.flop_counter import FlopCounterMode
found = {{}}
for name in {list(pairs)}:
    network = importlib.import_module(name).build(weights=name + ".safetensors").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, 16, 16))
    with torch.no_grad():
        outputs = network(torch.load("images.pt"))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    found[name] = [parameters, counter.get_total_flops() // 2, outputs.tolist()]
print(torch.__version__)
print(json.dumps(found))
""",
        tmp_path,
    )

    version, document = printed.splitlines()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert version.startswith(OLD.partition("==")[2])
    for name, (parameters, macs, outputs) in json.loads(document).items():
        proof = manifest[name]["proof"]["py"]
        expected = pairs[name][1](IMAGES)
        assert (parameters, macs) == (proof["parameters"], proof["multiply-accumulates"])
        assert torch.allclose(torch.tensor(outputs), expected, rtol=1e-3, atol=1e-5), name


def preview_run(folder: Path) -> Place:
    """One architecture of the ready-made preview, as a run trains it, in full precision."""
    place = placed(
        "mspa_s_omega", "preview", folder / "run", changes={"precision": "fp32", "epochs": 2}
    )
    with place.driven() as study:
        while proposal := study.ask(1):
            setting = Setting("cpu", folder=place.folder.path / "trials" / proposal.folder)
            recipe = recipe_of(place.experiment, proposal.architecture)
            trial = Trial(proposal.architecture.network, recipe, proposal.seed, setting=setting)
            for epoch in trial:
                study.report(proposal.number, epoch)
            study.tell(proposal.number, trial.result)
    return place


def test_the_best_of_a_preview_classifies_there_as_its_manifest_says(
    old: Path, tmp_path: Path
) -> None:
    place = preview_run(tmp_path)
    export(place.folder.path, Wish(), tmp_path / "out")
    data = load(recipe_of(place.experiment, next(iter(place.experiment.space))))
    images = {"images": data.validation.images.contiguous(), "labels": data.validation.labels}
    torch.save(images, tmp_path / "out" / "validation.pt")

    printed = in_it(
        old,
        """
import importlib.util, json
import best, torch
about = json.load(open("manifest.json"))["best"]["about"]
held = torch.load("validation.pt")
mean = torch.tensor(about["data"]["mean"])[:, None, None]
deviation = torch.tensor(about["data"]["deviation"])[:, None, None]
network = best.build(weights="best.safetensors").eval()
with torch.no_grad():
    guessed = network((held["images"] / 255 - mean) / deviation).argmax(1)
right = (guessed == held["labels"]).double().mean().item()
print(right, about["scores"]["accuracy"])
others = ("optuna", "torchvision", "ptflops", "modules", "search")
print([name for name in others if importlib.util.find_spec(name)])
""",
        tmp_path / "out",
    )

    (right, stated), others = (line.split() for line in printed.splitlines())
    assert float(right) == float(stated) > 0.15
    assert others == ["[]"]
