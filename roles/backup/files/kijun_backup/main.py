"""The command line of kijun-backup."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from kijun_backup import backing, drill, journal, repository
from kijun_backup.records import tell
from kijun_backup.settings import BackupError, BackupSet, sets


def main() -> int:
    """Do what the command line says; 0 where all is well, 1 where something is wrong."""
    os.umask(0o077)
    parser = argparse.ArgumentParser(prog="kijun-backup", description="Backups of this host.")
    parser.add_argument("verb", choices=sorted(_VERBS), help="; ".join(_HELP))
    parser.add_argument("sets", nargs="*", help="the sets it is for; all of them by default")
    arguments = parser.parse_args()
    try:
        known = sets()
        if missing := [name for name in arguments.sets if name not in known]:
            raise BackupError(f"there is no set {missing[0]}")
        chosen = [known[name] for name in arguments.sets or known]
        return 0 if _VERBS[arguments.verb](chosen) else 1
    except BackupError as problem:
        tell(f"kijun-backup {arguments.verb}: {problem}", alert=True)
        return 1


def _run(chosen: list[BackupSet]) -> bool:
    results = [backing.back_up(one) for one in chosen]  # all of them, whatever comes of one
    return all(results)


def _accept(chosen: list[BackupSet]) -> bool:
    for one in chosen:
        backing.accept(one)
    return True


def _due(chosen: list[BackupSet]) -> bool:
    for name in backing.due(chosen):
        print(name)
    return True


def _drill(chosen: list[BackupSet]) -> bool:
    held = repository.snapshots()
    kept = drill.deletion()
    results = [drill.drill(one, held) for one in chosen]
    return all(results) and kept


def _journal(chosen: list[BackupSet]) -> bool:
    results = [journal.store(one) for one in chosen if one.journal]
    return all(results)


def _undrilled(chosen: list[BackupSet]) -> bool:
    for one in drill.due(chosen):
        print(one.name)
    return True


def _rehearse(chosen: list[BackupSet]) -> bool:
    due = drill.due(chosen)
    return _drill(due) if due else True


_VERBS: dict[str, Callable[[list[BackupSet]], bool]] = {
    "accept": _accept,
    "drill": _drill,
    "due": _due,
    "journal": _journal,
    "rehearse": _rehearse,
    "run": _run,
    "undrilled": _undrilled,
    "verify": backing.verify_all,
}
_HELP = (
    "run: back up",
    "verify: ask the repository what it holds",
    "drill: restore into isolation and compare",
    "due: list the sets that want a backup now",
    "journal: store PostgreSQL's updates since the last backup",
    "accept: take the size that a set has now for the right one",
    "rehearse: a drill of the sets whose turn it is",
    "undrilled: list these",
)
