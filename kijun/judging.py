"""What was read, against parameters and rulebook, to findings. Pure: no I/O, no clock, no topic's name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kijun.model import (
    CommandRead,
    FileRead,
    Finding,
    Grade,
    HostState,
    Params,
    Status,
    Topic,
    UnreadError,
    Verdict,
)
from kijun.records.proofs import ProofRecord, proven

if TYPE_CHECKING:
    from kijun.standard.models import Control

RELEASE_READ = FileRead("/etc/os-release")
_SUPPORTED = ("12", "13")
_OUT_OF_SUPPORT = {
    "10": "30 June 2024",
    "11": "31 August 2026",
}  # end of Debian LTS: https://wiki.debian.org/LTS


def judge(
    state: HostState,
    params: Params,
    topic: Topic,
    controls: Mapping[str, Control],
    proofs: Mapping[str, ProofRecord] | None = None,
) -> list[Finding]:
    """Return one finding for every control of `topic`, in the order of `controls` (of all topics, by id).

    A control without a verdict, with two, or with one that should give a reason and does not, is unknown; so
    is everything a judge has not said when it raises. A verdict for a control that is not in the rulebook is
    reported as unknown too: a mistake in the topic must not pass in silence. Controls of the fleet are left
    to `judge_fleet`.
    """
    verdicts, broken = _verdicts(state, params, topic)
    digest = topic_digest(topic, state)
    findings = []
    for control in controls.values():
        if control.topic == topic.slug and control.id not in topic.of_the_fleet:
            verdict = _only(control.id, verdicts.pop(control.id, []), broken)
            known = proofs or {}
            is_proven = verdict.status is Status.PASS and proven(control.id, digest, known)
            proven_at = known[control.id].date if is_proven else ""
            findings.append(_finding(control, topic.slug, verdict, proven_at=proven_at))
    for name in verdicts:
        verdict = _unknown(
            name, f"the judge of {topic.slug} speaks of a control that the rulebook does not have"
        )
        findings.append(_finding(None, topic.slug, verdict))
    return findings


def note(state: HostState, params: Params, topic: Topic) -> object:
    """Return what `topic` needs to know of a host to judge the fleet; `Broken` where that cannot be told."""
    assert topic.judge_fleet is not None
    try:
        return topic.judge_fleet.note(state, params)
    except Exception as bad:  # noqa: BLE001 - unknown on this host, and the rest goes on
        return Broken(_failed(topic, bad))


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a host could not be noted for the judgement of the fleet."""

    reason: str


def judge_fleet(
    notes: Mapping[str, object],
    topic: Topic,
    controls: Mapping[str, Control],
    known: Mapping[str, tuple[str, Mapping[str, ProofRecord]]],
    unread: Iterable[str] = (),
) -> dict[str, list[Finding]]:
    """Return by host the findings on `topic`'s controls of the fleet, from the `note` of every host read.

    `known` gives the digest of what was read and the proofs of each host; `unread` are hosts without a note.
    """
    assert topic.judge_fleet is not None
    usable = {name: noted for name, noted in notes.items() if not isinstance(noted, Broken)}
    missing = [*unread, *(notes.keys() - usable.keys())]
    said: Mapping[str, Iterable[Verdict]] = {}
    broken = ""
    try:
        said = {name: list(verdicts) for name, verdicts in topic.judge_fleet.judge(usable, missing).items()}
    except Exception as bad:  # noqa: BLE001 - unknown, and the rest of the report stands
        broken = _failed(topic, bad)
    found: dict[str, list[Finding]] = {}
    for name, noted in notes.items():
        why = noted.reason if isinstance(noted, Broken) else broken
        digest, proofs = known[name]
        found[name] = []
        for control in (control for control in controls.values() if control.id in topic.of_the_fleet):
            verdict = _only(control.id, [v for v in said.get(name, ()) if v.control == control.id], why)
            is_proven = verdict.status is Status.PASS and proven(control.id, digest, proofs)
            when = proofs[control.id].date if is_proven else ""
            found[name].append(_finding(control, topic.slug, verdict, proven_at=when))
    return found


