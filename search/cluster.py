"""Ray Tune as one more place to train: what is trained and what comes of it stays with the driver.

Tune starts workers, hands jobs from one to the next, and starts them again elsewhere when a
machine is lost. It keeps no record: its searcher takes jobs from a queue, its scheduler passes on
what the driver says, its own files lie in a folder that goes with it.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from search import parcel
from search.exchange import RETRIES, Exchange, Left, cause
from search.job import Answer, Event, Finished, Job
from search.parcel import Parcel, packed
from search.private import PrivateFolder, answers, sigterm_kept, take_token
from search.share import Node, Room, Share, refuse_strange, workers
from search.workers import GRACE
from spaces import SpaceError

# Ray reads some of this when it is imported: it neither prints nor calls home, keeps no files of
# its own, and a call after the end starts no other cluster
os.environ |= {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}

import ray
from ray import tune
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

STORE = 100 * 2**20
"""Bytes of memory for what goes from one process to another: nothing large does."""


class Cluster:
    """Workers of a Ray cluster, as many as there is room for; an executor like `Workers`.

    Without an address it is a cluster of this machine alone, with ports, files and a token of its
    own. `folder` is where the jobs keep their states, for all machines to see.
    """

    def __init__(
        self,
        space: Path,
        folder: Path,
        count: int | None = None,
        share: Share | None = None,
        address: str = "",
    ) -> None:
        if ray.is_initialized():
            raise SpaceError("this process has a Ray cluster already; a search takes another one")
        logging.getLogger("ray").setLevel(logging.CRITICAL + 1)
        self._files = PrivateFolder()
        self._thread: threading.Thread | None = None
        try:
            with sigterm_kept():
                if address:
                    join(address)
                else:
                    begin(self._files.path)
            found = machines()
            self.share = (share or Share()).for_machines(found)
            self._room = Room(self.share)
            self._exchange = Exchange(workers(found, self.share, count))
            sent = packed(space)
            if len(found) > 1:
                check(folder)
            self._thread = threading.Thread(target=self._tune, args=(sent,), daemon=True)
            self._thread.start()
        except BaseException:
            self._end()
            raise

    @property
    def count(self) -> int:
        """How many jobs are trained at once."""
        return self._exchange.count

    def free(self) -> int:
        """Count the jobs that can be submitted now."""
        return self.count - len(self._exchange.running)

    def submit(self, job: Job) -> None:
        """Have a job trained."""
        self._exchange.submit(self.share.of(job))

    def stop(self, number: int) -> None:
        """Have a job end with the epoch that it has just reported or reports next."""
        self._exchange.stop(number)

    def events(self, timeout: float) -> Iterator[Event]:
        """Yield what has happened, waiting up to `timeout` seconds for it."""
        yield from self._exchange.events(timeout)
        self._room.look(machines)

    def close(self, grace: float = GRACE) -> list[Finished]:
        """Have all jobs leave after their epoch, kill what has not, and return the last results."""
        try:
            return self._exchange.leave(grace)
        finally:
            self._end()

    def _tune(self, sent: Parcel) -> None:
        """Run Tune, in a thread of its own, until the driver leaves."""
        each = {"cpu": float(self.share.cpus), "gpu": self.share.gpus or 0.0}
        try:
            tune.Tuner(
                tune.with_resources(training(sent, str(Path.cwd())), each),
                tune_config=tune.TuneConfig(
                    search_alg=Jobs(self._exchange),
                    scheduler=Answers(self._exchange),
                    num_samples=-1,
                    max_concurrent_trials=self._exchange.count,
                    reuse_actors=True,
                    trial_dirname_creator=lambda trial: trial.trial_id,
                ),
                run_config=tune.RunConfig(
                    name="jobs",
                    storage_path=str(self._files.path / "tune"),
                    failure_config=tune.FailureConfig(max_failures=RETRIES),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    verbose=0,
                ),
            ).fit()
            raise RuntimeError("Tune has ended, though there may be more to train")
        except Left:
            pass
        except Exception as error:
            self._exchange.fail(error)

    def _end(self) -> None:
        if self._thread:
            self._exchange.end()
            self._thread.join(GRACE)
        ray.shutdown()
        self._files.remove()


class Jobs(Searcher):
    """Hands out the jobs that the driver has submitted."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange
        self._numbers: dict[str, int] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Return the next job as plain data; where nothing is under way, wait for one."""
        job = self._exchange.next(is_waiting=not self._numbers)
        if job is None:
            return None
        self._numbers[trial_id] = job.number
        return {"job": {field.name: getattr(job, field.name) for field in fields(job)}}

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the end of a job."""
        number = self._numbers.pop(trial_id)
        if result and isinstance(result.get("event"), Finished):
            self._exchange.tell(result["event"])
        elif error:
            self._exchange.give_up(number, "Tune has given it up")

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing."""


class Answers(FIFOScheduler):
    """Tells the driver what happens, and the workers what it says."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._exchange = exchange

    def on_trial_result(self, controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        """Pass an event on; a job that is to end hears so, and says its last in the next step."""
        answer = self._exchange.tell(result["event"])
        if answer != "go on":
            trial.temporary_state.ray_actor.answer.remote(answer)
        return str(self.CONTINUE)

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        """Tell that a worker has gone."""
        told = Path(trial.error_file).read_text("utf-8", "replace")
        self._exchange.lost(trial.config["job"]["number"], cause(told))

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        """Leave the order to Tune; it comes by here several times a second."""
        self._exchange.pass_by()


def training(sent: Parcel, home: str) -> type[tune.Trainable]:
    """Return the class that Tune sends to its workers; it finds nothing of ours there but itself.

    One step is what lies between two events of a job, mostly an epoch.
    """
    ray.cloudpickle.register_pickle_by_value(parcel)

    class Training(tune.Trainable):
        def setup(self, config: dict[str, Any]) -> None:
            code = sent.unpacked(Path(self.logdir).parent)
            sys.path.insert(0, str(code))
            from search.outpost import Outpost

            self.outpost = Outpost(code, sent.space, home)
            self.outpost.take(config["job"])

        def reset_config(self, config: dict[str, Any]) -> bool:
            self.outpost.take(config["job"])
            return True

        def step(self) -> dict[str, Any]:
            event, is_over = self.outpost.next()
            return {"event": event, "done": is_over}

        def answer(self, answer: Answer) -> None:
            self.outpost.answer(answer)

        def cleanup(self) -> None:
            self.outpost.close()

    return Training


def begin(folder: Path) -> None:
    """Start a cluster of this machine alone, with a token where the user has none."""
    take_token()
    ray.init(
        "local",
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        object_store_memory=STORE,
        # Ray opens this one to every user of the machine; the one around it is closed to them
        _temp_dir=str(folder / "ray"),
        _node_ip_address="127.0.0.1",
    )


def join(address: str) -> None:
    """Join a cluster that somebody has started; this machine is one of it."""
    if "://" in address:
        raise SpaceError(
            f"{address} is for remote control; run the command on a machine of the cluster and "
            "give --address auto"
        )
    try:
        if not answers(address):
            raise ConnectionError("nobody listens there")
        ray.init(address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        words = next(iter(str(error).splitlines()), "")
        raise SpaceError(
            f"no cluster can be joined at {address} ({type(error).__name__}: {words}); "
            "see that it is up, that `ray start` has been run on this machine too, and that "
            "RAY_AUTH_MODE and the token are the cluster's"
        ) from None


def machines() -> list[Node]:
    """Return what each living machine offers."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def check(folder: Path) -> None:
    """Refuse machines that compute otherwise or keep their states where nobody finds them."""

    def look(mark: str) -> tuple[str, bool]:
        return version("torch"), Path(mark).exists()

    with tempfile.NamedTemporaryFile(dir=folder) as mark:
        asked = {}
        for node in ray.nodes():
            if node["Alive"]:
                there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                task = ray.remote(look).options(num_cpus=0, scheduling_strategy=there)
                asked[node["NodeManagerHostname"]] = task.remote(mark.name)
        for name, (torch, is_seen) in zip(asked, ray.get(list(asked.values())), strict=True):
            refuse_strange(name, torch, folder if not is_seen else None)
