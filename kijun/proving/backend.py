"""Testinfra's way to a host by Ansible's variables: rendered, with sudo's password, over one connection."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from testinfra.backend import BACKENDS
from testinfra.backend.base import BaseBackend, CommandResult

from kijun.proving.connection import Connection

NAME = "kijun"
TIME_LIMIT = 300
_ASKPASS = "#!/bin/sh\nprintf '%s\\n' \"$KIJUN_SSH_PASSWORD\"\n"


class HostUnreachableError(RuntimeError):
    """The administrator's connection does not work: ssh's own words."""


class KijunBackend(BaseBackend):  # type: ignore[misc]
    """Runs commands as root through OpenSSH, over one shared connection per process.

    Testinfra's own backends read unrendered variables and cannot answer sudo's password prompt.
    """

    NAME = NAME
    connections: dict[str, Connection] = {}  # noqa: RUF012 - filled by `register`, one process per session
    _sockets: tempfile.TemporaryDirectory[str] | None = None

    def __init__(self, host: str, *args: Any, **kwargs: Any) -> None:
        self.connection = self.connections[host]
        super().__init__(host, *args, **kwargs)

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        """Run one shell command as root; HostUnreachableError where the connection itself fails."""
        line = self.get_command(command, *args)
        given = b""
        if self.connection.become:
            line, given = self._elevated(line)
        done = subprocess.run(
            [*self._ssh(), line],
            input=given, capture_output=True, timeout=TIME_LIMIT, env=self._environment(), check=False,
        )  # fmt: skip
        if done.returncode == 255:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise HostUnreachableError(f"{self.connection.name}: {said[-1] if said else 'ssh failed'}")
        return self.result(done.returncode, self.encode(line), done.stdout, done.stderr)

    def _elevated(self, line: str) -> tuple[str, bytes]:
        user, password = self.connection.become_user, self.connection.become_password
        if password is None:
            return self.quote("sudo -n -H -u %s -- /bin/sh -c %s", user, line), b""
        command = self.quote("sudo -S -p %s -H -u %s -- /bin/sh -c %s", "", user, line)
        return command, password.encode() + b"\n"

    def _ssh(self) -> list[str]:
        options = self.connection.ssh_options()
        options += ["-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15", "-o", "ControlMaster=auto"]
        options += ["-o", f"ControlPath={self._socket_folder()}/%C", "-o", "ControlPersist=30"]
        if self.connection.password is None:
            options += ["-o", "BatchMode=yes"]
        return ["ssh", *options, self.connection.address]

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        if self.connection.password is not None:
            environment |= {
                "SSH_ASKPASS": str(self._askpass()),
                "SSH_ASKPASS_REQUIRE": "force",
                "KIJUN_SSH_PASSWORD": self.connection.password,
            }
        return environment

    @classmethod
    def _socket_folder(cls) -> str:
        if cls._sockets is None:
            cls._sockets = tempfile.TemporaryDirectory(prefix="kijun-")
        return cls._sockets.name

    def _askpass(self) -> Path:
        helper = Path(self._socket_folder(), "askpass")
        if not helper.exists():
            helper.write_text(_ASKPASS, encoding="utf-8")
            helper.chmod(0o700)
        return helper

    @classmethod
    def close_all(cls) -> None:
        """End the shared connections and remove their sockets."""
        if cls._sockets is None:
            return
        for connection in cls.connections.values():
            where = f"{cls._sockets.name}/%C"
            command = ["ssh", *connection.ssh_options(), "-o", f"ControlPath={where}", "-O", "exit"]
            subprocess.run([*command, connection.address], capture_output=True, check=False)
        cls._sockets.cleanup()
        cls._sockets = None


def register(connections: list[Connection]) -> None:
    """Make `kijun://NAME` a Testinfra host for each of `connections`."""
    BACKENDS[NAME] = f"{__name__}.{KijunBackend.__name__}"
    KijunBackend.connections = {connection.name: connection for connection in connections}
