"""The record itself: events are added at its end and never touched again.

Every event holds the hash of the one before it. What was found on hosts is kept apart, once for all events
that found the same (kijun.records.blobs), and sealed by the event that names it.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kijun.errors import RecordError
from kijun.records import blobs as packing
from kijun.records import schema
from kijun.records.address import Address
from kijun.records.canonical import canonical, iso
from kijun.records.schema import blobs, events, hosts, states
from kijun.records.verifier import MAX_BLOB, Event, decode, event_hash, hosts_seal

MAX_PAYLOAD = 4 * 2**20  # characters
_KIND = re.compile(r"[a-z]{1,20}(-[a-z]{1,20}){0,2}\Z")
_CHUNK = 500  # parameters of one statement
_LATEST = 100  # events among which one on the same subject is looked for
_NO_LOGIN = 4294967295  # of /proc/self/loginuid where nobody logged in (a timer)


class Record:
    """An open record. A context manager; nothing is connected before it is used."""

    def __init__(self, place: Address) -> None:
        self.place = place
        self._engine = schema.engine_of(place)

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()

    def append(self, kind: str, payload: object, found: Mapping[str, bytes] | None = None) -> Event:
        """Add one event and what it `found` of hosts (name: lines of JSON); return the event.

        All of it is there afterwards, or nothing, also where the process is killed. RecordError where it
        cannot be written.
        """
        text, contents = canonical(payload), dict(found or {})
        if not _KIND.match(kind):
            raise ValueError(f"not a kind of event: {kind}")
        if len(text) > MAX_PAYLOAD or any(len(content) > MAX_BLOB for content in contents.values()):
            raise RecordError(f"an event ({kind}) is too large to be recorded.")
        digests = {name: packing.digest(content) for name, content in contents.items()}
        with schema.writing(self._engine, self.place) as connection:
            event = self._add(connection, kind, text, hosts_seal(digests))
            if contents:
                _Keeping(connection, event, contents, digests).keep()
        return event

    def append_change(
        self, kind: str, payload: Mapping[str, object], subject: str, initial: object
    ) -> Event | None:
        """Add one event, unless the last of its kind on the same subject says the same.

        `subject` is the key of `payload` that tells what it is about, and `initial` what the last one would
        have said where there is none. Return the event, None where nothing was added. RecordError as for
        `append`.
        """
        text = canonical(payload)
        about = canonical(payload[subject])
        with schema.writing(self._engine, self.place) as connection:
            said = canonical(initial)
            if schema.exists(connection, self.place):
                query = sa.select(events.c.payload).where(events.c.kind == kind).order_by(events.c.seq.desc())
                latest = connection.execute(query.limit(_LATEST)).scalars().all()
                same = (str(old) for old in latest if _about(old, subject) == about)
                said = next(same, said)
            return None if said == text else self._add(connection, kind, text, "")

    def _add(self, connection: Connection, kind: str, text: str, seal: str) -> Event:
        event = _next(self._last(connection), kind, text, seal)
        connection.execute(events.insert().values(event._asdict()))
        return event

    def _last(self, connection: Connection) -> Event:
        """Return the last event; make the record, with its first, where there is none."""
        if not schema.exists(connection, self.place):
            schema.create(connection)
        last = connection.execute(sa.select(events).order_by(events.c.seq.desc()).limit(1)).first()
        if last is not None:
            return Event(*last)
        first = _next(None, "record", canonical({"record": str(uuid.uuid4()), "schema": schema.SCHEMA}), "")
        connection.execute(events.insert().values(first._asdict()))
        return first

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection to read with; RecordError where there is no record, or one we do not know."""
        with schema.reading(self._engine, self.place) as connection:
            if not schema.exists(connection, self.place):
                raise RecordError(f"there is no record at {self.place.shown} yet; 'kijun check' begins one.")
            yield connection


def _about(payload: object, subject: str) -> str | None:
    """Return what an earlier event is about; None where somebody has damaged it."""
    try:
        return canonical(json.loads(str(payload))[subject])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _next(last: Event | None, kind: str, payload: str, seal: str) -> Event:
    seq, previous = (last.seq + 1, last.hash) if last else (1, "")
    event = Event(seq, iso(datetime.now(UTC)), kind, canonical(who()), payload, seal, previous, "")
    return event._replace(hash=event_hash(event))


