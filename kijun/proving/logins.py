"""Logging in as a user does: from outside, over SSH, with a password, to a host whose key is known."""

from __future__ import annotations

import copy
import logging
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import paramiko

from kijun.proving.pty import PtySession
from kijun.proving.users import Runner
from kijun.reading.protocol import Connection
from kijun.reading.sshconfig import route

if TYPE_CHECKING:
    from paramiko.transport import Transport

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it prints tracebacks by itself; we give reasons

# OpenSSH 9.8 and later refuse the whole source address for a while after failed logins
# (sshd_config(5), PerSourcePenalties). That is not the lockout a proof is about: wait it out.
PATIENCE = 240.0
AUTH_TIMEOUT = 90.0  # seconds; below sshd's LoginGraceTime of 120, and enough for a busy host
TRIES_PER_CONNECTION = 5  # below OpenSSH's default MaxAuthTries, and few penalties per failed login


class HostKeyMismatchError(AssertionError):
    """The SSH server answers with a key that is not one of the host's own."""


@dataclass(frozen=True)
class Login:
    """What one login attempt gave. True only when a command really ran as the user."""

    authenticated: bool
    shell: bool
    reason: str

    def __bool__(self) -> bool:
        return self.shell


class SshLogins:
    """Password logins to one host, each a real SSH authentication from the control node."""

    def __init__(self, host: Runner, connection: Connection) -> None:
        """Pin the host's keys, read over the administrator's own (already authenticated) connection."""
        self.address, self.port, self._proxy = "127.0.0.1", 22, ""
        if connection.kind == "ssh":
            way = route(connection)
            self.address, self.port, self._proxy = way.address, way.port, way.proxy
        lines = host.check_output("cat /etc/ssh/ssh_host_*_key.pub").splitlines()
        self._keys = {tuple(line.split()[:2]) for line in lines if line.strip()}

    def password_login(self, user: str, password: str) -> Login:
        """Try one password login and say how it ended; exactly one attempt reaches PAM."""
        transport = self._connect()
        try:
            reason = _Dialogue(transport, user).attempt(password)
            if reason:
                return Login(False, False, reason)
            return _session_of(transport, user)
        finally:
            transport.close()

    def wrong_logins(self, user: str, passwords: Sequence[str]) -> int:
        """Try each of `passwords` once; return how many the server refused (it should be all)."""
        refused, waiting = 0, list(passwords)
        while waiting:
            transport = self._connect()
            try:
                dialogue = _Dialogue(transport, user)
                for _ in range(min(TRIES_PER_CONNECTION, len(waiting))):
                    if not transport.is_active():
                        break  # after MaxAuthTries: on with another connection
                    refused += bool(dialogue.attempt(waiting.pop(0)))
            finally:
                transport.close()
        return refused

    def pty_session(self, user: str, password: str, command: str | None = None) -> PtySession:
        """Return a terminal session of `user` (a login shell, or `command`); AssertionError where refused."""
        transport = self._connect()
        try:
            if reason := _Dialogue(transport, user).attempt(password):
                raise AssertionError(f"{user} cannot open a session: {reason}")
        except BaseException:
            transport.close()
            raise
        channel = transport.open_session(timeout=20)
        channel.get_pty(term="dumb", width=200, height=50)
        if command is None:
            channel.invoke_shell()
        else:
            channel.exec_command(command)
        return PtySession(channel, secrets=[password], on_close=transport.close)

    def answers_at(self, address: str, port: int) -> bool:
        """Say whether it is this host whose SSH server answers there: by a new connection, and by its key."""
        there = copy.copy(self)
        there.address, there.port, there._proxy = address, port, ""
        try:
            there._connect_once().close()
        except (paramiko.SSHException, OSError, EOFError, HostKeyMismatchError):
            return False
        return True

    def _connect(self) -> Transport:
        deadline, pause = time.monotonic() + PATIENCE, 1.0
        while True:
            try:
                return self._connect_once()
            except (paramiko.SSHException, OSError, EOFError) as error:
                if time.monotonic() + pause > deadline:
                    raise ConnectionError(
                        f"no SSH connection to {self.address}:{self.port}: {error}"
                    ) from error
            time.sleep(pause)
            pause = min(pause * 1.5, 10.0)

    def _connect_once(self) -> Transport:
        sock = (
            paramiko.ProxyCommand(self._proxy)
            if self._proxy
            else socket.create_connection((self.address, self.port), timeout=10)
        )
        transport = paramiko.Transport(sock)
        transport.banner_timeout = 15
        transport.auth_timeout = AUTH_TIMEOUT
        try:
            transport.start_client(timeout=15)
            key = transport.get_remote_server_key()
        except BaseException:
            transport.close()
            raise
        if (key.get_name(), key.get_base64()) not in self._keys:
            transport.close()
            raise HostKeyMismatchError(f"{self.address} answers with an unknown {key.get_name()} host key")
        return transport


class _Dialogue:
    """The authentication of one user on one connection, as far as the server lets it go on."""

    def __init__(self, transport: Transport, user: str) -> None:
        """Ask once which methods are offered: a second "none" would count as a failure (RFC 4252, 5.2)."""
        self._transport, self._user = transport, user
        self._methods: list[str] = []
        self._open = False
        try:
            transport.auth_none(user)
            self._open = True  # no password was needed at all
        except paramiko.BadAuthenticationType as allowed:
            self._methods = allowed.allowed_types
        except paramiko.SSHException as refused:
            raise ConnectionError(f"the server refuses {user} before any password: {refused}") from refused

    def attempt(self, password: str) -> str:
        """Try one password; return "" on success, otherwise the reason of the refusal in one phrase.

        ConnectionError where the server did not answer in time: it is neither, and another try counts too.
        """
        if self._open:
            return ""
        try:
            if "password" in self._methods:
                self._transport.auth_password(self._user, password, fallback=False)
            elif "keyboard-interactive" in self._methods:
                self._transport.auth_interactive(self._user, _OnceOnly(password))
            else:
                return f"the server offers no password login, only {', '.join(self._methods)}"
        except paramiko.AuthenticationException as refused:
            if "timeout" in str(refused):
                raise ConnectionError(
                    f"no answer to the password of {self._user} within {AUTH_TIMEOUT:.0f} s"
                ) from refused
            return f"refused: {refused}"
        except (paramiko.SSHException, EOFError) as closed:
            return f"refused: the server closed the connection ({closed})"
        return ""


class _OnceOnly:
    """Answers the first prompt with the password; a further question (a forced change) gets no answer."""

    def __init__(self, password: str) -> None:
        self._answers = [password]

    def __call__(self, _title: str, _instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        return [self._answers.pop() if self._answers else "" for _ in prompts]


def _session_of(transport: Transport, user: str) -> Login:
    try:
        channel = transport.open_session(timeout=20)
        channel.settimeout(20)
        channel.exec_command("id -un")
        said = channel.makefile("rb").read().decode("utf-8", "replace").strip()
        complained = channel.makefile_stderr("rb").read().decode("utf-8", "replace").strip()
    except (paramiko.SSHException, OSError, EOFError) as error:
        return Login(True, False, f"authenticated, but no session: {error}")
    if said == user:
        return Login(True, True, "logged in")
    if "expired" in complained.lower() or "change" in complained.lower():
        return Login(True, False, "password change required")
    return Login(True, False, f"authenticated, but no command ran: {(complained or said)[:200]}")
