"""A progress bar on a terminal; nothing anywhere else."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

from kijun.model import HostReport
from kijun.terminal import printable

_WIDTH = 24


class ProgressBar:
    """How many hosts have been read, on one line of `stream` that is gone when it is left."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str]) -> None:
        self._stream = stream
        self._shown = stream.isatty() and environment.get("TERM") != "dumb"

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def step(self, done: int, total: int, host: HostReport) -> None:
        """Show that `host` was the last of `done` hosts that have ended."""
        if not self._shown:
            return
        filled = _WIDTH * done // max(total, 1)
        line = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total} {host.name}: {host.outcome}"
        line = printable(line)[: shutil.get_terminal_size().columns - 1]
        self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()
