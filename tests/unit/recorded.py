"""Records for tests: results as checks and runs give them, and hands that tamper."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kijun.checking import Options, Report
from kijun.enforcing import Enforcement, Request
from kijun.enforcing.planning import Group, Plan
from kijun.enforcing.playing import HostPlay, Played
from kijun.model import Finding, Grade, HostReport, Outcome, Status
from kijun.recording import Recorder
from kijun.records.address import address
from kijun.records.store import Record
from kijun.records.verifying import Verified, verify

NOW = datetime(2026, 4, 1, tzinfo=UTC)
OPTIONS = Options(("inventory/museums",))
TOPICS = ("a", "b")


def finding(control: str, status: Status = Status.PASS, actual: str = "that") -> Finding:
    topic = control.partition(".")[0]
    return Finding(control, topic, (f"S-{topic}",), status, Grade.CONFIGURED, "this", actual, "/etc/x")


def host(name: str, *findings: Finding, outcome: Outcome = Outcome.COLLECTED) -> HostReport:
    return HostReport(name, outcome, "" if outcome is Outcome.COLLECTED else "no route", 0.1, findings)


def report(*hosts: HostReport, topics: tuple[str, ...] = TOPICS) -> Report:
    return Report("rulebook", NOW, NOW, hosts, topics)


def long_host(name: str, actual: str = "that", status: Status = Status.PASS) -> HostReport:
    """A host with as much to say as real ones have."""
    many = [finding(f"{topic}.control_{number}") for topic in TOPICS for number in range(40)]
    many[7] = finding("a.control_7", status, actual)
    return host(name, *many)


def enforcement(before: Report, after: Report | None, topics: tuple[str, ...] = ("a",)) -> Enforcement:
    names = tuple(one.name for one in before.hosts)
    group = Group(topics, names)
    played = Played(Path("run.log"), hosts={name: HostPlay(changed=["a : Write the file"]) for name in names})
    return Enforcement(Request(OPTIONS), before, Plan((group,)), [(group, played)], after)


def recorder(path: Path | str) -> Recorder:
    said: list[str] = []
    made = Recorder(str(path), said.append)
    made.said = said  # type: ignore[attr-defined]
    return made


def fill[P: (Path, str)](path: P) -> P:
    """Make a record of a check, a run with two checks, and another check."""
    made, wrong = recorder(path), report(long_host("web", status=Status.FAIL), long_host("db"))
    right = report(long_host("web"), long_host("db"))
    assert made.check(OPTIONS, wrong)
    done = enforcement(wrong, None)
    made.begin(done)
    done.after = right
    assert made.end(done)
    assert made.check(OPTIONS, replace(right, hosts=(*right.hosts, host("new", outcome=Outcome.UNREACHABLE))))
    return path


def verified(path: Path, *anchors: object) -> Verified:
    with Record(address(str(path))) as record:
        return verify(record, list(anchors))  # type: ignore[arg-type]


def tamper(path: Path, *statements: str) -> None:
    """Do as somebody would who has the file, sqlite3, and no respect for triggers."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
