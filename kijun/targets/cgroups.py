"""Control groups: one per target, holding every process of it, so that none can be missed or mistaken.

Works on a host with cgroup 2 alone and on one with the hybrid layout (cgroups(7)). The group is made
at the root of the hierarchy, where systemd leaves groups it does not know alone.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kijun.targets.errors import TargetError

_MOUNT = Path("/sys/fs/cgroup")


def hierarchies(mount: Path = _MOUNT) -> list[Path]:
    """Return the roots under which a container manager must make its groups, the cgroup 2 one first."""
    if (mount / "cgroup.procs").exists():
        return [mount]
    found = [mount / name for name in ("unified", "systemd") if (mount / name / "cgroup.procs").exists()]
    if not found:
        raise TargetError(f"no control group hierarchy is mounted at {mount}, so no target can be contained.")
    return found


@dataclass(frozen=True, slots=True)
class Group:
    """The control group `name` (a path below the root) in every hierarchy."""

    name: str
    mount: Path = _MOUNT

    def _paths(self) -> list[Path]:
        return [root / self.name for root in hierarchies(self.mount)]

    def exists(self) -> bool:
        """Tell whether the group is there in any hierarchy."""
        return any(path.is_dir() for path in self._paths())

    def make(self) -> None:
        """Create the group where it is missing."""
        for path in self._paths():
            path.mkdir(parents=True, exist_ok=True)

    def add(self, pid: int) -> None:
        """Move process `pid` into the group."""
        for path in self._paths():
            (path / "cgroup.procs").write_text(f"{pid}\n")

    def pids(self) -> set[int]:
        """Return the processes in the group and below it."""
        found: set[int] = set()
        for top in self._paths():
            for path in (top, *_below(top)):
                found |= _members(path)
        return found

    def kill(self, seconds: float = 10) -> None:
        """Kill every process of the group and below, again until none is left; raise if some outlive it."""
        end = time.monotonic() + seconds
        while pids := self.pids() - {os.getpid()}:
            if time.monotonic() > end:
                raise TargetError(f"processes {sorted(pids)} of {self.name} do not die, not even by SIGKILL.")
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue  # it ended between the listing and now
            time.sleep(0.02)

    def remove(self) -> None:
        """Remove the group and the groups below it (they must be empty; the kernel may need a moment)."""
        end = time.monotonic() + 5
        while left := [path for top in self._paths() for path in (*_below(top), top) if path.is_dir()]:
            for path in left:
                try:
                    path.rmdir()
                except FileNotFoundError:
                    continue
                except OSError as why:  # EBUSY while a killed process is still being reaped
                    if time.monotonic() > end:
                        raise TargetError(
                            f"control group {path} cannot be removed: {why.strerror}."
                        ) from None
            time.sleep(0.01)


def _below(top: Path) -> Iterator[Path]:
    """Yield the groups below `top`, deepest first."""
    for folder, _, _ in os.walk(top, topdown=False):
        if Path(folder) != top:
            yield Path(folder)


def _members(path: Path) -> set[int]:
    try:
        lines = (path / "cgroup.procs").read_text().split()
    except OSError:
        return set()  # the group went away, and its processes with it
    return {int(pid) for pid in lines} - {0}


def named(prefix: str, mount: Path = _MOUNT) -> list[Group]:
    """Return the top groups whose names begin with `prefix`."""
    names = {path.name for root in hierarchies(mount) for path in root.glob(f"{prefix}*") if path.is_dir()}
    return [Group(name, mount) for name in sorted(names)]
