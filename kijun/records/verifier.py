#!/usr/bin/env python3
"""Verify an exported record of kijun without kijun: Python 3.9 or newer, its standard library, nothing else.

    python3 verifier.py EXPORT [--anchor CHECKPOINT --allowed-signers FILE]

Exit codes: 0 the record is whole, 1 it is not (what is wrong is listed), 3 it could not be read. An anchor is
a signed checkpoint, kept on another machine: only against one can a missing end be seen. Checking its
signature takes OpenSSH's ssh-keygen. The format is described in docs/record.md; kijun itself verifies with
this file.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

FORMAT = 1
NAMESPACE = "kijun-record"  # of the signatures, ssh-keygen(1) -n
MAX_BLOB = 64 * 2**20  # bytes; a blob that unpacks to more is damaged
_WINDOW = 32768  # deflate looks back no further (RFC 1951)
_KEPT = 1500  # unpacked bases in memory
_SEAL = "kijun record 1"


class Event(NamedTuple):
    """One event; all but `seq` are texts, hashed as they are."""

    seq: int
    time: str  # ISO 8601, UTC
    kind: str
    who: str  # JSON
    payload: str  # JSON
    hosts: str  # the seal of what was recorded of hosts (hosts_seal); "" where nothing was
    previous: str  # the hash of the event before; "" for the first
    hash: str


class Checkpoint(NamedTuple):
    """What a signer has seen: the record `record` ended in event `seq` with this hash."""

    record: str
    seq: int
    hash: str
    time: str


class Problem(NamedTuple):
    """What is wrong, and at which event (0: with none in particular)."""

    event: int
    what: str

    def __str__(self) -> str:
        return f"event {self.event}: {self.what}" if self.event else self.what


class UnreadableError(Exception):
    """A file is not what it should be; the text is one sentence."""


def event_of(values: Sequence[Any]) -> Event:
    """Return the event with these fields; ValueError where one is missing, or of another type."""
    if len(values) != len(Event._fields) or type(values[0]) is not int:
        raise ValueError("not the fields of an event")
    if not all(isinstance(value, str) for value in values[1:]):
        raise ValueError("a field that is no text")
    return Event(*values)


def event_hash(event: Event) -> str:
    """Return what `hash` of this event must be: SHA-256 of a JSON array of the other fields."""
    fields = [_SEAL, *event[:-1]]
    return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode("ascii")).hexdigest()


def hosts_seal(states: Mapping[str, str]) -> str:
    """Return the seal of `states` (host: digest of what was recorded of it); "" for none."""
    if not states:
        return ""
    pairs = json.dumps(sorted(states.items()), separators=(",", ":"))
    return hashlib.sha256(pairs.encode("ascii")).hexdigest()


def decode(data: bytes, base: Optional[bytes]) -> bytes:  # noqa: UP045 - older Pythons
    """Return the content of a blob: deflated whole, or, with `base`, as what differs from it.

    Such a difference is "NUMBERS newline DATA": the lines with these numbers, deflated, with the old ones as
    the dictionary; without numbers all of the content, with `base` as the dictionary. ValueError where it is
    damaged.
    """
    try:
        if base is None:
            return _inflate(zlib.decompressobj(), data)
        places, _, packed = data.partition(b"\n")
        if not places:
            return _inflate(zlib.decompressobj(zdict=base[-_WINDOW:]), packed)
        numbers = [int(number) for number in places.split(b",")]
        if numbers != sorted(set(numbers)) or b",".join(b"%d" % number for number in numbers) != places:
            raise ValueError("not the numbers of lines")
        lines = base.split(b"\n")
        old = b"\n".join(lines[number] for number in numbers)
        new = _inflate(zlib.decompressobj(zdict=old[-_WINDOW:]), packed).split(b"\n")
        if len(new) != len(numbers) or numbers[0] < 0:
            raise ValueError("another number of lines")
        for place, number in enumerate(numbers):
            lines[number] = new[place]
    except (zlib.error, IndexError) as bad:
        raise ValueError(str(bad)) from bad
    return b"\n".join(lines)


def _inflate(engine: Any, data: bytes) -> bytes:
    content: bytes = engine.decompress(data, MAX_BLOB)
    if not engine.eof or engine.unused_data:
        raise ValueError("cut off, too large, or followed by something else")
    return content


class Blobs:
    """Takes blobs one by one, bases before what rests on them, and tells which are what their digest says."""

    def __init__(self) -> None:
        self.sound: set[str] = set()
        self.problems: list[Problem] = []
        self._whole: dict[str, bytes] = {}  # packed, by digest
        self._unpacked: dict[str, bytes] = {}

    def take(self, digest: str, base: Optional[str], data: bytes) -> None:  # noqa: UP045
        """Note the blob, and its problem where it has one."""
        try:
            content = decode(data, None if base is None else self._base(base))
        except ValueError as bad:
            self._bad(digest, f"cannot be unpacked ({bad})")
            return
        if hashlib.sha256(content).hexdigest() != digest:
            self._bad(digest, "is not what its digest says (edited)")
            return
        self.sound.add(digest)
        if base is None:
            self._whole[digest] = data

    def _base(self, digest: str) -> bytes:
        if digest not in self._unpacked:
            if digest not in self._whole:
                raise ValueError("what it rests on is missing or damaged")
            if len(self._unpacked) >= _KEPT:
                self._unpacked.pop(next(iter(self._unpacked)))
            self._unpacked[digest] = decode(self._whole[digest], None)
        return self._unpacked[digest]

    def _bad(self, digest: str, what: str) -> None:
        self.problems.append(Problem(0, f"what was recorded under the digest {digest[:16]}… {what}"))


class Chain:
    """Takes the events in their order and notes everything that does not hold together."""

    def __init__(self, sound: set[str], anchors: Sequence[Checkpoint] = ()) -> None:
        self.problems: list[Problem] = []
        self.record = ""  # its identity, from the first event
        self.last: Optional[Event] = None  # noqa: UP045
        self.named: set[str] = set()  # digests that events name
        self._sound, self._anchors = sound, anchors

    def take(self, event: Event, states: Mapping[str, str]) -> None:
        """Note the next event and what it names of hosts."""
        self._place(event)
        if event_hash(event) != event.hash:
            self._bad(event.seq, "it is not what its hash says: it was edited or moved")
        if hosts_seal(states) != event.hosts:
            self._bad(event.seq, "what it names of hosts is not what it was sealed with")
        for host, digest in sorted(states.items()):
            if digest not in self._sound:
                self._bad(event.seq, f"what was recorded of host {host} is missing or damaged")
        self.named.update(states.values())
        for anchor in self._anchors:
            if anchor.seq == event.seq and anchor.hash != event.hash:
                self._bad(event.seq, f"it is another than the checkpoint of {anchor.time} has seen")
        self.last = event

    def unreadable(self, seq: int) -> None:
        """Note that there is something at `seq` which is no event."""
        self._bad(seq, "it is no event any more: a field has another type")

    def _place(self, event: Event) -> None:
        if self.last is None:
            self._first(event)
            return
        if event.seq != self.last.seq + 1:
            self._bad(event.seq, f"it comes right after event {self.last.seq}: events are missing")
        if event.previous != self.last.hash:
            self._bad(event.seq, "it does not follow the event before it: one was edited, deleted or moved")

    def _first(self, event: Event) -> None:
        if event.seq != 1 or event.previous or event.kind != "record":
            self._bad(event.seq, "the record does not begin with its first event: its beginning is missing")
        try:
            self.record = str(json.loads(event.payload)["record"])
        except (ValueError, KeyError, TypeError):
            self._bad(event.seq, "the first event does not name the record")

    def end(self) -> list[Problem]:
        """Return every problem, once the last event was taken."""
        if self.last is None:
            self._bad(0, "there is no event in it")
        last = self.last.seq if self.last else 0
        for anchor in self._anchors:
            if anchor.record != self.record:
                self._bad(0, f"the checkpoint of {anchor.time} is of another record ({anchor.record})")
            if anchor.seq > last:
                self._bad(
                    0, f"the end is missing: the checkpoint of {anchor.time} has seen event {anchor.seq},"
                    f" and the record ends at event {last}",
                )  # fmt: skip
        return self.problems

    def _bad(self, event: int, what: str) -> None:
        self.problems.append(Problem(event, what))


# --- anchors ------------------------------------------------------------------------------------------


def checkpoint_message(checkpoint: Checkpoint) -> str:
    """Return the text that is signed."""
    fields = {"kijun-checkpoint": FORMAT, **checkpoint._asdict()}
    return json.dumps(fields, sort_keys=True, separators=(",", ":")) + "\n"


def read_anchor(path: Path, allowed_signers: Path) -> tuple[Checkpoint, str]:
    """Return the checkpoint in `path` and who signed it; UnreadableError where nobody who may sign did."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        checkpoint = Checkpoint(str(data["record"]), int(data["seq"]), str(data["hash"]), str(data["time"]))
        signature = str(data["signature"])
        known = data["kijun-checkpoint"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError) as bad:
        raise UnreadableError(f"{path}: not a checkpoint of a record ({type(bad).__name__}: {bad}).") from bad
    if not known:
        raise UnreadableError(f"{path}: a checkpoint of another format; a newer verifier is needed.")
    if not allowed_signers.is_file():
        raise UnreadableError(f"{allowed_signers}: there is no such file of allowed signers.")
    with tempfile.TemporaryDirectory() as folder:
        signed = Path(folder, "signature")
        signed.write_text(signature, encoding="utf-8")
        common = ["-s", str(signed), "-n", NAMESPACE]
        found = _ssh_keygen(["find-principals", "-f", str(allowed_signers), *common], "")
        names = found.stdout.split("\n")[0].split(",") if found.returncode == 0 else []
        said = found.stderr
        for name in filter(None, names):
            check = ["verify", "-f", str(allowed_signers), "-I", name, *common]
            done = _ssh_keygen(check, checkpoint_message(checkpoint))
            if done.returncode == 0:
                return checkpoint, name
            said = done.stderr or done.stdout
    why = " ".join(said.split())[:200] or "no allowed signer made the signature"
    raise UnreadableError(f"{path}: not signed by an allowed signer of {allowed_signers} ({why}).")


