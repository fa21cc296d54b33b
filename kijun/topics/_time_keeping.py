"""One host's time keeping with what its organisation declared: which daemon, its measurements, its files."""

from __future__ import annotations

from dataclasses import dataclass

from kijun.model import Params
from kijun.parsers.timekeeping import (
    Clock,
    TimeError,
    chrony_clock,
    ntpq_clock,
    timesyncd_clock,
    timesyncd_servers,
)
from kijun.topics._time_reads import STRANGERS
from kijun.topics._time_view import NAMES, File, Process, Unit, View

_CHRONY, _TIMESYNCD, _NTPSEC = "chrony.service", "systemd-timesyncd.service", "ntpsec.service"
_ASKED = {_CHRONY: "chronyc", _TIMESYNCD: "timedatectl timesync-status", _NTPSEC: "ntpq"}
_PID_FILES = {_CHRONY: "/run/chrony/chronyd.pid", _NTPSEC: "/run/ntpd.pid"}
_CONFIGURED = {
    _CHRONY: ("/etc/chrony/chrony.conf", "/etc/chrony/conf.d/", "/etc/default/chrony"),
    _TIMESYNCD: ("/etc/systemd/timesyncd.conf",),
    _NTPSEC: ("/etc/ntpsec/ntp.conf", "/etc/default/ntpsec"),
}
_CONFIG_FLAG = {_CHRONY: ("-f", "/etc/chrony/chrony.conf"), _NTPSEC: ("-c", "/etc/ntpsec/ntp.conf")}


@dataclass(frozen=True)
class Keeping:
    """What the controls are judged from."""

    view: View
    unit: Unit | None  # the daemon that keeps the clock; None where none runs
    process: Process | None
    clock: Clock | None  # what it has measured; None where that could not be read, with the problem
    problem: str
    names: list[str]  # the sources that are used, as they were named
    source_problem: str
    servers: list[str]
    networks: list[str]
    max_offset: float  # seconds

    @property
    def age(self) -> int:
        """How long the daemon has run, in seconds."""
        return self.process.age if self.process else 0

    @property
    def is_master(self) -> bool:
        """Whether others follow this host's own clock, by declaration."""
        return not self.servers and bool(self.networks)

    @property
    def uses_one(self) -> bool:
        """Whether the daemon uses one of its servers at a time."""
        return self.unit is not None and self.unit.name == _TIMESYNCD

    @property
    def source(self) -> str:
        """Where the measurements were read."""
        return _ASKED.get(self.unit.name, "systemctl show") if self.unit else "systemctl show"

    @property
    def config_files(self) -> list[File]:
        """The files that the daemon reads when it starts."""
        begins = _CONFIGURED.get(self.unit.name, ()) if self.unit else ()
        return [file for file in self.view.files.values() if file.path.startswith(begins) and begins]

    @property
    def other_config(self) -> str:
        """A configuration file of another name that the daemon was started with, "" for Debian's own."""
        if self.unit is None or self.process is None or self.unit.name not in _CONFIG_FLAG:
            return ""
        flag, usual = _CONFIG_FLAG[self.unit.name]
        given = self.process.after(flag)
        return given if given not in ("", usual) else ""

    @property
    def since(self) -> float | None:
        """When the daemon began, by the clock that its configuration was dated with.

        Its process number's file tells, where it has one: once the clock was set, the age of the process
        would count from another beginning than the dates of the files do.
        """
        if self.unit is None or self.process is None:
            return None
        path = _PID_FILES.get(self.unit.name)
        if path is not None:
            return self.view.files[path].mtime if path in self.view.files else None
        return self._read_at - self.process.age + 1

    _read_at: int = 0


def keeping(seen: View, params: Params, read_at: int) -> Keeping:
    """Return what `seen` and the parameters come to; TypeError where a parameter is not of its type."""
    unit = next((u for name in NAMES for u in seen.running if u.name == name), None)
    clock, problem, source_problem = None, "", ""
    names: list[str] = []
    if unit is not None:
        try:
            clock, names = _asked(unit.name, seen, read_at)
        except TimeError as why:
            problem = source_problem = str(why)
    return Keeping(
        view=seen,
        unit=unit,
        process=seen.process(unit.name) if unit else None,
        clock=clock,
        problem=problem,
        names=names,
        source_problem=source_problem,
        servers=texts(params, "time_sync_servers"),
        networks=texts(params, "time_sync_serve_networks"),
        max_offset=milliseconds(params, "time_sync_max_offset_ms"),
        _read_at=read_at,
    )


def _asked(unit: str, seen: View, read_at: int) -> tuple[Clock, list[str]]:
    if unit == _CHRONY:
        process = seen.process(unit)
        measures = process is not None and process.only_measures
        clock = chrony_clock(seen.said.get("chronyc", ""), STRANGERS, only_measures=measures)
        return clock, list(dict.fromkeys(source.name for source in clock.sources))
    if unit == _TIMESYNCD:
        said = seen.said.get("timesyncd", "")
        clock = timesyncd_clock(said, read_at)
        told = timesyncd_servers(said)
        return clock, list(dict.fromkeys([source.name for source in clock.sources] + told))
    if unit == _NTPSEC:
        return ntpq_clock(seen.said.get("ntpq", "")), ntp_servers(seen)
    raise TimeError(f"what {NAMES[unit]} has measured is not understood here")


def ntp_servers(seen: View) -> list[str]:
    """Return the sources that ntpd's configuration names; TimeError where it takes more from elsewhere."""
    found = []
    for line in ntp_lines(seen):
        words = line.split()
        if words[0] == "includefile":
            raise TimeError("ntp.conf includes another file, which was not read")
        if words[0] in ("server", "pool", "peer", "refclock"):
            found.append(next((word for word in words[1:] if not word.startswith("-")), ""))
    return found


def ntp_lines(seen: View) -> list[str]:
    """Return the lines of ntpd's configuration that matter here; servers from DHCP take its place."""
    dhcp, usual = "/run/ntpsec/ntp.conf.dhcp", "/etc/ntpsec/ntp.conf"
    process = seen.process(_NTPSEC)
    path = dhcp if process is not None and process.after("-c") == dhcp else usual
    if path not in seen.config:
        raise TimeError("the configuration of ntpsec could not be read")
    return [line for line in seen.config[path] if line.strip()]


def texts(params: Params, name: str) -> list[str]:
    """Return a parameter that is a list of texts; TypeError where it is none."""
    value = params[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is not a list")
    return [str(item) for item in value]


def milliseconds(params: Params, name: str) -> float:
    """Return a parameter that is a number of milliseconds, in seconds; TypeError where it is none."""
    value = params[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is not a whole number")
    return value / 1000
