# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the modules for mail servers share: which networks can be an organisation's own."""

from __future__ import annotations

from ipaddress import ip_network


class RefusedError(Exception):
    """Something that only the administrator can decide."""


def networks_of(networks: list[str]) -> list[str]:
    """Return the networks in one form; raises RefusedError for what is none, or is no organisation's own."""
    found = []
    for text in networks:
        try:
            network = ip_network(text.replace("[", "").replace("]", ""), strict=False)
        except ValueError:
            raise RefusedError(f"mail_relay_networks: {text} is no network.") from None
        least = 32 if network.version == 6 else 8 if network.is_private else 16
        if network.prefixlen < least:
            raise RefusedError(
                f"mail_relay_networks: {text} is broader than an organisation's own network can be."
            )
        found.append(str(network))
    return found
