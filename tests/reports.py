"""Reports to render, made of the real rulebook: what a check of so many hosts would have given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kijun.checking import Report
from kijun.model import Finding, Grade, HostReport, Outcome, Status
from kijun.standard import load_standard

WHEN = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
_CYCLE = (
    Status.PASS,
    Status.PASS,
    Status.FAIL,
    Status.PASS,
    Status.NOT_APPLICABLE,
    Status.PASS,
    Status.UNKNOWN,
)
_REASONS = {
    Status.NOT_APPLICABLE: "no mail server is installed",
    Status.UNKNOWN: "postconf gave nothing that can be read",
}


def museums(hosts: int = 7, *, topics: tuple[str, ...] = (), text: str = "") -> Report:
    """Return a report on so many hosts, one of which was not reached; `text` is in all that hosts say."""
    standard = load_standard()
    chosen = topics or tuple(standard.topics)
    made = []
    for number in range(hosts):
        name = f"museum-{number + 1}{text}"
        if number == 3:
            reason = f"no answer from 192.0.2.{number % 250}{text}"
            findings = tuple(_finding(one, Status.UNKNOWN, 0, text, reason) for one in _controls(chosen))
            made.append(HostReport(name, Outcome.UNREACHABLE, reason, 5.0, findings))
            continue
        findings = tuple(
            _finding(one, _status(number, place), number + place, text)
            for place, one in enumerate(_controls(chosen))
        )
        note = "untested: kijun is tested on Debian 12 and 13, and this is Debian sid" if number == 5 else ""
        made.append(HostReport(name, Outcome.COLLECTED, note, 0.4, findings))
    return Report(standard.about.name, WHEN, WHEN + timedelta(seconds=2), tuple(made), chosen)


def _controls(topics: tuple[str, ...]) -> list[str]:
    return [one.id for one in load_standard().controls.values() if one.topic in topics]


def _status(number: int, place: int) -> Status:
    if number == 1:
        return Status.PASS
    if number == 2 and place == 4:
        return Status.EXCEPTED
    return _CYCLE[(number * 3 + place * 2) % len(_CYCLE)]


def _finding(control: str, status: Status, number: int, text: str, reason: str = "") -> Finding:
    about = load_standard().controls[control]
    unread = status is Status.UNKNOWN
    proven = status is Status.PASS and number % 3 == 0
    return Finding(
        control=control,
        topic=about.topic,
        clauses=about.clauses,
        status=status,
        grade=Grade.UNVERIFIED if unread else Grade.PROVEN if proven else Grade.CONFIGURED,
        expected="" if unread else f"deny between 1 and {5 + number % 3}{text}",
        actual="" if unread else f"deny = {number}, set by pam_faillock in the auth stack{text}",
        source=f"/etc/security/faillock.conf, /etc/pam.d/common-auth{text}",
        reason=reason or (f"{_REASONS[status]}{text}" if status in _REASONS else ""),
        basis=about.basis.value,
        severity=about.severity.value,
        title_en=about.title.en,
        title_ja=about.title.ja,
        obligation=about.obligation.value,
        proven_at=f"2026-11-{1 + number % 20:02}T10:00:00+00:00" if proven else "",
    )
