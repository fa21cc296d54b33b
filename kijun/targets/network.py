"""The targets' network: one bridge, a free subnet, and masquerading for that subnet alone.

What exists is asked of the kernel and not of a file, so a half-made network is completed and a
forgotten one is found.
"""

from __future__ import annotations

import ipaddress
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kijun.paths import state_dir
from kijun.targets.errors import TargetError
from kijun.targets.naming import NFT_PREFIX, Realm
from kijun.targets.tools import run

Net = ipaddress.IPv4Network
_SIX = Path("/proc/sys/net/ipv6/conf")
_HOSTS = range(10, 250)
_ALIAS = 255  # IFALIASZ - 1, in linux/if.h


def twin(address: str) -> str:
    """Return the IPv6 address that a target has besides `address`: a unique local one (RFC 4193)."""
    _, second, third, last = (int(part) for part in address.split("."))
    return str(ipaddress.IPv6Address(f"fd6b:696a:{second:x}:{third:x}::{last:x}"))


def six_lines(address: str) -> tuple[str, ...]:
    """Return the lines of systemd.network(5) that give a target its IPv6 address, usable at once."""
    twin_line = f"Address={twin(address)}/64"
    return ("LinkLocalAddressing=ipv6", twin_line, "IPv6AcceptRA=no", "IPv6DuplicateAddressDetection=0")


def _allow_six(bridge: str) -> None:
    switch = _SIX / bridge / "disable_ipv6"
    if switch.read_text().strip() != "0":
        switch.write_text("0\n")


@dataclass(frozen=True, slots=True)
class Network:
    """The subnet on the bridge; the bridge itself has its first address."""

    bridge: str
    subnet: Net

    @property
    def gateway(self) -> str:
        """The bridge's own address, the targets' default route."""
        return str(self.subnet[1])

    def pick(self, used: Iterable[str], chooser: random.Random) -> str:
        """Return a free address, at random so that a successor rarely inherits a stale SSH connection."""
        taken = set(used)
        free = [str(self.subnet[n]) for n in _HOSTS if str(self.subnet[n]) not in taken]
        if not free:
            raise TargetError(
                f"all {len(_HOSTS)} addresses of {self.subnet} are in use: take targets down first."
            )
        return chooser.choice(free)


def free_subnet(in_use: Iterable[Net], tag: str) -> Net:
    """Return a /24 within 10.200 to 10.249 that overlaps none of `in_use`; `tag` says where to begin."""
    busy = list(in_use)
    start, count = int(tag, 16), 50 * 256
    for step in range(count):
        second, third = divmod((start + step) % count, 256)
        candidate = Net(f"10.{200 + second}.{third}.0/24")
        if not any(candidate.overlaps(net) for net in busy):
            return candidate
    raise TargetError("no free 10.x.y.0/24 subnet is left on this machine for the targets' bridge.")


def _ip(*argv: str) -> list[dict[str, Any]]:
    loaded = json.loads(run(["ip", "-j", *argv]) or "[]")
    return [item for item in loaded if isinstance(item, dict) and item]


def subnets_in_use() -> list[Net]:
    """Return every IPv4 network this machine has an address in or a route to (not the default route)."""
    found = []
    for link in _ip("-4", "addr", "show"):
        for entry in link.get("addr_info", []):
            found.append(Net(f"{entry['local']}/{entry['prefixlen']}", strict=False))
    for route in _ip("-4", "route", "show", "table", "all"):
        if route.get("dst", "default") != "default":
            found.append(Net(route["dst"], strict=False))
    return found


def links(prefixes: tuple[str, ...]) -> list[str]:
    """Return the network links whose names begin with one of `prefixes`."""
    return [link["ifname"] for link in _ip("link", "show") if link["ifname"].startswith(prefixes)]


def _bridge_subnet(bridge: str) -> Net | None:
    for link in _ip("-4", "addr", "show"):
        if link["ifname"] == bridge:
            for entry in link.get("addr_info", []):
                return Net(f"{entry['local']}/{entry['prefixlen']}", strict=False)
    return None


def ensure(realm: Realm) -> Network:
    """Make what is missing of the realm's network and return it."""
    bridge = realm.bridge
    if not links((bridge,)):
        run(["ip", "link", "add", bridge, "type", "bridge"])
        run(["ip", "link", "set", bridge, "alias", str(state_dir().resolve())[-_ALIAS:]])
    subnet = _bridge_subnet(bridge)
    if subnet is None:
        subnet = free_subnet(subnets_in_use(), realm.tag)
        run(["ip", "addr", "add", f"{subnet[1]}/{subnet.prefixlen}", "dev", bridge])
    if _SIX.exists():  # also where IPv6 is switched off for other links
        _allow_six(bridge)
        run(["ip", "-6", "addr", "replace", f"{twin(str(subnet[1]))}/64", "dev", bridge, "nodad"])
    run(["ip", "link", "set", bridge, "up"])
    # Adding a table or a chain that exists is no error, and flushing leaves exactly one rule (nft(8)).
    run(
        ["nft", "-f", "-"],
        stdin=f"""
            table ip {realm.nft_table} {{ chain post {{ type nat hook postrouting priority 100; }}; }}
            flush chain ip {realm.nft_table} post
            add rule ip {realm.nft_table} post ip saddr {subnet} oifname != "{bridge}" masquerade
        """,
    )
    return Network(bridge, subnet)


def add_tap(realm: Realm, name: str) -> str:
    """Put a tap link for the virtual machine `name` on the bridge and return its name."""
    tap = realm.tap(name)
    run(["ip", "tuntap", "add", "dev", tap, "mode", "tap"])
    run(["ip", "link", "set", tap, "master", realm.bridge, "up"])
    return tap


def delete_links(prefixes: tuple[str, ...]) -> None:
    """Delete the links whose names begin with one of `prefixes`; a veth may vanish by itself meanwhile."""
    for link in links(prefixes):
        try:
            run(["ip", "link", "delete", link])
        except TargetError:
            if links((link,)):
                raise


def nft_tables() -> list[str]:
    """Return the names of all nftables tables."""
    listed = json.loads(run(["nft", "-j", "list", "tables"]))["nftables"]
    return [entry["table"]["name"] for entry in listed if "table" in entry]


def remove(realm: Realm) -> None:
    """Remove the realm's links, bridge and nftables table."""
    delete_links((*realm.link_prefixes, realm.bridge))
    if realm.nft_table in nft_tables():
        run(["nft", "delete", "table", "ip", realm.nft_table])


def orphans() -> list[Realm]:
    """Return the realms with a bridge here whose state directory (the alias of the link) is gone."""
    found = []
    for link in _ip("link", "show"):
        state = Path(link.get("ifalias", ""))
        if state.is_absolute() and not state.exists() and Realm.of(state).bridge == link["ifname"]:
            found.append(Realm.of(state))
    return found


def any_left() -> bool:
    """Tell whether the targets of any state directory have a network on this machine."""
    return any(table.startswith(NFT_PREFIX) for table in nft_tables())


def nameservers(resolv_confs: Iterable[Path]) -> list[str]:
    """Return the nameservers of the first file that names one a target can reach (not on a loopback).

    None at all is a good answer too: the target's resolver then asks its own port 53, is refused at
    once, and no dialogue waits for a time-out.
    """
    for path in resolv_confs:
        if not path.is_file():
            continue
        words = [line.split() for line in path.read_text(errors="replace").splitlines()]
        named = [w[1] for w in words if len(w) > 1 and w[0] == "nameserver"]
        usable = [a for a in named if not _is_loopback(a)]
        if usable:
            return usable
    return []


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        return True  # not an address: of no use to a target
