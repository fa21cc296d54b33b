"""What was recorded of a host, packed: whole, or as what differs from an earlier whole one.

Unpacking is in kijun.records.verifier. Nothing is left out: a clock that is 0.3 ms ahead today and 0.4 ms
tomorrow costs one changed line, deflated against the old one.
"""

from __future__ import annotations

import hashlib
import zlib

_WINDOW = 32768
_WORTH = 3  # a difference must be so many times smaller than the whole


def digest(content: bytes) -> str:
    """Return what names `content`."""
    return hashlib.sha256(content).hexdigest()


def whole(content: bytes) -> bytes:
    """Return `content` packed by itself."""
    return zlib.compress(content, 9)


def difference(content: bytes, base: bytes) -> bytes | None:
    """Return what differs of `content` from `base`, packed; None where the two differ too much."""
    return _lines(content, base) or _likeness(content, base)


def _likeness(content: bytes, base: bytes) -> bytes | None:
    """Return `content` deflated against `base`: of some topics only, say, where `base` is of all."""
    engine = zlib.compressobj(9, zdict=base[-_WINDOW:])
    packed = b"\n" + engine.compress(content) + engine.flush()
    return packed if len(packed) * _WORTH < len(whole(content)) else None


def _lines(content: bytes, base: bytes) -> bytes | None:
    new, old = content.split(b"\n"), base.split(b"\n")
    if len(new) != len(old):
        return None
    changed = [number for number, line in enumerate(new) if line != old[number]]
    known = b"\n".join(old[number] for number in changed)
    if not known or sum(len(new[number]) for number in changed) > len(content) // _WORTH:
        return None
    engine = zlib.compressobj(9, zdict=known[-_WINDOW:])
    places = ",".join(map(str, changed)).encode()
    return places + b"\n" + engine.compress(b"\n".join(new[number] for number in changed)) + engine.flush()
