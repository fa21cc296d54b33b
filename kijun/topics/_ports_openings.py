"""Which ports a ruleset opens to whom, against what is declared.

Ports, addresses and interfaces that no rule tells apart are alike: one of each kind stands for all of them.
So every port and every source is judged, with a few hundred packets.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any

from kijun.parsers.nft_packets import Fate, Packet, fate, network_of, redirection_of, redirections
from kijun.parsers.nftables import Ruleset
from kijun.topics._ports_declared import Declared

_PORTS = 65536
_MOST = 60_000  # packets: beyond this a ruleset is too large to follow here
_SPACE = {4: 2**32, 6: 2**128}
_OUTSIDE = "outside0"  # an interface that no rule names
# What a host itself asks for: an address (RFC 8415; DHCP over IPv4 does not pass the filter, RFC 2131).
_ESSENTIAL = (
    Declared(546, 546, "udp", (ipaddress.ip_network("fe80::/10"),)),
    Declared(68, 68, "udp", None),
)
Span = tuple[int, int]


class TooLargeError(Exception):
    """The ruleset tells too many ports and addresses apart to try each."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Ports that are open to somebody to whom they should not be, or closed to whom they should be open."""

    version: int
    proto: str
    ports: Span
    source: Span
    certain: bool

    def __str__(self) -> str:
        low, high = self.ports
        ports = (
            "every port" if (low, high) == (1, _PORTS - 1) else str(low) if low == high else f"{low}-{high}"
        )
        return f"{self.proto} {ports} over IPv{self.version} from {_who(self.version, self.source)}"


def _who(version: int, source: Span) -> str:
    low, high = source
    if low == 0 and high == _SPACE[version] - 1:
        return "anywhere"
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    networks = list(ipaddress.summarize_address_range(kind(low), kind(high)))
    return str(networks[0]) if len(networks) == 1 else f"{kind(low)}-{kind(high)}"


@dataclass(frozen=True)
class Openings:
    """What a ruleset does, measured against the declarations."""

    open_by_default: tuple[str, ...]  # what an undeclared port meets where it is not dropped
    holes: tuple[Hole, ...]
    closed: tuple[Hole, ...]
    redirected: tuple[Hole, ...]


def examine(ruleset: Ruleset, declared: Iterable[Declared]) -> Openings:
    """Try every kind of packet and return what the ruleset does with it; raises TooLargeError."""
    wanted = list(declared)
    view = _View(ruleset, wanted)
    holes: list[Hole] = []
    closed: list[Hole] = []
    redirected: list[Hole] = []
    for version, proto in product((4, 6), ("tcp", "udp")):
        for ports, source in product(view.ports, view.sources[version]):
            allowed = any(one.lets_in(proto, ports[0], version, source[0]) for one in (*wanted, *_ESSENTIAL))
            asked = any(one.lets_in(proto, ports[0], version, source[0]) for one in wanted)
            straight, round_about = view.fates(version, proto, ports[0], source[0])
            if not allowed:
                _note(holes, Hole(version, proto, ports, source, Fate.ACCEPTED in straight), straight)
                _note(
                    redirected, Hole(version, proto, ports, source, Fate.ACCEPTED in round_about), round_about
                )
            elif asked and straight | round_about == {Fate.DROPPED}:
                closed.append(Hole(version, proto, ports, source, True))
    return Openings(
        tuple(view.open_by_default()),
        tuple(_merged(holes)),
        tuple(_merged(closed)),
        tuple(_merged(redirected)),
    )


def _note(found: list[Hole], hole: Hole, fates: set[Fate]) -> None:
    if fates - {Fate.DROPPED}:
        found.append(hole)


