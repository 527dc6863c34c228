"""What a study costs per trial, the training itself taking no time, beside Optuna used by hand.

    python -m tests.benchmarks.scheduling            500 trials each, about two minutes
    python -m tests.benchmarks.scheduling --json
    python -m tests.benchmarks.scheduling --ray 100 --nni VENV/bin/python 10

Both are given the same space, sampler, storage and scores, and store the same: suggestions,
attributes, a curve of five epochs, a note, the objectives. Ours also counts every network, and
looks for duplicates and changed code. CPU time is the process's own; wall time shows the disk.

`--ray` has Ray Tune's OptunaSearch do so many trials in the same run, as it ships, in memory, and
with a record on disk; `--nni` NNI, by the interpreter of an environment that it is installed in
(it cannot be imported beside torchvision). Both start trials as they do, on two workers, from a
space like this; the wall time is from the first trial to the last, without the start.
"""

import argparse
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage

from search.experiment import Experiment, load
from search.sampler import quiet
from search.storage import SQLite
from search.study import Study
from trials.epoch import Epoch
from trials.trial import Result

SPACE = '''\
"""Four stages, each with one of five gates and one of three modules inside its blocks."""

from modules import ECA, SE, SRM, SimAM, resnet18
from spaces import Space, choice
from trials import Recipe

space = Space(
    resnet18,
    gate=[choice(None, SE, ECA, SRM, SimAM) for _ in range(4)],
    inner=[choice(None, SE, ECA) for _ in range(4)],
    planes=16,
)
recipes = {"small": Recipe(data="clutter")}
'''
NNI = """\
import json
import sys
from pathlib import Path

from nni.experiment import Experiment

trials, folder = int(sys.argv[1]), sys.argv[2]
experiment = Experiment("local")
config = experiment.config
config.experiment_working_directory = f"{folder}/kept"
config.trial_code_directory, config.trial_command = folder, f"{sys.executable} trial.py"
config.trial_concurrency, config.max_trial_number = 2, trials
config.tuner.name, config.tuner.class_args = "TPE", {"optimize_mode": "maximize"}
offered = {"gate": ["None", "SE", "ECA", "SRM", "SimAM"], "inner": ["None", "SE", "ECA"]}
config.search_space = {
    f"{site}.{stage}": {"_type": "choice", "_value": labels}
    for site, labels in offered.items()
    for stage in range(4)
}
experiment.run(int(sys.argv[3]))
jobs = experiment.list_trial_jobs()
experiment.stop()
assert {job.status for job in jobs} == {"SUCCEEDED"}, jobs
spent = max(job.endTime for job in jobs) - min(job.startTime for job in jobs)
print(json.dumps(spent / len(jobs)))
"""
NNI_TRIAL = """\
import nni

nni.get_next_parameter()
for epoch in range(5):
    nni.report_intermediate_result(0.1 * epoch)
nni.report_final_result(0.5)
"""
PORT = 18080
EPOCHS = 5
Run = Callable[[Experiment, Path, int], None]


def main() -> None:
    """Let each take its turn on a database of its own."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--trials", type=int, default=500)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--ray", type=int, default=0, metavar="TRIALS")
    arguments.add_argument("--nni", nargs=2, metavar=("PYTHON", "TRIALS"))
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gates.py"
        file.write_text(SPACE)
        figures = {
            name: timed(run, load(str(file), "small"), Path(folder) / f"{name}.db", given.trials)
            for name, run in (("raw Optuna", by_hand), ("ours", ours))
        }
    document = {
        "trials": given.trials,
        "sampler": "tpe",
        "ms per trial": figures,
        "ratio": {
            clock: round(figures["ours"][clock] / figures["raw Optuna"][clock], 3)
            for clock in ("cpu", "wall")
        },
        "peers, wall ms per trial": peers(given.ray, given.nni),
        "optuna": version("optuna"),
        "python": platform.python_version(),
        "machine": platform.processor() or platform.machine(),
    }
    print(json.dumps(document, indent=1) if given.json else table(document))


def peers(ray: int, nni: tuple[str, str] | None) -> dict[str, float]:
    """Return the wall time that others need for a trial, each in a process of its own."""
    found = {}
    for name, way in (
        {"Ray Tune": "theirs", "Ray Tune, on disk": "theirs, kept"}.items() if ray else ()
    ):
        command = ["-m", "tests.benchmarks.ray_overhead", "--only", way, "--trials", str(ray)]
        found[name] = said(sys.executable, *command)["ms_a_trial"]
    if nni:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("drive.py", NNI), ("trial.py", NNI_TRIAL)):
                Path(folder, name).write_text(text)
            found["NNI"] = said(nni[0], f"{folder}/drive.py", nni[1], folder, str(PORT))
    return found


def said(*command: str) -> Any:
    """Run a program and read the document on its last line."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def timed(run: Run, experiment: Experiment, path: Path, trials: int) -> dict[str, float]:
    """Return milliseconds per trial."""
    cpu, wall = time.process_time(), time.perf_counter()
    run(experiment, path, trials)
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return {clock: round(1000 * seconds / trials, 2) for clock, seconds in spent.items()}


