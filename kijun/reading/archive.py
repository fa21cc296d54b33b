"""A strict reader of the tar archives of GNU tar's `--format=gnu`, for hosts that are not trusted.

The standard library's `tarfile` guesses, follows several formats and raises many kinds of errors on odd
input; this reads one format, verifies each header's checksum and raises `ArchiveError` for anything else.
Source: GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

from collections.abc import Iterator

from kijun.model import FileEntry

_BLOCK = 512
_LONG_NAME, _LONG_LINK = b"L", b"K"
_KINDS = {b"0": "file", b"\0": "file", b"7": "file", b"5": "dir"}


class ArchiveError(ValueError):
    """The bytes are not a whole archive of the expected format."""


def entries(data: bytes) -> Iterator[FileEntry]:
    """Yield what is in `data`; raises ArchiveError at the first thing that GNU tar would not write."""
    offset, long_name = 0, b""
    while True:
        header = data[offset : offset + _BLOCK]
        if len(header) < _BLOCK:
            raise ArchiveError("the archive is cut off")
        if header.count(0) == _BLOCK:
            return
        _verify(header)
        size, kind = _number(header[124:136]), header[156:157]
        start = offset + _BLOCK
        content = data[start : start + size]
        if len(content) < size:
            raise ArchiveError("a member is cut off")
        offset = start + -(-size // _BLOCK) * _BLOCK
        if kind == _LONG_NAME:
            long_name = content.split(b"\0", 1)[0]
            continue
        if kind == _LONG_LINK:
            continue
        name = long_name or header[:100].split(b"\0", 1)[0]
        long_name = b""
        yield _entry(header, kind, name, content)


def _entry(header: bytes, kind: bytes, name: bytes, content: bytes) -> FileEntry:
    path = name.decode("utf-8", "surrogateescape")
    return FileEntry(
        path=path.rstrip("/") or "/",
        kind=_KINDS.get(kind, "other"),
        mode=_number(header[100:108]) & 0o7777,
        uid=_number(header[108:116]),
        gid=_number(header[116:124]),
        mtime=_number(header[136:148], signed=True),
        content=content if kind in _KINDS else b"",
    )


def _verify(header: bytes) -> None:
    expected = _number(header[148:156])
    if sum(header) - sum(header[148:156]) + 8 * ord(" ") != expected:
        raise ArchiveError("a header's checksum is wrong")


def _number(field: bytes, *, signed: bool = False) -> int:
    """Read octal text, or the base-256 form GNU tar uses for what octal cannot hold."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=field[0] == 0xFF) if field[0] == 0xFF else 0
        value = value or int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        if value < 0 and not signed:
            raise ArchiveError("a size or owner is negative")
        return value
    text = field.strip(b" \0")
    if not text:
        return 0
    if not all(byte in b"01234567" for byte in text):
        raise ArchiveError("a number is not octal")
    return int(text, 8)
