"""kijun's side of reading: start the reading process early, give it the job, take the answers."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType

from kijun.errors import KijunError
from kijun.model import HostState, Outcome, Topic
from kijun.reading.frames import FrameError, NotRootError, parse
from kijun.reading.protocol import Answer, Connection, Job, read_answers, write_job
from kijun.reading.reasons import one_line
from kijun.reading.script import OUTPUT_LIMIT, Script, compile_reads

FORKS = 10
TIMEOUT = 30.0
_CONNECT_TIMEOUT = 10.0
_SLACK = 15.0  # seconds beyond the hosts' own limits before the reading process itself is given up


@dataclass(frozen=True, slots=True)
class HostRead:
    """How reading one host ended; `state` is there exactly when it was collected."""

    name: str
    outcome: Outcome
    reason: str
    seconds: float
    state: HostState | None = None


class Reader:
    """The reading process. Made before the inventory is loaded, so that its imports run beside ours.

    A context manager: leaving it ends the process, whatever happened.
    """

    def __init__(self) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        # A session of its own: no terminal on which ssh could ask for a password, and Ctrl-C is ours to
        # handle.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kijun.reading"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
        )

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            if stream is not None:
                stream.close()

    def _kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def read(
        self,
        hosts: Iterable[Connection],
        topics: Iterable[Topic],
        *,
        forks: int = FORKS,
        timeout: float = TIMEOUT,
        limit: int = OUTPUT_LIMIT,
    ) -> Iterator[HostRead]:
        """Yield how each host ended, as they end; every host is yielded exactly once. To be called once.

        `timeout` is for the whole of one host, in seconds; `limit` is in bytes. Raises KijunError where the
        reading process itself cannot work (a library is missing).
        """
        script = compile_reads(topics, limit=limit)
        chosen = tuple(hosts)
        job = Job(
            script=script.text,
            nonce=script.nonce,
            hosts=chosen,
            forks=forks,
            timeout=timeout,
            connect_timeout=min(_CONNECT_TIMEOUT, timeout),
            limit=limit,
        )
        left = {host.name for host in chosen}
        watchdog = threading.Timer(math.ceil(len(chosen) / forks) * timeout + _SLACK, self._kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            for answer in self._answers(job):
                left.discard(answer.name)
                yield _understand(answer, script, limit)
        finally:
            watchdog.cancel()
        if left and self._process.wait() > 0:
            raise KijunError(f"the reading process failed: {self._said()}.")
        for name in sorted(left):
            yield HostRead(
                name, Outcome.TIMED_OUT, "the reading process did not get to this host in time", 0.0
            )

    def _answers(self, job: Job) -> Iterator[Answer]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            write_job(self._process.stdin, job)
        except BrokenPipeError:
            return
        yield from read_answers(self._process.stdout)

    def _said(self) -> str:
        self._stderr.seek(0)
        return one_line(self._stderr.read(64 * 1024).decode("utf-8", "replace"))


def _understand(answer: Answer, script: Script, limit: int) -> HostRead:
    read = HostRead(answer.name, answer.outcome, answer.reason, answer.seconds)
    if answer.outcome is not Outcome.COLLECTED:
        return read
    try:
        state = parse(answer.raw, script, limit=limit)
        if state.clock is not None:
            clock = replace(state.clock, asked=answer.asked, answered=answer.answered)
            state = replace(state, clock=clock)
        return replace(read, state=state)
    except NotRootError:
        reason = "the login is not root's; allow it sudo and set ansible_become to true"
        return replace(read, outcome=Outcome.DENIED, reason=reason)
    except FrameError as bad:
        return replace(read, outcome=Outcome.MALFORMED, reason=f"the host's answer {bad}")
