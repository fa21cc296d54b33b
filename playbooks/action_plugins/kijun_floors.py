"""Check every host's parameters against the floors of the standard, before any host is touched.

Runs on the control node and contacts nothing. The same code and the same sentence as `kijun` itself
(`kijun/floors.py`), found beside this playbook so that `ansible-core` alone suffices.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

_DATA = Path(__file__).resolve().parents[2]  # holds playbooks/, roles/ and standards/


def _floors() -> Any:
    """Return `kijun.floors` of the tree this file belongs to, in a checkout or an installed wheel."""
    for folder in _DATA, *_DATA.parents:
        if (folder / "kijun" / "floors.py").is_file():
            sys.path.insert(0, str(folder))  # before any other kijun that is installed
            try:
                return importlib.import_module("kijun.floors")
            finally:
                sys.path.remove(str(folder))
    raise AnsibleError("kijun_floors: expected the Python package 'kijun' above this playbook, found none.")


class ActionModule(ActionBase):
    """`kijun_floors:` takes no arguments and looks at all hosts of the play; run it once."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return a failed result with the sentence of `kijun.floors.refusal` where a value may not be."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        floors = _floors()
        try:
            rules = floors.load_rules(_DATA)
        except floors.StandardError as bad:
            raise AnsibleError(f"kijun: {bad}") from None
        variables = task_vars or {}
        hosts: list[str] = variables["ansible_play_hosts_all"]
        found, unresolved = {}, []
        for host in hosts:
            try:
                found[host] = floors.violations(
                    rules, self._values(floors, rules, variables["hostvars"], host)
                )
            except _UnresolvedError as bad:
                unresolved.append(f"{host}: {bad}")
        refused = floors.refusal(found)
        if unresolved:
            refused = refused or "; ".join(unresolved) + "; no host was touched."
        result.update(changed=False, failed=bool(refused))
        result["msg"] = (
            f"kijun: {refused}" if refused else f"{len(hosts)} hosts keep to the floors of the standard."
        )
        return result

    def _values(self, floors: Any, rules: Any, hostvars: Any, host: str) -> Any:
        """Return the parameters that the inventory or the command line sets for `host`, resolved."""
        raw = hostvars.raw_get(host)
        # A value may refer to a parameter that nobody set; in the roles' play its default is there.
        defaults = {name: parameter.default for name, parameter in rules.parameters.items()}
        templar = self._templar.copy_with_new_env(
            available_variables={**defaults, **raw, "hostvars": hostvars}
        )
        values = {}
        for name in rules.parameters:
            if name in raw:
                origin = floors.origin_of(raw[name])
                try:
                    values[name] = floors.Value(templar.template(raw[name]), origin)
                except AnsibleError as bad:
                    why = " ".join(str(bad.message).split()).rstrip(".")
                    raise _UnresolvedError(
                        f"the variable {name} (set in {origin}) cannot be resolved: {why[:300]}"
                    ) from bad
        return values


class _UnresolvedError(Exception):
    """A variable of one host cannot be resolved."""
