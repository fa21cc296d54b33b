"""Runs proofs of one host: job and numbers of tests on stdin, JSON lines on stdout, pytest's on stderr.

A process of its own, because Testinfra's hosts and pytest's state are the process's own. It is started by
`kijun.proving.children`; an interrupt (SIGINT) ends the test at hand and removes what it made.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path
from typing import IO

import pytest

from kijun.proving import backend
from kijun.proving.hosts import PROOF_HOSTS, ProofHost
from kijun.proving.job import ProofJob, TestEvent, TestList
from kijun.proving.users import Secret
from kijun.records.proofs import ProofResult


class Reporter:
    """A pytest plugin that hands the host over to the fixtures and sends one event per test."""

    def __init__(self, job: ProofJob, orders: IO[bytes], out: IO[str]) -> None:
        self._job, self._orders, self._out = job, orders, out
        self._worst: dict[str, TestEvent] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        """Give the fixtures what they would otherwise read from an inventory."""
        known = ProofHost(self._job.connection, self._job.params)
        config.stash[PROOF_HOSTS] = {self._job.connection.name: known}

    def pytest_keyboard_interrupt(self) -> None:
        """A second interrupt must not stop the removal of what the proof made."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Where only some controls are to be proven, the other tests are not there at all."""
        if wanted := set(self._job.controls):
            items[:] = [item for item in items if wanted & set(_controls(item))]

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Proofs left out are "not run"."""
        for item in items:
            self._send(_event(item, ProofResult.NOT_RUN, 0.0, "needs --intrusive"))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file of proofs that cannot be loaded is an error of its topic."""
        if report.failed:
            reason = Secret.hide(str(report.longrepr).strip().splitlines()[-1])
            self._send(TestEvent(report.nodeid, (), ProofResult.ERROR, 0.0, reason))

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Say which tests there are, then run those whose numbers come, each with the number of the next.

        pytest must know the next one, to keep for it what belongs to a whole file of tests.
        """
        alone = sum(item.get_closest_marker("alone") is not None for item in session.items)
        self._send(TestList(tuple(item.nodeid for item in session.items), alone))
        for line in self._orders:
            number, following = (int(word) for word in line.split())
            item, after = session.items[number], session.items[following] if following >= 0 else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep the worst of set-up, call and tear-down; send it when the test is through."""
        report = yield
        before = self._worst.get(item.nodeid)
        now = _event(item, *_judged(report, call))
        seconds = (before.seconds if before else 0.0) + report.duration
        worst = now if before is None or (before.result is ProofResult.PROVEN) else before
        self._worst[item.nodeid] = worst.lasting(seconds)
        if report.when == "teardown":
            self._send(self._worst.pop(item.nodeid))
        return report

    def _send(self, message: TestEvent | TestList) -> None:
        self._out.write(message.line())
        self._out.flush()


def _judged(report: pytest.TestReport, call: pytest.CallInfo[None]) -> tuple[ProofResult, float, str]:
    if report.passed:
        return ProofResult.PROVEN, report.duration, ""
    reason = Secret.hide(_reason(call))
    if report.skipped:
        return ProofResult.NOT_RUN, report.duration, reason
    wrong = call.excinfo is not None and call.excinfo.errisinstance((AssertionError, pytest.fail.Exception))
    shown = report.when == "call" and wrong
    return (ProofResult.FAILED if shown else ProofResult.ERROR), report.duration, reason


def _reason(call: pytest.CallInfo[None]) -> str:
    if call.excinfo is None:
        return "no reason given"
    lines = str(call.excinfo.value).strip().splitlines() or [call.excinfo.typename]
    return " ".join(lines[0].split())[:300]


def _controls(item: pytest.Item) -> tuple[str, ...]:
    return tuple(str(name) for mark in item.iter_markers("proves") for name in mark.args)


def _event(item: pytest.Item, result: ProofResult, seconds: float, reason: str) -> TestEvent:
    function = item.originalname if isinstance(item, pytest.Function) else item.name
    doc = (item.function.__doc__ or "") if isinstance(item, pytest.Function) else ""
    what = doc.strip().splitlines()[0] if doc.strip() else ""
    return TestEvent(f"{item.path.name}::{function}", _controls(item), result, seconds, reason, what)


class _Hiding(io.TextIOBase):
    """A log without the passwords of the throw-away users."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        sys.__stderr__.write(Secret.hide(text))  # type: ignore[union-attr]
        return len(text)

    def flush(self) -> None:
        sys.__stderr__.flush()  # type: ignore[union-attr]


def _own_plugins_only() -> None:
    """What else is installed, or set by the operator, must not change what a proof does."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)


def main() -> int:
    """Run the job on stdin; return 0 where pytest ran it, whatever the tests said (5: there were none)."""
    # What was started in a shell's background ignores interrupts, and so would every process that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    orders = os.fdopen(os.dup(0), "rb")  # pytest takes stdin and stdout away from tests
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = _Hiding()
    job = ProofJob.parse(orders.readline())
    _own_plugins_only()
    sys.dont_write_bytecode = True  # an installed kijun may not be writable
    backend.register([job.connection], job.sockets)
    folder = Path(job.folder)
    arguments = [
        "-p",
        "testinfra.plugin",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "--strict-markers",
    ]
    arguments += ["-c", os.devnull, "--rootdir", str(folder), "--tb=short", "-q", "--no-header"]
    arguments += [f"--hosts={backend.NAME}://{job.connection.name}"]
    arguments += ["--intrusive"] if job.intrusive else []
    files = [str(folder / name) for name in job.files]
    status = pytest.main([*arguments, *files], [Reporter(job, orders, out)])
    return 0 if status in (0, 1, 5) else int(status)


if __name__ == "__main__":
    sys.exit(main())
