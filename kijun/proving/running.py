"""Proves hosts: a process per host, some at a time, and one result per control of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kijun.checking import Options, assemble, check
from kijun.inventory import require_resolved
from kijun.model import Outcome
from kijun.paths import data_root
from kijun.proving.children import Children, HostRun, Say, Wanted
from kijun.records import proofs
from kijun.records.proofs import ProofRecord, ProofResult

_WORST_FIRST = (ProofResult.FAILED, ProofResult.ERROR, ProofResult.NOT_RUN, ProofResult.PROVEN)


@dataclass
class HostProofs(HostRun):
    """What the proofs of one host gave, by test and by control."""

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
    fleet = assemble(options)
    hosts = fleet.hosts
    require_resolved(hosts)
    report = check(options, fleet=fleet)  # what the results rest on, and who can be reached at all
    readable = {host.name for host in report.hosts if host.outcome is Outcome.COLLECTED}
    done = {
        host.name: HostProofs(host.name, problem=f"{host.outcome}: {host.reason}")
        for host in report.hosts
        if host.name not in readable
    }
    folder = data_root() / "tests" / "proofs"
    files = tuple(f"test_{topic}.py" for topic in report.topics if (folder / f"test_{topic}.py").is_file())
    with Children(Wanted(folder, files, tuple(controls), intrusive), say) as children:
        readable_hosts = [host for host in hosts if host.name in readable]
        for run in children.run(readable_hosts, options.forks):
            done[run.name] = HostProofs(run.name, run.events, run.problem, run.log)
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
