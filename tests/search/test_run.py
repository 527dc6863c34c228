"""`search run` from its first word to its last, on searches of seconds."""

import json
import os
import re
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.search.runs import (
    HEAD,
    LONG,
    SPACE,
    begun,
    children,
    ended,
    events,
    is_alive,
    ran,
    trained,
    wait_for,
    write,
)

pytestmark = pytest.mark.slow
RUN = Path("runs/mine/quick")
HERE = ("--workers", 0)
"""For what workers have no part in: each of them takes seconds to come up."""


def test_a_small_space_is_tried_whole_beside_its_baseline_and_then_nothing_is_left(
    tmp_path: Path,
) -> None:
    space = write(tmp_path)

    out, err = ran("run", space, cwd=tmp_path)
    again, _ = ran("run", space, cwd=tmp_path)

    assert len(trained(tmp_path / RUN)) == 7
    assert "6 of 6 architectures, 1 baselines" in err
    assert "[7 of 7 trainings]" in err
    assert re.search(r"accuracy +params +macs +ptflops +thop", out)
    assert "plain" in out
    assert "nothing is left to train" in again
    assert out.splitlines()[0] in again
    assert len(events(tmp_path / RUN, "finished")) == 7


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(tmp_path: Path) -> None:
    space = write(tmp_path)

    out, _ = ran("run", space, "--dry-run", "--trials", 4, "--seeds", 3, cwd=tmp_path)

    assert "4 of 6 architectures, 1 baselines, 3 seeds: 15 trainings of 2 epochs" in out
    assert not (tmp_path / "runs").exists()


def test_the_document_has_the_front_and_nothing_else_is_on_standard_output(tmp_path: Path) -> None:
    out, _ = ran("run", write(tmp_path), "--json", "--seeds", 2, "--trials", 2, *HERE, cwd=tmp_path)

    document = json.loads(out)

    assert document["baselines"][0]["name"] == "plain"
    assert len(document["baselines"][0]["scores"]) == 2
    assert {"macs", "params", "ptflops", "thop"} <= document["front"][0].keys()
    assert document["counts"] == {"complete": 6}


def test_one_architecture_can_be_picked(tmp_path: Path) -> None:
    space = write(tmp_path)

    ran("run", space, "--pick", "width=8 gate=Scale", "--set", "epochs=1", *HERE, cwd=tmp_path)
    _, other = ran("run", space, "--pick", "width=4 gate=Scale", *HERE, cwd=tmp_path)
    _, wrong = ran("run", space, "--pick", "width=9 gate=Scale", *HERE, cwd=tmp_path, code=2)
    _, unknown = ran("run", space, "--pick", "widht=8", *HERE, cwd=tmp_path, code=2)

    found = [(event["name"], event["choices"]) for event in events(tmp_path / RUN, "finished")]
    assert sorted(found[:2], key=str) == [
        ("", {"width": 8, "gate": "Scale"}),
        ("plain", {}),
    ]
    assert found[2:] == [("", {"width": 4, "gate": "Scale"})]
    assert len(events(tmp_path / RUN, "epoch")) == 3
    assert "[2 of 2 trainings]" in other
    assert "width = '9' is not offered; there are 4, 8, 12" in wrong
    assert "there is no choice 'widht'" in unknown


def test_in_the_driver_and_in_workers_the_same_seeds_come_to_the_same_scores(
    tmp_path: Path,
) -> None:
    space = write(tmp_path)

    ran("run", space, "--workers", 2, "--out", "apart", cwd=tmp_path)
    ran("run", space, "--workers", 0, "--out", "here", cwd=tmp_path)

    assert trained(tmp_path / "apart") == trained(tmp_path / "here")


