"""The words everything else speaks: reads, what came back, verdicts and findings.

Nothing here does I/O, and nothing here knows a topic by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any


class Outcome(StrEnum):
    """How reading one host ended."""

    COLLECTED = "collected"
    UNREACHABLE = "unreachable"
    DENIED = "denied"
    TIMED_OUT = "timed_out"
    MALFORMED = "malformed"


class Status(StrEnum):
    """What a judgement says of one control on one host. `UNKNOWN` is never a pass."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    EXCEPTED = "excepted"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class Grade(StrEnum):
    """How sure a finding is; grades are never merged."""

    PROVEN = "proven"  # a proof exercised it on this host, and what it rests on has not changed since
    CONFIGURED = "configured"  # read and judged
    UNVERIFIED = "unverified"  # could not be read


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file, or a shell glob of files, whose content and metadata a judge wants (links are followed).

    Never declare a file that holds secrets here: reduce it on the host with a `CommandRead`.
    """

    pattern: str


@dataclass(frozen=True, slots=True)
class CommandRead:
    """A piece of POSIX sh run on the host as root: stdin is /dev/null, LC_ALL=C, PATH is the system's.

    Its stdout and exit status come back under `name`. It must change nothing, fork little, and print
    no secret (a hash is reduced to its algorithm and age before it leaves the host).
    """

    name: str
    script: str
    volatile: bool = False  # differs from read to read on an unchanged host (tallies, ages, uptime)


Read = FileRead | CommandRead


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file as it was on the host."""

    path: str
    kind: str  # "file", "dir" or "other"
    mode: int  # permission bits, e.g. 0o644
    uid: int
    gid: int
    mtime: int  # seconds since the epoch, host's clock
    content: bytes

    @property
    def text(self) -> str:
        """The content as UTF-8; bytes that are not become U+FFFD, so a parser never raises on them."""
        return self.content.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What one `CommandRead` gave."""

    name: str
    rc: int
    stdout: bytes

    @property
    def text(self) -> str:
        """The output as UTF-8; bytes that are not become U+FFFD."""
        return self.stdout.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class ClockSample:
    """Four moments of one read, in seconds since the epoch: two of the host's clock, between two of ours.

    The host's first moment cannot be before it was asked, nor its last after the answer was here: so the
    bounds below hold whatever the way took, and however long the reading itself was.
    """

    asked: float  # ours, before the host was asked
    began: float  # the host's, when its script began
    ended: float  # the host's, when its script had read everything
    answered: float  # ours, when the answer was here

    @property
    def ahead(self) -> tuple[float, float]:
        """How far the host's clock is ahead of ours at least and at most, in seconds."""
        return self.ended - self.answered, self.began - self.asked


class UnreadError(LookupError):
    """A file exists on the host and could not be read: nothing follows from it. Becomes `unknown`."""


@dataclass(frozen=True)
class HostState:
    """Everything one read brought back from one host.

    `read_at` is the host's own clock, in seconds since the epoch. A file that is absent on the host is
    absent from `files`; asking for one that no read declared is a mistake in the topic and raises
    LookupError. A file that exists but could not be read is in `unread` with the reason; asking for it raises
    UnreadError, which a judge lets pass (kijun.judging reports `unknown`).
    """

    files: Mapping[str, FileEntry]
    commands: Mapping[str, CommandResult]
    read_at: int
    declared: frozenset[str] = field(default_factory=frozenset)  # FileRead patterns
    unread: Mapping[str, str] = field(default_factory=dict)  # path -> why
    clock: ClockSample | None = None  # where the reading process timed the host

    def file(self, path: str) -> FileEntry | None:
        """Return the file at `path`, None where the host has none; UnreadError where it could not be read."""
        if path in self.files:
            return self.files[path]
        if path in self.unread:
            raise UnreadError(self.unread[path])
        if not any(path == pattern or _matches(path, pattern) for pattern in self.declared):
            raise LookupError(f"{path} was not declared as a read")
        return None

    def glob(self, pattern: str) -> list[FileEntry]:
        """Return the files that match `pattern` (shell rules: `*` stops at `/`), sorted by path.

        Raises UnreadError where one of them could not be read.
        """
        for path in sorted(self.unread):
            if _matches(path, pattern):
                raise UnreadError(self.unread[path])
        return [self.files[p] for p in sorted(self.files) if _matches(p, pattern)]

    def command(self, name: str) -> CommandResult:
        """Return what the command read `name` gave; LookupError where no topic declared it."""
        return self.commands[name]


