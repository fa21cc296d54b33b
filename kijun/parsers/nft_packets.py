"""What becomes of a packet in an nftables ruleset: followed rule by rule, as far as a rule can be followed.

Three answers, because some rules ask what cannot be known from outside (a mark, a rate, an extension of
iptables): accepted, dropped, or perhaps. A packet passes every base chain at its hook: one `drop` is final,
an `accept` is not (nft(8), VERDICT STATEMENTS), so a chain of another table cannot open what ours closes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from kijun.parsers.nftables import Chain, Expression, Ruleset

_DEEPEST = 16  # the kernel's own limit of nested jumps (NFT_JUMP_STACK_SIZE)
_PORTED = ("tcp", "udp", "sctp")
_NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "icmpv6": 58, "sctp": 132}
_NAMES = {"ipv6-icmp": "icmpv6"} | {str(number): name for name, number in _NUMBERS.items()}
_ANY = ("accept", "drop", "next")  # whatever it may be
_VERDICTS = {
    "accept": ("accept",),
    "drop": ("drop",),
    "reject": ("drop",),
    "return": ("end",),
    "queue": ("accept", "drop"),
    "synproxy": ("accept", "drop"),
    "xt": _ANY,  # an extension of iptables
}
# Statements that ask nothing: a rule matches or not without them. Of all others that cannot be told.
_NO_CONDITIONS = (
    *("accept", "drop", "reject", "return", "queue", "synproxy", "jump", "goto", "vmap", "counter", "log"),
    *(
        "notrack",
        "mangle",
        "ct helper",
        "comment",
        "last",
        "dnat",
        "snat",
        "redirect",
        "masquerade",
        "tproxy",
    ),
)


class Fate(Enum):
    """What becomes of a packet."""

    ACCEPTED = "accepted"
    DROPPED = "dropped"
    PERHAPS = "perhaps"


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a new connection from another host, unless it says otherwise."""

    version: int  # 4 or 6
    protocol: str  # tcp, udp, sctp, gre, icmp or icmpv6
    source: int
    port: int = 0  # where it is going to
    dialled: int = 0  # where it was going to before any redirection
    source_port: int = 0
    interface: str = ""
    state: str = "new"
    redirected: bool = False
    icmp_type: str = ""


def fate(ruleset: Ruleset, hook: str, packet: Packet) -> Fate:
    """Return what becomes of `packet` at `hook` ("input" or "forward"), counting what filters before it."""
    chains = ruleset.hooked("prerouting", packet.version) + ruleset.hooked(hook, packet.version)
    follower = _Follower(ruleset, packet)
    fates = [follower.base(chain) for chain in chains]
    if {"drop"} in fates:
        return Fate.DROPPED
    return Fate.ACCEPTED if all(one == {"accept"} for one in fates) else Fate.PERHAPS


def redirections(ruleset: Ruleset, packet: Packet) -> list[int]:
    """Return the ports to which a rule may redirect `packet` (its own where the rule keeps or hides it)."""
    family = ("inet", "ip" if packet.version == 4 else "ip6")
    follower, found = _Follower(ruleset, packet), []
    for chain, rule in ruleset.expressions():
        target = redirection_of(rule)
        if target is None or chain.family not in family:
            continue
        if follower.matches(chain, rule) is not False:
            port = target.get("port") if isinstance(target, dict) else None
            found.append(port if isinstance(port, int) else packet.port)
    return list(dict.fromkeys(found))


def redirection_of(rule: tuple[Expression, ...]) -> Mapping[str, Any] | None:
    """Return where a rule redirects to, {} where that cannot be told, None where it does not."""
    for part in rule:
        for key in ("dnat", "redirect"):
            if key in part:
                return part[key] if isinstance(part[key], dict) else {}
        extension = part.get("xt")
        if isinstance(extension, dict) and extension.get("name") in ("DNAT", "REDIRECT", "NETMAP"):
            return {}
    return None


