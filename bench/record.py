"""How large a record grows, and how fast it answers: 1,000 hosts, a check a day, for a year.

    python -m bench.record [--hosts 1000] [--rounds 365] [--record WHERE] [--json FILE]

Every host has a finding for each control of the rulebook, in words of its own. In each round one of 100 hosts
changes (a control fails, or passes again), and one of four says another number though nobody touched it (a
clock that is 0.3 ms off, then 0.4). It asserts nothing, as `python -m bench`.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kijun.checking import Options, Report
from kijun.model import Finding, Grade, HostReport, Outcome, Status
from kijun.records import payloads, store
from kijun.records.address import Address, address
from kijun.records.canonical import canonical
from kijun.reporting.json import document
from kijun.standard import load_standard
from kijun.standard.models import Control

_START = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
_CHANGES, _WAVERS = 0.01, 0.25  # of the hosts in a round
_BIN = Path(sys.executable).parent


class Clock:
    """The time, for the store: what happens in a round happens on its day."""

    now_is = _START

    @classmethod
    def now(cls, _zone: object = None) -> datetime:
        """Return the time of the round."""
        return cls.now_is


class Fleet:
    """Hosts whose findings change a little from round to round; only what has changed is made anew."""

    def __init__(self, hosts: int) -> None:
        self._random = random.Random(1)  # noqa: S311 - a simulation
        self._controls = list(load_standard().controls.values())
        self._topics = tuple(dict.fromkeys(control.topic for control in self._controls))
        self._failing: dict[tuple[str, int], bool] = {}
        self.lines = {f"host-{number:04}": self._host(number) for number in range(hosts)}
        self._joined = {name: "\n".join(lines).encode() for name, lines in self.lines.items()}

    def _host(self, number: int) -> list[str]:
        name = f"host-{number:04}"
        said = document(self.report(name, f"{number} as it should be"))["hosts"][name]["findings"]
        return [self._head(name), *map(canonical, said)]

    def report(self, name: str, actual: str) -> Report:
        """Return a check that found one host to be all right."""
        host = HostReport(
            name, Outcome.COLLECTED, "", 0.4, tuple(_finding(c, actual) for c in self._controls)
        )
        return Report("osaka-museums", _START, _START, (host,), self._topics)

    def go_on(self) -> None:
        """Change what changes in a round."""
        for name, lines in self.lines.items():
            changes, wavers = self._random.random() < _CHANGES, self._random.random() < _WAVERS
            if changes:
                place = self._random.randrange(len(self._controls))
                self._failing[name, place] = not self._failing.get((name, place), False)
                status = Status.FAIL if self._failing[name, place] else Status.PASS
                lines[0] = self._head(name)
                lines[place + 1] = _line(_finding(self._controls[place], f"{name} found otherwise", status))
            if wavers:
                off = f"{self._random.random() * 5:.1f} ms ahead"
                lines[-1] = _line(_finding(self._controls[-1], off))
            if changes or wavers:
                self._joined[name] = "\n".join(lines).encode()

    def _head(self, name: str) -> str:
        failing = sum(self._failing.get((name, place), False) for place in range(len(self._controls)))
        counts = {Status.PASS.value: len(self._controls) - failing, Status.FAIL.value: failing}
        return canonical({"outcome": Outcome.COLLECTED.value, "reason": "", "counts": counts})

    def contents(self) -> dict[str, bytes]:
        """Return what a round found, as the store takes it."""
        return dict(self._joined)


def _finding(control: Control, actual: str, status: Status = Status.PASS) -> Finding:
    where = f"/etc/{control.topic}/{control.id}.conf"
    expected = f"{control.title.en} ({control.id})"
    return Finding(
        control.id, control.topic, control.clauses, status, Grade.CONFIGURED, expected, actual, where
    )


def _line(finding: Finding) -> str:
    host = HostReport("h", Outcome.COLLECTED, "", 0.4, (finding,))
    report = Report("s", _START, _START, (host,), (finding.topic,))
    return canonical(document(report)["hosts"]["h"]["findings"][0])


def main() -> None:
    """Fill a record, measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.record", description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=365)
    parser.add_argument("--record", help="by default a SQLite file that is removed afterwards")
    parser.add_argument("--json", type=Path, default=Path("reports/bench-record.json"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kijun-bench-") as scratch:
        place = address(chosen.record or f"{scratch}/record.sqlite")
        figures = {"hosts": chosen.hosts, "rounds": chosen.rounds, **fill(place, chosen.hosts, chosen.rounds)}
        figures |= ask(chosen.record or str(place.path), Path(scratch))
    for name, value in figures.items():
        print(f"{name:<52} {value}")
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=1) + "\n")


def fill(place: Address, hosts: int, rounds: int) -> dict[str, Any]:
    """Record the rounds; return how much and how long it took."""
    fleet = Fleet(hosts)
    store.datetime = Clock  # type: ignore[attr-defined,misc]
    payload: Mapping[str, object] = payloads.of_check(Options(("i",)), fleet.report("host-0000", ""))[0]
    sizes, times = [], []
    with store.Record(place) as record:
        for number in range(rounds + 1):
            if number < rounds:
                fleet.go_on()
            Clock.now_is = _START + timedelta(days=number)
            contents = fleet.contents()
            began = time.perf_counter()
            record.append("check", payload, contents)
            times.append(time.perf_counter() - began)
            sizes.append(_size(place, record))
    whole = len(next(iter(contents.values())))
    return {
        "findings of a host, bytes": whole,
        "record, MB": round(sizes[-2] / 1e6, 1),
        "growth for each host and round, bytes": round((sizes[-2] - sizes[0]) / (rounds - 1) / hosts),
        "the same where nothing has changed at all, bytes": round((sizes[-1] - sizes[-2]) / hosts),
        "writing one round, s (median)": round(sorted(times[1:])[len(times) // 2 - 1], 2),
    }


def _size(place: Address, record: store.Record) -> int:
    if place.path is not None:
        return place.path.stat().st_size
    with record.reading() as connection:
        query = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname LIKE"
        return int(connection.execute(sa.text(f"{query} 'record_%'")).scalar() or 0)


def ask(where: str, folder: Path) -> dict[str, Any]:
    """Ask what operators ask, each in a process of its own; return the seconds, and those of CPU."""
    day = f"{_START + timedelta(days=180):%Y-%m-%d}"
    export, script = str(folder / "export"), str(folder / "verify.py")
    since = ["--since", "2026-01-01"]
    asked = {
        f"record at {day}": ["record", "at", day],
        f"record at {day} --host host-0007": ["record", "at", day, "--host", "host-0007"],
        "record list --last 10": ["record", "list", "--last", "10"],
        "history --host host-0007, all rounds": ["history", *since, "--host", "host-0007"],
        "record verify": ["record", "verify"],
        "record export": ["record", "export", "-o", export, "--verifier", script],
    }
    figures = {
        f"{name}, s": _timed([str(_BIN / "kijun"), *words, "--record", where])
        for name, words in asked.items()
    }
    figures["kijun --version, s (to compare: starting alone)"] = _timed([str(_BIN / "kijun"), "--version"])
    figures["export, MB"] = round(Path(export).stat().st_size / 1e6, 1)
    figures["the stand-alone verifier, s"] = _timed(["python3", script, export])
    return figures


def _timed(command: Sequence[str]) -> str:
    times = []
    for _ in range(3):
        before, began = _cpu(), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - began, _cpu() - before))
        if times[-1][0] > 10:
            break
    return f"{min(wall for wall, _ in times):.2f} ({min(cpu for _, cpu in times):.2f} of CPU)"


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
