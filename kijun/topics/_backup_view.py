"""What backup's reads say, put in order."""

from __future__ import annotations

import json
import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kijun.model import HostState, Params
from kijun.topics._backup_reads import FSTAB, RECORDS, SETS, SETUP, SUBJECTS

_MANY = 10**9
PROGRAMS, WEEK = "programs", 168
_KINDS = {"path": "paths", "exclude": "exclude", "databases": "databases"}
_JOURNAL = 15  # minutes, as the specification of the role says
HOUR = 3600
_SPAN = re.compile(r"([0-9]+)(y|month|w|d|h|min|s)")
_SECONDS = {"y": 31557600, "month": 2629800, "w": 604800, "d": 86400, "h": 3600, "min": 60, "s": 1}


class DeclarationError(ValueError):
    """backup_sets is not what its specification says; the text says where."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One set: as declared in the inventory, or as the host has it."""

    name: str
    hours: int
    items: frozenset[tuple[str, str]]  # (kind, what): ("paths", "/srv/files")
    journal: int = 0  # minutes within which PostgreSQL's updates are stored; 0 where they are not

    def of(self, kind: str) -> list[str]:
        """Return what the set holds of a kind."""
        return sorted(what for one, what in self.items if one == kind)


@dataclass(frozen=True)
class Setup:
    """How the host is set up."""

    files: tuple[tuple[int, str, str], ...] = ()  # (mode, uid, path)
    program: str = ""
    key: str = ""
    ssh: Mapping[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    units: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    hooks: tuple[str, ...] = ()  # what dpkg starts after it changed something

    def unit(self, name: str, key: str) -> str:
        """Return a property of a unit; "" where systemd does not say."""
        return self.units.get(name, {}).get(key, "")


def declared(params: Params) -> dict[str, Planned]:
    """Return the sets of backup_sets by name; DeclarationError where they are not understood."""
    rows = params["backup_sets"]
    if not isinstance(rows, list):
        raise DeclarationError("backup_sets is no list")
    found: dict[str, Planned] = {}
    for row in rows:
        if not isinstance(row, Mapping) or not isinstance(row.get("name"), str):
            raise DeclarationError("a set of backup_sets has no name")
        hours = row.get("hours", 24)
        if not isinstance(hours, int) or isinstance(hours, bool) or hours < 1:
            raise DeclarationError(f"the hours of the set {row['name']} are no number")
        items = set()
        for kind in _KINDS.values():
            listed = row.get(kind) or []
            if not isinstance(listed, list):
                raise DeclarationError(f"{kind} of the set {row['name']} is no list")
            items |= {(kind, str(one)) for one in listed}
        minutes = row.get("journal_minutes", _JOURNAL)
        if not isinstance(minutes, int) or isinstance(minutes, bool) or minutes < 0:
            raise DeclarationError(f"journal_minutes of the set {row['name']} is no number")
        journal = minutes if ("databases", "postgresql") in items else 0
        found[row["name"]] = Planned(row["name"], hours, frozenset(items), journal)
    return found | _programs(params) if found else {}


def _programs(params: Params) -> dict[str, Planned]:
    paths = params["backup_program_paths"]
    if not isinstance(paths, list):
        raise DeclarationError("backup_program_paths is no list")
    items = {("paths", str(path)) for path in paths} | {("exclude", "/etc/kijun/backup")}
    return {PROGRAMS: Planned(PROGRAMS, WEEK, frozenset(items))} if paths else {}


def on_host(state: HostState) -> dict[str, Planned]:
    """Return the sets that the host's own list names; what is not understood makes a set of its own."""
    entry = state.file(SETS.pattern)
    hours: dict[str, int] = {}
    journals: dict[str, int] = {}
    items: dict[str, set[tuple[str, str]]] = {}
    for line in entry.text.splitlines() if entry else ():
        match line.split("\t"):
            case ["drill", _]:
                continue
            case ["set", name, number] if number.isdecimal() and len(number) < 7:
                hours[name] = int(number)
            case ["journal", name, number] if number.isdecimal() and len(number) < 7:
                journals[name] = int(number)
            case [kind, name, what] if kind in _KINDS:
                items.setdefault(name, set()).add((_KINDS[kind], what))
            case _:
                hours[f"(not understood: {line[:60]})"] = _MANY
    return {
        name: Planned(name, number, frozenset(items.get(name, ())), journals.get(name, 0))
        for name, number in hours.items()
    }


def setup(state: HostState) -> Setup | None:
    """Return how the host is set up; None where nothing is."""
    text = state.command(SETUP.name).text
    if text.strip() == "absent":
        return None
    files: list[tuple[int, str, str]] = []
    own: set[str] = set()
    ssh: dict[str, str] = {}
    said = {"program": "", "key": ""}
    units: dict[str, dict[str, str]] = {}
    hooks: list[str] = []
    unit: dict[str, str] = {}
    for line in text.splitlines():
        match line.split(" ", 1):
            case ["file", rest] if (
                (words := rest.split(" ", 2)) and len(words) == 3 and _octal(words[0]) >= 0
            ):
                files.append((_octal(words[0]), words[1], words[2]))
            case ["program" | "key" as key, rest] if rest.split():
                said[key] = rest.split()[0]
            case ["hook", rest]:
                hooks.append(rest)
            case ["own", rest]:
                own.add(rest.strip())
            case ["ssh", rest] if " " in rest:
                name, _, value = rest.partition(" ")
                ssh.setdefault(name, value)
            case ["unit", rest] if "=" in rest:
                name, _, value = rest.partition("=")
                unit[name] = f"{unit[name]} {value}" if name in unit else value
                if "Id" in unit:
                    units[unit["Id"]] = unit
            case ["unit", *_]:
                unit = {}
    return Setup(tuple(files), said["program"], said["key"], ssh, frozenset(own), units, tuple(hooks))


def _octal(text: str) -> int:
    try:
        return int(text, 8)
    except ValueError:
        return 0o7777  # nobody's mode: it fails


Record = Mapping[str, object]


def records(state: HostState) -> dict[str, Record]:
    """Return the records by name, without those that are not understood."""
    found: dict[str, Record] = {}
    name = ""
    for line in state.command(RECORDS.name).text.splitlines():
        if line.startswith("@"):
            name = line.removeprefix("@record ").removesuffix(".json") if line.startswith("@record ") else ""
        elif name:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict):
                found[name] = row
    return found


