"""The dashboard shows a study to this machine, and lets nobody change it."""

import json
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from search.cli import main
from search.dashboard import serve
from search.place import placed
from spaces import SpaceError
from tests.search.runs import SPACE, write
from tests.search.studies import train


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    place = placed(str(write(tmp_path, SPACE)))
    with place.driven() as study:
        train(study, budget=3)
    return place.folder.storage


@pytest.fixture
def page(storage: str):
    told: list[str] = []
    ready = threading.Event()

    def note(address: str) -> None:
        told.append(address)
        ready.set()

    threading.Thread(target=serve, args=(storage, "127.0.0.1", 0, False, note), daemon=True).start()
    assert ready.wait(60)
    return told[0].removesuffix("/dashboard")


def answer(request: urllib.request.Request | str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_shows_the_study_and_refuses_to_change_or_delete_it(page: str) -> None:
    status, text = answer(f"{page}/api/studies")
    study = json.loads(text)["study_summaries"][0]
    address = f"{page}/api/studies/{study['study_id']}"

    deleted = answer(urllib.request.Request(address, method="DELETE"))
    renamed = answer(urllib.request.Request(f"{address}/rename", b"{}", method="POST"))
    elsewhere = answer(urllib.request.Request(address, headers={"Host": "evil.example"}))
    status_after, after = answer(address)

    assert (status, study["study_name"]) == (200, "mine/quick")
    assert deleted[0] == renamed[0] == elsewhere[0] == 403
    assert "--allow-edit" in deleted[1]
    assert "127.0.0.1" in elsewhere[1]
    assert status_after == 200
    assert len(json.loads(after)["trials"]) == 4
    assert answer(f"{page}/dashboard")[0] == 200


def test_a_port_that_is_taken_is_told(storage: str, page: str) -> None:
    port = int(page.rpartition(":")[2])

    with pytest.raises(SpaceError, match=f"127.0.0.1:{port}: .*--port"):
        serve(storage, port=port)


def test_before_anything_was_run_it_says_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    code = main(["dashboard", str(write(tmp_path, SPACE))])

    assert code == 2
    assert "nothing has been run in runs/mine/quick; `search run" in capsys.readouterr().err


def test_status_lists_runs_and_says_what_went_wrong(
    storage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs/broken/quick").mkdir(parents=True)
    (tmp_path / "runs/broken/quick/run.json").write_text("{}")

    codes = [main(["status"]), main(["status", "--json"]), main(["status", "nowhere"])]

    printed = capsys.readouterr()
    assert codes == [0, 0, 2]
    assert "not finished: 4 complete" in printed.out
    assert "its study is kept in another database" in printed.out
    assert "there is no folder nowhere" in printed.err
