"""Proves hosts: a process per host, some at a time, and one result per control of each."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from kijun.checking import Options, check
from kijun.inventory import Host, load_inventory, require_resolved
from kijun.model import Outcome
from kijun.paths import data_root
from kijun.proving.job import ProofJob, TestEvent
from kijun.records import proofs
from kijun.records.logs import new_log
from kijun.records.proofs import ProofRecord, ProofResult

Say = Callable[[str], None]
CLEANING_UP = 120.0  # seconds that an interrupted proof is given to remove what it made
_WORST_FIRST = (ProofResult.FAILED, ProofResult.ERROR, ProofResult.NOT_RUN, ProofResult.PROVEN)


@dataclass
class HostProofs:
    """What the proofs of one host gave. `problem` is one sentence where they could not be run at all."""

    name: str
    events: list[TestEvent] = field(default_factory=list)
    problem: str = ""
    log: Path | None = None

    @property
    def controls(self) -> dict[str, ProofResult]:
        """The result per control: the worst of the tests that prove it, so that one not run is not proven."""
        results: dict[str, ProofResult] = {}
        for event in self.events:
            for control in event.controls:
                results[control] = worst(filter(None, (event.result, results.get(control))))
        return dict(sorted(results.items()))


@dataclass
class Proving:
    """What the proofs of all hosts gave, in the inventory's order."""

    started: datetime
    hosts: list[HostProofs]

    def count(self, result: ProofResult) -> int:
        """Return how many controls, over all hosts, ended in `result`."""
        return sum(found is result for host in self.hosts for found in host.controls.values())

    @property
    def exit_code(self) -> int:
        """1 a proof failed; 2 a host or a proof could not be run, or nothing was proven; 0 otherwise."""
        events = [event for host in self.hosts for event in host.events]
        if any(event.result is ProofResult.FAILED for event in events):
            return 1
        broken = any(host.problem for host in self.hosts) or any(
            e.result is ProofResult.ERROR for e in events
        )
        return 2 if broken or not self.count(ProofResult.PROVEN) else 0


def worst(results: Iterable[ProofResult]) -> ProofResult:
    """Return the worst of `results`."""
    return min(results, key=_WORST_FIRST.index)


def prove(
    options: Options,
    *,
    intrusive: bool = False,
    controls: Sequence[str] = (),
    say: Say = lambda _line: None,
) -> Proving:
    """Run the proofs of the chosen topics on the chosen hosts and keep the results.

    With `controls`, only the tests that prove one of these.

    Raises KijunError before any host is touched (inventory, floors, unknown topic, unresolved variable),
    and KeyboardInterrupt once interrupted proofs have removed what they made.
    """
    started = datetime.now(UTC)
    hosts = load_inventory(
        options.sources, limit=options.limit, vault_password_files=options.vault_password_files
    )
    require_resolved(hosts)
    report = check(options, inventory=hosts)  # what the results rest on, and who can be reached at all
    readable = {host.name for host in report.hosts if host.outcome is Outcome.COLLECTED}
    done = {
        host.name: HostProofs(host.name, problem=f"{host.outcome}: {host.reason}")
        for host in report.hosts
        if host.name not in readable
    }
    with _Children(report.topics, tuple(controls), intrusive, say) as children:
        wanted = [host for host in hosts if host.name in readable]
        done |= {result.name: result for result in children.run(wanted, options.forks)}
    for result in done.values():
        _keep(result, report.digests.get(result.name, {}))
    return Proving(started, [done[host.name] for host in hosts])


def _keep(result: HostProofs, digests: Mapping[str, str]) -> None:
    date = datetime.now(UTC).isoformat(timespec="seconds")
    records = [
        ProofRecord(
            control=control,
            result=found,
            date=date,
            tests=tuple(event.test for event in result.events if control in event.controls),
            digest=digests.get(control.partition(".")[0], ""),
        )
        for control, found in result.controls.items()
        if found is not ProofResult.NOT_RUN
    ]
    if records:
        proofs.store(result.name, records)


class _Children:
    """The processes that run proofs. Leaving early interrupts them and waits until they have cleaned up."""

    def __init__(self, topics: Sequence[str], controls: tuple[str, ...], intrusive: bool, say: Say) -> None:
        self._folder = data_root() / "tests" / "proofs"
        self._files = tuple(f"test_{t}.py" for t in topics if (self._folder / f"test_{t}.py").is_file())
        self._controls, self._intrusive, self._say = controls, intrusive, say
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def __enter__(self) -> _Children:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stopped = True
        with self._lock:
            running = list(self._running)
        if kind is not None and running:
            self._say("Stopping: waiting until the proofs at hand have removed what they made.")
        for child in running:
            child.send_signal(signal.SIGINT)
        for child in running:
            try:
                child.wait(CLEANING_UP)
            except subprocess.TimeoutExpired:
                child.kill()

    def run(self, hosts: Sequence[Host], forks: int) -> list[HostProofs]:
        """Return the results of `hosts`, at most `forks` at a time."""
        if not hosts or not self._files:
            return [HostProofs(host.name, problem="the chosen topics have no proofs") for host in hosts]
        pool = ThreadPoolExecutor(max_workers=min(forks, len(hosts)))
        try:
            return list(pool.map(self._one, hosts))
        finally:
            self._stopped = True
            pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, host: Host) -> HostProofs:
        with new_log("prove") as (path, log):
            result = HostProofs(host.name, log=path)
            child = self._start(log)
            if child is None:
                return result
            assert child.stdin is not None
            assert child.stdout is not None
            job = ProofJob(
                host.connection, host.params, str(self._folder), self._files, self._intrusive, self._controls
            )
            try:
                job.write(child.stdin)
                ended = self._listen(child.stdout, result)
                if child.wait() != 0 or not ended:
                    result.problem = "the proofs could not be run to their end"
            finally:
                with self._lock:
                    self._running.discard(child)
        return result

    def _start(self, log: TextIO) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopped:
                return None
            child = subprocess.Popen(
                [sys.executable, "-m", "kijun.proving"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C comes through us, so that a tidy end is waited for
            )
            self._running.add(child)
            return child

    def _listen(self, lines: Iterable[bytes], result: HostProofs) -> bool:
        """Take events as they come; return whether the last line, which ends a whole run, was among them."""
        for line in lines:
            event = TestEvent.parse(line.decode("utf-8", "replace"))
            if event is None:
                return True
            result.events.append(event)
            reason = f": {event.reason}" if event.reason else ""
            shown = event.what.rstrip(".") or event.test
            self._say(f"  {result.name}: {event.result.value}: {shown} ({event.seconds:.0f} s){reason}")
        return False
