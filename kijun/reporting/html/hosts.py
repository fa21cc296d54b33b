"""The page's parts that speak of hosts: what is to be mended, all hosts at a glance, and each by itself."""

from __future__ import annotations

from dataclasses import dataclass

from kijun.checking import Report
from kijun.model import Finding, HostReport, Outcome, Status
from kijun.reporting.html.tally import Tally, urgency


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One control's finding on one host; `anchor` is where the page shows that host."""

    anchor: str
    host: HostReport
    finding: Finding


@dataclass(frozen=True, slots=True)
class Mending:
    """One control that fails or is unknown, and where."""

    first: Finding
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One host with its findings, the worst first. `attention`: something about it is to be looked at."""

    anchor: str
    host: HostReport
    findings: tuple[Finding, ...]
    tally: Tally
    attention: bool


@dataclass(frozen=True, slots=True)
class Glance:
    """One host's line of the overview: a tally for each topic, None where it was not looked at."""

    anchor: str
    host: HostReport
    cells: tuple[Tally | None, ...]


def anchor(number: int) -> str:
    """Return the id of the host at `number`: never made of its name, which may hold anything."""
    return f"host-{number + 1}"


def to_mend(report: Report) -> list[Mending]:
    """Return the controls that fail, then those unknown on a host that was read: the gravest first.

    A host that was not read is not listed under each of its controls; the page says once that it was not.
    """
    found: dict[tuple[Status, str], list[Occurrence]] = {}
    for number, host in enumerate(report.hosts):
        for finding in host.findings:
            wanted = finding.status is Status.FAIL or (
                finding.status is Status.UNKNOWN and host.outcome is Outcome.COLLECTED
            )
            if wanted:
                key = finding.status, finding.control
                found.setdefault(key, []).append(Occurrence(anchor(number), host, finding))
    mendings = [Mending(occurrences[0].finding, tuple(occurrences)) for occurrences in found.values()]
    return sorted(mendings, key=lambda mending: urgency(mending.first))


def glance(report: Report) -> list[Glance]:
    """Return every host with a tally for each topic of the check, in the inventory's order."""
    lines = []
    for number, host in enumerate(report.hosts):
        tallies: dict[str, Tally] = {}
        for finding in host.findings:
            tallies.setdefault(finding.topic, Tally()).add(finding)
        cells = tuple(tallies.get(topic) for topic in report.topics)
        lines.append(Glance(anchor(number), host, cells))
    return lines


def host_sections(report: Report) -> list[Section]:
    """Return every host with its findings, in the inventory's order."""
    return [_section(number, host) for number, host in enumerate(report.hosts)]


def _section(number: int, host: HostReport) -> Section:
    tally = Tally.of(host.findings)
    attention = host.outcome is not Outcome.COLLECTED or tally.worst in (Status.FAIL, Status.UNKNOWN)
    findings = tuple(sorted(host.findings, key=urgency))
    return Section(anchor(number), host, findings, tally, attention)
