"""Which targets there are, and whether they run; the kernel's control groups are believed, not a file."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass

from kijun.targets import naming, store
from kijun.targets.cgroups import Group
from kijun.targets.errors import TargetError
from kijun.targets.naming import Realm
from kijun.targets.supervisor import MACHINE
from kijun.targets.target import Target


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of `kijun target list`."""

    name: str
    state: str  # running, starting, stopped, or broken (left half-made)
    backend: str
    release: str
    address: str
    port: int


def get(name: str) -> Target:
    """Return the running target `name`; raise `TargetError` if there is none."""
    naming.checked(name)
    for entry in listed():
        if entry.name == name:
            journal = store.read(name)
            if entry.state == "running" and journal is not None:
                return Target.of(journal)
            raise TargetError(
                f"target {name} is {entry.state}, not running; `kijun target down {name}` removes it."
            )
    raise TargetError(f"there is no target {name}: `kijun target up {name}` makes one.")


def running() -> list[Target]:
    """Return the targets that are running, by name."""
    return [get(entry.name) for entry in listed() if entry.state == "running"]


def listed() -> list[Listed]:
    """Return every target of this state directory, whole or not, by name."""
    realm, found = Realm.here(), []
    for name in store.names():
        journal = store.read(name)
        if journal is None:
            found.append(Listed(name, "broken", "?", "?", "?", 0))
            continue
        alive = bool(Group(f"{realm.cgroup(name)}/{MACHINE}").pids())
        if journal.ready:
            state = "running" if alive else "stopped"
        else:
            state = "starting" if _being_made(name) else "broken"
        found.append(Listed(name, state, journal.backend, journal.release, journal.address, journal.port))
    return found


def _being_made(name: str) -> bool:
    try:
        with (store.target_dir(name) / "up.lock").open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
