"""Ansible's connection variables of one host to a `Connection`, by the options of Ansible's own plugins."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import become_loader, connection_loader

from kijun.floors import UNKNOWN_PLACE, origin_of
from kijun.reading.protocol import Connection

_SSH_OPTIONS = (
    "host",
    "port",
    "remote_user",
    "private_key_file",
    "password",
    "ssh_args",
    "ssh_common_args",
    "ssh_extra_args",
    "host_key_checking",
)
_SECRET = ("pass", "password", "passphrase")
_LOCAL = ("local", "ansible.builtin.local")
_SSH = ("ssh", "smart", "paramiko", "ansible.builtin.ssh", "ansible.builtin.paramiko_ssh", "paramiko_ssh")


class UnresolvedError(Exception):
    """A variable that is needed cannot be resolved; the text names it, says where it was set and why."""


def resolve(templates: Any, name: str, raw: Any) -> Any:
    """Return the value of variable `name`, given as `raw`; UnresolvedError never tells a secret's value."""
    try:
        return templates.template(raw)
    except AnsibleError as bad:
        place = origin_of(raw)
        where = f" (set in {place})" if place != UNKNOWN_PLACE else ""
        secret = name.endswith(_SECRET)
        why = type(bad).__name__ if secret else " ".join(str(bad.message).split()).rstrip(".")
        raise UnresolvedError(f"the variable {name}{where} cannot be resolved: {why[:300]}.") from bad


def connection_of(name: str, variables: Mapping[str, Any], templates: Any) -> Connection:
    """Return how Ansible would connect to host `name`; raises UnresolvedError.

    What kijun does not read over (WinRM, su, …) comes back with `unsupported` set to a sentence.
    """

    def value(variable: str, default: Any = None) -> Any:
        return resolve(templates, variable, variables[variable]) if variable in variables else default

    transport = str(value("ansible_connection", C.DEFAULT_TRANSPORT))
    method = str(value("ansible_become_method", C.DEFAULT_BECOME_METHOD))
    become = _truth("ansible_become", value("ansible_become", True))
    unsupported = ""
    if transport not in _LOCAL + _SSH:
        unsupported = f"kijun does not read over ansible_connection {transport}; it reads over ssh and local"
    elif become and method not in ("sudo", "ansible.builtin.sudo"):
        unsupported = f"kijun does not read with ansible_become_method {method}; it reads with sudo"
    sudo = _options("become", "sudo", ("become_pass", "become_user"), variables, templates)
    if become and not unsupported and str(sudo["become_user"] or "root") != "root":
        unsupported = f"ansible_become_user is {sudo['become_user']}, but reading needs root"
    password = _text(sudo["become_pass"])
    if transport in _LOCAL or unsupported:
        return Connection(name, "local", become=become, become_password=password, unsupported=unsupported)
    ssh = _options("connection", "ssh", _SSH_OPTIONS, {"inventory_hostname": name, **variables}, templates)
    return Connection(
        name=name,
        address=str(ssh["host"] or name),
        port=_port(ssh["port"]),
        user=_text(ssh["remote_user"]),
        key_file=_text(ssh["private_key_file"]),
        password=_text(ssh["password"]),
        become=become,
        become_password=password,
        ssh_args=_arguments(ssh),
        host_key_checking=_truth("host_key_checking", ssh["host_key_checking"]),
    )


def _options(
    kind: str, plugin: str, names: tuple[str, ...], variables: Mapping[str, Any], templates: Any
) -> dict[str, Any]:
    """Return a plugin's options with Ansible's precedence: variables, environment, ansible.cfg, default."""
    definitions = _definitions(kind, plugin)
    found: dict[str, Any] = {}
    for name in names:
        entries = [entry["name"] for entry in definitions[name].get("vars", [])]
        known = {key: resolve(templates, key, variables[key]) for key in entries if key in variables}
        try:
            found[name] = C.config.get_config_value(
                name, plugin_type=kind, plugin_name=plugin, variables=known
            )
        except AnsibleError as bad:
            secret = name.endswith(_SECRET)
            shown = ", ".join(key if secret else f"{key} ({value!r})" for key, value in known.items()) or name
            raise UnresolvedError(f"Ansible does not accept {shown} for its option {name}.") from bad
    return found


@cache
def _definitions(kind: str, plugin: str) -> dict[str, Any]:
    (connection_loader if kind == "connection" else become_loader).get(plugin, class_only=True)
    definitions: dict[str, Any] = C.config.get_configuration_definitions(kind, plugin)
    return definitions


def _arguments(ssh: Mapping[str, Any]) -> tuple[str, ...]:
    words: list[str] = []
    for option in ("ssh_args", "ssh_common_args", "ssh_extra_args"):
        try:
            words += shlex.split(str(ssh[option] or ""))
        except ValueError as bad:
            raise UnresolvedError(f"ansible_{option} has an unbalanced quote.") from bad
    return tuple(words)


def _port(value: Any) -> int | None:
    if value is None:
        return None
    if not str(value).isdigit() or not 0 < int(value) < 65536:
        raise UnresolvedError(f"ansible_port is {value!r}, which is no port.")
    return int(value)


def _truth(name: str, value: Any) -> bool:
    try:
        return bool(boolean(value))
    except TypeError as bad:
        raise UnresolvedError(f"{name} is {value!r}, which is neither true nor false.") from bad


def _text(value: Any) -> str | None:
    return None if value is None else "".join(str(value))
