"""Logging in with a password at a real SSH server's door: taken, refused and unanswered are three things."""

import socket
import threading
import time
from collections.abc import Iterator

import paramiko
import pytest

from kijun.proving import logins
from kijun.proving.logins import SshLogins
from kijun.reading.protocol import Connection

KEY = paramiko.RSAKey.generate(2048)
RIGHT = "a right password"


class Door(paramiko.ServerInterface):
    """Takes one password, and thinks for `seconds` before it says so."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.tried = 0

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:  # noqa: ARG002
        self.tried += 1
        time.sleep(self.seconds)
        return paramiko.AUTH_SUCCESSFUL if password == RIGHT else paramiko.AUTH_FAILED  # type: ignore[attr-defined]


class Runner:
    """Stands for the administrator's connection: it shows the server's public key."""

    def check_output(self, command: str, *args: str) -> str:  # noqa: ARG002
        return f"{KEY.get_name()} {KEY.get_base64()} host\n"


@pytest.fixture
def door(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SshLogins, Door]]:
    theirs, ours = socket.socketpair()
    server, interface = paramiko.Transport(theirs), Door(request.param)
    server.add_server_key(KEY)
    threading.Thread(target=server.start_server, kwargs={"server": interface}, daemon=True).start()
    monkeypatch.setattr(socket, "create_connection", lambda *_args, **_kwargs: ours)
    yield SshLogins(Runner(), Connection("h", "local")), interface
    server.close()
    ours.close()


@pytest.mark.parametrize("door", [0.0], indirect=True)
def test_a_wrong_password_is_refused(door: tuple[SshLogins, Door]) -> None:
    login = door[0].password_login("someone", "a wrong one")
    assert not login
    assert login.reason == "refused: Authentication failed."


@pytest.mark.parametrize("door", [0.0], indirect=True)
def test_a_right_password_is_taken_even_where_no_session_follows(door: tuple[SshLogins, Door]) -> None:
    login = door[0].password_login("someone", RIGHT)
    assert login.authenticated
    assert not login  # this server has no sessions


@pytest.mark.parametrize("door", [2.0], indirect=True)
@pytest.mark.parametrize("way", ["password_login", "pty_session"])
def test_no_answer_is_no_refusal_and_is_not_tried_again(
    door: tuple[SshLogins, Door], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "AUTH_TIMEOUT", 0.5)
    with pytest.raises(ConnectionError, match="no answer to the password of someone"):
        getattr(door[0], way)("someone", RIGHT)
    assert door[1].tried == 1
