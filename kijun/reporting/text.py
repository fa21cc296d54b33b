"""The report for an operator: what fails first, equal hosts together, nothing a host can inject."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kijun.model import Finding, HostReport, Outcome, RemarkKind, Status
from kijun.reporting.words import Words, words

if TYPE_CHECKING:
    from kijun.checking import Report

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
_STATUS_COLOURS = {
    Status.FAIL: "red",
    Status.UNKNOWN: "yellow",
    Status.EXCEPTED: "yellow",
    Status.NOT_APPLICABLE: "dim",
    Status.PASS: "green",
}
_REMARK_COLOURS = {RemarkKind.FINDING: "red", RemarkKind.OPEN: "yellow", RemarkKind.EXPIRING: "yellow"}
_SEVERITIES = ("high", "medium", "low")
_ORDER = {Status.FAIL: 0, Status.UNKNOWN: 1, Status.EXCEPTED: 2, Status.NOT_APPLICABLE: 3, Status.PASS: 4}
_IN_SHORT = (
    Status.NOT_APPLICABLE,
    Status.PASS,
)  # several controls on a line; all of it is in the other forms
_NAMES_SHOWN = 8


def render(report: Report, lang: str, *, colour: bool = False) -> str:
    """Return the report in `lang`; `colour` with ANSI escapes."""
    return "\n".join(_Text(words(lang), colour).lines(report)) + "\n"


class _Text:
    def __init__(self, say: Words, colour: bool) -> None:
        self._say, self._colour = say, colour

    def lines(self, report: Report) -> Iterator[str]:
        """Yield the report's lines: hosts with failures first, then what could not be read, then the rest."""
        groups: dict[tuple[str, ...], list[HostReport]] = {}
        for host in report.hosts:
            groups.setdefault(tuple(self._body(host)), []).append(host)
        for body, hosts in sorted(groups.items(), key=lambda item: _urgency(item[1][0])):
            yield self._heading(hosts)
            yield from body
            yield ""
        yield from self._remarks(report)
        yield from self._summary(report)

    def _heading(self, hosts: list[HostReport]) -> str:
        names = ", ".join(printable(host.name) for host in hosts[:_NAMES_SHOWN])
        if len(hosts) > _NAMES_SHOWN:
            names += self._say.more_hosts.format(count=len(hosts) - _NAMES_SHOWN)
        slowest = max(host.seconds for host in hosts)
        return f"{self._paint(names, 'bold')}  {self._say.outcomes[hosts[0].outcome]} ({slowest:.1f} s)"

    def _body(self, host: HostReport) -> Iterator[str]:
        if host.outcome is not Outcome.COLLECTED:
            yield f"  {printable(host.reason)}"
            return
        if host.reason:
            yield f"  {self._say.note}: {printable(host.reason)}"
        findings = sorted(host.findings, key=lambda f: (_ORDER[f.status], _severity(f), f.control))
        for finding in findings:
            if finding.status not in _IN_SHORT:
                yield from self._finding(finding)
        yield from self._without_subject(f for f in findings if f.status is Status.NOT_APPLICABLE)
        yield from self._passes(finding for finding in findings if finding.status is Status.PASS)

    def _finding(self, finding: Finding) -> Iterator[str]:
        status = self._status(finding.status)
        yield f"  {status} {finding.control}  {self._say.title(finding)}"
        details = [
            (self._say.rests_on, self._basis(finding)),
            (self._say.expected, finding.expected),
            (self._say.actual, finding.actual),
            (self._say.source, finding.source),
            (self._say.reason, finding.reason),
        ]
        for label, value in details:
            if value:
                yield f"      {label}: {printable(value)}"

    def _basis(self, finding: Finding) -> str:
        severity = self._say.severities.get(finding.severity, finding.severity)
        if finding.basis != "clause" or not finding.clauses:
            return f"{self._say.practice} [{severity}]"
        cited = ", ".join(self._say.cite(clause) for clause in finding.clauses)
        return f"{cited} ({self._say.obligations.get(finding.obligation, finding.obligation)}) [{severity}]"

    def _without_subject(self, findings: Iterable[Finding]) -> Iterator[str]:
        """Yield a topic's controls that do not apply together, once for each reason."""
        groups: dict[tuple[str, str], list[str]] = {}
        for finding in findings:
            groups.setdefault((finding.topic, finding.reason), []).append(_short(finding))
        for (topic, reason), names in sorted(groups.items()):
            yield f"  {self._status(Status.NOT_APPLICABLE)} {topic}: {', '.join(names)}"
            yield f"      {self._say.reason}: {printable(reason)}"

    def _passes(self, findings: Iterable[Finding]) -> Iterator[str]:
        """Yield one line per topic and grade; the grades are never merged."""
        lines: dict[tuple[str, str], list[str]] = {}
        for finding in findings:
            lines.setdefault((finding.topic, finding.grade), []).append(_short(finding))
        for (topic, grade), names in sorted(lines.items()):
            status = self._status(Status.PASS)
            yield f"  {status} {topic} ({self._say.grades[grade]}): {', '.join(names)}"

    def _remarks(self, report: Report) -> Iterator[str]:
        """Yield what is to be said of the records that people keep: findings first."""
        if not report.remarks:
            return
        yield self._paint(self._say.remarks, "bold")
        for remark in report.remarks:
            word = self._say.remark_kinds[remark.kind]
            wide = sum(unicodedata.east_asian_width(c) in "WF" for c in word)
            shown = self._paint(word.ljust(self._say.width - wide), _REMARK_COLOURS[remark.kind])
            about = self._say.remark_subjects[remark.about]
            yield f"  {shown} {about} {printable(remark.subject)}: {printable(remark.text)}"
            cited = ", ".join(self._say.cite(clause) for clause in remark.clauses)
            yield f"      {self._say.rests_on}: {cited or self._say.practice}"
            if remark.source:
                yield f"      {self._say.source}: {printable(remark.source)}"
        yield ""

    def _summary(self, report: Report) -> Iterator[str]:
        outcomes = Counter(host.outcome for host in report.hosts)
        hosts = ", ".join(f"{outcomes[o]} {self._say.outcomes[o]}" for o in Outcome if outcomes[o])
        yield f"{self._say.hosts}: {hosts}"
        parts = []
        for status in sorted(Status, key=lambda status: _ORDER[status]):
            if count := report.count(status):
                parts.append(self._paint(f"{count} {self._say.statuses[status]}", _STATUS_COLOURS[status]))
        yield f"{self._say.findings}: {', '.join(parts) or self._say.none}"
        if report.remarks:
            counts = [(kind, len(report.remarked(kind))) for kind in RemarkKind]
            said = [
                self._paint(f"{n} {self._say.remark_kinds[kind]}", _REMARK_COLOURS[kind])
                for kind, n in counts
                if n
            ]
            yield f"{self._say.remarks}: {', '.join(said)}"
        practice = sum(f.status is Status.FAIL and f.basis != "clause" for _, f in report.findings)
        if practice:
            yield self._say.practice_note.format(count=practice)

    def _status(self, status: Status) -> str:
        word = self._say.statuses[status]
        wide = sum(unicodedata.east_asian_width(c) in "WF" for c in word)  # two columns each
        return self._paint(word.ljust(self._say.width - wide), _STATUS_COLOURS[status])

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colour else text


def printable(text: str) -> str:
    """Return `text` on one line without control characters: a host's output must not steer a terminal."""
    return "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def _short(finding: Finding) -> str:
    return finding.control.partition(".")[2]


def _severity(finding: Finding) -> int:
    return _SEVERITIES.index(finding.severity) if finding.severity in _SEVERITIES else len(_SEVERITIES)


def _urgency(host: HostReport) -> tuple[int, str]:
    if any(finding.status is Status.FAIL for finding in host.findings):
        return 0, host.name
    return (1 if host.outcome is not Outcome.COLLECTED else 2), host.name
