"""The Ansible inventory to hosts with their effective parameters, by Ansible's own code and precedence.

What `ansible-playbook -i … playbooks/site.yml` would see is what kijun sees: group_vars and host_vars beside
the inventory and beside the playbooks, vault, Jinja, dynamic inventories, several sources. Only the variables
that reading and judging need are templated. Ansible is imported on first use: it costs half a second.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kijun.errors import FloorError, InventoryError
from kijun.floors import (
    DEFAULT_PLACE,
    Rules,
    Value,
    load_rules,
    origin_of,
    refusal,
    typed_value,
    violations,
)
from kijun.paths import data_root
from kijun.reading.protocol import Connection

_ONE_AT_A_TIME = threading.Lock()  # Ansible's display and plugin loaders belong to the whole process


@dataclass(frozen=True, slots=True)
class Host:
    """One host of the inventory. Where `problem` is set it must not be contacted; the rest is incomplete."""

    name: str
    connection: Connection
    params: Mapping[str, object] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)  # parameter -> where it was set
    problem: str = ""  # one sentence: a variable that cannot be resolved


@dataclass(frozen=True, slots=True)
class Matched:
    """What an Ansible pattern selects of the whole inventory, and the parts of it that select nothing."""

    hosts: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """The selected hosts, and what each pattern that was asked for matches of all hosts."""

    hosts: list[Host]
    matches: Mapping[str, Matched]


def load_inventory(
    sources: Sequence[str],
    *,
    limit: str | None = None,
    vault_password_files: Sequence[str] = (),
    playbooks: Path | None = None,
    rules: Rules | None = None,
) -> list[Host]:
    """Return the hosts that `sources` and `limit` select, in Ansible's order; see `survey_inventory`."""
    return survey_inventory(
        sources, limit=limit, vault_password_files=vault_password_files, playbooks=playbooks, rules=rules
    ).hosts


def survey_inventory(
    sources: Sequence[str],
    *,
    limit: str | None = None,
    vault_password_files: Sequence[str] = (),
    playbooks: Path | None = None,
    rules: Rules | None = None,
    patterns: Sequence[str] = (),
) -> Inventory:
    """Return the hosts that `sources` and `limit` select, and what `patterns` match whatever the limit.

    Raises InventoryError where a source is missing or cannot be parsed, or nothing is selected, and
    FloorError where any selected host has a parameter below a floor: both before any host is touched. A host
    whose own variables cannot be resolved is returned with its `problem`; see `require_resolved`.
    """
    rules = rules or load_rules()
    with (
        _ONE_AT_A_TIME,
        _Ansible(sources, vault_password_files, playbooks or data_root() / "playbooks") as ansible,
    ):
        hosts, values = [], {}
        matches = {pattern: ansible.match(pattern) for pattern in patterns}
        for name, variables in ansible.select(limit):
            host, known = _resolve(ansible, name, variables, rules)
            hosts.append(host)
            values[name] = violations(rules, known)
    if refused := refusal(values):
        raise FloorError(refused)
    return Inventory(hosts, matches)


def require_resolved(hosts: Iterable[Host]) -> None:
    """Raise InventoryError with the sentences of all hosts that have a `problem`, before any change."""
    if problems := [host.problem.rstrip(".") for host in hosts if host.problem]:
        raise InventoryError("; ".join(problems) + "; no host was touched.")


def _resolve(
    ansible: _Ansible, name: str, variables: Mapping[str, Any] | str, rules: Rules
) -> tuple[Host, dict[str, Value]]:
    from kijun.connections import UnresolvedError, connection_of, resolve  # noqa: PLC0415 - imports Ansible

    if isinstance(variables, str):
        return Host(name, Connection(name), problem=variables), {}
    known: dict[str, Value] = {}
    try:
        effective = ansible.templates(_with_defaults(rules, variables))
        for parameter in rules.parameters:
            if parameter in variables:
                value = resolve(effective, parameter, variables[parameter])
                known[parameter] = Value(_plain(value), origin_of(variables[parameter]))
        connection = connection_of(name, variables, effective)
    except UnresolvedError as bad:
        return Host(name, Connection(name), problem=f"{name}: {bad}"), known
    params = {
        key: typed_value(parameter, known[key].value if key in known else parameter.default)
        for key, parameter in rules.parameters.items()
    }
    origins = {key: known[key].origin if key in known else DEFAULT_PLACE for key in rules.parameters}
    return Host(name, connection, params, origins), known


