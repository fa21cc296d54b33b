"""Questions to a record: which events there are, and what one of them found."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kijun.errors import RecordError
from kijun.records.schema import blobs, events, hosts, states
from kijun.records.store import Record
from kijun.records.verifier import Event, decode, event_hash, event_of, hosts_seal

_CHUNK = 500
BEGIN, END = "enforce-begin", "enforce-end"


@dataclass(frozen=True)
class Happened:
    """An event, its JSON parsed, with the names of the hosts that it says something of."""

    event: Event
    who: Mapping[str, Any]
    payload: Mapping[str, Any]
    hosts: tuple[str, ...] = ()
    ended: bool = True  # False: the beginning of a run of which no event says how it ended

    @property
    def sound(self) -> bool:
        """Whether the event is what its hash says; only a verification of all tells whether it is whole."""
        return event_hash(self.event) == self.event.hash


@dataclass(frozen=True)
class Found:
    """What an event found of each host, line by line; and what of it is damaged."""

    happened: Happened
    lines: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()
    sealed: bool = True  # False: it names others than it was sealed with


def list_events(
    record: Record,
    *,
    kinds: Sequence[str] = (),
    host: str | None = None,
    since: str | None = None,
    until: str | None = None,
    last: int | None = None,
) -> list[Happened]:
    """Return the events of these kinds, of that host, from `since` to before `until`; at most the `last`.

    RecordError where the record cannot be read, or knows no such kind or host.
    """
    with record.reading() as connection:
        wanted = [events.c.seq > 0]
        if kinds:
            wanted.append(events.c.kind.in_(_known_kinds(connection, kinds)))
        if host is not None:
            of_host = sa.select(states.c.seq).where(states.c.host_id == host_id(connection, host))
            wanted.append(sa.or_(events.c.seq.in_(of_host), events.c.seq.in_(_begun(connection, host))))
        if since:
            wanted.append(events.c.time >= since)
        if until:
            wanted.append(events.c.time < until)
        query = sa.select(events).where(*wanted).order_by(events.c.seq.desc()).limit(last)
        rows = [_event(row) for row in reversed(connection.execute(query).all())]
        names = _names(connection, [event.seq for event in rows])
        ended = runs_ended(connection)
    return [_happened(event, tuple(sorted(names.get(event.seq, ()))), ended) for event in rows]


def find_event(record: Record, seq: int, host: str | None = None) -> Found:
    """Return event `seq` and what it found, of all hosts or of `host`. RecordError where there is none."""
    with record.reading() as connection:
        row = connection.execute(sa.select(events).where(events.c.seq == seq)).first()
        if row is None:
            last = connection.execute(sa.select(sa.func.max(events.c.seq))).scalar() or 0
            raise RecordError(f"there is no event {seq} in the record; its events go from 1 to {last}.")
        event = _event(row)
        rows = connection.execute(_of_event(seq)).all()
        lines, damaged, seal = _unpacked(rows)
        ended = runs_ended(connection)
    happened = _happened(event, tuple(sorted(seal)), ended)
    if host is not None and host not in seal:
        raise RecordError(f"event {seq} says nothing of host {host}; 'kijun record show {seq}' lists all.")
    chosen = {name: found for name, found in lines.items() if host in (None, name)}
    return Found(happened, chosen, tuple(damaged), hosts_seal(seal) == event.hosts)


def _begun(connection: Connection, host: str) -> list[int]:
    """Return the beginnings of runs on `host`: these say only where something is to be run."""
    query = sa.select(events.c.seq, events.c.payload).where(events.c.kind == BEGIN)
    return [
        seq
        for seq, payload in connection.execute(query)
        if any(host in group.get("hosts", ()) for group in parsed(str(payload)).get("groups", ()))
    ]


def host_id(connection: Connection, name: str) -> int:
    """Return the number of a host; RecordError where the record does not know it."""
    found = connection.execute(sa.select(hosts.c.id).where(hosts.c.name == name)).scalar()
    if found is None:
        raise RecordError(f"the record knows no host {name}; 'kijun record list' shows what it knows.")
    return int(found)


def runs_ended(connection: Connection) -> frozenset[str]:
    """Return the runs of which an event says how they ended."""
    rows = connection.execute(sa.select(events.c.payload).where(events.c.kind == END)).scalars()
    return frozenset(str(parsed(payload).get("run", "")) for payload in rows)


def parsed(text: str | bytes) -> dict[str, Any]:
    """Return the JSON object in `text`; an empty one where somebody has damaged it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def unpack(digest: object, data: object, base: object) -> list[Any]:
    """Return what the lines of a blob say (`base`: what it rests on). ValueError where it is damaged."""
    return [json.loads(line) for line in unpacked(digest, data, base)]