def _matches(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        fnmatchcase(part, want) and (want.startswith(".") or not part.startswith(".") or want == part)
        for part, want in zip(parts, wanted, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a topic's judge says of one of its controls, before the rulebook's data is joined to it."""

    control: str  # "<topic>.<name>"
    status: Status
    expected: str
    actual: str
    source: str  # where it was read: a path, or the command
    reason: str = ""  # required for UNKNOWN and NOT_APPLICABLE; one sentence


Params = Mapping[str, object]
Judge = Callable[[HostState, Params], Iterable[Verdict]]


@dataclass(frozen=True, slots=True)
class FleetJudge:
    """Judges what only the hosts of one check together can tell, from the same single read of each.

    `note` reduces a host to what `judge` needs of it, so that nothing else is kept until the last host has
    answered. `judge` is given the notes by host, and the names of the hosts that have none (not read);
    it returns the verdicts on `controls`, and on no other, by host. Both are pure.
    """

    controls: frozenset[str]
    note: Callable[[HostState, Params], Any]
    judge: Callable[[Mapping[str, Any], Iterable[str]], Mapping[str, Iterable[Verdict]]]


@dataclass(frozen=True, slots=True)
class Topic:
    """What a topic module offers as `TOPIC`: what to read, and a pure function that judges it.

    The judge yields exactly one verdict for every control in `controls/<slug>.yml` but those that
    `judge_fleet` speaks of; what it leaves out is reported `unknown`. It never raises on what a host sent.
    """

    slug: str
    reads: tuple[Read, ...]
    judge: Judge
    judge_fleet: FleetJudge | None = None

    @property
    def of_the_fleet(self) -> frozenset[str]:
        """The controls that are judged for all hosts together."""
        return self.judge_fleet.controls if self.judge_fleet else frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the rulebook's data joined: what reports, records and exit codes are made of."""

    control: str
    topic: str
    clauses: tuple[str, ...]
    status: Status
    grade: Grade
    expected: str
    actual: str
    source: str
    reason: str = ""
    basis: str = "clause"  # "clause" or "practice"; practice is never a breach of the standard
    severity: str = "medium"
    title_en: str = ""
    title_ja: str = ""
    obligation: str = "none"  # of the clauses: must, must_not, should, effort, may or none
    proven_at: str = ""  # ISO 8601, UTC; where the grade is proven
    exception: str = ""  # the id of the exception by which a failing control is EXCEPTED


class RemarkKind(StrEnum):
    """What a remark asks for."""

    FINDING = "finding"  # counts as a control that fails does
    OPEN = "open"  # somebody has still to do something
    EXPIRING = "expiring"  # will soon count no longer


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to be said of a record that people keep (an exception, a change), not of a host."""

    kind: RemarkKind
    about: str  # "exception" or "change"
    subject: str  # its id
    text: str  # one sentence
    clauses: tuple[str, ...] = ()  # empty: good practice, no clause of the standard
    source: str = ""  # the file


@dataclass(frozen=True)
class HostReport:
    """One host's part of a check. Of a collected host, `reason` is a note (out of support, untested)."""

    name: str
    outcome: Outcome
    reason: str
    seconds: float
    findings: tuple[Finding, ...] = ()
    inventory_error: bool = False  # the host was not contacted: its variables cannot be resolved
