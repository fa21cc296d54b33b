"""Lists of networks as mail servers take them, and whether they are within what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network

Network = IPv4Network | IPv6Network
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
# What an organisation can use for itself without asking (RFC 1918, 4193, 6598), and what never leaves a link;
# ranges that are nobody's (for documentation, for benchmarks) are none of these.
PRIVATE: tuple[Network, ...] = (
    *LOOPBACK,
    *map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")),
    *map(ip_network, ("fc00::/7", "fe80::/10")),
)
_MAPPED = ip_network("::ffff:0:0/96")
# Broader than any organisation's own: whole classes, and more than a provider gives out at once.
_BROADEST_V4, _BROADEST_PUBLIC_V4, _BROADEST_V6 = 8, 16, 32


def network(text: str) -> Network | None:
    """Return the network that `text` names (`10.0.0.0/8`, `[::1]/128`); None where it names none.

    An IPv4 network written as IPv6 (`::ffff:127.0.0.0/104`) is the IPv4 network. Host bits are ignored.
    """
    try:
        found = ip_network(text.replace("[", "").replace("]", "").strip(), strict=False)
    except ValueError:
        return None
    if isinstance(found, IPv6Network) and isinstance(_MAPPED, IPv6Network) and found.subnet_of(_MAPPED):
        mapped = found.network_address.ipv4_mapped
        return ip_network(f"{mapped}/{found.prefixlen - 96}")
    return found


def own_addresses(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the host's own addresses as networks of one address each, from what `ip addr` prints."""
    found = []
    for text in texts:
        try:
            found.append(ip_network(ip_interface(text).ip))
        except ValueError:
            continue
    return tuple(found)


def within(inner: Network, allowed: Iterable[Network]) -> bool:
    """Whether every address of `inner` is in one of `allowed`."""
    return any(_subnet(inner, outer) for outer in allowed)


def _subnet(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False


def too_broad(found: Network) -> bool:
    """Whether a network is broader than an organisation's own can be."""
    if isinstance(found, IPv6Network):
        return found.prefixlen < _BROADEST_V6
    return found.prefixlen < (_BROADEST_V4 if found.is_private else _BROADEST_PUBLIC_V4)
