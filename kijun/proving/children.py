"""The processes that run proofs: several per host, each given one test at a time; none is left behind."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TextIO

from kijun.inventory import Host
from kijun.proving.job import ProofJob, TestEvent, TestList, parse
from kijun.records.logs import new_log
from kijun.records.proofs import ProofResult

Say = Callable[[str], None]
AT_ONCE = 4  # tests at a time on one host: they mostly wait, for PAM's delays and for locks to pass
CLEANING_UP = 120.0  # seconds that all interrupted proofs are given to remove what they made


@dataclass
class HostRun:
    """What the proofs of one host gave. `problem` is one sentence where they did not run to their end."""

    name: str
    events: list[TestEvent] = field(default_factory=list)
    problem: str = ""
    log: Path | None = None


@dataclass(frozen=True)
class Wanted:
    """Which tests to run: the files in `folder`, without the intrusive ones unless wanted."""

    folder: Path
    files: tuple[str, ...]
    controls: tuple[str, ...] = ()
    intrusive: bool = False


class Children:
    """Runs proofs in their own processes. Leaving early interrupts them and waits until they cleaned up."""

    def __init__(self, wanted: Wanted, say: Say) -> None:
        self._wanted, self._say = wanted, say
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def __enter__(self) -> Children:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._lock:
            self._stopped = True
            running = list(self._running)
        if kind is not None and running:
            self._say("Stopping: waiting until the proofs at hand have removed what they made.")
        for child in running:
            child.send_signal(signal.SIGINT)
        end = time.monotonic() + CLEANING_UP
        for child in running:
            try:
                child.wait(max(end - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                child.kill()

    def run(self, hosts: Sequence[Host], forks: int) -> list[HostRun]:
        """Return the results of `hosts`, at most `forks` at a time, in their order."""
        if not hosts or not self._wanted.files:
            return [HostRun(host.name, problem="the chosen topics have no proofs") for host in hosts]
        pool = ThreadPoolExecutor(max_workers=min(forks, len(hosts)))
        try:
            return list(pool.map(self._host, hosts))
        except BaseException:
            with self._lock:
                self._stopped = True
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _host(self, host: Host) -> HostRun:
        """Start one process, learn of it which tests there are, and let it share them with some others."""
        with new_log("prove") as (path, log), tempfile.TemporaryDirectory(prefix="kijun-") as sockets:
            result = HostRun(host.name, log=path)
            todo: queue.SimpleQueue[int] = queue.SimpleQueue()
            try:
                first = self._start(host, sockets, log)
                tests, alone = self._listed(first, result)
                shared = tests - alone
                for number in range(shared):
                    todo.put(number)
                others = [self._start(host, sockets, log) for _ in range(min(AT_ONCE, shared) - 1)]
                with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
                    work = [pool.submit(self._joined, other, todo, result) for other in others]

                    def until_others_end() -> None:
                        for piece in work:
                            piece.result()

                    last = _Alone(range(shared, tests), until_others_end)
                    self._work(first, todo, result, last)
                    until_others_end()
            except _StoppedError:
                result.problem = result.problem or "the proofs were stopped"
            finally:
                _close_shared(sockets)
        return result

    def _start(self, host: Host, sockets: str, log: TextIO) -> subprocess.Popen[bytes]:
        wanted = self._wanted
        job = ProofJob(
            connection=host.connection,
            params=host.params,
            folder=str(wanted.folder),
            files=wanted.files,
            sockets=sockets,
            intrusive=wanted.intrusive,
            controls=wanted.controls,
        )
        with self._lock:
            if self._stopped:
                raise _StoppedError
            child = subprocess.Popen(
                [sys.executable, "-m", "kijun.proving"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C comes through us, so that a tidy end is waited for
            )
            self._running.add(child)
        assert child.stdin is not None
        child.stdin.write(job.line())
        child.stdin.flush()
        return child

    def _joined(self, child: subprocess.Popen[bytes], todo: queue.SimpleQueue[int], result: HostRun) -> None:
        """Another process of the same host lists the same tests again: they are known."""
        self._listed(child, None)
        self._work(child, todo, result)

    def _listed(self, child: subprocess.Popen[bytes], result: HostRun | None) -> tuple[int, int]:
        """Return how many tests there are to run, and how many of them (the last) alone.

        Those that are not to be run, or could not be loaded, come before.
        """
        assert child.stdout is not None
        for line in child.stdout:
            message = parse(line)
            if isinstance(message, TestList):
                return len(message.tests), message.alone
            if result:
                self._take(message, result)
        if result:
            result.problem = "the proofs could not be loaded"
        return 0, 0

    def _work(
        self,
        child: subprocess.Popen[bytes],
        todo: queue.SimpleQueue[int],
        result: HostRun,
        last: _Alone | None = None,
    ) -> None:
        assert child.stdin is not None
        try:
            alone = list(last.numbers) if last else []
            following = _next(todo)
            while following is not None and not self._stopped:
                number, following = following, _next(todo)
                self._one(
                    child, number, following if following is not None else next(iter(alone), -1), result
                )
            if last and alone:
                last.until_others_end()
            for number, after in pairwise([*alone, -1]):
                if not self._stopped:
                    self._one(child, number, after, result)
            child.stdin.close()
            if child.wait() != 0:
                result.problem = "a process of proofs did not end well"
        except BrokenPipeError:
            child.wait()
            result.problem = "the proofs could not be run to their end"
        finally:
            with self._lock:
                self._running.discard(child)

    def _one(self, child: subprocess.Popen[bytes], number: int, following: int, result: HostRun) -> None:
        """Have one test run, and take what it gave; BrokenPipeError where the process is gone."""
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"%d %d\n" % (number, following))
        child.stdin.flush()
        line = child.stdout.readline()
        if not line:
            raise BrokenPipeError
        self._take(parse(line), result)

    def _take(self, message: TestEvent | TestList, result: HostRun) -> None:
        assert isinstance(message, TestEvent)
        with self._lock:
            result.events.append(message)
        if message.result is ProofResult.NOT_RUN:
            return  # the summary says it, once for all that have the same reason
        reason = f": {message.reason}" if message.reason else ""
        shown = message.what.rstrip(".") or message.test
        self._say(f"  {result.name}: {message.result.value}: {shown} ({message.seconds:.0f} s){reason}")


@dataclass(frozen=True)
class _Alone:
    """Tests that run when no other does on their host, and how to wait for that."""

    numbers: range
    until_others_end: Callable[[], None]


class _StoppedError(Exception):
    """The operator stopped everything while a process was to be started."""


def _next(todo: queue.SimpleQueue[int]) -> int | None:
    try:
        return todo.get_nowait()
    except queue.Empty:
        return None


def _close_shared(sockets: str) -> None:
    """End the connections that were shared through the folder `sockets`."""
    for socket in Path(sockets).iterdir():
        if socket.is_socket():
            command = ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "host"]
            subprocess.run(command, capture_output=True, check=False)
