"""What is to be backed up, as /etc/kijun/backup/sets says: lines of fields between tabs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

CONFIG = Path("/etc/kijun/backup")
STATE = Path("/var/lib/kijun/backup")
CACHE = Path("/var/cache/kijun-backup")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
ENGINES = ("mariadb", "postgresql")


class BackupError(Exception):
    """Something that the operator has to know, in one sentence without its full stop."""


@dataclass
class BackupSet:
    """One set: what belongs to it, and how many hours may lie between two backups.

    `databases` are the engines whose databases it holds; `journal` is within how many minutes PostgreSQL's
    updates between two backups are stored, 0 where they are not.
    """

    name: str
    hours: int
    paths: list[str] = field(default_factory=list)
    excludes: list[str] = field(default_factory=list)
    databases: list[str] = field(default_factory=list)
    journal: int = 0


def load(text: str) -> dict[str, BackupSet]:
    """Return the sets by name; BackupError where a line is not understood."""
    found: dict[str, BackupSet] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("\t")
        if words[0] == "drill" and len(words) == 2 and words[1].isdecimal():
            continue
        if words[0] == "set" and len(words) == 3 and NAME.fullmatch(words[1]) and words[2].isdecimal():
            found[words[1]] = BackupSet(words[1], int(words[2]))
            continue
        if len(words) != 3 or words[1] not in found or not _noted(found[words[1]], words[0], words[2]):
            raise BackupError(f"line {number} of {CONFIG}/sets is not understood")
    return found


def _noted(one: BackupSet, kind: str, what: str) -> bool:
    if kind in ("path", "exclude") and what:
        (one.paths if kind == "path" else one.excludes).append(what)
    elif kind == "databases" and what in ENGINES:
        one.databases.append(what)
    elif kind == "journal" and what.isdecimal():
        one.journal = int(what)
    else:
        return False
    return True


def sets() -> dict[str, BackupSet]:
    """Return the sets of this host; BackupError where there is no list of them, or it is not understood."""
    try:
        return load((CONFIG / "sets").read_text(encoding="utf-8"))
    except OSError as bad:
        raise BackupError(f"{CONFIG}/sets cannot be read ({bad.strerror})") from bad


def drill_days() -> int:
    """Return within how many days each set is restored for trial; BackupError as `sets`."""
    try:
        first = (CONFIG / "sets").read_text(encoding="utf-8").partition("\n")[0].split("\t")
        return int(first[1]) if first[0] == "drill" else 30
    except (OSError, ValueError, IndexError) as bad:
        raise BackupError(f"{CONFIG}/sets cannot be read") from bad
