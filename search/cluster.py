"""Ray Tune as one more place to train: what is trained and what comes of it stays with the driver.

Tune starts workers, gives them jobs, and starts them elsewhere when a machine is lost. It keeps no
record: its searcher takes jobs from a queue, its scheduler passes on what the driver says.
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
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from search import parcel
from search.entrance import answers, missing, refuse_remote, silent
from search.exchange import RETRIES, Exchange, Left, cause
from search.job import Answer, Event, Finished, Job, Started
from search.parcel import Parcel, packed
from search.private import QUIET, PrivateFolder, sigterm_kept, take_token
from search.share import SLOW, Node, Room, Share, refuse_strange, workers
from search.workers import GRACE
from spaces import SpaceError

os.environ |= QUIET

import ray
from ray import tune
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

STORE = 100 * 2**20
"""Bytes of memory for what goes from one process to another: nothing large does."""


class Cluster:
    """Workers of a Ray cluster, as many as there is room for; an executor like `Workers`.

    Without an address it is of this machine alone, with ports, files and a token of its own.
    `folder` is where the jobs keep their states, for all machines to see.
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
        # what machines complain of would be on standard output whatever `log_to_driver` says
        ray._private.worker._worker_logs_enabled = False
        self._files = PrivateFolder()
        self._thread: threading.Thread | None = None
        try:
            with sigterm_kept():
                join(address) if address else begin(self._files.path)
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
                    callbacks=[Starts(self._exchange)],
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
        try:
            ray.shutdown()
        finally:
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
        for event in (result or {}).get("events", ()):
            self._exchange.tell(event)
        if error:
            self._exchange.give_up(number, "Tune has given it up")

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing."""


class Starts(tune.Callback):
    """Tells that a worker has taken a job: it would be a step more to have the worker say so."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Tell the start of a job, also where it is tried again."""
        self._exchange.tell(Started(trial.config["job"]["number"]))


class Answers(FIFOScheduler):
    """Tells the driver what happens, and the workers what it says."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._exchange = exchange

    def on_trial_result(self, controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        """Pass events on; a job that is to end hears so, and says its last in the next step."""
        answer = [self._exchange.tell(event) for event in result["events"]][-1]
        if answer != "go on":
            trial.temporary_state.ray_actor.answer.remote(answer)
        return str(self.CONTINUE)

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        """Tell that a worker has gone."""
        # a full disk holds none
        told = Path(trial.error_file or os.devnull).read_text("utf-8", "replace")
        self._exchange.lost(trial.config["job"]["number"], cause(told))

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        """Leave the order to Tune; it comes by here several times a second."""
        self._exchange.pass_by()
        silent = self._exchange.silent()
        for trial in tune_controller.get_live_trials() if silent else ():
            if trial.config["job"]["number"] in silent:
                # Ray itself sees that a worker ends, and not that it is frozen
                ray.kill(trial.temporary_state.ray_actor)


def training(sent: Parcel, home: str) -> type[tune.Trainable]:
    """Return the class that Tune sends to its workers, where there is nothing else of ours."""
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
            events, is_over = self.outpost.next()
            return {"events": events, "done": is_over}

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
        # Ray opens this one to all users of the machine; the one around it is closed to them
        _temp_dir=str(folder / "ray"),
        _node_ip_address="127.0.0.1",
    )


def join(address: str) -> None:
    """Join a cluster that somebody has started; this machine is one of it."""
    refuse_remote(address)
    try:
        if not answers(address):
            raise ConnectionError("nobody listens there")
        ray.init(address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise missing(address, error) from None


def machines() -> list[Node]:
    """Return what each living machine offers."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def check(folder: Path) -> None:
    """Refuse machines that compute otherwise or keep their states where nobody finds them."""

    def look(mark: str) -> tuple[str, bool]:
        return version("torch") if find_spec("torch") else "", Path(mark).exists()

    with tempfile.NamedTemporaryFile(dir=folder) as mark:
        asked = []
        for node in ray.nodes():
            if node["Alive"]:
                there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                task = ray.remote(look).options(num_cpus=0, scheduling_strategy=there)
                asked.append((node["NodeManagerHostname"], task.remote(mark.name)))
        for name, answer in asked:
            try:
                torch, is_seen = ray.get(answer, timeout=SLOW)
            except ray.exceptions.RayError as error:
                raise silent(name, error) from None
            refuse_strange(name, torch, folder if not is_seen else None)
