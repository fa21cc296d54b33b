"""What passes between kijun and the processes that run proofs: JSON lines over pipes, never a file.

To the process: a `ProofJob`, then, for one test after another, its number and that of the next (-1: none).
From it: a `TestEvent` for each test not to be run, the `TestList`, then a `TestEvent` for each one run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Self

from kijun.reading.protocol import Connection
from kijun.records.proofs import ProofResult


@dataclass(frozen=True)
class ProofJob:
    """The proofs of one host: files of tests in `folder`, and what their fixtures need."""

    connection: Connection
    params: Mapping[str, object]
    folder: str
    files: tuple[str, ...]
    sockets: str  # a folder for the administrator's connection, which the processes of a host share
    intrusive: bool = False
    controls: tuple[str, ...] = ()  # only tests that prove one of these; all where empty

    def line(self) -> bytes:
        """Return the job as one line. It holds passwords."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Self:
        """Return the job on `line`."""
        data = json.loads(line)
        host = data["connection"]
        data["connection"] = Connection(**{**host, "ssh_args": tuple(host["ssh_args"])})
        return cls(**{**data, "files": tuple(data["files"]), "controls": tuple(data["controls"])})


@dataclass(frozen=True)
class TestEvent:
    """How one test ended; `controls` are those it proves."""

    __test__ = False  # for pytest: a record, not a class of tests

    test: str
    controls: tuple[str, ...] = ()
    result: ProofResult = ProofResult.PROVEN
    seconds: float = 0.0
    reason: str = ""
    what: str = ""  # the test's own sentence

    def lasting(self, seconds: float) -> Self:
        """Return the same event with another duration."""
        return replace(self, seconds=seconds)

    def line(self) -> str:
        """Return the event as one line of JSON."""
        return json.dumps(asdict(self)) + "\n"


@dataclass(frozen=True)
class TestList:
    """The tests that a process can run, by name; it is then told their numbers.

    The last of them, `alone` in number, can have no other test beside them on their host.
    """

    __test__ = False

    tests: tuple[str, ...]
    alone: int = 0

    def line(self) -> str:
        """Return the list as one line of JSON."""
        return json.dumps(asdict(self)) + "\n"


def parse(line: bytes) -> TestEvent | TestList:
    """Return the message on `line`."""
    data = json.loads(line)
    if "tests" in data:
        return TestList(tuple(data["tests"]), int(data["alone"]))
    return TestEvent(**{**data, "controls": tuple(data["controls"]), "result": ProofResult(data["result"])})
