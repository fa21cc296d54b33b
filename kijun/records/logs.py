"""Logs of runs: private files in `state_dir()/runs`, the oldest thrown away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from kijun.paths import state_dir

KEPT = 100


@contextmanager
def new_log(kind: str) -> Iterator[tuple[Path, TextIO]]:
    """Yield the path of a new log and a stream to write it, readable by its owner only."""
    folder = state_dir() / "runs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in sorted(folder.glob("*.log"))[: -KEPT + 1]:
        old.unlink(missing_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{kind}-{os.getpid()}.log"
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as stream:
        yield path, stream


def all_secrets(values: Iterable[str | None]) -> tuple[str, ...]:
    """Return the secrets to hide, longest first, so that one within another leaves no remainder."""
    return tuple(sorted({value for value in values if value}, key=len, reverse=True))
