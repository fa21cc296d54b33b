"""Proofs of one host run at once; those that would disturb each other take turns."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kijun.paths import state_dir


@contextmanager
def alone(host: str, subject: str) -> Iterator[None]:
    """Hold the lock of `subject` on the host called `host` for the length of the block; wait for it first."""
    folder = state_dir() / "proofs"
    folder.mkdir(parents=True, exist_ok=True)
    with Path(folder, f"{host}.{subject}.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when it is closed
        yield