def _merged(holes: list[Hole]) -> Iterator[Hole]:
    """Join neighbouring ports, and then neighbouring sources, so that few words say all."""
    by_ports: list[Hole] = []
    for hole in sorted(holes, key=lambda h: (h.version, h.proto, h.certain, h.source, h.ports)):
        last = by_ports[-1] if by_ports else None
        if last and _alike(last, hole) and last.source == hole.source and last.ports[1] + 1 == hole.ports[0]:
            by_ports[-1] = replace(last, ports=(last.ports[0], hole.ports[1]))
        else:
            by_ports.append(hole)
    merged: list[Hole] = []
    for hole in sorted(by_ports, key=lambda h: (h.version, h.proto, h.certain, h.ports, h.source)):
        last = merged[-1] if merged else None
        if last and _alike(last, hole) and last.ports == hole.ports and last.source[1] + 1 == hole.source[0]:
            merged[-1] = replace(last, source=(last.source[0], hole.source[1]))
        else:
            merged.append(hole)
    return iter(merged)


def _alike(one: Hole, other: Hole) -> bool:
    return (one.version, one.proto, one.certain) == (other.version, other.proto, other.certain)


class _View:
    """The kinds of packets that a ruleset and the declarations tell apart."""

    def __init__(self, ruleset: Ruleset, declared: list[Declared]) -> None:
        self.ruleset = ruleset
        constants = list(_constants(ruleset))
        edges = {1, _PORTS} | {edge for one in declared for edge in (one.low, one.high + 1)}
        edges |= {edge for low, high in _numbers(constants) for edge in (low, high + 1)}
        self.ports = list(_spans(edges, 1, _PORTS))
        networks = [net for one in (*declared, *_ESSENTIAL) for net in one.sources or ()]
        networks += [net for net in map(network_of, constants) if net is not None]
        self.sources = {
            version: list(_spans(_network_edges(networks, constants, version), 0, _SPACE[version]))
            for version in (4, 6)
        }
        self.interfaces = [_OUTSIDE, *sorted(_interfaces(ruleset))]
        self.source_ports = sorted({*_source_ports(ruleset), _free(self.ports)})
        self.redirects = any(redirection_of(rule) is not None for _, rule in ruleset.expressions())
        kinds = len(self.interfaces) * len(self.source_ports) * len(self.ports)
        if kinds * sum(len(spans) for spans in self.sources.values()) * 2 > _MOST:
            raise TooLargeError

    def fates(self, version: int, proto: str, port: int, source: int) -> tuple[set[Fate], set[Fate]]:
        """Return what may become of such a packet as it is, and after whatever redirection."""
        straight: set[Fate] = set()
        round_about: set[Fate] = set()
        for interface, source_port in product(self.interfaces, self.source_ports):
            packet = Packet(version, proto, source, port, port, source_port, interface)
            straight.add(fate(self.ruleset, "input", packet))
            for target in redirections(self.ruleset, packet) if self.redirects else ():
                moved = replace(packet, port=target, redirected=True)
                round_about |= {fate(self.ruleset, hook, moved) for hook in ("input", "forward")}
        return straight, round_about

    def open_by_default(self) -> Iterator[str]:
        """Yield what is let in that no rule speaks of."""
        port = _free(self.ports)
        for version, proto in product((4, 6), ("tcp", "udp", "sctp", "gre")):
            source = max(self.sources[version], key=lambda span: span[1] - span[0])[0]
            packet = Packet(version, proto, source, port, port, _free(self.ports), _OUTSIDE)
            if (found := fate(self.ruleset, "input", packet)) is not Fate.DROPPED:
                yield f"{proto} over IPv{version} is {found.value}"