def not_read(reason: str, topics: Iterable[str], controls: Mapping[str, Control]) -> list[Finding]:
    """Return an unknown finding for every control of `topics`, for a host that was not read."""
    wanted = set(topics)
    return [
        _finding(control, control.topic, _unknown(control.id, reason))
        for control in controls.values()
        if control.topic in wanted
    ]


def _verdicts(state: HostState, params: Params, topic: Topic) -> tuple[dict[str, list[Verdict]], str]:
    """Return what the judge said, by control, and why it stopped early, if it did."""
    said: dict[str, list[Verdict]] = {}
    try:
        for verdict in topic.judge(state, params):
            said.setdefault(verdict.control, []).append(verdict)
    except UnreadError as bad:
        return said, f"could not be read: {bad}"
    except Exception as bad:  # noqa: BLE001 - unknown, and the rest goes on
        return said, _failed(topic, bad)
    return said, ""


def _failed(topic: Topic, bad: Exception) -> str:
    return f"the judge of {topic.slug} failed: {type(bad).__name__}: {bad}"[:300]


def _only(control: str, verdicts: list[Verdict], broken: str) -> Verdict:
    if not verdicts:
        return _unknown(control, broken or "the judge says nothing of this control")
    if len(verdicts) > 1:
        return _unknown(control, "the judge gives more than one verdict on this control")
    verdict = verdicts[0]
    if verdict.status in (Status.UNKNOWN, Status.NOT_APPLICABLE) and not verdict.reason:
        return _unknown(control, "the judge gives no reason")
    return verdict


def _unknown(control: str, reason: str) -> Verdict:
    return Verdict(control, Status.UNKNOWN, expected="", actual="", source="", reason=reason)


def _finding(control: Control | None, topic: str, verdict: Verdict, *, proven_at: str = "") -> Finding:
    unverified = verdict.status is Status.UNKNOWN
    return Finding(
        control=verdict.control,
        topic=topic,
        clauses=control.clauses if control else (),
        status=verdict.status,
        grade=Grade.UNVERIFIED if unverified else Grade.PROVEN if proven_at else Grade.CONFIGURED,
        expected=verdict.expected,
        actual=verdict.actual,
        source=verdict.source,
        reason=verdict.reason,
        basis=control.basis.value if control else "practice",
        severity=control.severity.value if control else "medium",
        title_en=control.title.en if control else "",
        title_ja=control.title.ja if control else "",
        obligation=control.obligation.value if control else "none",
        proven_at=proven_at,
    )


def topic_digest(topic: Topic, state: HostState) -> str:
    """Return a digest of what `topic` reads that is not volatile; "" where part of it could not be read.

    Modification times are left out: a file written again with the same content is the same state.
    """
    parts: list[object] = []
    try:
        for read in topic.reads:
            if isinstance(read, FileRead):
                for entry in state.glob(read.pattern):
                    content = hashlib.sha256(entry.content).hexdigest()
                    parts.append([entry.path, entry.kind, entry.mode, entry.uid, entry.gid, content])
            elif isinstance(read, CommandRead) and not read.volatile:
                result = state.command(read.name)
                parts.append([read.name, result.rc, hashlib.sha256(result.stdout).hexdigest()])
    except LookupError:
        return ""
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogateescape")).hexdigest()


def release_note(state: HostState) -> str:
    """Return what is to be said of the release: nothing, out of support, or untested (os-release(5))."""
    try:
        entry = state.file(RELEASE_READ.pattern)
    except LookupError:
        entry = None
    if entry is None:
        return "untested: /etc/os-release could not be read, so the release is not known"
    fields = dict(line.partition("=")[::2] for line in entry.text.splitlines() if "=" in line)
    name, version = (fields.get(key, "").strip("\"' ") for key in ("ID", "VERSION_ID"))
    shown = (
        "".join(c for c in fields.get("PRETTY_NAME", name).strip("\"' ") if c.isprintable())[:80] or "unknown"
    )
    if name != "debian":
        return f"untested: kijun is tested on Debian 12 and 13, and this is {shown}"
    if version in _OUT_OF_SUPPORT:
        return (
            f"out of support: Debian {version} has had no security updates since {_OUT_OF_SUPPORT[version]}"
        )
    if version not in _SUPPORTED:
        return f"untested: kijun is tested on Debian 12 and 13, and this is {shown}"
    return ""
