"""Testinfra's way to a host by Ansible's variables: rendered, with sudo's password, over one connection."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from testinfra.backend import BACKENDS
from testinfra.backend.base import BaseBackend, CommandResult

from kijun.reading.protocol import Connection
from kijun.reading.sshconfig import route

NAME = "kijun"
TIME_LIMIT = 300  # seconds for one command of a proof
_ASKPASS = "#!/bin/sh\nprintf '%s\\n' \"$KIJUN_SSH_PASSWORD\"\n"


class HostUnreachableError(RuntimeError):
    """The administrator's connection does not work; the text is ssh's own words."""


class KijunBackend(BaseBackend):  # type: ignore[misc]
    """Runs commands as root, over one OpenSSH connection that all processes of a host share, or locally.

    Testinfra's own backends read unrendered variables and cannot answer sudo's password prompt.
    """

    NAME = NAME
    connections: dict[str, Connection] = {}  # noqa: RUF012 - filled by `register`, one process per session
    sockets = ""

    def __init__(self, host: str, *args: Any, **kwargs: Any) -> None:
        self.connection = self.connections[host]
        self._route = None if self.connection.kind == "local" else route(self.connection)
        super().__init__(host, *args, **kwargs)

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        """Run one shell command as root; HostUnreachableError where the connection itself fails."""
        line, given = self._as_root(self.get_command(command, *args))
        words = ["/bin/sh", "-c", line] if self._route is None else [*self._ssh(), line]
        done = subprocess.run(
            words, input=given, capture_output=True, timeout=TIME_LIMIT, env=self._environment(), check=False
        )
        if done.returncode == 255 and self._route is not None:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise HostUnreachableError(f"{self.connection.name}: {said[-1] if said else 'ssh failed'}")
        return self.result(done.returncode, self.encode(line), done.stdout, done.stderr)

    def _as_root(self, line: str) -> tuple[str, bytes]:
        """The password goes over stdin, which then ends: a wrong one is tried once, never three times."""
        root = os.geteuid() == 0 if self._route is None else self._route.user == "root"
        if root or not self.connection.become:
            return line, b""
        if self.connection.become_password is None:
            return self.quote("sudo -n -H -- /bin/sh -c %s", line), b""
        command = self.quote("sudo -S -k -p %s -H -- /bin/sh -c %s", "", line)
        return command, self.connection.become_password.encode() + b"\n"

    def _ssh(self) -> list[str]:
        host, way = self.connection, self._route
        assert way is not None
        options = [*host.ssh_args, "-o", f"StrictHostKeyChecking={way.strict}"]
        options += ["-p", str(host.port)] if host.port else []
        options += ["-l", host.user] if host.user else []
        options += ["-i", host.key_file, "-o", "IdentitiesOnly=yes"] if host.key_file else []
        options += ["-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15", "-o", "ControlMaster=auto"]
        options += ["-o", f"ControlPath={self.sockets}/%C", "-o", "ControlPersist=60"]
        options += ["-o", "BatchMode=yes"] if host.password is None else []
        return ["ssh", *options, "--", host.address]

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        if self.connection.password is not None:
            environment |= {
                "SSH_ASKPASS": str(self._askpass()),
                "SSH_ASKPASS_REQUIRE": "force",
                "KIJUN_SSH_PASSWORD": self.connection.password,
            }
        return environment

    def _askpass(self) -> Path:
        helper = Path(self.sockets, f"askpass-{os.getpid()}")
        if not helper.exists():
            helper.write_text(_ASKPASS, encoding="utf-8")
            helper.chmod(0o700)
        return helper


def register(connections: list[Connection], sockets: str) -> None:
    """Make `kijun://NAME` a Testinfra host for each connection; `sockets` is a folder for shared ones."""
    BACKENDS[NAME] = f"{__name__}.{KijunBackend.__name__}"
    KijunBackend.connections = {connection.name: connection for connection in connections}
    KijunBackend.sockets = sockets
