# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Declared ports as rules of nftables, and what listens that nobody declared. Pure functions."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any, Optional

TABLE = ("inet", "kijun_filter")
_LOCAL = re.compile(r"(?:\[([^\]]+)\]|([^\[\]%]+))(?:%([^\[\]:]+))?:([0-9]{1,5})")
_PASSING = 32768  # ports from here on are given to a host's own questions (ip(7), ip_local_port_range)
_VOLATILE = ("handle", "index", "packets", "bytes", "expires", "metainfo")

# Accepting by the port that was dialled (ct original) covers what a redirection, as Docker's, makes of it.
RULES = """\
# Written by kijun (role unused_ports). Changes are lost: declare ports in unused_ports_declared.
# This table alone is replaced, in one transaction; the tables of others stay as they are.
table inet kijun_filter
delete table inet kijun_filter
table inet kijun_filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif "lo" accept
		icmp type { destination-unreachable, time-exceeded, parameter-problem, echo-request } accept
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
		icmpv6 type { echo-request, mld-listener-query, mld-listener-report, mld2-listener-report } accept
		ip6 hoplimit 255 icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
		# Answers of a DHCPv6 server: they were asked of a group, so they look like nobody's answers.
		ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
		jump declared
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
		# What was redirected on its way through, to a container say. Everything else is only passing.
		ct status dnat jump declared
		ct status dnat drop
	}
	chain declared {
@RULES@
	}
}
"""


def ports(entry: dict[str, Any]) -> tuple[int, int]:
    """Return the first and the last port of a declaration; ValueError where it has none."""
    low, _, high = str(entry.get("port")).partition("-")
    numbers = [int(edge) if edge.isdigit() else 0 for edge in (low, high or low)]
    if not 0 < numbers[0] <= numbers[1] < 65536:
        raise ValueError(f"port {entry.get('port')!r}: expected 1 to 65535, or such a range")
    first, last = numbers
    return first, last


def sources(entry: dict[str, Any]) -> Optional[list[Any]]:
    """Return the networks of a declaration, None for anywhere; ValueError where one is no network."""
    raw = entry.get("from", "any")
    listed = [raw] if isinstance(raw, str) else raw
    if not isinstance(listed, list):
        raise ValueError(f"from {raw!r}: expected 'any' or a list of addresses and networks")
    if "any" in listed:
        return None
    return [ipaddress.ip_network(str(one), strict=False) for one in listed]


def holds(entry: dict[str, Any], proto: str, port: int) -> bool:
    """Say whether a declaration is about this port."""
    low, high = ports(entry)
    return entry.get("proto", "tcp") == proto and low <= port <= high


def with_ways_in(declared: list[dict[str, Any]], ssh_ports: list[int]) -> list[dict[str, Any]]:
    """Return the declarations, with one for each port of the SSH server that has none: from anywhere."""
    added = [
        {"port": port, "proto": "tcp", "from": "any", "purpose": "SSH"}
        for port in sorted(set(ssh_ports))
        if not any(holds(entry, "tcp", port) for entry in declared)
    ]
    return declared + added


def render(declared: list[dict[str, Any]]) -> str:
    """Return the table as nft reads it; ValueError names the declaration that cannot be understood."""
    lines = []
    for entry in declared:
        low, high = ports(entry)
        proto = entry.get("proto", "tcp")
        if proto not in ("tcp", "udp"):
            raise ValueError(f"proto {proto!r}: expected tcp or udp")
        said = " ".join(f"{entry.get('purpose') or ''} ({entry.get('owner') or 'nobody named'})".split())
        lines.append(f"# {''.join(c for c in said if c.isprintable())}")
        port = str(low) if low == high else f"{low}-{high}"
        rule = f"meta l4proto {proto} ct original proto-dst {port}"
        listed = sources(entry)
        if listed is None:
            lines.append(f"{rule} accept")
        for network in listed or []:
            family = "ip" if network.version == 4 else "ip6"
            lines.append(f"{rule} {family} saddr {network} accept")
    return RULES.replace("@RULES@", "\n".join(f"\t\t{line}" for line in lines))


def ssh_ports(sshd: str, connection: str) -> list[int]:
    """Return the ports by which SSH comes in: of `sshd -T`, and of the live connection (SSH_CONNECTION)."""
    found = [int(port) for port in re.findall(r"(?m)^port ([0-9]{1,5})$", sshd)]
    words = connection.split()
    return found + ([int(words[3])] if len(words) == 4 and words[3].isdigit() else [])


def shut_out(declared: list[dict[str, Any]], connection: str) -> str:
    """Return the operator's address (in SSH_CONNECTION) where no declaration lets it in, else ""."""
    words = connection.split()
    if len(words) != 4 or not words[3].isdigit() or words[0] == "UNKNOWN":  # not over a network: sshd -i
        return ""
    client = ipaddress.ip_address(words[0].partition("%")[0])
    client = getattr(client, "ipv4_mapped", None) or client
    own = [sources(entry) for entry in declared if holds(entry, "tcp", int(words[3]))]
    let_in = any(listed is None or any(client in network for network in listed) for listed in own)
    return "" if let_in or client.is_loopback else str(client)


def strays(listening: str, declared: list[dict[str, Any]], stopping: list[str]) -> list[str]:
    """Return what listens for others in `ss -H -lntup --cgroup` and is not declared, in words.

    DHCP clients are left out, UDP on passing ports, where a host waits for answers, and the units that are
    `stopping` (a dry run still finds them).
    """
    found = []
    for words in (line.split() for line in listening.splitlines()):
        local = _LOCAL.fullmatch(words[4]) if len(words) > 4 else None
        if local is None:
            continue
        address, _, interface = (local[1] or local[2]).partition("%")
        interface = local[3] or interface
        proto, port = words[0], int(local[4])
        if interface == "lo" or (address != "*" and _is_loopback(address)):
            continue
        if proto == "udp" and (port in (68, 546) or port >= _PASSING):
            continue
        if words[-1].startswith("cgroup:") and words[-1].rpartition("/")[2] in stopping:
            continue
        if not any(holds(entry, proto, port) for entry in declared):
            who = re.search(r'\("([^"]*)"', " ".join(words[6:]))
            found.append(f"{proto} {port}" + (f" ({who[1]})" if who else ""))
    return list(dict.fromkeys(found))


def _is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


def lasting(listed: str) -> str:
    """Return what `nft -j list` printed in one form that only a change of the rules changes."""
    return json.dumps(_lasting(json.loads(listed)), sort_keys=True)


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _lasting(part) for key, part in value.items() if key not in _VOLATILE}
        if isinstance(kept.get("set"), list):
            kept["set"] = sorted(kept["set"], key=lambda part: json.dumps(part, sort_keys=True))
        return kept
    return [_lasting(part) for part in value] if isinstance(value, list) else value
