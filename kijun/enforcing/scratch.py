"""A folder for one run of Ansible: in memory, for nobody else's eyes, and gone when the run is."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME = re.compile(r"kijun-run-(\d+)-[a-z0-9_]+")


@contextmanager
def private_folder(memory: Path = Path("/dev/shm")) -> Iterator[Path]:  # noqa: S108 - made with mode 0700
    """Yield a folder of our own, in `memory` where the machine offers that, and remove it whatever happens.

    What a run that was killed (SIGKILL) left there is removed first.
    """
    base = memory if memory.is_dir() and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    _sweep(base)
    folder = Path(tempfile.mkdtemp(prefix=f"kijun-run-{os.getpid()}-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _sweep(base: Path) -> None:
    """Remove our own folders whose process is gone; another run may do so at the same moment."""
    for folder in base.glob("kijun-run-*"):
        named = _NAME.fullmatch(folder.name)
        if named and not Path("/proc", named[1]).exists() and _is_ours(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    try:
        return folder.lstat().st_uid == os.geteuid() and not folder.is_symlink()
    except FileNotFoundError:
        return False
