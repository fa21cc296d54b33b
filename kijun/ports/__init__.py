"""`kijun ports`: who listens on each host, against what is declared, and what a live host would need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kijun import surveying
from kijun.checking import Options
from kijun.inventory import Host
from kijun.model import HostState, Outcome
from kijun.parsers.sockets import Socket
from kijun.topics._ports_declared import (
    DeclarationError,
    Declared,
    is_asking,
    is_way_in,
    parse_declared,
    silent,
)
from kijun.topics._ports_reads import OBSERVING, Observed, UnreadableError, observed


class Standing(StrEnum):
    """What the declarations say of a port."""

    DECLARED = "declared"
    UNDECLARED = "NOT DECLARED"
    WAY_IN = "way in"  # the SSH server's, which needs no declaration
    LOOPBACK = "loopback"
    ASKING = "asking"  # waits for answers to the host's own questions
    SILENT = "nothing listens"
    OPTIONAL = "optional"  # nothing listens, and that is in order


@dataclass(frozen=True, slots=True)
class Row:
    """One port of a host."""

    standing: Standing
    proto: str
    port: str  # a number, or a declared range on which nothing listens
    families: tuple[str, ...] = ()
    where: str = ""
    unit: str = ""
    socket_unit: str = ""
    processes: tuple[str, ...] = ()
    purpose: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class HostPorts:
    """What was seen of one host; without rows where `outcome` is not collected."""

    name: str
    outcome: Outcome
    reason: str = ""
    rows: tuple[Row, ...] = ()
    declared: tuple[Declared, ...] = ()

    @property
    def undeclared(self) -> list[Row]:
        """The rows that somebody should declare, or stop."""
        return [row for row in self.rows if row.standing is Standing.UNDECLARED]


def survey(options: Options) -> list[HostPorts]:
    """Read the sockets of the chosen hosts and hold them against the declarations, in the inventory's order.

    Raises KijunError where nothing can be read at all; a problem of one host is in its result.
    """
    return surveying.survey(options, "ports", OBSERVING, _of_host, HostPorts)


def _of_host(host: Host, state: HostState) -> HostPorts:
    try:
        declared = parse_declared(host.params["unused_ports_declared"])
        seen = observed(state)
    except (DeclarationError, UnreadableError) as bad:
        return HostPorts(host.name, Outcome.MALFORMED, str(bad))
    return HostPorts(host.name, Outcome.COLLECTED, "", tuple(rows(seen, declared)), tuple(declared))


def rows(seen: Observed, declared: Sequence[Declared]) -> list[Row]:
    """Return a row for each port, undeclared ones first; the two families of one listener share a row."""
    merged: dict[tuple[object, ...], Row] = {}
    for socket in seen.sockets:
        row = _row(socket, declared, seen)
        key = (row.proto, row.port, row.where, row.unit, row.socket_unit)
        families = merged[key].families if key in merged else ()
        merged[key] = _with_families(row, dict.fromkeys((*families, *row.families)))
    quiet = {one.name for one in silent(seen.sockets, declared)}
    for one in declared:
        if not any(one.holds(s.proto, s.port) for s in seen.sockets if not s.loopback):
            standing = Standing.SILENT if one.name in quiet else Standing.OPTIONAL
            port = str(one.low) if one.low == one.high else f"{one.low}-{one.high}"
            merged[one.name, port] = Row(
                standing, one.proto, port, unit=one.unit, purpose=one.purpose, owner=one.owner
            )
    order = list(Standing)
    order.insert(0, order.pop(order.index(Standing.UNDECLARED)))
    return sorted(
        merged.values(),
        key=lambda row: (order.index(row.standing), row.proto, int(row.port.split("-")[0]), row.where),
    )


def _with_families(row: Row, families: Iterable[str]) -> Row:
    return Row(
        *(row.standing, row.proto, row.port, tuple(sorted(families)), row.where, row.unit),
        *(row.socket_unit, row.processes, row.purpose, row.owner),
    )


def _row(socket: Socket, declared: Sequence[Declared], seen: Observed) -> Row:
    said = next((one for one in declared if one.holds(socket.proto, socket.port)), None)
    if socket.loopback:
        standing = Standing.LOOPBACK
    elif said is not None:
        standing = Standing.DECLARED
    elif is_way_in(socket):
        standing = Standing.WAY_IN
    else:
        standing = Standing.ASKING if is_asking(socket, seen.ephemeral) else Standing.UNDECLARED
    spoken = said if said is not None and not socket.loopback else None
    return Row(
        standing=standing,
        proto=socket.proto,
        port=str(socket.port),
        families=socket.families,
        where=socket.where,
        unit=socket.unit,
        socket_unit=socket.socket_unit,
        processes=socket.processes,
        purpose=spoken.purpose if spoken else "",
        owner=spoken.owner if spoken else "",
    )


def exit_code(hosts: Iterable[HostPorts]) -> int:
    """Return 1 where something is not declared, 2 where a host was not read, else 0."""
    found = list(hosts)
    if any(host.undeclared for host in found):
        return 1
    return 2 if any(host.outcome is not Outcome.COLLECTED for host in found) else 0
