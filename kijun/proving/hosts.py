"""The host a proof runs against: how to reach it and which parameters are effective on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.manager import VariableManager

from kijun.parameters import defaults, load_parameters
from kijun.proving.connection import Connection

PROOF_HOSTS = pytest.StashKey[dict[str, "ProofHost"]]()


@dataclass(frozen=True)
class ProofHost:
    """What a proof needs to know of its host beside Testinfra's `host`."""

    connection: Connection
    params: Mapping[str, object]


def proof_host(config: pytest.Config, name: str) -> ProofHost:
    """Return what is known of host `name`: handed over by `kijun prove`, or from `--ansible-inventory`."""
    known = config.stash.setdefault(PROOF_HOSTS, {})
    if name not in known:
        source = config.getoption("--ansible-inventory")
        if not source:
            raise pytest.UsageError("proofs need --ansible-inventory, to know the parameters of the host")
        known[name] = _from_inventory(str(source), name)
    return known[name]


def _from_inventory(source: str, name: str) -> ProofHost:
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[source])
    manager = VariableManager(loader=loader, inventory=inventory)
    own = manager.get_vars(host=inventory.get_host(name))
    preset = defaults(load_parameters())
    variables = {**preset, **own}
    templar = Templar(loader=loader, variables=variables)
    params = {key: templar.template(variables[key]) for key in preset}
    wanted = {key: templar.template(value) for key, value in own.items() if key.startswith("ansible_")}
    return ProofHost(Connection.from_variables(name, wanted), params)
