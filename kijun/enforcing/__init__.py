"""Enforcing: read and judge, run the failing topics' roles on the failing hosts, read and judge again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from kijun.checking import Options, Report, assemble, check
from kijun.enforcing.planning import Group, Plan, plan
from kijun.enforcing.playing import Play, Played, run, secrets_of, vault_arguments
from kijun.inventory import Host, require_resolved
from kijun.model import Outcome

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What an operator asked for."""

    options: Options
    check: bool = False  # predict only
    diff: bool = False
    everything: bool = False  # all topics on all hosts, whether they fail or not


@dataclass
class Enforcement:
    """What was found, what was run, and what is found now (None where nothing was run, or only predicted)."""

    request: Request
    before: Report
    plan: Plan
    runs: list[tuple[Group, Played]] = field(default_factory=list)
    after: Report | None = None

    @property
    def changes(self) -> dict[str, list[str]]:
        """The tasks that changed a host, or would, by host."""
        changed: dict[str, list[str]] = {}
        for _, played in self.runs:
            for name, host in played.hosts.items():
                if host.changed:
                    changed.setdefault(name, []).extend(host.changed)
        return changed

    @property
    def failures(self) -> list[str]:
        """One sentence for each host, or run, that Ansible could not bring to its end."""
        sentences = []
        for _, played in self.runs:
            sentences += [host.failure for host in played.hosts.values() if host.failure]
            sentences += [played.error] if played.error else []
        return sentences

    @property
    def exit_code(self) -> int:
        """From the findings after the run; a run that failed is never 0. For a prediction: 1 would change."""
        if self.request.check:
            unread = any(host.outcome is not Outcome.COLLECTED for host in self.before.hosts)
            return 1 if self.changes else 2 if self.failures or unread or self.plan.left_out else 0
        code = (self.after or self.before).exit_code
        return 2 if code == 0 and self.failures else code


def enforcement_of(
    request: Request, say: Say = lambda _line: None, begin: Callable[[Enforcement], None] = lambda _done: None
) -> Enforcement:
    """Bring the chosen hosts to the standard; `say` gets lines of progress.

    `begin` is called once before the first host is touched, where any will be; what it raises ends the run.

    Raises KijunError before any host is touched: inventory, floors, unknown topics, unresolved variables.
    """
    options = request.options
    fleet = assemble(options)
    require_resolved(fleet.hosts)
    before = check(options, fleet=fleet)
    wanted = plan(before.hosts, before.topics, everything=request.everything)
    enforcement = Enforcement(request, before, wanted)
    if wanted.groups and not request.check:
        begin(enforcement)
    for group in wanted.groups:
        doing = "Predicting" if request.check else "Enforcing"
        say(f"{doing} {', '.join(group.topics)} on {_some(group.hosts)}")
        enforcement.runs.append((group, run(_play(request, group, fleet.hosts), say)))
    if wanted.groups and not request.check:
        touched = {name for group in wanted.groups for name in group.hosts}
        again = check(options, fleet=fleet.only(touched))
        enforcement.after = _merged(before, again)
    return enforcement


def _play(request: Request, group: Group, hosts: Sequence[Host]) -> Play:
    return Play(
        sources=tuple(request.options.sources),
        hosts=group.hosts,
        topics=group.topics,
        check=request.check,
        diff=request.diff,
        forks=request.options.forks,
        vault_arguments=vault_arguments(request.options.vault_password_files),
        secrets=secrets_of(hosts),
    )


def _merged(before: Report, again: Report) -> Report:
    """Return `again` for the hosts that were run, and `before` for the others."""
    new = {host.name: host for host in again.hosts}
    return replace(
        before,
        finished=again.finished,
        hosts=tuple(new.get(host.name, host) for host in before.hosts),
        digests={**before.digests, **again.digests},
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
