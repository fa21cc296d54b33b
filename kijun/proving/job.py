"""What passes between kijun and the process that runs one host's proofs: a job in, one event per test out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import IO, Self

from kijun.reading.protocol import Connection
from kijun.records.proofs import ProofResult


@dataclass(frozen=True)
class ProofJob:
    """The proofs of one host: files of tests in `folder`, and what their fixtures need."""

    connection: Connection
    params: Mapping[str, object]
    folder: str
    files: tuple[str, ...]
    intrusive: bool = False
    controls: tuple[str, ...] = ()  # only tests that prove one of these; all where empty

    def write(self, stream: IO[bytes]) -> None:
        """Send the job over a pipe (it holds passwords: never a file) and close it."""
        stream.write(json.dumps(asdict(self)).encode())
        stream.close()

    @classmethod
    def read(cls, stream: IO[bytes]) -> Self:
        """Return the job on `stream`."""
        data = json.loads(stream.read())
        host = data.pop("connection")
        connection = Connection(**{**host, "ssh_args": tuple(host["ssh_args"])})
        return cls(
            **{**data, "files": tuple(data["files"]), "controls": tuple(data["controls"])},
            connection=connection,
        )


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

    @classmethod
    def parse(cls, line: str) -> TestEvent | None:
        """Return the event on `line`, or None where it is the last line, which tells pytest's exit status."""
        data = json.loads(line)
        if "ended" in data:
            return None
        known = {**data, "controls": tuple(data["controls"]), "result": ProofResult(data["result"])}
        return cls(**known)