def printable(text: str) -> str:
    """Return `text` without what could steer a terminal: names in a record are other machines' words."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _ssh_keygen(arguments: Sequence[str], said: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", *arguments], input=said, capture_output=True, text=True, check=False
        )
    except OSError as bad:
        raise UnreadableError(
            f"ssh-keygen cannot be run ({bad.strerror}): install OpenSSH's client."
        ) from bad


# --- an export ----------------------------------------------------------------------------------------


def verify_export(path: Path, anchors: Sequence[Checkpoint] = ()) -> tuple[Chain, list[Problem]]:
    """Return the chain in the export `path`, and all that is wrong with it; UnreadableError for no export."""
    blobs, ended = Blobs(), False
    chain = Chain(blobs.sound, anchors)
    extra: set[str] = set()
    damaged: list[Problem] = []
    for number, line in enumerate(_lines(path)):
        if ended:
            damaged.append(Problem(0, "something follows the end of the export"))
            break
        if number == 0:
            _header(path, line)
            continue
        try:
            ended = _take(line, chain, blobs, extra)
        except (KeyError, TypeError, ValueError, AttributeError) as bad:
            damaged.append(Problem(0, f"line {number + 1} of the export is damaged ({type(bad).__name__})"))
    if not ended:
        damaged.append(Problem(0, "the export is cut off: its last line is missing"))
    problems = [*blobs.problems, *chain.end(), *damaged]
    problems += [
        Problem(0, f"no event names what is under {one[:16]}…") for one in sorted(extra - chain.named)
    ]
    return chain, problems


def _take(line: dict[str, Any], chain: Chain, blobs: Blobs, extra: set[str]) -> bool:
    """Take one line; return whether it was the last."""
    if "blob" in line:
        blobs.take(line["blob"], line["base"], base64.b64decode(line["data"], validate=True))
        extra.add(line["blob"])
    elif "event" in line:
        chain.take(event_of(line["event"]), line["hosts"])
    else:
        seen = [chain.last.seq, chain.last.hash] if chain.last else [0, ""]
        if line["end"] != seen:
            chain.problems.append(Problem(0, "the export does not end where it says: events are missing"))
        return True
    return False


def _header(path: Path, line: dict[str, Any]) -> None:
    if "kijun-record" not in line:
        raise UnreadableError(f"{path}: not an export of a record ('kijun record export' makes one).")
    if line["kijun-record"] != FORMAT:
        raise UnreadableError(f"{path}: an export of another format; a newer verifier is needed.")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in `path`, and one that is damaged as an empty one."""
    try:
        with path.open("rb") as stream:
            for raw in stream:
                try:
                    line = json.loads(raw)
                except (ValueError, RecursionError):
                    line = {}
                yield line if isinstance(line, dict) else {}
    except OSError as bad:
        raise UnreadableError(f"{path}: cannot be read ({bad.strerror}).") from bad


