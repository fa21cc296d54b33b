"""A check from inventory to report: what `kijun check`, `enforce`, `demo` and the bench all run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kijun import judging
from kijun.errors import KijunError
from kijun.inventory import Host, survey_inventory
from kijun.model import Finding, HostReport, Outcome, Remark, RemarkKind, Status, Topic
from kijun.reading.client import FORKS, TIMEOUT, HostRead, Reader
from kijun.records import proofs
from kijun.topics import all_topics

if TYPE_CHECKING:
    from kijun.exceptions.judging import Standing
    from kijun.standard.models import Control

Progress = Callable[[int, int, HostReport], None]  # done, of how many, the host that just ended


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator chose; times in seconds."""

    sources: Sequence[str]
    limit: str | None = None
    topics: Sequence[str] = ()  # all where empty
    vault_password_files: Sequence[str] = ()
    forks: int = FORKS
    timeout: float = TIMEOUT
    exceptions: str | None = None  # the register's folder; `exceptions/` beside the inventory by default
    expiring_within: int = 30  # days


@dataclass(frozen=True)
class Fleet:
    """The chosen hosts, and what is excepted on them today."""

    hosts: tuple[Host, ...]
    standing: Standing

    def only(self, names: Container[str]) -> Fleet:
        """Return the fleet of these hosts."""
        return replace(self, hosts=tuple(host for host in self.hosts if host.name in names))


@dataclass(frozen=True)
class Report:
    """The outcome of a check: hosts in the inventory's order."""

    standard: str
    started: datetime
    finished: datetime
    hosts: tuple[HostReport, ...]
    topics: tuple[str, ...]
    fleet: Fleet | None = None  # to check again without loading it again
    digests: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # host -> topic -> digest, where collected
    remarks: tuple[Remark, ...] = ()  # of the register of exceptions

    @property
    def findings(self) -> list[tuple[HostReport, Finding]]:
        """Every finding with its host."""
        return [(host, finding) for host in self.hosts for finding in host.findings]

    def count(self, status: Status) -> int:
        """Return how many findings have `status`."""
        return sum(finding.status is status for _, finding in self.findings)

    def remarked(self, kind: RemarkKind) -> list[Remark]:
        """Return the remarks of one kind."""
        return [remark for remark in self.remarks if remark.kind is kind]

    @property
    def exit_code(self) -> int:
        """The contract's: 3 inventory error, 1 a fail (the register's too), 2 not all known, 0 otherwise."""
        if any(host.inventory_error for host in self.hosts):
            return 3
        if self.count(Status.FAIL) or self.remarked(RemarkKind.FINDING):
            return 1
        unread = any(host.outcome is not Outcome.COLLECTED for host in self.hosts)
        return 2 if unread or self.count(Status.UNKNOWN) else 0


def assemble(options: Options) -> Fleet:
    """Return the chosen hosts, and what is excepted there.

    Raises KijunError for a mistake in the inventory, a value below a floor, or a mistake in the register.
    """
    from kijun.exceptions import standing_of  # noqa: PLC0415 - while the reading process starts
    from kijun.exceptions.judging import patterns  # noqa: PLC0415
    from kijun.exceptions.register import load_register  # noqa: PLC0415

    register = load_register(options.sources, Path(options.exceptions) if options.exceptions else None)
    surveyed = survey_inventory(
        options.sources,
        limit=options.limit,
        vault_password_files=options.vault_password_files,
        patterns=patterns(register),
    )
    return Fleet(tuple(surveyed.hosts), standing_of(register, surveyed.matches, options.expiring_within))