def test_weights_stay_for_front_and_baselines_alone(tmp_path: Path) -> None:
    out, _ = ran("run", write(tmp_path), "--json", *HERE, cwd=tmp_path)

    document = json.loads(out)
    shown = {
        number for one in (*document["front"], *document["baselines"]) for number in one["trials"]
    }
    weights = list((tmp_path / RUN / "trials").glob("*/weights.state"))
    assert len(weights) == len(shown) < 7
    assert not list((tmp_path / RUN / "trials").glob("*/finished.state"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_a_run_with_its_epoch_and_the_same_command_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    space = write(tmp_path, LONG)
    ran("run", space, "--out", "whole", "--trials", 2, cwd=tmp_path)
    process = begun("run", space, "--out", "cut", "--trials", 2, cwd=tmp_path)
    with ended(process):
        wait_for(tmp_path / "cut", "epoch", 12)
        workers = children(process)
        os.kill(process.pid, number)
        out, _ = process.communicate(timeout=60)

    ran("run", space, "--out", "cut", "--trials", 2, cwd=tmp_path)

    assert process.returncode == (130 if number == signal.SIGINT else 143)
    assert "goes on" in out
    assert not any(map(is_alive, workers))
    assert [event["status"] for event in events(tmp_path / "cut", "finished")].count(
        "interrupted"
    ) in (1, 2)
    assert trained(tmp_path / "cut") == trained(tmp_path / "whole")


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    slow = LONG.replace("    return nn.Sequential(", "    time.sleep(0)\n    return nn.Sequential(")
    slow = slow.replace("return x *", "time.sleep(3)\n        return x *")
    space = write(tmp_path, slow)
    process = begun("run", space, "--pick", "width=4 gate=Scale", "--workers", 1, cwd=tmp_path)
    with ended(process):
        wait_for(tmp_path / RUN, "started", 2)
        workers = children(process)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)

    assert process.returncode == 130
    assert not any(map(is_alive, workers))
    with sqlite3.connect(tmp_path / RUN / "study.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_driver_killed_at_any_moment_loses_no_more_than_an_epoch(tmp_path: Path) -> None:
    space = write(tmp_path, LONG)
    arguments = ("run", space, "--trials", 2, "--workers", 1)
    ran(*arguments, "--out", "whole", cwd=tmp_path)
    for epochs in (3, 25, 50):
        process = begun(*arguments, "--out", "cut", cwd=tmp_path)
        with ended(process):
            already = len(events(tmp_path / "cut", "epoch"))
            wait_for(tmp_path / "cut", "epoch", already + epochs)
            workers = children(process)
            process.kill()
            process.wait()

    ran(*arguments, "--out", "cut", cwd=tmp_path)

    assert not any(map(is_alive, workers))
    assert trained(tmp_path / "cut") == trained(tmp_path / "whole")
    numbers = [event["number"] for event in events(tmp_path / "cut", "finished")]
    assert len(numbers) == len(set(numbers)) == 3


def test_when_the_hours_are_over_it_stops_and_can_go_on(tmp_path: Path) -> None:
    space = write(tmp_path, LONG)

    out, err = ran("run", space, "--hours", 1 / 3600, "--trials", 2, cwd=tmp_path)
    more, _ = ran("run", space, "--trials", 2, cwd=tmp_path)

    assert "hours are over" in err
    assert "not finished" in out
    assert "not finished" not in more
    assert len(trained(tmp_path / RUN)) == 3


def test_the_same_failure_again_and_again_ends_the_run_with_its_traceback(tmp_path: Path) -> None:
    bug = "if self.training and x.device.type != 'meta':\n            raise RuntimeError('my bug')"
    broken = SPACE.replace("return x *", f"{bug}\n        return x *")
    broken = broken.replace("(4, 8, 12)", "(*range(4, 32, 4))").replace(
        "choice(None, Scale)", "Scale"
    )

    _, err = ran("run", write(tmp_path, broken), *HERE, cwd=tmp_path, code=1)

    assert "5 trainings in a row have failed for the same reason" in err
    assert "my bug" in err
    assert "Traceback" in err


def test_a_run_without_anything_feasible_ends_with_3(tmp_path: Path) -> None:
    out, _ = ran("run", write(tmp_path), "--limit", "params<=10", *HERE, cwd=tmp_path, code=3)

    assert "plain" in out
    assert len(trained(tmp_path / RUN)) == 1


ONLY_TRAINED = "if self.training and x.shape[1] == 8 and x.device.type != 'meta':"


def test_a_module_that_crashes_its_process_fails_alone(tmp_path: Path) -> None:
    crash = f"{ONLY_TRAINED}\n            os.kill(os.getpid(), 11)\n        return x *"

    ran("run", write(tmp_path, SPACE.replace("return x *", crash)), cwd=tmp_path)

    found = {
        (event["choices"].get("width"), event["choices"].get("gate")): event
        for event in events(tmp_path / RUN, "finished")
    }
    assert found[8, "Scale"]["status"] == "failed"
    assert "SIGSEGV" in found[8, "Scale"]["reason"]
    assert sum(event["status"] == "complete" for event in found.values()) == 6


def test_a_training_that_hangs_is_given_up(tmp_path: Path) -> None:
    hang = f"{ONLY_TRAINED}\n            time.sleep(900)\n        return x *"
    space = write(tmp_path, SPACE.replace("return x *", hang))

    ran("run", space, "--time-limit", 5 / 3600, cwd=tmp_path)

    found = {event["status"] for event in events(tmp_path / RUN, "finished")}
    assert found == {"complete", "timed out"}


def test_a_module_edited_between_two_halves_is_refused_or_forked(tmp_path: Path) -> None:
    space = write(tmp_path)
    ran("run", space, "--pick", "width=4 gate=Scale", *HERE, cwd=tmp_path)
    write(tmp_path, SPACE.replace(".sigmoid()", ".tanh()"))

    _, refusal = ran("run", space, *HERE, cwd=tmp_path, code=2)
    ran("run", space, "--fork", *HERE, cwd=tmp_path)

    assert "mine.py changed" in refusal
    assert "--fork" in refusal
    # what does not hold the module is carried over
    assert len(trained(tmp_path / RUN)) == 2 + 6


def test_a_run_folder_moved_elsewhere_goes_on_and_is_read(tmp_path: Path) -> None:
    space = write(tmp_path)
    ran("run", space, "--trials", 2, *HERE, cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / RUN).rename(elsewhere)
    space.unlink()

    status, _ = ran("status", elsewhere, cwd=tmp_path)
    ran("run", elsewhere, *HERE, cwd=tmp_path)

    assert "3 complete" in status
    assert len(trained(elsewhere)) == 7


def test_a_second_driver_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    space = write(tmp_path, LONG)
    process = begun("run", space, cwd=tmp_path)
    with ended(process):
        wait_for(tmp_path / RUN, "epoch", 1)

        _, err = ran("run", space, cwd=tmp_path, code=2)

    assert f"is driven by process {process.pid}" in err


def test_two_drivers_begin_one_database_at_once_and_share_the_work(tmp_path: Path) -> None:
    space = write(tmp_path)
    storage = f"sqlite:///{tmp_path / 'shared.db'}"

    both = [
        begun("run", space, "--workers", 1, "--storage", storage, "--out", name, cwd=tmp_path)
        for name in ("one", "two")
    ]
    for process in both:
        with ended(process):
            _, err = process.communicate(timeout=200)
        assert process.returncode == 0, err

    done = [*trained(tmp_path / "one"), *trained(tmp_path / "two")]
    assert len(done) == len({one[:3] for one in done}) == 7


def test_growing_choices_go_on_with_the_old_trainings(tmp_path: Path) -> None:
    space = write(tmp_path)
    ran("run", space, *HERE, cwd=tmp_path)
    write(tmp_path, SPACE.replace("choice(4, 8, 12)", "choice(4, 8, 12, 16)"))

    ran("run", space, *HERE, cwd=tmp_path)

    assert len(trained(tmp_path / RUN)) == 7 + 2


def test_images_that_are_not_there_are_told_with_a_way_out(tmp_path: Path) -> None:
    space = write(tmp_path, SPACE.replace('"digits"', '"cifar10"'))

    _, err = ran("run", space, "--data-root", tmp_path / "none", *HERE, cwd=tmp_path, code=2)

    assert "cifar10 is not in" in err
    assert "clutter" in err


def test_a_network_that_was_kept_is_scored_on_the_test_set(tmp_path: Path) -> None:
    space = write(tmp_path, SPACE.replace("epochs=2", "epochs=8"))
    ran("run", space, "--trials", 1, *HERE, cwd=tmp_path)

    out, _ = ran("eval", space, "--json", cwd=tmp_path)
    again, _ = ran("eval", space, cwd=tmp_path)
    _, missing = ran("eval", space, "--trial", 7, cwd=tmp_path, code=2)

    document = json.loads(out)
    assert (document["part"], document["images"], document["test_set_opened"]) == ("test", 359, 1)
    assert document["accuracy"] > 0.3
    assert "2 times" in again
    assert "there is no trial 7; there are 0 to 1" in missing


def test_options_that_mean_nothing_are_refused_before_anything_is_begun(tmp_path: Path) -> None:
    space = write(tmp_path)
    for arguments, words in (
        (("--set", "epcohs=3"), "no field 'epcohs'; did you mean 'epochs'?"),
        (("--set", "epochs"), "does not read like epochs=5"),
        (("--trials", "0"), "not a whole number from 1 up"),
        (("--sampler", "tpee"), "no sampler 'tpee'; did you mean 'tpe'?"),
        (("--recipe", "qick"), "no recipe 'qick'"),
        (("--limit", "macs=3"), "does not read like"),
        (("--device", "tpu"), "is not one of"),
    ):
        _, err = ran("run", space, *arguments, *HERE, cwd=tmp_path, code=2)

        assert words in err
    assert not (tmp_path / RUN / "study.db").exists()
    _, err = ran("run", write(tmp_path, HEAD + "space = Space(tiny)\n"), cwd=tmp_path, code=2)
    assert "there is no recipe to train with" in err
