"""The ports that an organisation declares, and which sockets and packets they speak for."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kijun.parsers.sockets import Socket

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PROTOCOLS = ("tcp", "udp")
KEYS = ("port", "proto", "from", "purpose", "owner", "unit", "optional")
_SSH_UNITS = ("ssh.service", "ssh.socket", "sshd.service", "sshd.socket", "dropbear.service")
_SSH_PROGRAMS = ("sshd", "dropbear")
# Programs that ask for an address, and the ports the answers come to (RFC 2131, RFC 8415).
_DHCP_PORTS = (68, 546)
_DHCP_PROGRAMS = (
    *("dhclient", "dhcpcd", "udhcpc", "connmand", "NetworkManager"),
    *("systemd-network", "systemd-networkd", "(systemd-networkd)", "systemd-networ"),
)
# Services whose UDP sockets on passing ports wait for the answers to their own questions.
_ASKING_UNITS = (
    *("systemd-timesyncd.service", "systemd-resolved.service", "systemd-networkd.service"),
    *("chrony.service", "rsyslog.service", "unbound.service", "named.service", "dnsmasq.service"),
)


class DeclarationError(ValueError):
    """An entry of unused_ports_declared cannot be understood; names it and says what was expected."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One declared port, or a range of them. `sources` None is anywhere, () is nowhere."""

    low: int
    high: int
    proto: str
    sources: tuple[Network, ...] | None
    purpose: str = ""
    owner: str = ""
    unit: str = ""
    optional: bool = False

    @property
    def name(self) -> str:
        """Return the port as it is spoken of."""
        return f"{self.proto} {self.low}" + (f"-{self.high}" if self.high != self.low else "")

    def holds(self, proto: str, port: int) -> bool:
        """Say whether it is about this port."""
        return proto == self.proto and self.low <= port <= self.high

    def lets_in(self, proto: str, port: int, version: int, source: int) -> bool:
        """Say whether it lets this source in."""
        if not self.holds(proto, port):
            return False
        if self.sources is None:
            return True
        return any(net.version == version and int(net[0]) <= source <= int(net[-1]) for net in self.sources)


def parse_declared(value: object) -> list[Declared]:
    """Return what the parameter says; raises DeclarationError."""
    if not isinstance(value, list):
        raise DeclarationError("unused_ports_declared: expected a list")
    return [_entry(f"unused_ports_declared[{index}]", entry) for index, entry in enumerate(value)]


def _entry(place: str, raw: object) -> Declared:
    if not isinstance(raw, Mapping):
        raise DeclarationError(f"{place}: expected a mapping with port, proto, from, purpose and owner")
    if unknown := [str(key) for key in raw if key not in KEYS]:
        raise DeclarationError(f"{place}: there is no key {unknown[0][:40]}; the keys are {', '.join(KEYS)}")
    low, high = _ports(place, raw.get("port"))
    if raw.get("proto", "tcp") not in PROTOCOLS:
        raise DeclarationError(f"{place}.proto: expected tcp or udp")
    texts = {key: raw.get(key) or "" for key in ("purpose", "owner", "unit")}
    for key, text in texts.items():
        if not isinstance(text, str):
            raise DeclarationError(f"{place}.{key}: expected a text")
    return Declared(
        low=low,
        high=high,
        proto=str(raw.get("proto", "tcp")),
        sources=_sources(place, raw.get("from", "any")),
        optional=raw.get("optional") is True,
        purpose=texts["purpose"].strip(),
        owner=texts["owner"].strip(),
        unit=texts["unit"].strip(),
    )


def _ports(place: str, raw: object) -> tuple[int, int]:
    low, _, high = str(raw).partition("-")
    edges = [low, high or low]
    if isinstance(raw, bool) or not all(
        edge.isascii() and edge.isdigit() and len(edge) < 6 for edge in edges
    ):
        raise DeclarationError(f"{place}.port: expected a port, or a range such as 6000-6010")
    first, last = int(edges[0]), int(edges[1])
    if not 0 < first <= last < 65536:
        raise DeclarationError(f"{place}.port: expected 1 to 65535, the lower first")
    return first, last


def _sources(place: str, raw: object) -> tuple[Network, ...] | None:
    listed = [raw] if isinstance(raw, str) else raw
    if not isinstance(listed, list):
        raise DeclarationError(f"{place}.from: expected 'any' or a list of addresses and networks")
    if "any" in listed:
        return None
    try:
        return tuple(ipaddress.ip_network(str(one), strict=False) for one in listed)
    except ValueError as bad:
        raise DeclarationError(f"{place}.from: {bad}"[:200]) from bad


def is_way_in(socket: Socket) -> bool:
    """Say whether it is the SSH server's: how the operator comes in."""
    owners = {socket.unit, socket.socket_unit}
    return socket.proto == "tcp" and bool(
        owners & set(_SSH_UNITS) or set(socket.processes) & set(_SSH_PROGRAMS)
    )


def ways_in(sockets: Iterable[Socket], declared: Iterable[Declared]) -> list[Declared]:
    """Return a declaration for each port of the SSH server that has none: from anywhere."""
    known = list(declared)
    ports = sorted({socket.port for socket in sockets if is_way_in(socket) and not socket.loopback})
    return [
        Declared(port, port, "tcp", None, "SSH", "")
        for port in ports
        if not any(one.holds("tcp", port) for one in known)
    ]


def is_asking(socket: Socket, ephemeral: tuple[int, int]) -> bool:
    """Say whether a UDP socket only waits for answers: a DHCP client, or a client on a passing port."""
    if socket.proto != "udp":
        return False
    if socket.port in _DHCP_PORTS:
        return bool(set(socket.processes) & set(_DHCP_PROGRAMS)) or socket.unit == "systemd-networkd.service"
    return ephemeral[0] <= socket.port <= ephemeral[1] and socket.unit in _ASKING_UNITS


def undeclared(
    sockets: Iterable[Socket], declared: Iterable[Declared], ephemeral: tuple[int, int]
) -> list[Socket]:
    """Return the sockets that others can reach and that no declaration speaks for."""
    known = list(declared)
    return [
        socket
        for socket in sockets
        if not socket.loopback
        and not is_asking(socket, ephemeral)
        and not any(one.holds(socket.proto, socket.port) for one in known)
    ]


def silent(sockets: Iterable[Socket], declared: Iterable[Declared]) -> list[Declared]:
    """Return the declarations that no socket answers to, and that are not said to be optional."""
    open_ports = [socket for socket in sockets if not socket.loopback]
    return [
        one
        for one in declared
        if not one.optional and not any(one.holds(socket.proto, socket.port) for socket in open_ports)
    ]


def held_by_others(sockets: Iterable[Socket], declared: Iterable[Declared]) -> list[str]:
    """Return, in words, declared ports on which another unit listens than the declaration names."""
    found = []
    for socket in sockets:
        for one in declared:
            owners = {socket.unit, socket.socket_unit} - {""}
            about = one.unit and not socket.loopback and one.holds(socket.proto, socket.port)
            if about and not any(owner == one.unit or _instance(one.unit, owner) for owner in owners):
                found.append(f"{one.name} is {one.unit}'s, and {socket.owner} listens on it")
    return list(dict.fromkeys(found))


def _instance(template: str, unit: str) -> bool:
    """Say whether `unit` is an instance of the template unit (systemd.unit(5))."""
    name, _, suffix = template.partition("@.")
    return bool(suffix) and unit.startswith(f"{name}@") and unit.endswith(suffix)
