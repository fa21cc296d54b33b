"""What was in force, as text and as JSON: `kijun record at`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kijun.model import Status
from kijun.records.in_force import Evidence, HostAt, InForce
from kijun.records.moments import shown


def told(found: InForce, *, whole: bool) -> Iterator[str]:
    """Yield what was in force: a line for each host, or with `whole` all findings."""
    if not found.hosts:
        yield from _nothing(found)
        return
    yield f"In force at {shown(found.moment)}, as recorded up to event {found.last}:"
    width = max(len(one.name) for one in found.hosts)
    for one in found.hosts:
        first, *more = _read(one)
        yield f"{one.name:<{width}}  {_counts(one)}; {first}"
        for remark in (*more, *_remarks(one)):
            yield f"{'':<{width}}  {remark}"
        if whole:
            yield from _findings(one)
    yield from _exceptions(found)
    yield from sorted({_made_with(evidence) for one in found.hosts for evidence in one.evidence.values()})


def document(found: InForce, *, whole: bool) -> dict[str, Any]:
    """Return the same for JSON."""
    return {
        "moment": found.moment,
        "last_event": found.last or None,
        "hosts": {one.name: _host(one, whole=whole) for one in found.hosts},
        "exceptions": {"event": found.register or None, "counted": list(found.exceptions)},
    }


def _nothing(found: InForce) -> Iterator[str]:
    why = f"the record begins at {shown(found.begins)}"
    if found.last:
        why = f"no check had been recorded up to event {found.last}"
    yield f"Nothing is known of {shown(found.moment)}: {why}."


def _host(one: HostAt, *, whole: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "counts": dict(one.counts),
        "evidence": {topic: _evidence(evidence) for topic, evidence in one.evidence.items()},
        "last_tried": {**_evidence(one.tried), "outcome": one.tried.outcome, "reason": one.tried.reason},
        "changed_since": one.changes,
        "damaged": one.damaged,
    }
    return {**said, "findings": one.findings} if whole else said


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "event": evidence.seq,
        "time": evidence.time,
        "run": evidence.payload.get("run"),
        "rulebook": evidence.payload.get("rulebook"),
        "kijun": evidence.payload.get("kijun"),
    }


def _counts(one: HostAt) -> str:
    if not one.evidence:
        return "nothing is known"
    parts = [f"{one.counts[s.value]} {s.value}" for s in Status if one.counts.get(s.value)]
    return ", ".join(parts) or "no finding"


def _read(one: HostAt) -> list[str]:
    by: dict[int, list[str]] = {}
    for topic, evidence in one.evidence.items():
        by.setdefault(evidence.seq, []).append(topic)
    times = {evidence.seq: evidence.time for evidence in one.evidence.values()}
    parts = []
    for seq in sorted(by, reverse=True):
        what = "" if len(by) == 1 else f", {', '.join(by[seq])}"
        parts.append(f"read {shown(times[seq])} (event {seq}{what})")
    return parts or ["it was never read"]


def _remarks(one: HostAt) -> Iterator[str]:
    if not one.tried.collected and one.tried.seq not in one.damaged:
        why = f": {one.tried.reason}" if one.tried.reason else ""
        yield f"not read at {shown(one.tried.time)} (event {one.tried.seq}), {one.tried.outcome}{why}"
    for seq in one.damaged:
        yield f"NOT WHOLE: what event {seq} recorded of it is damaged; see 'kijun record verify'"
    yield from one.changes


def _findings(one: HostAt) -> Iterator[str]:
    for finding in one.findings:
        said = finding.get("actual") or finding.get("reason") or ""
        clauses = ", ".join(map(str, finding.get("clauses", ())))
        yield f"  {finding.get('status', ''):<14}  {finding.get('control', '')}  [{clauses}]  {said}"
        if finding.get("exception"):
            yield f"  {'':<14}  {finding['exception']}"


def _exceptions(found: InForce) -> Iterator[str]:
    for entry in found.exceptions:
        what = ", ".join(entry.get("controls") or ()) or "a forwarding of mail"
        yield (
            f"exception {entry.get('id')}: {what} on {entry.get('hosts')}, until"
            f" {entry.get('expires_on', 'no day')} (event {found.register})"
        )


def _made_with(evidence: Evidence) -> str:
    said: Mapping[str, Any] = evidence.payload
    return (
        f"rulebook {said.get('standard', '?')} ({str(said.get('rulebook', '?'))[:16]}…),"
        f" kijun {said.get('kijun', '?')}"
    )
