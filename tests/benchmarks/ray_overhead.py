"""What Ray Tune costs under a study, ours beside its own Optuna search, and what each then knows.

    python -m tests.benchmarks.ray_overhead                200 trials each, some minutes
    python -m tests.benchmarks.ray_overhead --json

All draw from the same space of 500 architectures with two objectives, on two workers that are
kept from trial to trial, and train nothing: a trial reports two epochs at once, and one in five is
stopped after its first. Theirs is run as it ships, with a record in memory, and with one on disk.
Ours has it on disk, and pays for more: in each worker a process that builds a network and writes
its weights, the costs of each network, an answer to every epoch. "ours, idle" leaves out what the
workers do, which theirs does not do either. The best of the rounds is compared, over the second
half of the trials, when all workers are up.
"""

import argparse
import json
import logging
import os
import platform
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.ray_many import Event

SPACE = """\
from functools import partial

from modules.attention.se import SE
from modules.backbones.resnet import resnet20
from spaces import Space, choice
from trials import Recipe
from trials.epoch import Epoch


def nothing(network, data, recipe, seed, device, checkpoint=None):
    for number in (1, 2):
        yield Epoch(number, 1.0, 0.1 * number)


gate = [choice(None, partial(SE, reduction=choice(1, 2, 4, 8))) for _ in range(3)]
space = Space(resnet20, depths=(1, 1, 1), planes=choice(8, 16, 24, 32), gate=gate)
recipes = {"nothing": Recipe(data="digits", images=200, epochs=2, train=nothing)}
"""


Found = dict[str, Any]


def told(number: int, epoch: int, status: str) -> Any:
    """Return an event, where it is received: what sends it does without torch."""
    from search.job import Finished, Reported
    from trials.epoch import Epoch
    from trials.trial import Result

    curve = tuple(Epoch(place, 1.0, 0.1 * place) for place in range(1, epoch + 1))
    if not status:
        return Reported(number, curve[-1])
    score = curve[-1].score if status == "complete" else None
    return Finished(number, Result(status, score=score, curve=curve))


def idle() -> Any:
    """Return the class of a worker that says what a training would say, and trains nothing."""
    from ray import tune

    class Training(tune.Trainable):
        def setup(self, config: Found) -> None:
            self.number, self.epoch, self.status = config["job"]["number"], 0, ""

        def reset_config(self, new_config: Found) -> bool:
            self.setup(new_config)
            return True

        def step(self) -> Found:
            said = []
            if not self.status:
                self.epoch += 1
                said.append("")
            if self.epoch == 2:
                self.status = "complete"
            if self.status:
                said.append(self.status)
            events = [Event(told, self.number, self.epoch, status) for status in said]
            return {"events": events, "done": bool(self.status)}

        def answer(self, answer: str) -> None:
            self.status = answer

    return Training


def ours(trials: int, is_idle: bool = False) -> Found:
    """Run a study with our loop on our cluster."""
    from search import cluster as where
    from search.job import Job
    from search.loop import Loop
    from search.place import placed
    from search.share import Share

    if is_idle:
        where.training = lambda *_: idle()
    finished: list[float] = []

    def note(event: str, **_: object) -> None:
        finished.extend([time.perf_counter()] * (event == "finished"))

    def stop(proposal: Any, epoch: Any) -> str:
        return "one in five" if proposal.number % 5 == 0 and epoch.number == 1 else ""

    with tempfile.TemporaryDirectory() as folder:
        space, out = Path(folder) / "mine.py", Path(folder) / "run"
        space.write_text(SPACE)
        place = placed(str(space), "nothing", out)

        def job(one: Any) -> Job:
            choices, kept = dict(one.architecture.choices), str(out / "trials" / one.folder)
            return Job(one.number, str(space), "nothing", choices, one.name, one.seed, kept)

        with (
            place.driven(sampler="random") as study,
            closing(where.Cluster(space, out, 2, Share(1, 0))) as cluster,
        ):
            loop = Loop(study, cluster, job, note, stop=stop)
            loop.run(lambda: study.ask(trials), lambda: False)
            counts, rows = study.counts(), study.rows()
    return {
        "ms_a_trial": per_trial(finished),
        "rows": len(rows),
        "statuses": dict(counts),
        "with_learning_curve": sum(bool(row.curve) for row in rows),
        "architectures": len({json.dumps(dict(row.choices), sort_keys=True) for row in rows}),
    }


def per_trial(finished: list[float]) -> float:
    """Return the milliseconds from one end to the next, over the second half."""
    half = len(finished) // 2
    return round(1000 * (finished[-1] - finished[half - 1]) / (len(finished) - half), 1)


