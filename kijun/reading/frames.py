"""What a host sent back, to a `HostState`; arbitrary bytes end in a FrameError, never in a guess."""

from __future__ import annotations

import base64
import binascii
import math
import re
import zlib
from dataclasses import dataclass, field

from kijun.model import ClockSample, CommandResult, FileEntry, HostState
from kijun.reading.archive import ArchiveError, entries
from kijun.reading.script import Script

_GZIP = 31  # zlib's window bits for a gzip stream


class FrameError(ValueError):
    """The answer cannot be trusted; the text says why, as the end of "the host's answer …"."""


class NotRootError(FrameError):
    """The script ran, and not as root."""


@dataclass
class _Frames:
    uid: int = -1
    began: float = -1.0
    ended: float = -1.0
    paths: list[str] = field(default_factory=list)
    archive: bytes = b""
    archive_status: int = 0
    said: bytes = b""
    commands: dict[str, CommandResult] = field(default_factory=dict)


def parse(raw: bytes, script: Script, *, limit: int) -> HostState:
    """Return the state in `raw`, the bytes that `script` printed on a host.

    `limit` bounds the unpacked size in bytes. Raises FrameError, and nothing else, where `raw` is not a
    whole, uncorrupted answer to this very script. When it was asked and answered the caller knows.
    """
    frames = _split(_unpack(_between_markers(raw, script.nonce), limit), script.nonce)
    if frames.uid != 0:
        raise NotRootError("was not made by root")
    missing = script.commands - frames.commands.keys()
    if missing or frames.commands.keys() - script.commands:
        raise FrameError("does not carry the commands that were asked")
    files = _files(frames)
    unread = {path: _complaint(frames, path) for path in frames.paths if path not in files}
    return HostState(
        files=files,
        commands=frames.commands,
        read_at=int(frames.began),
        declared=script.patterns,
        unread=unread,
        clock=ClockSample(-math.inf, frames.began, frames.ended, math.inf),
    )


def started(raw: bytes, nonce: str) -> bool:
    """Say whether the script began to run on the host."""
    return f"\n@{nonce} start\n".encode() in raw.replace(b"\r\n", b"\n")


def _between_markers(raw: bytes, nonce: str) -> bytes:
    raw = raw.replace(b"\r\n", b"\n")  # a terminal in between; base64 does not mind
    _noise, marker, rest = raw.partition(f"\n@{nonce} start\n".encode())
    if not marker:
        raise FrameError("does not begin with the expected marker")
    packed, marker, _after = rest.partition(f"\n@{nonce} stop".encode())
    if not marker:
        raise FrameError("is cut off")
    return packed


def _unpack(packed: bytes, limit: int) -> bytes:
    try:
        squeezed = base64.b64decode(b"".join(packed.split()), validate=True)
        unzip = zlib.decompressobj(_GZIP)
        data = unzip.decompress(squeezed, limit + 1)
    except (binascii.Error, zlib.error) as bad:
        raise FrameError("is garbled") from bad
    if len(data) >= limit:
        raise FrameError(f"is larger than {limit} bytes")
    if not unzip.eof:
        raise FrameError("is cut off")
    return data


def _split(data: bytes, nonce: str) -> _Frames:
    mark = f"\n@{nonce} ".encode()
    frames, open_frame = _Frames(), None
    before, *pieces = data.split(mark)
    if before or not pieces:
        raise FrameError("does not begin with a frame")
    ended = False
    for piece in pieces:
        head, newline, body = piece.partition(b"\n")
        kind, _, name = head.decode("ascii", "replace").partition(" ")
        if ended or not newline:
            raise FrameError("is cut off")
        if kind == "=":
            if open_frame is None or body:
                raise FrameError("has a frame that ends twice")
            _store(frames, *open_frame, status=_integer(name))
            open_frame = None
        elif open_frame is not None:
            raise FrameError("has a frame without an end")
        elif kind == "host" and not body:
            uid, _, clock = name.partition(" ")
            frames.uid, frames.began = _integer(uid), _moment(clock)
        elif kind == "done" and not body:
            ended, frames.ended = True, _moment(name)
        else:
            open_frame = (kind, name, body)
    if not ended or frames.began < 0:
        raise FrameError("is cut off")
    return frames


def _store(frames: _Frames, kind: str, name: str, body: bytes, *, status: int) -> None:
    if kind == "paths":
        frames.paths = [p.decode("utf-8", "surrogateescape") for p in body.split(b"\0") if p]
    elif kind == "tar":
        frames.archive, frames.archive_status = body, status
    elif kind == "said":
        frames.said = body
    elif kind == "command" and name not in frames.commands:
        frames.commands[name] = CommandResult(name, status, body)
    else:
        raise FrameError("has an unexpected frame")


def _files(frames: _Frames) -> dict[str, FileEntry]:
    """Return what the archive holds. A broken archive loses all files to `unread`, never to absence."""
    asked = {path.rstrip("/") or "/": path for path in frames.paths}
    changed = _changed(frames)
    found: dict[str, FileEntry] = {}
    if not frames.archive:
        return found
    try:
        for entry in entries(frames.archive):
            if entry.path not in asked:
                raise FrameError("has a file that was not asked for")
            found[asked[entry.path]] = entry
    except ArchiveError:
        return {}
    return {path: entry for path, entry in found.items() if path not in changed}


def _changed(frames: _Frames) -> set[str]:
    """Return the paths tar complained of (changed, shrunk, unreadable): their content is doubtful."""
    if frames.archive_status == 0:
        return set()
    said = frames.said.decode("utf-8", "surrogateescape")
    named = {path for path in frames.paths if f"tar: {path}: " in said}
    return named or set(frames.paths)  # it failed and did not say on what: nothing it gave can be trusted


def _complaint(frames: _Frames, path: str) -> str:
    said = frames.said.decode("utf-8", "replace")
    for line in said.splitlines():
        if line.startswith(f"tar: {path}: "):
            return re.sub(r"[^ -~]", "?", line.removeprefix("tar: "))[:300]
    return f"{path}: exists, but tar did not deliver it (exit status {frames.archive_status})"


def _integer(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise FrameError("has a frame without a status")
    return int(text)


def _moment(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,12}\.[0-9]{9}", text):
        raise FrameError("has no time that can be read")
    return float(text)
