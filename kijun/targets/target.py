"""A target that is up, and the ways to reach it."""

from __future__ import annotations

import secrets
import shlex
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from kijun.targets import store
from kijun.targets.errors import TargetError
from kijun.targets.seed import OPERATOR
from kijun.targets.store import Journal


@dataclass(frozen=True, slots=True)
class Target:
    """A disposable host: root and `operator` log in with `key`, whose sudo asks nothing."""

    name: str
    address: str
    port: int
    user: str
    key: Path
    release: str
    backend: str
    inventory: Path
    known_hosts: Path
    operator: str
    network_address: str  # on the bridge that all targets share; empty if it is not on one

    @classmethod
    def of(cls, journal: Journal) -> Target:
        """Return the target that `journal` tells of."""
        folder = store.folder()
        return cls(
            name=journal.name,
            address=journal.address,
            port=journal.port,
            user="root",
            key=folder / "id_ed25519",
            release=journal.release,
            backend=journal.backend,
            inventory=folder / store.INVENTORY,
            known_hosts=folder / store.KNOWN_HOSTS,
            operator=OPERATOR,
            network_address=journal.network_address,
        )

    def ssh_argv(self, *command: str, user: str = "") -> list[str]:
        """Return the ssh(1) command that logs in as `user` (root by default) and runs `command`.

        One argument is a line for the remote shell; several are one command, each kept as it is.
        """
        line = command[0] if len(command) == 1 else shlex.join(command)
        argv = ["ssh", *store.ssh_options(self.key, self.known_hosts), "-p", str(self.port)]
        return [
            *argv,
            "-o",
            "ConnectTimeout=10",
            f"{user or self.user}@{self.address}",
            *([line] if line else []),
        ]

    def run(
        self, *command: str, user: str = "", stdin: str = "", timeout: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` on the target; with `check`, raise `TargetError` if it fails."""
        argv = self.ssh_argv(*command, user=user)
        # A machine that reboots leaves its connections open; keep-alives notice within seconds.
        argv[1:1] = ["-oBatchMode=yes", "-oServerAliveInterval=2", "-oServerAliveCountMax=3"]
        try:
            done = subprocess.run(
                argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            raise TargetError(
                f"`{shlex.join(command)}` on {self.name} did not end within {timeout:.0f} s."
            ) from None
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise TargetError(f"`{shlex.join(command)}` on {self.name} ended with {done.returncode}: {said}")
        return done

    def give_operator_password(self) -> str:
        """Give the operator a random password, which sudo asks for from now on; return it.

        Until then the account has none, so that no password on a fresh target is older than a policy.
        """
        password = secrets.token_urlsafe(15)
        self.run("chpasswd", stdin=f"{self.operator}:{password}\n")
        self.run(f"rm -f /etc/sudoers.d/{self.operator}")
        return password

    def reboot(self, timeout: float = 300) -> None:
        """Reboot the target and return when it lets users log in again."""
        before = self._boot()
        self.run("systemctl --no-block reboot", check=False)  # may end with the connection
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            time.sleep(0.2)
            if self.answers() and self._boot() not in {before, ""}:
                return
        raise TargetError(f"{self.name} did not come back within {timeout:.0f} s of its reboot.")

    def _boot(self) -> str:
        """Return what tells one boot from another; empty while the target cannot be asked.

        A container keeps its host's boot id; when its own systemd started is another matter.
        """
        look = "systemctl show -P UserspaceTimestampMonotonic; cat /proc/sys/kernel/random/boot_id"
        return self._tried(look).stdout

    def _tried(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run `command`; taking too long, as while a busy machine boots, is one more way to fail."""
        try:
            return self.run(command, timeout=30, check=False)
        except TargetError as slow:
            return subprocess.CompletedProcess(command, 255, "", str(slow))

    def answers(self) -> bool:
        """Tell whether the target's SSH port greets, its host key is the pinned one, and users may log in."""
        try:
            with socket.create_connection((self.address, self.port), timeout=0.5) as connection:
                connection.settimeout(2)
                if not connection.recv(8).startswith(b"SSH-"):
                    return False
        except OSError:
            return False
        return self._tried("test ! -e /run/nologin").returncode == 0
