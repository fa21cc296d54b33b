"""A dialogue on a terminal: wait for a prompt, answer it, with a time limit on every wait."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Protocol, Self

TIME_LIMIT = 30.0


class Channel(Protocol):
    """What a terminal's other end must offer (paramiko's Channel does)."""

    def recv_ready(self) -> bool:
        """Return whether bytes are waiting."""

    def recv(self, nbytes: int, /) -> bytes:
        """Return the bytes waiting, at most `nbytes`; b"" at the end."""

    def sendall(self, s: bytes, /) -> None:
        """Send all of `s`."""

    def exit_status_ready(self) -> bool:
        """Return whether the command has ended."""

    def recv_exit_status(self) -> int:
        """Return the command's exit status."""

    def close(self) -> None:
        """Close the channel."""


class PtyEndedError(AssertionError):
    """The session ended before the awaited prompt; the message shows what came instead, no secrets."""


class PtyTimeoutError(RuntimeError):
    """Nothing came in time: a busy host says nothing of what it would do, so this is no failed proof."""


class PtySession:
    """A terminal session. `transcript` is everything received, with the secrets replaced."""

    def __init__(
        self, channel: Channel, *, secrets: Iterable[str] = (), on_close: Callable[[], None] | None = None
    ) -> None:
        self._channel = channel
        self._secrets = {secret for secret in secrets if secret}
        self._on_close = on_close
        self._pending = ""
        self._all = ""
        self._ended = False

    @property
    def transcript(self) -> str:
        """Everything received so far, secrets replaced by ***."""
        shown = self._all
        for secret in self._secrets:
            shown = shown.replace(secret, "***")
        return shown

    def expect(self, *patterns: str, timeout: float = TIME_LIMIT) -> int:
        """Read until one of the regular expressions (case-insensitive) matches; return its index.

        What matched is consumed. PtyTimeoutError where none comes in `timeout` seconds, PtyEndedError where
        the session ends first.
        """
        compiled = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
        deadline = time.monotonic() + timeout
        while True:
            found = [
                (m.start(), i, m.end()) for i, r in enumerate(compiled) if (m := r.search(self._pending))
            ]
            if found:
                _, index, end = min(found)
                self._pending = self._pending[end:]
                return index
            if self._ended or time.monotonic() > deadline:
                story = f"while waiting for {' | '.join(patterns)}; got:\n{self.transcript}"
                if self._ended:
                    raise PtyEndedError(f"the session ended {story}")
                raise PtyTimeoutError(f"nothing matched in {timeout:g} s {story}")
            self._read()

    def send(self, line: str, *, secret: bool = False) -> None:
        """Send `line` and Enter; a `secret` one never shows in the transcript."""
        if secret and line:
            self._secrets.add(line)
        self._channel.sendall(line.encode() + b"\n")

    def dialogue(self, *steps: tuple[str, str], timeout: float = TIME_LIMIT) -> None:
        """For each (prompt, answer): wait for the prompt, send the answer as a secret."""
        for prompt, answer in steps:
            self.expect(prompt, timeout=timeout)
            self.send(answer, secret=True)

    def wait(self, timeout: float = TIME_LIMIT) -> int:
        """Read to the end of the session; return the exit status (-1 where the server gave none)."""
        deadline = time.monotonic() + timeout
        while not self._ended:
            if time.monotonic() > deadline:
                raise PtyTimeoutError(f"the session did not end in {timeout:g} s; got:\n{self.transcript}")
            self._read()
        return self._channel.recv_exit_status()

    def close(self) -> None:
        """End the session and its connection."""
        self._channel.close()
        if self._on_close:
            self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        if self._channel.recv_ready():
            data = self._channel.recv(65536)
            if not data:
                self._ended = True
            text = data.decode("utf-8", "replace").replace("\r", "")
            self._pending += text
            self._all += text
        elif self._channel.exit_status_ready() and not self._channel.recv_ready():
            self._ended = True
        else:
            time.sleep(0.05)
