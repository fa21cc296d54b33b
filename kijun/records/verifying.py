"""Verify a record in its database: the same chain as in an export, and that nothing else is in the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kijun.records.schema import blobs, events, hosts, states
from kijun.records.store import Record
from kijun.records.verifier import Blobs, Chain, Checkpoint, Event, Problem, event_of

_BLOBS, _EVENTS = 1000, 50  # rows of one transaction: a writer must not wait long for us


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it: whole where there is no problem."""

    record: str
    last: Event | None
    problems: tuple[Problem, ...]


def verify(record: Record, anchors: Sequence[Checkpoint] = ()) -> Verified:
    """Verify all that was recorded until now. RecordError where the record cannot be read."""
    with record.reading() as connection:
        end = connection.execute(sa.select(sa.func.max(events.c.seq))).scalar() or 0
        last_blob = connection.execute(sa.select(sa.func.max(blobs.c.id))).scalar() or 0
        stray = list(_stray(connection))
    checked = Blobs()
    for digest, base, data in all_blobs(record, last_blob):
        checked.take(digest, base, data)
    chain = Chain(checked.sound, anchors)
    for row, found in all_events(record, end):
        try:
            chain.take(event_of(row), found)
        except ValueError:
            chain.unreadable(row[0])
    return Verified(chain.record, chain.last, (*checked.problems, *chain.end(), *stray))


def all_blobs(record: Record, last: int, first: int = 1) -> Iterator[tuple[str, str | None, bytes]]:
    """Yield digest, base's digest and data of every blob with an id from `first` to `last`, in order."""
    base = blobs.alias()
    query = (
        sa.select(blobs.c.id, blobs.c.digest, blobs.c.base, base.c.digest, blobs.c.data)
        .outerjoin(base, base.c.id == blobs.c.base)
        .order_by(blobs.c.id)
        .limit(_BLOBS)
    )
    after = first - 1
    while True:
        with record.reading() as connection:
            rows = connection.execute(query.where(blobs.c.id > after, blobs.c.id <= last)).all()
        for number, digest, base_id, base_digest, data in rows:
            yield _hex(digest), None if base_id is None else _hex(base_digest), _bytes(data)
            after = number
        if len(rows) < _BLOBS:
            return


def all_events(record: Record, last: int) -> Iterator[tuple[sa.Row[Any], dict[str, str]]]:
    """Yield the fields of every event up to `last`, in order, with what it names of hosts (host: digest)."""
    query, after = sa.select(events).order_by(events.c.seq).limit(_EVENTS), -(2**31)
    while True:
        with record.reading() as connection:
            rows = connection.execute(query.where(events.c.seq > after, events.c.seq <= last)).all()
            found = _named(connection, after, rows[-1].seq) if rows else {}
        for row in rows:
            yield row, found.get(row.seq, {})
            after = row.seq
        if len(rows) < _EVENTS:
            return


def _named(connection: Connection, after: int, last: int) -> Mapping[int, dict[str, str]]:
    """Return what the events after `after` up to `last` name of hosts; what is gone has a digest of none."""
    rows = connection.execute(
        sa.select(states.c.seq, states.c.host_id, hosts.c.name, blobs.c.digest)
        .outerjoin(hosts, hosts.c.id == states.c.host_id)
        .outerjoin(blobs, blobs.c.id == states.c.blob_id)
        .where(states.c.seq > after, states.c.seq <= last)
    )
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for seq, host_id, name, digest in rows:
        found[seq][name if isinstance(name, str) else f"(host {host_id})"] = _hex(digest)
    return found


def _bytes(value: object) -> bytes:
    """Return `value`, or nothing where somebody has put another type there (SQLite lets them)."""
    return value if isinstance(value, bytes) else b""


def _hex(value: object) -> str:
    return _bytes(value).hex()


def _stray(connection: Connection) -> Iterator[Problem]:
    """Yield what is in the tables beside the events, and should not be."""
    rows = connection.execute(
        sa.select(states.c.seq, states.c.kind, events.c.kind)
        .outerjoin(events, events.c.seq == states.c.seq)
        .where(sa.or_(events.c.kind.is_(None), events.c.kind != states.c.kind))
        .distinct()
        .limit(1000)
    )
    for seq, kind, _ in rows:
        yield Problem(seq, f"something is said of hosts in its name, as a {kind}, that is not in it")
    unnamed = sa.select(blobs.c.digest).where(blobs.c.id.not_in(sa.select(states.c.blob_id)))
    for (digest,) in connection.execute(unnamed.limit(1000)):
        yield Problem(0, f"no event names what is under the digest {_hex(digest)[:16]}…")
    unknown = sa.select(hosts.c.name).where(hosts.c.id.not_in(sa.select(states.c.host_id)))
    for (name,) in connection.execute(unknown.limit(1000)):
        yield Problem(0, f"no event names the host {name}")
