"""What is known of a set, kept in a file for each: what the repository said, not what a unit's exit was."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from kijun_backup.settings import STATE, BackupError


def read(name: str) -> dict[str, Any]:
    """Return the record called `name`; an empty one where there is none or it is not understood."""
    try:
        found = json.loads((STATE / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(name: str, record: dict[str, Any]) -> None:
    """Replace the record called `name`."""
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = STATE / f".{name}.new"
    with place.open("w", encoding="utf-8") as file:
        json.dump(record, file, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    place.replace(STATE / f"{name}.json")


@contextlib.contextmanager
def alone(name: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock `name` for the block; BackupError where somebody else has it and `wait` is false."""
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (STATE / f".{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as bad:
            raise BackupError(f"{name} is being dealt with already") from bad
        yield


def tell(text: str, *, alert: bool = False) -> None:
    """Say a sentence: in the journal, as an alert where something is wrong."""
    priority = ("<1>" if alert else "<6>") if "INVOCATION_ID" in os.environ else ""
    print(f"{priority}{text}.", file=sys.stderr if alert else sys.stdout, flush=True)
