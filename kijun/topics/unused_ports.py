"""Unused ports (S-10.5.1.a/b, S-10.1.7.d, S-10.4.1.i, S-10.1.6.a): what is not declared is closed.

Observed are sockets with their owners, units, and the packet filter as the kernel has it and as the next boot
will load it. The filter is not compared with a text: packets of every kind are followed through its rules
(`kijun.parsers.nft_packets`), so that a ruleset written by hand is judged as well. What stays out of
sight: other network namespaces, eBPF programs, and a service that hides among the declared ports of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kijun.model import HostState, Params, Status, Topic, Verdict
from kijun.topics._ports_declared import (
    DeclarationError,
    Declared,
    held_by_others,
    parse_declared,
    silent,
    undeclared,
    ways_in,
)
from kijun.topics._ports_filter import Facts, judge_filter, listed
from kijun.topics._ports_reads import READS, SOCKETS, Observed, UnreadableError, observed, units

_DECLARED = "every port that others can reach is declared"
_CONTROLS = (
    *("declared", "accounted", "unneeded_services", "default_drop", "declared_only", "essentials", "way_in"),
    *("redirected", "in_force", "at_boot", "one_firewall", "configuration_protected"),
)


def judge(state: HostState, params: Params) -> Iterable[Verdict]:
    """Yield a verdict for each control."""
    try:
        declared = parse_declared(params["unused_ports_declared"])
        seen = observed(state)
    except (DeclarationError, UnreadableError) as bad:
        for name in _CONTROLS:
            yield Verdict(f"unused_ports.{name}", Status.UNKNOWN, _DECLARED, "", SOCKETS.script, str(bad))
        return
    found = ways_in(seen.sockets, declared)
    yield _declared(seen, declared, found)
    yield _accounted(declared)
    yield _unneeded_services(state, params, declared)
    here = {(s.proto, s.port) for s in seen.sockets}
    own = [one for one in declared if any(one.holds(*place) for place in here) and _is_ssh(seen, one)]
    yield from judge_filter(Facts(state, (*declared, *found), (*own, *found)))


def _is_ssh(seen: Observed, one: Declared) -> bool:
    """Say whether a declaration speaks for the SSH server's port."""
    return any(way.low == one.low for way in ways_in(seen.sockets, [])) and one.proto == "tcp"


def _verdict(name: str, good: bool, expected: str, actual: str, source: str) -> Verdict:
    return Verdict(f"unused_ports.{name}", Status.PASS if good else Status.FAIL, expected, actual, source)


def _declared(seen: Observed, declared: list[Declared], found: list[Declared]) -> Verdict:
    strays = undeclared(seen.sockets, [*declared, *found], seen.ephemeral)
    places = dict.fromkeys(
        f"{s.proto} {s.port} ({s.owner}, {'/'.join(s.families)}, {s.where})" for s in strays
    )
    troubles = [f"not declared: {listed(places)}"] if places else []
    troubles += held_by_others(seen.sockets, declared)
    quiet = [one.name for one in silent(seen.sockets, declared)]
    spoken = [one.name for one in (*declared, *found) if one.name not in quiet]
    said = f"listening: {listed(dict.fromkeys(spoken), 20) or 'nothing'}"
    if quiet:
        said += f"; declared, and nothing listens: {listed(quiet)}"
    return _verdict("declared", not troubles, _DECLARED, "; ".join(troubles) or said, SOCKETS.script)


def _accounted(declared: list[Declared]) -> Verdict:
    expected = "every declared port has a purpose and somebody who answers for it"
    bare = [one.name for one in declared if not one.purpose or not one.owner]
    actual = f"without purpose or owner: {listed(bare)}" if bare else f"{len(declared)} are declared"
    return _verdict("accounted", not bare, expected, actual, "unused_ports_declared")


def _unneeded_services(state: HostState, params: Params, declared: list[Declared]) -> Verdict:
    expected = "services named as unneeded are stopped and masked"
    try:
        known = units(state)
    except UnreadableError as bad:
        name = "unused_ports.unneeded_services"
        return Verdict(name, Status.UNKNOWN, expected, "", "systemctl", str(bad))
    needed = {one.unit for one in declared if one.unit}
    at_work = [
        f"{unit.name} is {'running' if unit.active else unit.file_state}"
        for name in _names(params["unused_ports_unneeded_services"])
        if name not in needed and (unit := known.get(name)) is not None and not unit.off
    ]
    return _verdict("unneeded_services", not at_work, expected, listed(at_work) or "they are", "systemctl")


def _names(value: object) -> Iterator[str]:
    """Yield the units of the parameter; a name without a suffix is a service, as for systemctl."""
    for name in value if isinstance(value, list) else ():
        known = str(name).endswith((".service", ".socket"))
        yield str(name) if known else f"{name}.service"


TOPIC = Topic(slug="unused_ports", reads=READS, judge=judge)
