"""The machine-readable report. Its keys are a contract (docs: schema 1); nothing else is ever in it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kijun.model import Finding, HostReport, Outcome, Remark, RemarkKind, Status

if TYPE_CHECKING:
    from kijun.checking import Report

SCHEMA = 1


def render(report: Report) -> str:
    """Return the report as one JSON document."""
    # A lone surrogate (a byte that was not UTF-8) cannot be written as UTF-8: it becomes U+FFFD.
    text = json.dumps(document(report), ensure_ascii=False, indent=1)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return what the JSON document says."""
    return {
        "schema": SCHEMA,
        "standard": report.standard,
        "started": _time(report.started),
        "finished": _time(report.finished),
        "hosts": {host.name: _host(host) for host in report.hosts},
        "remarks": [_remark(remark) for remark in report.remarks],
        "summary": summary(report),
    }


def summary(report: Report) -> dict[str, Any]:
    """Return the counts of hosts by outcome and of findings by status, and the exit code."""
    hosts = Counter(host.outcome for host in report.hosts)
    statuses = Counter(finding.status for _, finding in report.findings)
    return {
        "hosts": {outcome.value: hosts[outcome] for outcome in Outcome},
        "findings": {status.value: statuses[status] for status in Status},
        "remarks": {kind.value: len(report.remarked(kind)) for kind in RemarkKind},
        "exit_code": report.exit_code,
    }


def _remark(remark: Remark) -> dict[str, Any]:
    return {
        "kind": remark.kind.value,
        "about": remark.about,
        "subject": remark.subject,
        "text": remark.text,
        "clauses": list(remark.clauses),
        "source": remark.source,
    }


def _host(host: HostReport) -> dict[str, Any]:
    return {
        "outcome": host.outcome.value,
        "reason": host.reason,
        "seconds": host.seconds,
        "findings": [_finding(finding) for finding in host.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "control": finding.control,
        "topic": finding.topic,
        "clauses": list(finding.clauses),
        "status": finding.status.value,
        "grade": finding.grade.value,
        "expected": finding.expected,
        "actual": finding.actual,
        "source": finding.source,
        "reason": finding.reason,
        "exception": finding.exception,
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
