import os
import signal
from pathlib import Path

import pytest

from search import private
from search.private import LONGEST, PrivateFolder, sigterm_kept, take_token


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(private, "LONGEST", 1000)
    return tmp_path


def test_a_folder_is_for_its_user_alone_and_goes_with_what_is_in_it(place: Path) -> None:
    made = PrivateFolder()
    (made.path / "session").mkdir()

    assert made.path.parent == place
    assert made.path.stat().st_mode & 0o777 == 0o700
    made.remove()
    assert not list(place.iterdir())


def test_the_next_one_removes_what_a_killed_driver_left_and_nothing_else(place: Path) -> None:
    (place / "attention-search-killed").mkdir()
    (place / "other").mkdir()
    living = PrivateFolder()

    new = PrivateFolder()

    assert {path.name for path in place.iterdir()} == {"other", living.path.name, new.path.name}
    living.remove()
    new.remove()


def test_two_that_come_at_once_leave_each_other_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, rivals = private.tempfile.mkdtemp, []

    def rival(**where: object) -> str:
        monkeypatch.setattr(private.tempfile, "mkdtemp", make)
        made = make(**where)
        rivals.append(PrivateFolder())
        return made

    monkeypatch.setattr(private.tempfile, "mkdtemp", rival)

    first = PrivateFolder()

    assert first.path.is_dir()
    assert rivals[0].path.is_dir()
    PrivateFolder().remove()
    assert first.path.is_dir()
    first.remove()
    rivals[0].remove()


def test_a_link_that_somebody_has_laid_leads_nowhere(place: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (place / "attention-search-trap").symlink_to(tmp_path / "precious")

    PrivateFolder().remove()

    assert not list((tmp_path / "precious").iterdir())


def test_sockets_deep_in_a_folder_have_short_paths(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: f"{tmp_path}/{'x' * LONGEST}")

    made = PrivateFolder()

    assert made.path.parent == Path("/tmp")
    made.remove()


def test_a_token_is_made_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)

    take_token()

    made = os.environ["RAY_AUTH_TOKEN"]
    assert len(made) == 64
    take_token()
    assert os.environ["RAY_AUTH_TOKEN"] == made
    assert not list(tmp_path.iterdir())


def test_a_user_s_own_token_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray/auth_token").write_text("mine")

    take_token()

    assert not os.environ["RAY_AUTH_TOKEN"]


def test_sigterm_means_what_it_did() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with sigterm_kept():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    assert signal.getsignal(signal.SIGTERM) == before
