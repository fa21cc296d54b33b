"""One way only to write a value as JSON, so that equal values have equal digests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_SURROGATES = re.compile("[\ud800-\udfff]")
LONGEST = 4096  # characters of one text: what a host sends must not fill the record


def canonical(value: object) -> str:
    """Return `value` as JSON: keys sorted, no white space, no NaN, characters as they are (RFC 8785).

    Unlike there, keys are sorted by code point and numbers are written as Python does. Texts longer than
    LONGEST are cut, and say so; what is not Unicode (a lone surrogate) becomes U+FFFD.
    """
    text = json.dumps(
        _bounded(value),
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
        default=_plain,
    )
    return well_formed(text)


def well_formed(text: str) -> str:
    """Return `text` with U+FFFD for what is not Unicode."""
    return _SURROGATES.sub("\ufffd", text)


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}… (cut from {len(value)} characters)"
    if isinstance(value, Mapping):
        return {str(key): _bounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_bounded(inner) for inner in value]
    return value


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be recorded")


def iso(moment: datetime) -> str:
    """Return `moment` (with a time zone) in UTC to the microsecond; such texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
