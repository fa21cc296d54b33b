"""The words of the text report in both languages, and how a clause is cited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kijun.documents import read_mapping
from kijun.errors import StandardError
from kijun.model import Finding
from kijun.standard import load_standard


@dataclass(frozen=True)
class Words:
    """One language."""

    lang: str
    width: int
    statuses: Mapping[str, str]
    grades: Mapping[str, str]
    outcomes: Mapping[str, str]
    severities: Mapping[str, str]
    obligations: Mapping[str, str]
    expected: str
    actual: str
    source: str
    reason: str
    rests_on: str
    practice: str
    practice_note: str
    note: str
    hosts: str
    findings: str
    none: str
    more_hosts: str
    remarks: str
    remark_kinds: Mapping[str, str]
    remark_subjects: Mapping[str, str]

    def title(self, finding: Finding) -> str:
        """Return the control's title."""
        return finding.title_ja if self.lang == "ja" else finding.title_en

    def cite(self, clause: str) -> str:
        """Return a clause's id with its position in the source, as a reader of the rulebook looks it up."""
        label = _labels(clause.partition(".")[0]).get(clause)
        return f"{clause} {label}" if label else clause


@cache
def _labels(beginning: str) -> dict[str, str]:
    """Return the labels of one section's clauses. Plain YAML is enough; validating it costs 0.3 s."""
    folder = load_standard().root / "clauses"
    # S-10.2.7.b stands in S-10.yml, R-8.1 in R.yml, S-A1 in A1.yml
    names = (beginning, beginning.partition("-")[0], beginning.rpartition("-")[2])
    name = next((name for name in names if (folder / f"{name}.yml").is_file()), beginning)
    try:
        clauses: Any = read_mapping(folder / f"{name}.yml").get("clauses", [])
    except StandardError:
        return {}  # `kijun standard` and the tests report what is wrong there; a report needs no label
    return {str(clause.get("id")): str(clause.get("label", "")) for clause in clauses}


_ENGLISH = Words(
    lang="en",
    width=14,
    statuses={
        "pass": "pass",
        "fail": "FAIL",
        "excepted": "excepted",
        "not_applicable": "not applicable",
        "unknown": "UNKNOWN",
    },
    grades={"proven": "proven", "configured": "configured", "unverified": "unverified"},
    outcomes={
        "collected": "read",
        "unreachable": "unreachable",
        "denied": "denied",
        "timed_out": "timed out",
        "malformed": "malformed",
    },
    severities={"high": "high", "medium": "medium", "low": "low"},
    obligations={
        "must": "must",
        "must_not": "must not",
        "should": "should",
        "effort": "effort",
        "may": "may",
        "none": "no obligation",
    },
    expected="expected",
    actual="found",
    source="read from",
    reason="why",
    rests_on="rests on",
    practice="good practice, not a clause of the standard",
    practice_note="{count} of the failures rest on good practice and are no breach of the standard.",
    note="note",
    hosts="Hosts",
    findings="Controls",
    none="none",
    more_hosts=" and {count} more",
    remarks="Exceptions and open items",
    remark_kinds={"finding": "FAIL", "open": "open", "expiring": "expiring"},
    remark_subjects={"exception": "exception", "change": "change"},
)

_JAPANESE = Words(
    lang="ja",
    width=8,
    statuses={
        "pass": "適合",
        "fail": "不適合",
        "excepted": "例外承認",
        "not_applicable": "対象外",
        "unknown": "不明",
    },
    grades={"proven": "実証済", "configured": "設定済", "unverified": "未確認"},
    outcomes={
        "collected": "読取済",
        "unreachable": "接続不可",
        "denied": "拒否",
        "timed_out": "時間切れ",
        "malformed": "応答不正",
    },
    severities={"high": "重大", "medium": "中", "low": "軽微"},
    obligations={
        "must": "義務",
        "must_not": "禁止",
        "should": "推奨",
        "effort": "努力義務",
        "may": "任意",
        "none": "義務なし",
    },
    expected="期待値",
    actual="実際の値",
    source="読取元",
    reason="理由",
    rests_on="根拠",
    practice="良い慣行（基準の条項ではない）",
    practice_note="不適合のうち{count}件は良い慣行に基づくもので、基準違反ではありません。",
    note="注記",
    hosts="ホスト",
    findings="管理項目",
    none="なし",
    more_hosts=" ほか{count}台",
    remarks="例外措置と未処理事項",
    remark_kinds={"finding": "不適合", "open": "未処理", "expiring": "期限間近"},
    remark_subjects={"exception": "例外措置", "change": "変更作業"},
)


def words(lang: str) -> Words:
    """Return the words of `lang`, "ja" or "en"."""
    return _JAPANESE if lang == "ja" else _ENGLISH
