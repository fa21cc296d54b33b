"""The page's first lines: the verdict in one sentence, and bars that show shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup

from kijun.checking import Report
from kijun.model import Finding, Outcome, RemarkKind, Status


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check came to, in both languages; `practice`: how many failures break no clause."""

    status: Status
    en: str
    ja: str
    practice: int


def verdict(report: Report) -> Verdict:
    """Return what is true of the whole check: never better than its worst part."""
    failing = [finding for _, finding in report.findings if finding.status is Status.FAIL]
    practice = sum(finding.basis != "clause" for finding in failing)
    unread = sum(host.outcome is not Outcome.COLLECTED for host in report.hosts)
    unknown = [
        finding
        for host, finding in report.findings
        if finding.status is Status.UNKNOWN and host.outcome is Outcome.COLLECTED
    ]
    english, japanese = [], []
    if failing:
        hosts = sum(any(f.status is Status.FAIL for f in host.findings) for host in report.hosts)
        english.append(f"{_controls(failing)} on {_number(hosts, 'host')}.")
        japanese.append(f"{hosts}台のホストで{len(_ids(failing))}項目が不適合です。")
    if unread:
        english.append(f"{_number(unread, 'host')} could not be read.")
        japanese.append(f"{unread}台は読み取れませんでした。")
    if unknown:
        english.append(f"{_number(len(unknown), 'result')} of hosts that were read could not be told.")
        japanese.append(f"読み取ったホストの結果のうち{len(unknown)}件は判定できませんでした。")
    remarked = report.remarked(RemarkKind.FINDING)
    if remarked:
        english.append(f"{_number(len(remarked), 'finding')} in the register of exceptions and open items.")
        japanese.append(f"例外措置と未処理事項の記録に不適合が{len(remarked)}件あります。")
    if failing or remarked:
        return Verdict(Status.FAIL, " ".join(english), "".join(japanese), practice)
    if unread or unknown or not report.findings:
        english.insert(0, "Nothing that could be judged fails, but not all could be judged.")
        japanese.insert(0, "判定できた範囲に不適合はありませんが、判定できないものがあります。")
        return Verdict(Status.UNKNOWN, " ".join(english), "".join(japanese), 0)
    if excepted := report.count(Status.EXCEPTED):
        return Verdict(
            Status.EXCEPTED,
            f"Nothing fails but what is excepted: {_number(excepted, 'result')}.",
            f"例外承認された{excepted}件を除き、不適合はありません。",
            0,
        )
    return Verdict(
        Status.PASS,
        "Everything that was looked at passes, or does not apply.",
        "確認した項目は、すべて適合または対象外です。",
        0,
    )


def bar(parts: Sequence[tuple[StrEnum, int]]) -> Markup:
    """Return a bar whose pieces are as wide as their shares. Decoration: the numbers stand beside it."""
    total = sum(count for _, count in parts)
    pieces, start = Markup(), 0.0
    for kind, count in parts:
        width = 100 * count / total if total else 0
        pieces += Markup('<rect class="{}" x="{:.3f}%" y="0" width="{:.3f}%" height="100%"/>').format(
            kind.value, start, width
        )
        start += width
    return Markup('<svg class="share" aria-hidden="true">{}</svg>').format(pieces)


def _ids(findings: Sequence[Finding]) -> set[str]:
    return {finding.control for finding in findings}


def _controls(findings: Sequence[Finding]) -> str:
    count = len(_ids(findings))
    return f"{count} control{' fails' if count == 1 else 's fail'}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