def number(record: object, *keys: str) -> float | None:
    """Return the number at `keys` of a record; None where there is none."""
    for key in keys:
        if not isinstance(record, Mapping):
            return None
        record = record.get(key)
    if isinstance(record, bool) or not isinstance(record, int | float):
        return None
    return float(record) if abs(record) < 10**18 else None


def text(record: Record, key: str) -> str:
    """Return the text at `key`; "" where there is none."""
    value = record.get(key)
    return value if isinstance(value, str) else ""


def troubled_sources(state: HostState) -> list[str] | None:
    """Return what of the sources is missing, empty or not mounted right now; None where it was not read."""
    lines = state.command(RECORDS.name).text.splitlines()
    if "@sources" not in lines:
        return None
    troubles, mounted = [], set()
    for line in lines[lines.index("@sources") + 1 :]:
        what, _, path = line.partition(" ")
        if what == "mounted":
            mounted.add(path)
        elif what == "missing":
            troubles.append(f"{path} does not exist")
        elif what == "empty":
            troubles.append(f"{path} is empty")
    if not mounted:
        return None
    paths = [path for one in on_host(state).values() for path in one.of("paths")]
    fstab = state.file(FSTAB.pattern)
    wanted = [line.split() for line in (fstab.text if fstab else "").splitlines()]
    points = {
        os.path.normpath(words[1])
        for words in wanted
        if len(words) >= 4 and words[1].startswith("/") and not words[0].startswith("#")
        if "noauto" not in words[3].split(",")
    }
    for name in on_host(state):
        remembered = records(state).get(name, {}).get("mounts")
        points |= {str(point) for point in remembered} if isinstance(remembered, list) else set()
    missing = [p for p in points - mounted - {"/"} if any(_touches(path, p) for path in paths)]
    return troubles + [f"nothing is mounted at {point}" for point in sorted(missing)]


def packages_changed(state: HostState) -> float | None:
    """Return when the list of installed packages was last written; None where that was not read."""
    for line in state.command(RECORDS.name).text.splitlines():
        what, _, moment = line.partition(" ")
        if what == "packages" and moment.isdecimal() and len(moment) < 16:
            return float(moment)
    return None


def _touches(path: str, point: str) -> bool:
    one, other = os.path.normpath(path) + "/", point + "/"
    return one.startswith(other) or other.startswith(one)


def subjects(state: HostState) -> list[tuple[str, str]] | None:
    """Return what the host has to back up, as (kind, name); None where that was not read to its end."""
    lines = state.command(SUBJECTS.name).text.splitlines()
    if not lines or lines[-1] != "end":
        return None
    found = [(kind, name) for kind, _, name in (line.partition(" ") for line in lines[:-1]) if name]
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Facts:
    """All that backup's judges look at."""

    state: HostState
    params: Params
    sets: dict[str, Planned]
    here: dict[str, Planned]
    setup: Setup
    records: dict[str, Record]

    def age(self, moment: float | None) -> float:
        """Return the hours since `moment`; more than any limit where it is unknown or in the future."""
        if moment is None or moment > self.state.read_at + 300:
            return 10.0**9
        return (self.state.read_at - moment) / HOUR

    def problem(self, name: str) -> str:
        """Return what went wrong with a set, by its record."""
        return text(self.records.get(name, {}), "problem")


def ago(what: str, hours: float) -> str:
    """Say how old something is."""
    return f"{what} is from no known time" if hours > 10**8 else f"{what} is {hours:.0f} hours old"


def span(shown: str) -> float:
    """Return the hours of a time span as systemd shows it (1d 12h); 0 where it is none."""
    return sum(int(n) * _SECONDS[unit] for n, unit in _SPAN.findall(shown)) / HOUR


def every(found: Setup, timer: str) -> float:
    """Return every how many hours a timer elapses; 0 where it does not say."""
    said = re.search(r"OnUnitActiveUSec=([0-9a-z ]+)", found.unit(timer, "TimersMonotonic"))
    return span(said[1]) if said else 0


def not_running(found: Setup, timer: str) -> str:
    """Return what keeps a timer from elapsing, now or after a restart of the host; "" where nothing does."""
    states = found.unit(timer, "UnitFileState"), found.unit(timer, "ActiveState")
    return "" if states == ("enabled", "active") else " and ".join(filter(None, states)) or "not there"