def main(arguments: Optional[Sequence[str]] = None) -> int:  # noqa: UP045
    """Verify what the command line names, say what came of it, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("export", type=Path, help="what 'kijun record export' wrote")
    parser.add_argument("--anchor", type=Path, action="append", default=[], help="a signed checkpoint")
    parser.add_argument("--allowed-signers", type=Path, help="who may sign one (ssh-keygen(1))")
    chosen = parser.parse_args(arguments)
    if chosen.anchor and not chosen.allowed_signers:
        parser.error("--anchor needs --allowed-signers")
    try:
        anchors = [read_anchor(path, chosen.allowed_signers) for path in chosen.anchor]
        chain, problems = verify_export(chosen.export, [anchor for anchor, _ in anchors])
    except UnreadableError as bad:
        print(bad, file=sys.stderr)
        return 3
    for problem in problems:
        print(printable(str(problem)))
    last = chain.last.seq if chain.last else 0
    when = chain.last.time if chain.last else "-"
    if problems:
        print(f"NOT WHOLE: {len(problems)} problems in a record of {last} events.")
        return 1
    print(f"Whole: {last} events of record {chain.record}, the last of {when}.")
    for anchor, name in anchors:
        print(f"It holds what {name} signed on {anchor.time} (event {anchor.seq}).")
    if not anchors:
        print("Whether events are missing at its end cannot be told without an anchor (--anchor).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