def who() -> dict[str, object]:
    """Return who runs this: the system's user, the one who logged in (audit's loginuid), and this machine."""
    uid = os.getuid()
    found: dict[str, object] = {"user": _user(uid), "uid": uid, "node": socket.gethostname()}
    try:
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        login = _NO_LOGIN  # a kernel without audit: then nobody can tell
    if login not in {_NO_LOGIN, uid}:
        found["login"] = _user(login)
    return found


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class _Keeping:
    """Keeps what one event found of hosts, within its transaction."""

    def __init__(
        self, connection: Connection, event: Event, contents: Mapping[str, bytes], digests: Mapping[str, str]
    ) -> None:
        self._connection, self._event = connection, event
        self._contents, self._digests = contents, digests
        self._whole: dict[int, bytes] = {}  # unpacked bases

    def keep(self) -> None:
        ids, known = self._host_ids(), self._known()
        old = self._bases({name: ids[name] for name in ids if self._digests[name] not in known})
        number = self._highest(blobs.c.id)
        rows: list[dict[str, object]] = []
        for name, content in self._contents.items():
            digest = self._digests[name]
            if digest in known:
                continue
            number += 1
            known[digest] = number
            base = old.get(name)
            less = packing.difference(content, self._whole[base]) if base is not None else None
            row = {"id": number, "digest": bytes.fromhex(digest)}
            rows.append(
                {**row, "base": base if less else None, "data": less if less else packing.whole(content)}
            )
        self._insert(blobs, rows)
        kind, seq = self._event.kind, self._event.seq
        self._insert(
            states,
            [
                {"host_id": ids[name], "kind": kind, "seq": seq, "blob_id": known[digest]}
                for name, digest in self._digests.items()
            ],
        )

    def _insert(self, table: sa.Table, rows: list[dict[str, object]]) -> None:
        if rows:
            self._connection.execute(table.insert(), rows)

    def _highest(self, column: sa.Column[int]) -> int:
        return self._connection.execute(sa.select(sa.func.max(column))).scalar() or 0

    def _host_ids(self) -> dict[str, int]:
        ids: dict[str, int] = {}
        for names in _chunks(list(self._contents)):
            rows = self._connection.execute(
                sa.select(hosts.c.name, hosts.c.id).where(hosts.c.name.in_(names))
            )
            ids.update((name, number) for name, number in rows)
        new = [name for name in self._contents if name not in ids]
        first = self._highest(hosts.c.id) + 1
        ids.update((name, first + place) for place, name in enumerate(new))
        self._insert(hosts, [{"id": ids[name], "name": name} for name in new])
        return ids

    def _known(self) -> dict[str, int]:
        """Return the ids of the blobs that are there already, by digest."""
        known: dict[str, int] = {}
        for digests in _chunks(sorted(set(self._digests.values()))):
            wanted = [bytes.fromhex(digest) for digest in digests]
            rows = self._connection.execute(
                sa.select(blobs.c.digest, blobs.c.id).where(blobs.c.digest.in_(wanted))
            )
            known.update((bytes(digest).hex(), number) for digest, number in rows)
        return known

    def _bases(self, ids: Mapping[str, int]) -> dict[str, int]:
        """Return, by host, the whole blob that its last state of this kind is, or rests on; unpack them."""
        found: dict[str, int] = {}
        names = {number: name for name, number in ids.items()}
        older = states.alias()
        latest = (  # one look-up for each host, however long the record
            sa.select(sa.func.max(older.c.seq))
            .where(older.c.host_id == hosts.c.id, older.c.kind == self._event.kind)
            .correlate(hosts)
            .scalar_subquery()
        )
        for numbers in _chunks(sorted(names)):
            rows = self._connection.execute(
                sa.select(hosts.c.id, sa.func.coalesce(blobs.c.base, blobs.c.id))
                .select_from(hosts)
                .join(states, sa.and_(states.c.host_id == hosts.c.id, states.c.seq == latest))
                .join(blobs, blobs.c.id == states.c.blob_id)
                .where(hosts.c.id.in_(numbers), states.c.kind == self._event.kind)
            )
            found.update((names[host], base) for host, base in rows)
        for bases in _chunks(sorted(set(found.values()))):
            for number, data in self._connection.execute(
                sa.select(blobs.c.id, blobs.c.data).where(blobs.c.id.in_(bases), blobs.c.base.is_(None))
            ):
                try:
                    self._whole[number] = decode(bytes(data), None)
                except ValueError:
                    continue  # damaged: verify says so; what comes now is kept whole
        return {name: base for name, base in found.items() if base in self._whole}


def _chunks[T](items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