def unpacked(digest: object, data: object, base: object) -> list[bytes]:
    """Return the lines of a blob as they are, for who needs few of many. ValueError as `unpack`."""
    if not isinstance(digest, bytes) or not isinstance(data, bytes) or not isinstance(base, bytes | None):
        raise ValueError("not bytes")
    content = decode(data, None if base is None else decode(base, None))
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("not what its digest says")
    return content.split(b"\n") if content else []


def _event(row: sa.Row[Any]) -> Event:
    try:
        return event_of(tuple(row))
    except ValueError as bad:
        raise RecordError(
            f"event {row[0]} is no event any more ({bad}); 'kijun record verify' says what is damaged."
        ) from bad


def _happened(event: Event, names: tuple[str, ...], ended: frozenset[str]) -> Happened:
    payload = parsed(event.payload)
    over = event.kind != BEGIN or str(payload.get("run", "")) in ended
    return Happened(event, parsed(event.who), payload, names, over)


def _known_kinds(connection: Connection, kinds: Sequence[str]) -> list[str]:
    known = sorted(map(str, connection.execute(sa.select(events.c.kind).distinct()).scalars()))
    for kind in kinds:
        if kind not in known:
            raise RecordError(f"--kind {kind}: the record has no such event; it has: {', '.join(known)}.")
    return list(kinds)


def _names(connection: Connection, numbers: Sequence[int]) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for start in range(0, len(numbers), _CHUNK):
        query = sa.select(states.c.seq, hosts.c.name).join(hosts, hosts.c.id == states.c.host_id)
        for seq, name in connection.execute(query.where(states.c.seq.in_(numbers[start : start + _CHUNK]))):
            found[seq].append(str(name))
    return found


_BASE = blobs.alias()


def _of_event(seq: int) -> sa.Select[tuple[Any, ...]]:
    return (
        sa.select(hosts.c.name, states.c.host_id, blobs.c.digest, blobs.c.data, _BASE.c.data)
        .select_from(states)
        .outerjoin(hosts, hosts.c.id == states.c.host_id)
        .outerjoin(blobs, blobs.c.id == states.c.blob_id)
        .outerjoin(_BASE, _BASE.c.id == blobs.c.base)
        .where(states.c.seq == seq)
    )


def _unpacked(rows: Sequence[sa.Row[Any]]) -> tuple[dict[str, list[Any]], list[str], dict[str, str]]:
    lines: dict[str, list[Any]] = {}
    damaged: list[str] = []
    seal: dict[str, str] = {}
    for name, number, digest, data, base in map(tuple, rows):
        host = name if isinstance(name, str) else f"(host {number})"
        seal[host] = digest.hex() if isinstance(digest, bytes) else ""
        try:
            lines[host] = unpack(digest, data, base)
        except ValueError:
            damaged.append(host)
    return lines, damaged, seal


def unfinished(record: Record) -> list[Happened]:
    """Return the beginnings of runs of which no event says how they ended (some may be running still)."""
    with record.reading() as connection:
        query = sa.select(events).where(events.c.kind == BEGIN).order_by(events.c.seq)
        begun, ended = [_event(row) for row in connection.execute(query)], runs_ended(connection)
    return [one for one in (_happened(event, (), ended) for event in begun) if not one.ended]
