"""What passes between kijun and its reading process: one job in, one answer per host out.

The reading process patches the standard library for gevent, so it is a process of its own; this module is the
part that both sides import, and imports nothing that matters to either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import IO

from kijun.model import Outcome


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one host, as Ansible's variables say."""

    name: str
    kind: str = "ssh"  # "ssh" or "local"
    address: str = ""
    port: int | None = None
    user: str | None = None
    key_file: str | None = None
    password: str | None = field(default=None, repr=False)
    become: bool = True
    become_password: str | None = field(default=None, repr=False)
    ssh_args: tuple[str, ...] = ()
    host_key_checking: bool = True
    unsupported: str = ""  # why kijun cannot read this host at all; it is then not contacted


@dataclass(frozen=True, slots=True)
class Job:
    """One run of one script over many hosts; times in seconds, `limit` in bytes."""

    script: str
    nonce: str
    hosts: tuple[Connection, ...]
    forks: int = 10
    timeout: float = 30.0
    connect_timeout: float = 10.0
    limit: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """How one host's read ended, and the bytes it sent where it was collected.

    `asked` and `answered` are moments of this machine's clock around the host's script, in seconds since the
    epoch, where it ran; between them the clock is taken to run on, whatever sets it meanwhile.
    """

    name: str
    outcome: Outcome
    reason: str
    seconds: float
    raw: bytes = b""
    asked: float = 0.0
    answered: float = 0.0


def write_job(stream: IO[bytes], job: Job) -> None:
    """Send `job`, then close the stream."""
    stream.write(json.dumps(asdict(job)).encode())
    stream.close()


def read_job(stream: IO[bytes]) -> Job | None:
    """Return the job, or None where the other side closed without sending one."""
    data = stream.read()
    if not data:
        return None
    job = json.loads(data)
    hosts = tuple(Connection(**{**host, "ssh_args": tuple(host["ssh_args"])}) for host in job.pop("hosts"))
    return Job(**job, hosts=hosts)


def write_answer(stream: IO[bytes], answer: Answer) -> None:
    """Send one answer."""
    head = {
        "name": answer.name,
        "outcome": answer.outcome,
        "reason": answer.reason,
        "seconds": answer.seconds,
        "asked": answer.asked,
        "answered": answer.answered,
    }
    stream.write(json.dumps({**head, "size": len(answer.raw)}).encode() + b"\n" + answer.raw)
    stream.flush()


def read_answers(stream: IO[bytes]) -> Iterator[Answer]:
    """Yield answers until the stream ends, also when it ends half-way through one."""
    while line := stream.readline():
        if not line.endswith(b"\n"):
            return
        head = json.loads(line)
        raw = stream.read(head["size"])
        if len(raw) < head["size"]:
            return
        outcome, times = Outcome(head["outcome"]), (head["asked"], head["answered"])
        yield Answer(head["name"], outcome, head["reason"], head["seconds"], raw, *times)
