"""`kijun mail-leaks`: every way from an inbox to an address outside, over all hosts of an inventory.

A way may lead from one host to another: an alias here, a `.forward` there. So the steps of all hosts make one
graph, in which a domain that any host keeps mail for is inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kijun import surveying
from kijun.checking import Options
from kijun.inventory import Host
from kijun.model import HostState, Outcome, Status
from kijun.topics._forwarding_graph import Approval, Step, Way, approvals, leaks
from kijun.topics.mail_forwarding import TOPIC, NoHostError, read_host

_EVERY_HOST = ("localhost", "localhost.localdomain")


@dataclass(frozen=True)
class HostSteps:
    """What one host does with mail; `doubts` is what could not be told."""

    name: str
    outcome: Outcome
    reason: str = ""
    steps: tuple[Step, ...] = ()
    doubts: tuple[str, ...] = ()
    programs: tuple[tuple[str, str], ...] = ()  # (whose mail, program)
    homes: Mapping[str, str] = field(
        default_factory=dict
    )  # domain -> the one that its users are written with
    kept: frozenset[str] = frozenset()
    approved: tuple[Approval, ...] = ()
    read_at: int = 0


@dataclass(frozen=True)
class Survey:
    """All hosts, and the ways outside: those that nobody approved, and those that somebody did."""

    hosts: tuple[HostSteps, ...]
    leaking: tuple[Way, ...]
    approved: tuple[tuple[Way, Approval], ...]

    @property
    def exit_code(self) -> int:
        """1 where mail leaks, 2 where something is not known, else 0."""
        if self.leaking:
            return 1
        unknown = any(host.outcome is not Outcome.COLLECTED or host.doubts for host in self.hosts)
        return 2 if unknown else 0


def survey(options: Options) -> Survey:
    """Read the chosen hosts and join what they do with mail.

    Raises KijunError where nothing can be read at all; a problem of one host is in its result.
    """
    return joined(surveying.survey(options, TOPIC.slug, TOPIC.reads, of_host, HostSteps))


def of_host(host: Host, state: HostState) -> HostSteps:
    """Return what one host does with mail."""
    approved = tuple(approvals(host.params))
    try:
        seen = read_host(state, host.params).found
    except NoHostError as none:
        doubts = (none.said.reason,) if none.said.status is Status.UNKNOWN else ()
        reason = "" if doubts else none.said.reason
        return HostSteps(host.name, Outcome.COLLECTED, reason, doubts=doubts, approved=approved)
    own = seen.addresses
    return HostSteps(
        name=host.name,
        outcome=Outcome.COLLECTED,
        steps=tuple(replace(step, host=host.name) for step in dict.fromkeys(seen.steps)),
        doubts=tuple(dict.fromkeys(f"{reason} ({where})" for reason, where in seen.doubts.values())),
        programs=tuple(dict.fromkeys((whose, program) for whose, program, _ in seen.programs)),
        homes={domain: own.home for domain in own.same if domain not in _EVERY_HOST},
        kept=own.kept,
        approved=approved,
        read_at=state.read_at,
    )


def joined(hosts: Sequence[HostSteps]) -> Survey:
    """Return the ways outside over all hosts."""
    homes: dict[str, str] = {}
    for host in hosts:
        for domain, home in host.homes.items():
            homes.setdefault(domain, home)
    inside = frozenset(homes) | frozenset(domain for host in hosts for domain in host.kept)
    steps = [_seen_by_all(step, homes, inside) for host in hosts for step in host.steps]
    listed = list(dict.fromkeys(entry for host in hosts for entry in host.approved))
    now = max((host.read_at for host in hosts), default=0)
    leaking = leaks(steps, listed, now)
    holding = [entry for entry in listed if entry.holds(now)]
    leaking_pairs = {(way.source, way.target) for way in leaking}
    rest = [way for way in leaks(steps, [], now) if (way.source, way.target) not in leaking_pairs]
    return Survey(tuple(hosts), tuple(leaking), tuple(_with_approval(rest, holding)))


def _seen_by_all(step: Step, homes: Mapping[str, str], inside: frozenset[str]) -> Step:
    def one(address: str) -> str:
        local, at, domain = address.rpartition("@")
        return f"{local}@{homes.get(domain, domain)}" if at else address

    outside = step.outside and step.target.rpartition("@")[2] not in inside
    return replace(step, source=one(step.source), target=one(step.target), outside=outside)


def _with_approval(ways: Iterable[Way], holding: Sequence[Approval]) -> Iterable[tuple[Way, Approval]]:
    for way in ways:
        sources = {step.source for step in way.steps}
        for entry in holding:
            if entry.target == way.target and entry.source in sources:
                yield way, entry
                break
