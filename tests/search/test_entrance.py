import socket

import pytest

from search.entrance import answers, missing, refuse_remote, silent
from spaces import SpaceError


def test_an_address_that_nobody_listens_at_is_known_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert answers(f"127.0.0.1:{port}")

    assert not answers(f"127.0.0.1:{port}")
    assert not answers("127.0.0.1:99999")
    assert not answers(f"{'x' * 70}.{'.'}:6379")
    assert answers("auto")


def test_remote_control_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(SpaceError, match=r"ray://head:10001 is for remote control; run the comm"):
        refuse_remote("ray://head:10001")

    refuse_remote("head:6379")


def test_what_is_missing_is_told_in_a_line() -> None:
    told = str(missing("head:6379", ConnectionError("nobody listens there\nand more")))

    assert told.startswith(
        "no cluster can be joined at head:6379 (ConnectionError: nobody listens there); see that"
    )
    assert str(silent("node-7", TimeoutError())).startswith("node-7 does not answer (TimeoutError)")