def ours(experiment: Experiment, path: Path, trials: int) -> None:
    """Ask, report and tell through a study."""
    study = Study.open(experiment, str(path), sampler="tpe")
    while proposal := study.ask(budget=trials):
        study.start(proposal.number)
        curve = scores(dict(proposal.architecture.choices))
        for epoch in curve:
            study.report(proposal.number, epoch)
        study.tell(proposal.number, Result("complete", score=curve[-1].score, curve=curve))
    study.close()


def by_hand(experiment: Experiment, path: Path, trials: int) -> None:
    """Do the same with nothing but Optuna, on the same kind of storage."""
    held = SQLite(path)
    held.prepare()
    storage = RDBStorage(held.url, engine_kwargs=dict(held.arguments))
    with quiet():
        study = optuna.create_study(
            storage=storage, sampler=TPESampler(seed=0), directions=["maximize", "minimize"]
        )
    labels = experiment.space.labels
    lease = {"id": "01234567", "host": platform.node(), "process": 1}
    code = {f"modules/attention/{name}.py": "0123456789abcdef" for name in ("se", "eca", "srm")}
    for _ in range(trials):
        trial = study.ask()
        choices = {name: trial.suggest_categorical(name, held) for name, held in labels.items()}
        attributes: dict[str, Any] = {
            "name": "",
            "seed": 0,
            "key": "0123456789abcdef",
            "choices": choices,
            "params": 1,
            "macs": 1,
            "activations": 1,
            "code": code,
            "folder": "0123456789ab",
            "lease": lease,
        }
        for key, value in attributes.items():
            trial.set_user_attr(key, value)
        trial.set_user_attr("lease", {**lease, "since": "2026-01-01T00:00:00+00:00"})
        curve = scores(choices)
        for epoch in curve:
            trial.storage.set_trial_intermediate_value(trial._trial_id, epoch.number, epoch.score)
        points = [{"number": e.number, "loss": e.loss, "score": e.score} for e in curve]
        trial.set_user_attr("result", {"status": "complete", "curve": points})
        note = f"dashboard:{trial._trial_id}:note_"
        trial.storage.set_study_system_attr(study._study_id, f"{note}ver", 1)
        trial.storage.set_study_system_attr(study._study_id, f"{note}str:0", str(choices))
        study.tell(trial, [curve[-1].score, price(choices)])


def scores(choices: dict[str, Any]) -> tuple[Epoch, ...]:
    """Make up a curve that depends on the choices."""
    last = 0.5 + 0.04 * sum(label is not None for label in choices.values())
    noise = random.Random(str(choices)).random() / 10
    places = range(1, EPOCHS + 1)
    return tuple(Epoch(place, 1 / place, (last + noise) * place / EPOCHS) for place in places)


def price(choices: dict[str, Any]) -> float:
    """Make up a cost that goes with it."""
    return sum(len(str(label)) for label in choices.values())


def table(document: dict[str, Any]) -> str:
    """Return the figures for people."""
    lines = [f"{document['trials']} trials, {document['sampler']}, milliseconds per trial"]
    for name, figures in document["ms per trial"].items():
        lines.append(f"{name:>12}  cpu {figures['cpu']:8.2f}  wall {figures['wall']:8.2f}")
    ratio = document["ratio"]
    lines.append(f"{'ratio':>12}  cpu {ratio['cpu']:8.2f}  wall {ratio['wall']:8.2f}")
    for name, wall in document["peers, wall ms per trial"].items():
        lines.append(f"{name:>17}  wall {wall:8.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