class _Follower:
    """One packet on its way through one ruleset."""

    def __init__(self, ruleset: Ruleset, packet: Packet) -> None:
        self.ruleset, self.packet = ruleset, packet

    def base(self, chain: Chain) -> set[str]:
        """Return how following a base chain may end: accept or drop."""
        ends = self.walk(chain, _DEEPEST)
        if "end" in ends:
            ends = (ends - {"end"}) | {"drop" if chain.policy == "drop" else "accept"}
        return ends

    def walk(self, chain: Chain, depth: int) -> set[str]:
        """Return the ways in which following `chain` may end: accept, drop, or its end."""
        ends: set[str] = set()
        for rule in chain.rules:
            match = self.matches(chain, rule)
            if match is False:
                continue
            said = self._said(chain, rule, depth)
            ends |= said - {"next"}
            if match and "next" not in said:
                return ends
        return ends | {"end"}

    def _said(self, chain: Chain, rule: tuple[Expression, ...], depth: int) -> set[str]:
        """Return what the statements of a matching rule may lead to; "next" is the next rule."""
        for part in rule:
            ((kind, value),) = part.items()
            if kind in _VERDICTS:
                return set(_VERDICTS[kind])
            if kind in ("jump", "goto"):
                return self._called(chain, kind, str(value.get("target")), depth)
            if kind == "vmap":
                return self._mapped(chain, value, depth)
        return {"next"}

    def _called(self, chain: Chain, kind: str, name: str, depth: int) -> set[str]:
        target = self.ruleset.chains.get((chain.family, chain.table, name))
        if target is None or depth == 0:
            return set(_ANY)
        ends = self.walk(target, depth - 1)
        after = "next" if kind == "jump" else "end"  # what follows a `goto` is the end of the caller
        return (ends - {"end"}) | ({after} if "end" in ends else set())

    def _mapped(self, chain: Chain, value: Mapping[str, Any], depth: int) -> set[str]:
        data = value.get("data")
        entries = data.get("set") if isinstance(data, dict) else self._named(chain, data)
        if not isinstance(entries, list | tuple):
            return set(_ANY)
        found: set[str] = set()
        for entry in entries:
            if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[1], dict):
                return set(_ANY)
            match = self._compare(chain, "==", value.get("key"), entry[0])
            if match is not False:
                found |= self._said(chain, (entry[1],), depth)
            if match:
                return found
        return found | {"next"}

    def matches(self, chain: Chain, rule: tuple[Expression, ...]) -> bool | None:
        """Say whether a rule matches; None where that cannot be told."""
        answer: bool | None = True
        for part in rule:
            ((kind, value),) = part.items()
            one: bool | None = True
            if kind == "match":
                one = self._compare(chain, value.get("op"), value.get("left"), value.get("right"))
            elif kind not in _NO_CONDITIONS and not _is_target(kind, value):
                one = None
            if one is False:
                return False
            answer = None if one is None else answer
        return answer

    def _compare(self, chain: Chain, operator: object, left: object, right: object) -> bool | None:
        if not isinstance(left, dict) or len(left) != 1:
            return None
        if "concat" in left:
            return self._compare_together(chain, operator, left["concat"], right)
        known, value = _value(left, self.packet)
        if not known:
            return None if value is None else False
        if operator in ("==", "in", "!="):
            inside = self._inside(chain, value, right)
            return inside if operator != "!=" or inside is None else not inside
        if not isinstance(right, int) or not isinstance(value, int):
            return None
        answers = {"<": value < right, ">": value > right, "<=": value <= right, ">=": value >= right}
        return answers.get(str(operator))

    def _compare_together(self, chain: Chain, operator: object, lefts: object, right: object) -> bool | None:
        """Compare several fields at once with what is written as `{ tcp . 443, … }`."""
        listed = right.get("set", [right]) if isinstance(right, dict) else self._named(chain, right)
        if (
            operator not in ("==", "in")
            or not isinstance(listed, list | tuple)
            or not isinstance(lefts, list)
        ):
            return None
        answer: bool | None = False
        for entry in listed:
            parts = entry.get("concat") if isinstance(entry, dict) else None
            if not isinstance(parts, list) or len(parts) != len(lefts):
                return None
            each = [self._compare(chain, "==", one, other) for one, other in zip(lefts, parts, strict=True)]
            if all(each):
                return True
            answer = answer if False in each else None
        return answer

    def _named(self, chain: Chain, right: object) -> tuple[Any, ...] | None:
        if isinstance(right, str) and right.startswith("@"):
            return self.ruleset.sets.get((chain.family, chain.table, right[1:]))
        return None

    def _inside(self, chain: Chain, value: object, right: object) -> bool | None:
        """Say whether `value` is, or is among, what a rule compares with."""
        if isinstance(right, str) and right.startswith("@"):
            right = self._named(chain, right)
        if isinstance(right, dict):
            if "set" in right:
                return self._inside(chain, value, right["set"])
            if isinstance(right.get("elem"), dict):
                return self._inside(chain, value, right["elem"].get("val"))
            return _between(value, right)
        if isinstance(right, list | tuple):
            answers = [self._inside(chain, value, part) for part in right]
            return True if True in answers else None if None in answers else False
        if isinstance(right, bool) or not isinstance(right, int | str):
            return None
        return _same(value, right)


