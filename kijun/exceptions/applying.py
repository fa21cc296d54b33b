"""Findings of hosts, with those that fail and are excepted marked so. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kijun.exceptions.judging import Granted, Standing
from kijun.model import Finding, HostReport, Status


def apply(report: HostReport, standing: Standing) -> HostReport:
    """Return `report` with each failing control that is excepted on this host as EXCEPTED, and why.

    Only a fail can be excepted: what passes stays a pass, and what is unknown stays unknown.
    """
    granted = standing.granted.get(report.name)
    if not granted:
        return report
    return replace(report, findings=tuple(_excepted(finding, granted) for finding in report.findings))


def _excepted(finding: Finding, granted: Mapping[str, Granted]) -> Finding:
    grant = granted.get(finding.control)
    if grant is None or finding.status is not Status.FAIL:
        return finding
    reason = f"{grant.why} ({finding.reason})" if finding.reason else grant.why
    return replace(finding, status=Status.EXCEPTED, reason=reason, exception=grant.id)