def _with_defaults(rules: Rules, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults are there for other variables to refer to, as they are in a play."""
    return {**{name: parameter.default for name, parameter in rules.parameters.items()}, **variables}


def _plain(value: object) -> object:
    """Return `value` without Ansible's tags: what JSON can hold, and text for everything else."""
    return json.loads(json.dumps(value, default=str))


class _Ansible:
    """Ansible's inventory and variable machinery, with its warnings kept instead of printed."""

    def __init__(self, sources: Sequence[str], vault_password_files: Sequence[str], playbooks: Path) -> None:
        self._sources, self._playbooks = list(sources), playbooks
        self._vault_password_files = list(vault_password_files)
        self.said: list[str] = []

    def __enter__(self) -> _Ansible:
        for source in self._sources:
            if "," not in source and not Path(source).exists():
                raise InventoryError(
                    f"there is no inventory {source}; name a file, a folder or 'host1,host2'."
                )
        with _own_settings():
            from ansible.utils.display import Display  # noqa: PLC0415

        self._display = Display()
        self._display.display = lambda message, *_args, **_rest: self.said.append(str(message))
        try:
            _prepare_ansible()
            self._load()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        del self._display.display

    def _load(self) -> None:
        from ansible.errors import AnsibleError  # noqa: PLC0415
        from ansible.inventory.manager import InventoryManager  # noqa: PLC0415
        from ansible.parsing.dataloader import DataLoader  # noqa: PLC0415
        from ansible.vars.hostvars import HostVars  # noqa: PLC0415
        from ansible.vars.manager import VariableManager  # noqa: PLC0415

        unparsed: list[str] = []

        class Loader(DataLoader):  # type: ignore[misc]
            """Remembers the file it was asked for last; Ansible does not name the one it cannot decrypt."""

            last_file = ""

            def load_from_file(self, file_name: str, *args: Any, **kwargs: Any) -> Any:
                self.last_file = str(file_name)
                return super().load_from_file(file_name, *args, **kwargs)

        class Manager(InventoryManager):  # type: ignore[misc]
            """Remembers what could not be parsed; Ansible only warns, and hosts are silently missing."""

            def parse_source(self, source: str, cache: bool = False) -> bool:
                parsed = bool(super().parse_source(source, cache=cache))
                if not parsed and not Path(source).is_dir():
                    unparsed.append(source)
                return parsed

        self.loader = Loader()
        try:
            self.loader.set_vault_secrets(_vault_secrets(self.loader, self._vault_password_files))
            self.inventory = Manager(self.loader, self._sources)
        except AnsibleError as bad:
            raise InventoryError(f"the inventory cannot be loaded: {_sentence(str(bad))}.") from bad
        if unparsed:
            raise InventoryError(f"the inventory {unparsed[0]} cannot be parsed: {self._why()}.")
        self.loader.set_basedir(str(self._playbooks))
        self.variables = VariableManager(self.loader, self.inventory)
        HostVars(self.inventory, self.variables, self.loader)  # for templates that look at other hosts

    def _why(self) -> str:
        """Return the most telling warning: the first plugin's, and of it the line that names the trouble."""
        for message in self.said:
            if "Failed to parse inventory" in message:
                return _sentence(message.split("plugin:", 1)[-1])
        return "no inventory plugin understands it"

    def select(self, limit: str | None) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
        """Yield each selected host with its raw variables, or with a sentence where they cannot be loaded."""
        from ansible.errors import AnsibleError  # noqa: PLC0415

        try:
            self.inventory.subset(limit)
            hosts = self.inventory.list_hosts("all")
            if not hosts and limit:
                hosts = self.inventory.list_hosts(limit)  # implicit localhost
        except AnsibleError as bad:
            raise InventoryError(f"--limit {limit} cannot be used: {_sentence(str(bad))}.") from bad
        if not hosts:
            where = ", ".join(self._sources)
            what = (
                f"--limit {limit} selects no host of {where}"
                if limit
                else f"the inventory {where} has no host"
            )
            raise InventoryError(f"{what}.")
        for host in hosts:
            try:
                variables: Mapping[str, Any] | str = self.variables.get_vars(host=host)
            except AnsibleError as bad:
                place = self.loader.last_file
                variables = f"{host.name}: its variables in {place} cannot be loaded: {_sentence(str(bad))}."
            yield str(host.name), variables

    def match(self, pattern: str) -> Matched:
        """Return what an Ansible pattern selects of all hosts, and its parts that select nothing."""
        from ansible.errors import AnsibleError  # noqa: PLC0415
        from ansible.inventory.manager import split_host_pattern  # noqa: PLC0415

        def hosts(part: str) -> frozenset[str]:
            found = self.inventory.get_hosts(part, ignore_limits=True)
            return frozenset(str(host.name) for host in found if not host.implicit)

        try:
            parts = [str(part) for part in split_host_pattern(pattern)]
            unknown = [part.lstrip("!&") for part in parts if not hosts(part.lstrip("!&"))]
            return Matched(hosts(pattern), tuple(unknown))
        except (AnsibleError, re.error, ValueError, IndexError):
            return Matched(unknown=(pattern,))  # no pattern at all

    def templates(self, variables: dict[str, Any]) -> Any:
        """Return a Templar over one host's variables."""
        from ansible.template import Templar  # noqa: PLC0415

        return Templar(loader=self.loader, variables=variables)


@contextmanager
def _own_settings() -> Iterator[None]:
    """Have Ansible, while it is imported, read kijun's ansible.cfg, as `kijun enforce` has it.

    One that lies in the working directory or at home must not make the two see different values.
    """
    before = os.environ.get("ANSIBLE_CONFIG")
    os.environ["ANSIBLE_CONFIG"] = str(data_root() / "ansible.cfg")
    try:
        yield
    finally:
        del os.environ["ANSIBLE_CONFIG"]
        if before is not None:
            os.environ["ANSIBLE_CONFIG"] = before


def _prepare_ansible() -> None:
    """Make Ansible's plugins findable, and let it forget which group_vars and host_vars it found earlier."""
    from ansible.plugins.loader import init_plugin_loader  # noqa: PLC0415 - half a second, only when needed
    from ansible.plugins.vars import host_group_vars  # noqa: PLC0415
    from ansible.utils.collection_loader import AnsibleCollectionConfig  # noqa: PLC0415

    if AnsibleCollectionConfig.collection_finder is None:
        init_plugin_loader()
    for remembered in (host_group_vars.FOUND, host_group_vars.NAK, host_group_vars.CANONICAL_PATHS):
        remembered.clear()


def _vault_secrets(loader: Any, files: Sequence[str]) -> list[tuple[str, Any]]:
    """Return the vault secrets that files give, in Ansible's order; a password is never asked for."""
    from ansible import constants as C  # noqa: N812, PLC0415
    from ansible.parsing.vault import get_file_vault_secret  # noqa: PLC0415

    listed = [str(entry) for entry in C.DEFAULT_VAULT_IDENTITY_LIST] + list(files)
    if C.DEFAULT_VAULT_PASSWORD_FILE:
        listed.append(str(C.DEFAULT_VAULT_PASSWORD_FILE))
    secrets = []
    for entry in listed:
        label, at, source = entry.partition("@")
        if not at:
            label, source = str(C.DEFAULT_VAULT_IDENTITY), entry
        if source.startswith("prompt"):
            raise InventoryError(
                "a vault password would have to be typed; name a file with --vault-password-file."
            )
        secret = get_file_vault_secret(filename=source, vault_id=label, loader=loader)
        secret.load()
        secrets.append((label, secret))
    return secrets


def _sentence(text: str) -> str:
    """Return what Ansible said on one line, without its full stop and its excerpt of the file."""
    excerpt = text.split("\nOrigin:", maxsplit=1)[0]
    words = " ".join(line.strip() for line in excerpt.splitlines() if line.strip())
    place = next(
        (line.removeprefix("Origin:").strip() for line in text.splitlines() if line.startswith("Origin:")), ""
    )
    return f"{words.rstrip('.')}{f' ({place})' if place else ''}"[:400]