def essentials(ruleset: Ruleset) -> list[str]:
    """Return what a host cannot do without and the ruleset drops."""
    probes = {
        "answers to the host's own connections": [
            Packet(version, "tcp", 1, 40000, 40000, 443, _OUTSIDE, state="established") for version in (4, 6)
        ],
        "the host's connections to itself": [
            Packet(4, "tcp", int(ipaddress.ip_address("127.0.0.1")), 25, 25, 40000, "lo"),
            Packet(6, "tcp", 1, 25, 25, 40000, "lo"),
        ],
        "neighbour discovery over IPv6": [
            Packet(6, "icmpv6", 0xFE80 << 112, interface=_OUTSIDE, state="untracked", icmp_type=kind)
            for kind in ("nd-neighbor-solicit", "nd-neighbor-advert", "nd-router-advert")
        ],
        "word of packets that are too big": [
            Packet(6, "icmpv6", 0x20 << 120, interface=_OUTSIDE, icmp_type="packet-too-big"),
            Packet(4, "icmp", 1, interface=_OUTSIDE, state="related", icmp_type="destination-unreachable"),
        ],
    }
    return [
        what
        for what, packets in probes.items()
        if any(fate(ruleset, "input", packet) is Fate.DROPPED for packet in packets)
    ]


def _spans(edges: Iterable[int], low: int, high: int) -> Iterator[Span]:
    inside = sorted({low, high, *(edge for edge in edges if low <= edge <= high)})
    return ((first, after - 1) for first, after in pairwise(inside))


def _free(spans: list[Span]) -> int:
    """Return a port that no rule tells from others."""
    return max(spans, key=lambda span: span[1] - span[0])[1]


def _constants(ruleset: Ruleset) -> Iterator[Any]:
    """Yield everything that rules compare with: scalars, and ranges and prefixes as they are written."""
    parts: list[Any] = [elements for elements in ruleset.sets.values() if elements]
    for _, rule in ruleset.expressions():
        parts += [
            value.get(key)
            for part in rule
            for kind, value in part.items()
            if kind in ("match", "vmap") and isinstance(value, dict)
            for key in ("right", "data")
        ]
    while parts:
        part = parts.pop()
        if isinstance(part, list | tuple):
            parts += part
        elif isinstance(part, dict) and ("range" in part or "prefix" in part):
            yield part
        elif isinstance(part, dict):
            parts += part.values()
        else:
            yield part


def _numbers(constants: list[Any]) -> Iterator[Span]:
    for one in constants:
        edges = one.get("range") if isinstance(one, dict) else [one, one]
        if isinstance(edges, list) and len(edges) == 2 and all(type(edge) is int for edge in edges):
            yield edges[0], edges[1]


def _network_edges(networks: list[Any], constants: list[Any], version: int) -> Iterator[int]:
    ranges = [one["range"] for one in constants if isinstance(one, dict) and "range" in one]
    for edges in ranges:
        ends = [network_of(edge) for edge in edges] if isinstance(edges, list) else []
        if len(ends) == 2 and all(end is not None and end.version == version for end in ends):
            yield from (int(ends[0][0]), int(ends[1][-1]) + 1)  # type: ignore[index]
    for network in networks:
        if network.version == version:
            yield from (int(network[0]), int(network[-1]) + 1)


def _rights(ruleset: Ruleset, key: str, value: str) -> Iterator[Any]:
    """Yield what rules compare such a field with, scalars only."""
    for _, rule in ruleset.expressions():
        for match in (part["match"] for part in rule if isinstance(part.get("match"), dict)):
            left = match.get("left")
            asked = (
                [one.get(key) for one in left.values() if isinstance(one, dict)]
                if isinstance(left, dict)
                else []
            )
            if value in asked:
                right = match.get("right")
                yield from (
                    right["set"]
                    if isinstance(right, dict) and isinstance(right.get("set"), list)
                    else [right]
                )


def _interfaces(ruleset: Ruleset) -> set[str]:
    named = [*_rights(ruleset, "key", "iifname"), *_rights(ruleset, "key", "iif")]
    return {name for name in named if isinstance(name, str) and name != "lo" and not name.startswith("@")}


def _source_ports(ruleset: Ruleset) -> set[int]:
    return {port for port in _rights(ruleset, "field", "sport") if type(port) is int}
