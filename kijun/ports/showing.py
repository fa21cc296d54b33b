"""What `kijun ports` prints: a table for people, JSON for programs, and YAML to paste into the inventory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from kijun.model import Outcome
from kijun.ports import HostPorts, Row
from kijun.terminal import printable
from kijun.topics._ports_declared import Declared

FORMATS = ("text", "json", "yaml")
SCHEMA = 1
_HEAD = ("STANDING", "PORT", "FAMILY", "WHERE", "UNIT", "PROCESS", "PURPOSE")


def render(hosts: Iterable[HostPorts], form: str) -> str:
    """Return the report of `hosts` in one of `FORMATS`."""
    found = list(hosts)
    if form == "json":
        return as_json(found)
    return as_yaml(found) if form == "yaml" else as_text(found)


def as_text(hosts: Sequence[HostPorts]) -> str:
    """Return a table for each host, and what to paste where something is not declared."""
    parts = []
    for host in hosts:
        if host.outcome is not Outcome.COLLECTED:
            parts.append(f"{host.name}: {host.outcome}: {host.reason}\n")
            continue
        parts.append(f"{host.name}\n{_table(host.rows)}")
        if host.undeclared:
            parts.append(f"  To declare them, for {host.name} (complete purpose and owner, narrow from):\n")
            parts.append(_indented(as_yaml([host])))
    return "\n".join(parts)


def _table(rows: Sequence[Row]) -> str:
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
    return "".join(f"  {line.rstrip()}\n" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    units = ", ".join(dict.fromkeys(filter(None, (row.socket_unit, row.unit))))
    said = (
        *(row.standing.value, f"{row.proto} {row.port}", "/".join(row.families), row.where, units),
        *(", ".join(row.processes), row.purpose),
    )
    return tuple(printable(cell) or "-" for cell in said)


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def as_json(hosts: Sequence[HostPorts]) -> str:
    """Return all that was seen."""
    listed = {
        host.name: {
            "outcome": host.outcome,
            "reason": host.reason,
            "ports": [_fields(row) for row in host.rows],
            "declaration": _declaration(host) if host.outcome is Outcome.COLLECTED else [],
        }
        for host in hosts
    }
    return json.dumps({"schema": SCHEMA, "hosts": listed}, ensure_ascii=False, indent=2) + "\n"


def _fields(row: Row) -> dict[str, Any]:
    return {
        "standing": row.standing.name.lower(),
        "proto": row.proto,
        "port": int(row.port) if row.port.isdigit() else row.port,
        "families": list(row.families),
        "where": row.where,
        "unit": row.unit,
        "socket_unit": row.socket_unit,
        "processes": list(row.processes),
        "purpose": row.purpose,
        "owner": row.owner,
    }


def as_yaml(hosts: Sequence[HostPorts]) -> str:
    """Return, for each host, the whole parameter as it would have to be for what listens now."""
    parts = []
    for host in hosts:
        parts.append(f"# {host.name}\n")
        if host.outcome is Outcome.COLLECTED:
            data = {"unused_ports_declared": _declaration(host)}
            parts.append(yaml.safe_dump(data, allow_unicode=True, sort_keys=False, default_flow_style=False))
        else:
            parts.append(f"# {host.outcome}: {' '.join(host.reason.split())}\n")
    return "".join(parts)


def _declaration(host: HostPorts) -> list[dict[str, Any]]:
    """Return what is declared, and an entry to complete for each undeclared port."""
    entries = [_entry(one) for one in host.declared]
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for row in host.undeclared:
        if row.proto not in ("tcp", "udp"):
            continue
        fields: dict[str, Any] = {"port": int(row.port), "proto": row.proto, "from": "any"}
        if (unit := row.socket_unit or row.unit).endswith((".service", ".socket")):
            fields["unit"] = unit
        seen.setdefault((row.proto, row.port), {**fields, "purpose": "", "owner": ""})
    return entries + list(seen.values())


def _entry(one: Declared) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "port": one.low if one.low == one.high else f"{one.low}-{one.high}",
        "proto": one.proto,
        "from": "any" if one.sources is None else [str(network) for network in one.sources],
    }
    if one.unit:
        fields["unit"] = one.unit
    fields |= {"purpose": one.purpose, "owner": one.owner}
    return fields | ({"optional": True} if one.optional else {})
