"""How each clause fared on each host over time: `kijun history`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kijun.errors import RecordError
from kijun.model import Status
from kijun.records.querying import host_id, parsed, unpacked
from kijun.records.schema import blobs, events, hosts, states
from kijun.records.store import Record

# Of several controls for one clause the worst tells; what is unknown is never taken for better than it is.
WORST = (Status.FAIL, Status.UNKNOWN, Status.EXCEPTED, Status.PASS, Status.NOT_APPLICABLE)
RANK = {status.value: number for number, status in enumerate(WORST)}
_KEPT = 100_000  # lines whose meaning is remembered
_ROWS = 500


@dataclass(frozen=True, slots=True)
class Point:
    """From this event on the clause stood so."""

    seq: int
    time: str
    status: str


@dataclass
class Trend:
    """One clause on one host: where it began, and every change since."""

    points: list[Point] = field(default_factory=list)

    @property
    def now(self) -> Point:
        """The last of them."""
        return self.points[-1]

    @property
    def steady(self) -> bool:
        """Whether it never failed, was unknown or was excepted."""
        good = {Status.PASS.value, Status.NOT_APPLICABLE.value}
        return all(point.status in good for point in self.points)


@dataclass
class History:
    """The trends of the hosts, by host and clause, and the checks that they rest on."""

    checks: dict[int, str] = field(default_factory=dict)  # event: time
    hosts: dict[str, dict[str, Trend]] = field(default_factory=dict)
    damaged: list[tuple[int, str]] = field(default_factory=list)  # event, host


def history(
    record: Record,
    since: str,
    until: str,
    names: Sequence[str] = (),
    clauses: Sequence[str] = (),
) -> History:
    """Return the trends from `since` to before `until`, of these hosts and clauses, or of all.

    RecordError where the record cannot be read or knows no such host, or no check says anything of a clause.
    """
    found = History()
    with record.reading() as connection:
        query = sa.select(events.c.seq, events.c.time).where(
            events.c.kind == "check", events.c.time >= since, events.c.time < until
        )
        found.checks = {seq: str(time) for seq, time in connection.execute(query.order_by(events.c.seq))}
        if not found.checks:
            return found
        chosen = [host_id(connection, name) for name in names]
        reader = _Reader(connection)
        for name, seq, lines in reader.states(min(found.checks), max(found.checks), chosen):
            if seq in found.checks:
                _take(found, name, seq, reader.standing(lines))
    _only(found, clauses)
    return found


def _take(found: History, name: str, seq: int, standing: Mapping[str, str] | None) -> None:
    if standing is None:
        found.damaged.append((seq, name))
        return
    trends = found.hosts.setdefault(name, {})
    for clause, status in standing.items():
        trend = trends.setdefault(clause, Trend())
        if not trend.points or trend.now.status != status:
            trend.points.append(Point(seq, found.checks[seq], status))


def _only(found: History, clauses: Sequence[str]) -> None:
    if not clauses:
        return
    known = {clause for trends in found.hosts.values() for clause in trends}
    for clause in clauses:
        if clause not in known:
            raise RecordError(f"--clause {clause}: no check in that time says anything of it.")
    for name, trends in found.hosts.items():
        found.hosts[name] = {clause: trend for clause, trend in trends.items() if clause in clauses}


class _Reader:
    """Reads many states fast: bases are unpacked once, and a line that was met before is not parsed again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[bytes, tuple[tuple[str, ...], str]] = {}
        self._last: dict[bytes, dict[str, str] | None] = {}  # by digest

    def states(
        self, first: int, last: int, chosen: Sequence[int]
    ) -> Iterator[tuple[str, int, tuple[Any, Any, Any]]]:
        """Yield host, event and blob of the checks of each host, in order."""
        query = sa.select(hosts.c.id, hosts.c.name).order_by(hosts.c.name)
        if chosen:
            query = query.where(hosts.c.id.in_(chosen))
        base = blobs.alias()
        for number, name in self._connection.execute(query).all():
            rows = self._connection.execute(
                sa.select(states.c.seq, blobs.c.digest, blobs.c.data, base.c.data)
                .select_from(states)
                .outerjoin(blobs, blobs.c.id == states.c.blob_id)
                .outerjoin(base, base.c.id == blobs.c.base)
                .where(states.c.host_id == number, states.c.kind == "check")
                .where(states.c.seq >= first, states.c.seq <= last)
                .order_by(states.c.seq)
            )
            for seq, digest, data, of in rows:
                yield str(name), seq, (digest, data, of)

    def standing(self, blob: tuple[Any, Any, Any]) -> dict[str, str] | None:
        """Return the worst status of each clause in a state; None where it is damaged."""
        digest = blob[0]
        if digest not in self._last:
            if len(self._last) >= _ROWS:
                self._last.clear()
            self._last[digest] = self._parsed(blob)
        return self._last[digest]

    def _parsed(self, blob: tuple[Any, Any, Any]) -> dict[str, str] | None:
        try:
            lines = unpacked(*blob)
        except ValueError:
            return None
        if not lines:
            return None
        worst: dict[str, str] = {}
        for line in lines[1:]:
            clauses, status = self._meaning(line)
            for clause in clauses:
                if clause not in worst or RANK[status] < RANK[worst[clause]]:
                    worst[clause] = status
        return worst

    def _meaning(self, line: bytes) -> tuple[tuple[str, ...], str]:
        if line not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            said = parsed(line)
            status = str(said.get("status", ""))
            clauses = tuple(map(str, said.get("clauses", ()))) if status in RANK else ()
            self._known[line] = clauses, status
        return self._known[line]
