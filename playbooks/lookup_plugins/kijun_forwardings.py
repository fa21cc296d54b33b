"""The forwardings of mail that the register permits on a host, in the form of `mail_forwarding_approved`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: kijun_forwardings
short_description: Permitted forwardings of mail from the register of exceptions
description:
  - Reads C(exceptions/*.yml) and C(persons.yml) beside the inventory and returns the forwardings that the
    network manager has permitted for this host (S-10.1.12.a-2), as C(mail_forwarding_approved) wants them.
  - What counts is decided by C(kijun) itself, so that C(kijun check), C(kijun enforce) and plain
    C(ansible-playbook) see the same. Needs kijun's Python packages where Ansible runs.
options:
  _terms:
    description: The folder of the register; C(exceptions) beside the inventory where there is none.
    type: list
    elements: path
"""
EXAMPLES = """
- name: In group_vars, beside what is written by hand
  ansible.builtin.debug:
    msg: "{{ query('kijun_forwardings') }}"
"""
RETURN = """
_raw:
  description: One dictionary for each forwarding, with the keys from, to, approver, until and reason.
  type: list
  elements: dict
"""

_DATA = Path(__file__).resolve().parents[2]  # holds playbooks/, roles/ and standards/


class LookupModule(LookupBase):
    """`query('kijun_forwardings')`."""

    def run(
        self, terms: Sequence[str], variables: Mapping[str, Any] | None = None, **_options: Any
    ) -> list[dict[str, str]]:
        """Return the permitted forwardings of the host whose variables are templated."""
        known = variables or {}
        host = known.get("inventory_hostname")
        if not host:
            raise AnsibleError("kijun_forwardings: expected to be asked for a host, found none.")
        forwardings = _kijun("kijun.exceptions.forwardings")
        beside = known.get("inventory_dir")  # None for a host of the command line
        try:
            return list(
                forwardings.permitted(
                    [str(beside)] if beside else [],
                    Path(terms[0]) if terms else None,
                    lambda pattern: str(host) in self._matched(pattern, known.get("groups") or {}),
                )
            )
        except forwardings.KijunError as bad:
            raise AnsibleError(f"kijun: {bad}") from None

    def _matched(self, pattern: str, groups: Mapping[str, Sequence[str]]) -> set[str]:
        """Return the hosts that Ansible's pattern selects; that the groups are flat here changes nothing."""
        inventory = InventoryManager(self._loader, parse=False)
        for group, hosts in groups.items():
            inventory.add_group(str(group))
            for host in hosts:
                inventory.add_host(str(host), str(group))
        return {str(found.name) for found in inventory.get_hosts(pattern, ignore_limits=True)}


def _kijun(name: str) -> Any:
    """Return a module of the tree this file belongs to, in a checkout or an installed wheel."""
    for folder in _DATA, *_DATA.parents:
        if (folder / "kijun" / "floors.py").is_file():
            sys.path.insert(0, str(folder))  # before any other kijun that is installed
            try:
                return importlib.import_module(name)
            except ImportError as bad:
                raise AnsibleError(
                    f"kijun_forwardings: {bad}; run the ansible-playbook of kijun's .venv."
                ) from bad
            finally:
                sys.path.remove(str(folder))
    raise AnsibleError(
        "kijun_forwardings: expected the Python package 'kijun' above this playbook, found none."
    )