def defined_by_run(trial: Any) -> None:
    """Offer the same choices; Tune pickles this function."""
    for place in range(3):
        if trial.suggest_categorical(f"gate.{place}", ["None", "SE"]) == "SE":
            trial.suggest_categorical(f"gate.{place}.SE.reduction", [1, 2, 4, 8])
    trial.suggest_categorical("planes", [8, 16, 24, 32])


def theirs(trials: int, is_kept: bool = False) -> Found:
    """Run a study with Tune's own Optuna search: as it ships, or with a record on disk."""
    quiet = ("RAY_AIR_NEW_OUTPUT", "RAY_USAGE_STATS_ENABLED")
    os.environ |= {**dict.fromkeys(quiet, "0"), "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
    import optuna
    import ray
    from ray import tune
    from ray.tune.schedulers import FIFOScheduler
    from ray.tune.search.optuna import OptunaSearch

    logging.getLogger("ray").setLevel(logging.CRITICAL + 1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    finished: list[float] = []

    class Nothing(tune.Trainable):
        def setup(self, config: Found) -> None:
            self.epoch = 0

        def reset_config(self, new_config: Found) -> bool:
            self.epoch = 0
            return True

        def step(self) -> Found:
            self.epoch += 1
            macs = sum(value != "None" for value in self.config.values())
            return {"accuracy": 0.1 * self.epoch, "macs": macs, "done": self.epoch == 2}

    class Times(tune.Callback):
        def on_trial_complete(self, *_: object, **__: object) -> None:
            finished.append(time.perf_counter())

    class OneInFive(FIFOScheduler):
        """Stops as ours does; the schedulers that come with Tune take one objective."""

        def __init__(self) -> None:
            super().__init__()
            self.seen = 0

        def on_trial_result(self, controller: object, trial: object, result: Found) -> str:
            is_first = result["training_iteration"] == 1
            self.seen += is_first
            return self.STOP if is_first and self.seen % 5 == 0 else self.CONTINUE

    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        kept = optuna.storages.RDBStorage(f"sqlite:///{folder}/study.db") if is_kept else None
        storage = kept or optuna.storages.InMemoryStorage()
        ray.init(
            "local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            object_store_memory=100 * 2**20,
            _temp_dir=folder,
        )
        searcher = OptunaSearch(
            defined_by_run,
            metric=["accuracy", "macs"],
            mode=["max", "min"],
            sampler=optuna.samplers.RandomSampler(seed=0),
            storage=storage,
            study_name="theirs",
        )
        tune.Tuner(
            tune.with_resources(Nothing, {"cpu": 1}),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=OneInFive(),
                num_samples=trials,
                max_concurrent_trials=2,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=f"{folder}/tune",
                verbose=0,
                callbacks=[Times()],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        ).fit()
        ray.shutdown()
        kept_trials = optuna.load_study(study_name="theirs", storage=storage).trials
    return {
        "ms_a_trial": per_trial(finished),
        "rows": len(kept_trials),
        "statuses": dict(Counter(trial.state.name.lower() for trial in kept_trials)),
        "with_learning_curve": sum(bool(trial.intermediate_values) for trial in kept_trials),
        "architectures": len({json.dumps(trial.params, sort_keys=True) for trial in kept_trials}),
    }


WAYS: dict[str, Callable[[int], Found]] = {
    "theirs": theirs,
    "theirs, kept": partial(theirs, is_kept=True),
    "ours": ours,
    "ours, idle": partial(ours, is_idle=True),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=WAYS)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    if given.only:
        print(json.dumps(WAYS[given.only](given.trials)))
        return 0
    rounds = [{name: alone(name, given.trials) for name in WAYS} for _ in range(given.rounds)]
    best = {name: min(one[name]["ms_a_trial"] for one in rounds) for name in WAYS}
    ratios = {name: round(best["ours"] / best[name], 2) for name in WAYS if name != "ours"}
    if given.json:
        print(json.dumps({"machine": platform.machine(), "ours_to": ratios, "rounds": rounds}))
    else:
        for name in WAYS:
            print(f"{name:14}{best[name]:8.1f} ms a trial; in the end {said(rounds[-1][name])}")
        shares = "; ".join(f"{ratio:.2f} of {name}" for name, ratio in ratios.items())
        print(f"ours takes {shares}; goal: 1 of theirs, kept")
    return int(ratios["theirs, kept"] > 1)


def said(found: Found) -> str:
    """Say what the record says."""
    statuses = ", ".join(f"{count} {status}" for status, count in found["statuses"].items())
    return (
        f"{found['rows']} rows ({statuses}), {found['with_learning_curve']} with a curve, "
        f"{found['architectures']} architectures"
    )


def alone(name: str, trials: int) -> Found:
    """Measure one in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.ray_overhead", "--only", name]
    done = subprocess.run(
        [*command, "--trials", str(trials)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