def _is_target(kind: str, value: object) -> bool:
    """Say whether it is what an extension of iptables does, and not what it asks."""
    return kind == "xt" and isinstance(value, dict) and value.get("type") == "target"


def _value(left: Mapping[str, Any], packet: Packet) -> tuple[bool, object]:
    """Return (True, the packet's value); (False, None) where it cannot be told; (False, False): has none."""
    ((kind, asked),) = left.items()
    if not isinstance(asked, dict):
        return False, None
    if kind == "payload":
        return _payload(str(asked.get("protocol", "")), str(asked.get("field", "")), packet)
    if kind == "meta":
        return _meta(str(asked.get("key", "")), packet)
    if kind == "ct":
        return _conntrack(str(asked.get("key", "")), str(asked.get("dir", "")), packet)
    return False, None


def _payload(protocol: str, name: str, packet: Packet) -> tuple[bool, object]:
    if protocol in ("ip", "ip6"):
        return _address_field(protocol, name, packet)
    ported = protocol in (*_PORTED, "th") and packet.protocol in _PORTED
    if (protocol in _NUMBERS and protocol != packet.protocol) or (protocol == "th" and not ported):
        return False, False
    fields: dict[str, object] = {"dport": packet.port, "sport": packet.source_port} if ported else {}
    if protocol in ("icmp", "icmpv6"):
        fields["type"] = packet.icmp_type
    return (True, fields[name]) if name in fields else (False, None)


def _address_field(protocol: str, name: str, packet: Packet) -> tuple[bool, object]:
    if packet.version != (4 if protocol == "ip" else 6):
        return False, False
    kind = ipaddress.IPv4Address if packet.version == 4 else ipaddress.IPv6Address
    known: dict[str, object] = {
        "saddr": kind(packet.source),
        "protocol": packet.protocol,
        "nexthdr": packet.protocol,
    }
    if packet.icmp_type.startswith("nd-"):
        known["hoplimit"] = 255  # what neighbours must send, and nobody else can (RFC 4861)
    return (True, known[name]) if name in known else (False, None)


def _meta(key: str, packet: Packet) -> tuple[bool, object]:
    known = {
        "l4proto": packet.protocol,
        "nfproto": f"ipv{packet.version}",
        "protocol": "ip" if packet.version == 4 else "ip6",
        "iif": packet.interface,
        "iifname": packet.interface,
    }
    return (True, known[key]) if key in known else (False, None)


def _conntrack(key: str, direction: str, packet: Packet) -> tuple[bool, object]:
    if key == "state":
        return True, packet.state
    if key == "status":
        return (True, "dnat" if packet.redirected else "")
    if key == "proto-dst" and direction == "original":
        return (True, packet.dialled) if packet.protocol in _PORTED else (False, False)
    return False, None


def _between(value: object, right: Mapping[str, Any]) -> bool | None:
    """Say whether `value` is in a range or a prefix; None where it is neither."""
    if isinstance(right.get("range"), list) and len(right["range"]) == 2:
        low, high, here = _number(right["range"][0]), _number(right["range"][1]), _number(value)
        return None if low is None or high is None or here is None else low <= here <= high
    network = network_of(right)
    if network is None or not isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return None
    return value.version == network.version and value in network


def network_of(right: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the network that an address or a prefix of a rule means, None where it is neither."""
    if isinstance(right, dict) and isinstance(right.get("prefix"), dict):
        right = f"{right['prefix'].get('addr')}/{right['prefix'].get('len')}"
    if not isinstance(right, str):
        return None
    try:
        return ipaddress.ip_network(right, strict=False)
    except ValueError:
        return None


def _number(value: object) -> int | None:
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    network = network_of(value)
    return int(network[0]) if network is not None else None


def _same(value: object, right: int | str) -> bool | None:
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        network = network_of(right)
        return None if network is None else value.version == network.version and value in network
    if isinstance(value, int):
        return value == right if isinstance(right, int) else None
    text = str(right)
    if text.endswith("*") and isinstance(value, str):  # an interface name with a wildcard
        return value.startswith(text[:-1])
    return value == _NAMES.get(text, text)
