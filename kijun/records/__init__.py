"""What happened, who approved, what is excepted: kept between runs.

`note` is all that a writer needs; docs/record.md tells the rest. SQLAlchemy is loaded only where a record is
used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kijun.records.address import Address, address


def note(
    kind: str,
    payload: Mapping[str, object],
    found: Mapping[str, Iterable[object]] | None = None,
    *,
    where: str | Address | None = None,
) -> int:
    """Add one event to the record and return its number.

    `payload` is what happened; `found` gives, by host, what was found there or done to it: values that JSON
    can say, each a line of its own, in an order that stays the same (what has not changed since is not kept
    again). No secrets, in either. `where`: a place as in --record, by default $KIJUN_RECORD or the state
    folder's file. Raises RecordError where the event cannot be written; then nothing of it is.
    """
    from kijun.records.canonical import canonical, well_formed  # noqa: PLC0415
    from kijun.records.store import Record  # noqa: PLC0415

    contents = {
        well_formed(host): "\n".join(canonical(line) for line in lines).encode()
        for host, lines in (found or {}).items()
    }
    with Record(_place(where)) as record:
        return record.append(kind, payload, contents).seq


def note_change(
    kind: str,
    payload: Mapping[str, object],
    subject: str,
    initial: Mapping[str, object],
    *,
    where: str | Address | None = None,
) -> int | None:
    """Add an event, unless the last of its kind on the same subject says the same; return its number.

    `subject` is the key of `payload` that tells what it is about. Where there is no event yet, `initial` is
    what the last one would have said. Raises RecordError as `note`.
    """
    from kijun.records.store import Record  # noqa: PLC0415

    with Record(_place(where)) as record:
        event = record.append_change(kind, payload, subject, initial)
        return event.seq if event else None


def _place(where: str | Address | None) -> Address:
    return where if isinstance(where, Address) else address(where)