def check(
    options: Options,
    *,
    progress: Progress | None = None,
    fleet: Fleet | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Report:
    """Read the chosen hosts and judge the chosen topics; `fleet`: what `assemble` has given already.

    `meanwhile` is run in a thread of its own while hosts are being waited for.

    Raises KijunError where nothing can be read at all (unknown topic, inventory, floor, register); a problem
    of one host is in its report.
    """
    started = datetime.now(UTC)
    topics = choose_topics(options.topics)
    with Reader() as reader:
        fleet = fleet or assemble(options)
        from kijun.exceptions.applying import apply  # noqa: PLC0415
        from kijun.standard import load_standard  # noqa: PLC0415

        standard = load_standard()
        checking = _Checking(fleet.hosts, topics, standard.controls, progress)
        if meanwhile is not None:
            threading.Thread(target=meanwhile, daemon=True).start()
        checking.run(reader, options)
    return Report(
        standard=standard.about.name,
        started=started,
        finished=datetime.now(UTC),
        hosts=tuple(apply(checking.reports[host.name], fleet.standing) for host in fleet.hosts),
        topics=tuple(topic.slug for topic in topics),
        fleet=fleet,
        digests=checking.digests,
        remarks=fleet.standing.remarks,
    )


def choose_topics(slugs: Sequence[str]) -> list[Topic]:
    """Return the topics with these slugs, or all; KijunError with the list where there is no such topic."""
    known = all_topics()
    for slug in slugs:
        if slug not in known:
            raise KijunError(f"there is no topic {slug}; the topics are: {', '.join(known)}.")
    return [topic for slug, topic in known.items() if not slugs or slug in slugs]


class _Checking:
    """One run: takes reads as they come, judges each at once and keeps the findings, not what was read."""

    def __init__(
        self,
        hosts: Sequence[Host],
        topics: Sequence[Topic],
        controls: Mapping[str, Control],
        progress: Progress | None,
    ) -> None:
        self._hosts = {host.name: host for host in hosts}
        self._topics, self._controls, self._progress = topics, controls, progress
        self._proofs = {name: proofs.load(name) for name in self._hosts}
        self.reports: dict[str, HostReport] = {}
        self.digests: dict[str, dict[str, str]] = {}
        self._notes: dict[str, dict[str, object]] = {t.slug: {} for t in topics if t.judge_fleet}

    def run(self, reader: Reader, options: Options) -> None:
        for host in self._hosts.values():
            if host.problem:
                self._keep(HostRead(host.name, Outcome.MALFORMED, host.problem, 0.0), inventory_error=True)
        connections = [host.connection for host in self._hosts.values() if not host.problem]
        release = Topic("release", (judging.RELEASE_READ,), lambda _state, _params: ())
        reads = reader.read(
            connections, [release, *self._topics], forks=options.forks, timeout=options.timeout
        )
        for read in reads:
            self._keep(read)
        for topic in self._topics:
            if topic.judge_fleet:
                self._judge_together(topic)

    def _keep(self, read: HostRead, *, inventory_error: bool = False) -> None:
        reason = read.reason
        if read.state is None:
            slugs = [topic.slug for topic in self._topics]
            findings = judging.not_read(f"{read.outcome}: {reason}", slugs, self._controls)
        else:
            reason = judging.release_note(read.state)
            findings = self._judge(read)
        report = HostReport(read.name, read.outcome, reason, read.seconds, tuple(findings), inventory_error)
        self.reports[read.name] = report
        if self._progress:
            self._progress(len(self.reports), len(self._hosts), report)

    def _judge(self, read: HostRead) -> list[Finding]:
        assert read.state is not None
        params, known = self._hosts[read.name].params, self._proofs[read.name]
        self.digests[read.name] = {t.slug: judging.topic_digest(t, read.state) for t in self._topics}
        for topic in self._topics:
            if topic.judge_fleet:
                self._notes[topic.slug][read.name] = judging.note(read.state, params, topic)
        return [
            finding
            for topic in self._topics
            for finding in judging.judge(read.state, params, topic, self._controls, known)
        ]

    def _judge_together(self, topic: Topic) -> None:
        """Add what only all hosts together can tell, in the place that the rulebook gives it."""
        notes = self._notes[topic.slug]
        known = {name: (self.digests[name][topic.slug], self._proofs[name]) for name in notes}
        unread = [name for name in self._hosts if name not in notes]
        place = {control: number for number, control in enumerate(self._controls)}
        for name, found in judging.judge_fleet(notes, topic, self._controls, known, unread).items():
            report = self.reports[name]
            slugs = [t.slug for t in self._topics]
            findings = sorted(
                (*report.findings, *found),
                key=lambda f: (slugs.index(f.topic), place.get(f.control, len(place))),
            )
            self.reports[name] = replace(report, findings=tuple(findings))
