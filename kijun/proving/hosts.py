"""The host a proof runs against: how to reach it and which parameters are effective on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from kijun.inventory import load_inventory, require_resolved
from kijun.reading.protocol import Connection

PROOF_HOSTS = pytest.StashKey[dict[str, "ProofHost"]]()


@dataclass(frozen=True)
class ProofHost:
    """What a proof needs to know of its host beside Testinfra's `host`."""

    connection: Connection
    params: Mapping[str, object]


def proof_host(config: pytest.Config, name: str) -> ProofHost:
    """Return what is known of host `name`: handed over by `kijun prove`, or from `--ansible-inventory`.

    Raises pytest.UsageError without an inventory, and KijunError where it cannot be used.
    """
    known = config.stash.setdefault(PROOF_HOSTS, {})
    if name not in known:
        source = config.getoption("--ansible-inventory")
        if not source:
            raise pytest.UsageError("proofs need --ansible-inventory, to know the parameters of the host")
        hosts = load_inventory([str(source)], limit=name)
        require_resolved(hosts)
        known[name] = ProofHost(hosts[0].connection, hosts[0].params)
    return known[name]
