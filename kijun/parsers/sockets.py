"""Listening sockets as ss(8) and `systemctl list-sockets` show them: who listens where, and for whom."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_STATES = ("LISTEN", "UNCONN")
# ss shows the interface of a scoped address after the bracket, systemd inside it.
_LOCAL = re.compile(
    r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^\[\]%]+))(?:%(?P<on>[^\[\]:]+))?:(?P<port>[0-9]{1,5})"
)
_PROCESS = re.compile(r'\("((?:[^"\\]|\\.)*)",pid=[0-9]+')
_CGROUP = re.compile(r"(?:^|\s)cgroup:(\S+)")
_UNIT = re.compile(r"[^/]+\.(?:service|scope|socket|slice)")
_STREAM = {"Stream": "tcp", "Datagram": "udp"}


@dataclass(frozen=True, slots=True)
class SocketUnit:
    """A socket that systemd itself listens on: where, by which unit, and for which service."""

    proto: str
    address: str
    port: int
    unit: str
    activates: str


@dataclass(frozen=True, slots=True)
class Socket:
    """One socket that waits for others. `address` is "*" where it takes IPv4 and IPv6 alike."""

    proto: str  # tcp, udp or sctp
    address: str
    interface: str  # empty: all
    port: int
    processes: tuple[str, ...]
    unit: str  # the systemd unit whose control group made it; empty where that is not known
    socket_unit: str = ""

    @property
    def loopback(self) -> bool:
        """Whether only this host itself can reach it."""
        return self.interface == "lo" or (self.address != "*" and _is_loopback(self.address))

    @property
    def families(self) -> tuple[str, ...]:
        """Return the families it is reached over: IPv4, IPv6 or both."""
        if self.address == "*":
            return ("IPv4", "IPv6")
        address = ipaddress.ip_address(self.address)
        mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped
        return ("IPv4",) if address.version == 4 or mapped else ("IPv6",)

    @property
    def where(self) -> str:
        """Return where it listens, in words."""
        if self.loopback:
            return "loopback"
        if self.interface:
            return f"interface {self.interface}"
        wildcard = self.address == "*" or ipaddress.ip_address(self.address).is_unspecified
        return "all interfaces" if wildcard else f"address {self.address}"

    @property
    def owner(self) -> str:
        """Return who listens: unit, socket unit or process, whichever is known."""
        names = dict.fromkeys(filter(None, (self.socket_unit, self.unit)))
        return ", ".join(names) or ", ".join(self.processes) or "the kernel"


def _is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def parse_ss(text: str, units: list[SocketUnit]) -> list[Socket]:
    """Return the sockets of `ss -H -lntupS --cgroup`; ValueError names a line that is not one."""
    return [_socket(line, units) for line in text.splitlines() if line.strip()]


def _socket(line: str, units: list[SocketUnit]) -> Socket:
    words = line.split()
    if len(words) < 6 or words[0] not in ("tcp", "udp", "sctp") or words[1] not in _STATES:
        raise ValueError(f"not a line of ss: {line[:80]!r}")
    local = _LOCAL.fullmatch(words[4])
    if local is None or not 0 <= int(local["port"]) < 65536:
        raise ValueError(f"no address and port: {words[4][:80]!r}")
    address, _, interface = (local["six"] or local["four"]).partition("%")
    interface = local["on"] or interface
    if address != "*":
        address = str(ipaddress.ip_address(address))
    rest = " ".join(words[5:])
    found = Socket(
        proto=words[0],
        address=address,
        interface=interface,
        port=int(local["port"]),
        processes=tuple(dict.fromkeys(_PROCESS.findall(rest))),
        unit=_unit(rest),
    )
    return _with_socket_unit(found, units)


def _unit(rest: str) -> str:
    """Return the innermost unit of the control group (systemd.slice(5) names them), or nothing."""
    match = _CGROUP.search(rest)
    units = [part for part in match[1].split("/") if _UNIT.fullmatch(part)] if match else []
    named = [unit for unit in units if not unit.endswith(".slice")]
    return "" if not named or named[-1] == "init.scope" else named[-1]


def _with_socket_unit(found: Socket, units: list[SocketUnit]) -> Socket:
    for unit in units:
        same_place = unit.address == found.address or {unit.address, found.address} == {"*", "::"}
        if (unit.proto, unit.port) == (found.proto, found.port) and same_place:
            service = found.unit or unit.activates
            return Socket(
                *(found.proto, found.address, found.interface, found.port, found.processes),
                unit=service,
                socket_unit=unit.unit,
            )
    return found


def parse_socket_units(text: str) -> list[SocketUnit]:
    """Return the network sockets of `systemctl list-sockets --all --show-types --no-legend --plain`.

    Sockets in the file system, netlink and the like are left out; so are lines that are none.
    """
    found = []
    for words in (line.split() for line in text.splitlines()):
        if len(words) < 3 or words[1] not in _STREAM:
            continue
        local = _LOCAL.fullmatch(words[0])
        if local is None:
            continue
        try:
            address = str(ipaddress.ip_address((local["six"] or local["four"]).partition("%")[0]))
        except ValueError:
            continue
        activates = words[3] if len(words) > 3 and words[3] != "-" else ""
        found.append(SocketUnit(_STREAM[words[1]], address, int(local["port"]), words[2], activates))
    return found
