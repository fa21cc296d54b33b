"""Which roles to run on which hosts. Pure: findings in, groups out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kijun.model import Finding, HostReport, Outcome, Status

_NO_ROLES = "out of support"  # how the note on such a release begins; see kijun.judging.release_note


@dataclass(frozen=True, slots=True)
class Group:
    """Hosts that need the same topics: one run of Ansible."""

    topics: tuple[str, ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and why hosts that would need it, or might, are left out."""

    groups: tuple[Group, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    spared: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # host -> topic -> why


def failing_topics(host: HostReport) -> tuple[str, ...]:
    """Return the topics of which at least one control fails on `host`, in alphabetical order."""
    return tuple(sorted({finding.topic for finding in host.findings if finding.status is Status.FAIL}))


def excepted_topics(host: HostReport) -> dict[str, str]:
    """Return the topics of which a control is excepted on `host`, each with what that is.

    A role brings a whole topic to the standard: it would undo what somebody has permitted.
    """
    topics: dict[str, list[Finding]] = {}
    for finding in host.findings:
        if finding.status is Status.EXCEPTED:
            topics.setdefault(finding.topic, []).append(finding)
    return {
        topic: ", ".join(f"{finding.control} (exception {finding.exception})" for finding in found)
        for topic, found in topics.items()
    }


def plan(hosts: Sequence[HostReport], topics: Sequence[str], *, everything: bool = False) -> Plan:
    """Return the runs that mend `hosts`: failing topics on failing hosts, or all on all with `everything`.

    A host that was not read is left out, and so is one whose release the roles are not made for. A topic of
    which a control is excepted on a host is spared there.
    """
    needs: dict[tuple[str, ...], list[str]] = {}
    left_out: dict[str, str] = {}
    spared: dict[str, dict[str, str]] = {}
    for host in hosts:
        wanted = tuple(sorted(topics)) if everything else failing_topics(host)
        excepted = excepted_topics(host)
        if kept := {topic: excepted[topic] for topic in wanted if topic in excepted}:
            spared[host.name] = kept
            wanted = tuple(topic for topic in wanted if topic not in kept)
        if host.outcome is not Outcome.COLLECTED:
            left_out[host.name] = f"{host.outcome}: {host.reason}"
        elif wanted and host.reason.startswith(_NO_ROLES):
            left_out[host.name] = f"{host.reason}; the roles do not run there"
        elif wanted:
            needs.setdefault(wanted, []).append(host.name)
    groups = (Group(wanted, tuple(names)) for wanted, names in sorted(needs.items()))
    return Plan(tuple(groups), left_out, spared)
