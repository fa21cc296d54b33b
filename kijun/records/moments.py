"""Days and times as an operator types them, and as they are shown: in the control node's time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

from kijun.errors import RecordError
from kijun.records.canonical import iso

_JAPAN = timezone(timedelta(hours=9))
_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")


def moment(text: str, option: str, *, end: bool = False) -> datetime:
    """Return the moment that `text` names: a day (its beginning, or with `end` its end) or a time (ISO 8601).

    Without a zone it is the control node's. RecordError where it is neither.
    """
    try:
        found = datetime.fromisoformat(text)
        if _DAY.match(text) and end:
            found += timedelta(days=1)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RecordError(
            f"{option} {text} is no day; write YYYY-MM-DD, or YYYY-MM-DDTHH:MM with the time."
        ) from None


def sortable(wanted: datetime) -> str:
    """Return `wanted` as the record writes times; such texts sort as the moments do."""
    return iso(wanted)


def shown(time: str) -> str:
    """Return a time of the record as people read it; what is no time comes back as it is."""
    try:
        return datetime.fromisoformat(time).astimezone().isoformat(" ", "seconds")
    except (ValueError, OverflowError):
        return time


def day_in_japan(end: datetime) -> date:
    """Return the day in Japan (the register of exceptions counts in those) of the moment before `end`."""
    return (end - timedelta(microseconds=1)).astimezone(_JAPAN).date()
