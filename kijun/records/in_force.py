"""What was in force at some moment: of each host what its last check before it found, and what came after.

A check of some topics only says nothing of the others, nor does one that could not read the host: for these
the check before it is the evidence, back to one that says it all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kijun.model import Outcome
from kijun.records.querying import BEGIN, END, host_id, parsed, unpacked
from kijun.records.schema import blobs, events, hosts, states
from kijun.records.store import Record

_FAR = 1000  # checks that are looked back over, of one host
_CHUNK = 500


@dataclass(frozen=True)
class Evidence:
    """One check of one host: the event, and what it says of how and with what it was made."""

    seq: int
    time: str
    payload: Mapping[str, Any]
    outcome: str
    reason: str

    @property
    def collected(self) -> bool:
        """Whether the host was read."""
        return self.outcome == Outcome.COLLECTED.value


@dataclass
class HostAt:
    """One host at that moment."""

    name: str
    tried: Evidence  # the last check, whether it could read the host or not
    evidence: dict[str, Evidence] = field(default_factory=dict)  # topic: what it was read by
    findings: list[dict[str, Any]] = field(default_factory=list)  # of those topics; not for a whole fleet
    counts: Mapping[str, int] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)  # runs after the evidence, one sentence each
    damaged: list[int] = field(default_factory=list)  # events of which nothing can be said


@dataclass(frozen=True)
class InForce:
    """All hosts at a moment; `last` is the last event before it (0: none)."""

    moment: str
    last: int
    begins: str  # the time of the first event
    hosts: tuple[HostAt, ...] = ()
    exceptions: tuple[Mapping[str, Any], ...] = ()  # those that counted
    register: int = 0  # the event that says so


def in_force(record: Record, moment: str, day: date, host: str | None = None) -> InForce:
    """Return what was in force at `moment`, which is of `day` where the register's days are counted.

    RecordError where the record cannot be read, or knows no such host.
    """
    with record.reading() as connection:
        only = None if host is None else host_id(connection, host)
        last = connection.execute(sa.select(sa.func.max(events.c.seq)).where(events.c.time < moment)).scalar()
        begins = connection.execute(sa.select(sa.func.min(events.c.time))).scalar() or ""
        if not last:
            return InForce(moment, 0, str(begins))
        looking = _Looking(connection, int(last), whole=host is not None)
        found = looking.hosts(only)
        register, entries = looking.exceptions(day, host)
        return InForce(moment, int(last), str(begins), tuple(found), tuple(entries), register)


@dataclass
class _Run:
    """A run: the events of its beginning and its end (0: none), and where it was to run which topics."""

    begin: int
    end: int = 0
    topics: Mapping[str, frozenset[str]] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()

    def since(self, run: str, one: HostAt) -> str:
        """Return what it may have changed of the host after the evidence; "" for nothing."""
        read_before = any(
            topic in self.topics.get(one.name, ()) and not self._seen_by(run, evidence)
            for topic, evidence in one.evidence.items()
        )
        if read_before and not self.end:
            return f"run {run} began afterwards (event {self.begin}), and no event says how it ended"
        if read_before and one.name in self.changed:
            return f"run {run} changed it afterwards (event {self.end}), and it was not read again"
        return ""

    def _seen_by(self, run: str, evidence: Evidence) -> bool:
        """Return whether the check was made after the run, or after its beginning by the run itself."""
        own = not self.end or evidence.payload.get("run") == run
        return evidence.seq > (self.begin if own else self.end)


_BASE = blobs.alias()
_OLDER = states.alias()


class _Looking:
    """Looks at the record as it was after event `last`."""

    def __init__(self, connection: Connection, last: int, *, whole: bool) -> None:
        self._connection, self._last, self._whole = connection, last, whole
        self._payloads: dict[int, tuple[str, Mapping[str, Any]]] = {}

    def hosts(self, only: int | None) -> list[HostAt]:
        latest = (
            sa.select(sa.func.max(_OLDER.c.seq))
            .where(_OLDER.c.host_id == hosts.c.id, _OLDER.c.kind == "check", _OLDER.c.seq <= self._last)
            .scalar_subquery()
        )
        query = _states().where(states.c.seq == latest)
        if only is not None:
            query = query.where(hosts.c.id == only)
        rows = [tuple(row) for row in self._connection.execute(query.order_by(hosts.c.name))]
        self._load({row[2] for row in rows})
        found = [one for row in rows if (one := self._host(row)) is not None]
        self._changes(found)
        return found

    def _host(self, row: tuple[Any, ...]) -> HostAt | None:
        number, name, seq = row[:3]
        lines = self._read(row)
        one = HostAt(str(name), self._evidence(seq, lines))
        if not self._take(one, seq, lines):
            older = _states().where(states.c.host_id == number, states.c.seq < seq)
            for earlier in self._connection.execute(older.order_by(states.c.seq.desc()).limit(_FAR)):
                self._load({earlier.seq})
                if self._take(one, earlier.seq, self._read(tuple(earlier))):
                    break
        if one.findings:
            one.counts = Counter(str(finding.get("status")) for finding in one.findings)
        if not self._whole:
            one.findings = []
        return one

    def _take(self, one: HostAt, seq: int, lines: list[bytes]) -> bool:
        """Take what a check says of topics that nothing newer is known of; return whether it says all."""
        if not lines:
            one.damaged.append(seq)
            return False
        evidence = self._evidence(seq, lines)
        if not evidence.collected:
            return False
        full = not evidence.payload.get("chosen")
        new = [str(topic) for topic in evidence.payload.get("topics", ()) if topic not in one.evidence]
        if full and not one.evidence and not self._whole:
            one.counts = parsed(lines[0]).get("counts", {})
        else:
            one.findings += [said for said in map(parsed, lines[1:]) if said.get("topic") in new]
        one.evidence.update(dict.fromkeys(new, evidence))
        return full

    @staticmethod
    def _read(row: tuple[Any, ...]) -> list[bytes]:
        """Return the lines of a state, a head and findings; none where it is damaged."""
        try:
            return unpacked(*row[3:])
        except ValueError:
            return []

    def _evidence(self, seq: int, lines: list[bytes]) -> Evidence:
        time, payload = self._payloads.get(seq, ("", {}))
        head = parsed(lines[0]) if lines else {"reason": "what was recorded is damaged"}
        return Evidence(seq, time, payload, str(head.get("outcome", "")), str(head.get("reason", "")))

    def _load(self, numbers: set[int]) -> None:
        wanted = sorted(numbers - self._payloads.keys())
        for start in range(0, len(wanted), _CHUNK):
            query = sa.select(events.c.seq, events.c.time, events.c.payload)
            for seq, time, payload in self._connection.execute(
                query.where(events.c.seq.in_(wanted[start : start + _CHUNK]))
            ):
                self._payloads[seq] = (str(time), parsed(str(payload)))

    def _changes(self, found: Sequence[HostAt]) -> None:
        """Add what runs did after the evidence: what was read before is then not what was in force."""
        query = sa.select(events.c.seq, events.c.kind, events.c.payload).where(
            events.c.kind.in_((BEGIN, END)), events.c.seq <= self._last
        )
        runs: dict[str, _Run] = {}
        for seq, kind, text in self._connection.execute(query.order_by(events.c.seq)):
            payload = parsed(str(text))
            run = runs.setdefault(str(payload.get("run", "")), _Run(seq))
            if kind == END:
                run.end, run.changed = seq, frozenset(payload.get("changed", ()))
            else:
                run.topics = {
                    str(name): frozenset(group.get("topics", ()))
                    for group in payload.get("groups", ())
                    for name in group.get("hosts", ())
                }
        for one in found:
            one.changes += [said for name, run in runs.items() if (said := run.since(name, one))]

    def exceptions(self, day: date, host: str | None) -> tuple[int, list[Mapping[str, Any]]]:
        """Return the exceptions that counted, and the event that says so, of every inventory's register."""
        query = sa.select(events.c.seq, events.c.payload).where(
            events.c.kind == "exceptions", events.c.seq <= self._last
        )
        registers: dict[str, tuple[int, Mapping[str, Any]]] = {}
        for seq, text in self._connection.execute(query.order_by(events.c.seq)):
            payload = parsed(str(text))
            registers[json.dumps(payload.get("inventory"))] = (seq, payload)
        entries = [
            entry
            for _, payload in registers.values()
            for entry in payload.get("entries", ())
            if entry.get("counts") and str(entry.get("expires_on", "9999")) >= day.isoformat()
            if host is None or host in entry.get("selected", ())
        ]
        return max((seq for seq, _ in registers.values()), default=0), entries


def _states() -> sa.Select[tuple[Any, ...]]:
    return (
        sa.select(hosts.c.id, hosts.c.name, states.c.seq, blobs.c.digest, blobs.c.data, _BASE.c.data)
        .select_from(hosts)
        .join(states, sa.and_(states.c.host_id == hosts.c.id, states.c.kind == "check"))
        .outerjoin(blobs, blobs.c.id == states.c.blob_id)
        .outerjoin(_BASE, _BASE.c.id == blobs.c.base)
    )
