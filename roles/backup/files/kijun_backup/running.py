"""Running a database's own tools: as the user of its server, and for trial out of reach of all else."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from kijun_backup.settings import BackupError

LIMIT = 12 * 3600.0  # seconds that one dump may take
START = 120.0  # seconds that a scratch server may take to answer
# Servers of the host, their data and our keys: what is loaded for trial may run code, and finds none of them.
HIDDEN = (
    "/etc/kijun", "/run/mysqld", "/run/postgresql", "/srv", "/var/cache/kijun-backup", "/var/lib/kijun",
    "/var/lib/kijun-journal", "/var/lib/mysql", "/var/lib/postgresql",
)  # fmt: skip
_HIDE = (
    "for folder in " + " ".join(HIDDEN) + "; do"
    ' if [ -d "$folder" ]; then mount -t tmpfs -o ro,size=4k none "$folder" || exit 71; fi; done; exec "$@"'
)


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which no variable of ours tells a database's tool where to go."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", **more}


def as_user(user: str) -> list[str]:
    """Return what to put before a command to run it as `user`; BackupError where there is none."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError as bad:
        raise BackupError(f"there is no user {user}") from bad
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups", "--"]


def file_name(database: str, suffix: str) -> str:
    """Return the name of the file for a database, whatever letters its own name has."""
    return f"database-{quote(database, safe='')}{suffix}"


def call(
    command: list[str],
    what: str,
    *,
    env: dict[str, str] | None = None,
    read: IO[bytes] | None = None,
    write: IO[bytes] | None = None,
) -> str:
    """Run a command and return what it printed; BackupError, beginning with `what`, where it fails."""
    try:
        done = subprocess.run(
            command, env=env or environment(), stdin=read or subprocess.DEVNULL, cwd="/", check=False,
            stdout=write or subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as bad:
        raise BackupError(f"{what}: {bad}") from bad
    if done.returncode != 0:
        raise BackupError(f"{what}: {reason(done.stderr)}")
    return (done.stdout or b"").decode("utf-8", "replace")


def reason(complaints: bytes) -> str:
    """Return the most telling line of what a tool complained of."""
    lines = [line.strip() for line in complaints.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line.lower() for word in ("error", "fatal", "denied"))]
    return (telling or lines or ["no reason given"])[0][:200]


@dataclass
class Scratch:
    """A folder of its own in which a server runs as `user`, without a network, reached by a socket in it."""

    folder: Path
    user: str

    def alone(self, command: list[str]) -> list[str]:
        """Return the command that runs another one without the network and the host's own databases."""
        namespaces = ["unshare", "--net", "--ipc", "--mount", "--propagation", "private"]
        return [*namespaces, "sh", "-c", _HIDE, "sh", *as_user(self.user), *command]

    def call(self, command: list[str], what: str, *, read: IO[bytes] | None = None) -> str:
        """As `call`, in isolation."""
        return call(self.alone(command), what, env=environment(HOME=str(self.folder)), read=read)

    def own(self, path: Path) -> None:
        """Make what root put there the user's."""
        entry = pwd.getpwnam(self.user)
        os.chown(path, entry.pw_uid, entry.pw_gid)

    @contextlib.contextmanager
    def server(
        self, command: list[str], answers: Callable[[], object], what: str, *, patience: float = START
    ) -> Iterator[None]:
        """Run a server for the block; BackupError, with what it said, where it does not answer in time."""
        log = self.folder / "log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                self.alone(command), env=environment(HOME=str(self.folder)), cwd="/",
                stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait(process, answers, what, log, patience)
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @staticmethod
    def _wait(
        process: subprocess.Popen[bytes], answers: Callable[[], object], what: str, log: Path, patience: float
    ) -> None:
        end = time.monotonic() + patience
        while True:
            try:
                answers()
            except BackupError as bad:
                if process.poll() is not None or time.monotonic() > end:
                    said = log.read_bytes()
                    raise BackupError(f"{what} did not start: {reason(said) if said else bad}") from bad
            else:
                return
            time.sleep(0.3)


@contextlib.contextmanager
def scratch(user: str) -> Iterator[Scratch]:
    """A folder that only `user` can enter, on the disk, removed after the block with all that is in it."""
    as_user(user)
    folder = Path(tempfile.mkdtemp(prefix="kijun-drill-", dir="/var/tmp"))
    try:
        found = Scratch(folder, user)
        found.own(folder)
        yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)
