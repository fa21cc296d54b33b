"""What time_sync's reads say, put in order: whose clock it is, and which daemon keeps it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from kijun.model import HostState
from kijun.parsers.timekeeping import TimeError
from kijun.topics._time_reads import CONFIG, NOW, UNITS

_SYS_TIME = 1 << 25  # CAP_SYS_TIME, capabilities(7)
_ALL_USERS = "4294967295"
NAMES = {
    "chrony.service": "chrony",
    "systemd-timesyncd.service": "systemd-timesyncd",
    "ntpsec.service": "ntpsec",
    "ntp.service": "ntp",
    "openntpd.service": "openntpd",
}
_AT_BOOT = ("enabled", "enabled-runtime", "alias", "static", "generated", "indirect")
_PROCESS = re.compile(r"\s*(\d+|-)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)")


@dataclass(frozen=True, slots=True)
class Unit:
    """A daemon's unit: whether it runs, comes at boot, and was allowed to start (its conditions held)."""

    name: str
    active: bool
    at_boot: bool
    may_start: bool


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a time daemon in the host's own PID namespace."""

    pid: int
    parent: int
    age: int  # seconds
    unit: str
    arguments: tuple[str, ...]

    @property
    def only_measures(self) -> bool:
        """Whether it is a chronyd that leaves the clock alone (chronyd(8), -x)."""
        return self.arguments[:1] == ("/usr/sbin/chronyd",) and "-x" in self.arguments[1:]

    def after(self, flag: str) -> str:
        """Return the argument after `flag`, "" where it is not given."""
        if flag in self.arguments[:-1]:
            return self.arguments[self.arguments.index(flag) + 1]
        return ""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a daemon's configuration, or of its process number."""

    path: str
    mtime: float
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True)
class View:
    """Everything that was read, in order."""

    own_clock: bool  # this host may set its clock
    container: str  # the kind of container, "" where it is none
    units: dict[str, Unit]
    processes: tuple[Process, ...]
    sockets: tuple[str, ...]  # local addresses of UDP port 123, but for loopback
    files: dict[str, File]
    said: dict[str, str]  # what each daemon's own program printed
    config: dict[str, list[str]] = field(default_factory=dict)  # "chrony", or a file's path

    @property
    def running(self) -> list[Unit]:
        """The units of daemons that run."""
        return [unit for unit in self.units.values() if unit.active]

    def process(self, unit: str) -> Process | None:
        """Return the main process of `unit`."""
        mine = [process for process in self.processes if process.unit == unit]
        pids = {process.pid for process in mine}
        return next((process for process in mine if process.parent not in pids), None)

    @property
    def strays(self) -> list[Process]:
        """Daemons that set the clock and belong to no unit that is known."""
        return [p for p in self.processes if p.unit not in NAMES and not p.only_measures]

    @property
    def has_subject(self) -> bool:
        """Whether keeping time is this host's own matter: its clock, or a daemon that was set up here."""
        return (
            self.own_clock or bool(self.strays) or any(u.active or u.may_start for u in self.units.values())
        )


def view(state: HostState) -> View:
    """Return what was read; TimeError where it is not whole."""
    own_clock, container = _clock(state.command(UNITS.name).text)
    now = _sections(state.command(NOW.name).text)
    if "processes" not in now or "sockets" not in now or "files" not in now:
        raise TimeError("the processes and files of the time daemon could not be listed")
    return View(
        own_clock=own_clock,
        container=container,
        units=_units(state.command(UNITS.name).text),
        processes=_processes(now["processes"]),
        sockets=tuple(_sockets(now["sockets"])),
        files={file.path: file for file in map(_file, now["files"])},
        said={name: "\n".join(lines) for name, lines in now.items()},
        config=_sections(state.command(CONFIG.name).text),
    )


def _sections(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("@"):
            lines = found.setdefault(line[1:].removeprefix("ntp "), [])
        else:
            lines.append(line)
    return found


def _clock(text: str) -> tuple[bool, str]:
    bounding, users, container = None, None, ""
    for line in text.splitlines():
        match line.split():
            case ["bounding", mask] if re.fullmatch(r"[0-9a-f]{1,16}", mask):
                bounding = int(mask, 16)
            case ["users", first, outer, count]:
                users = (first, outer, count)
            case ["container", kind]:
                container = kind
    if bounding is None or users is None:
        raise TimeError("whether the host may set its clock could not be read")
    return bool(bounding & _SYS_TIME) and users == ("0", "0", _ALL_USERS), container


def _units(text: str) -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    block: dict[str, str] = {}
    for line in [*text.splitlines(), ""]:
        key, is_property, value = line.partition("=")
        if is_property:
            block[key] = value
        elif not line and "Id" in block:
            name = block["Id"]
            loaded = block.get("LoadState") == "loaded"  # systemd remembers what was removed
            units[name] = Unit(
                name,
                active=block.get("ActiveState") in ("active", "activating", "reloading"),
                at_boot=loaded and block.get("UnitFileState") in _AT_BOOT,
                may_start=loaded and block.get("ConditionResult") == "yes",
            )
            block = {}
    if "chrony.service" not in units:
        raise TimeError("systemd does not say which time daemons there are")
    return units


def _processes(lines: list[str]) -> tuple[Process, ...]:
    rows = [match.groups() for match in map(_PROCESS.fullmatch, lines) if match]
    first = [row for row in rows if row[1] == "1"]
    if len(first) != 1 or len(rows) != len(lines):
        raise TimeError("the processes of the time daemon could not be listed")
    space = first[0][0]
    return tuple(
        Process(int(pid), int(parent), int(age), unit, tuple(arguments.split()))
        for pidns, pid, parent, age, unit, arguments in rows
        if pidns == space and pid != "1"
    )


def _sockets(lines: list[str]) -> list[str]:
    found = []
    for line in lines:
        words = line.split()
        if len(words) < 5:
            raise TimeError("the sockets of the time daemon could not be listed")
        address = words[3].rpartition(":")[0].strip("[]")
        if not address.startswith("127.") and address != "::1":
            found.append(words[3])
    return found


def _file(line: str) -> File:
    words = line.split(" ", 4)
    try:
        return File(words[4], float(words[0]), int(words[1], 8), int(words[2]), int(words[3]))
    except (IndexError, ValueError) as bad:
        raise TimeError("the files of the time daemon could not be listed") from bad
