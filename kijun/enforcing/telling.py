"""What an operator is told of an enforcement: before and after per host, then what is left to do."""

from __future__ import annotations

from collections.abc import Mapping

from kijun.checking import Report
from kijun.enforcing import Enforcement
from kijun.model import Finding, HostReport, Outcome, Remark, RemarkKind, Status


def summary(done: Enforcement) -> list[str]:
    """Return the lines that end `kijun enforce`."""
    if done.request.check:
        lines = _predicted(done)
    elif not done.runs:
        lines = _untouched(done)
    else:
        lines = _compared(done)
    lines += [f"To undo it: kijun rollback {played.kept} -i …" for _, played in done.runs if played.kept]
    lines += [f"  not run on {name}: {why}" for name, why in done.plan.left_out.items()]
    lines += [line for host, topics in done.plan.spared.items() for line in _spared(host, topics)]
    lines += [f"  {remark.about} {remark.subject}: {remark.text}" for remark in _register(done)]
    if done.failures:
        lines += [f"Ansible could not finish: {sentence}" for sentence in done.failures]
        lines += [f"  full log: {played.log}" for _, played in done.runs if not played.ok]
    return lines


def _spared(host: str, topics: Mapping[str, str]) -> list[str]:
    """Say which roles were not run, as they would undo what is permitted, and what to do instead."""
    return [
        f"  not run on {host}: {topic}, as its role would undo what is excepted: {what}; mend the other "
        f"controls of {topic} by hand, or set the exception's state to withdrawn"
        for topic, what in topics.items()
    ]


def _register(done: Enforcement) -> list[Remark]:
    """Return the findings of the register: they count in the exit code, so they are said."""
    return [] if done.request.check else (done.after or done.before).remarked(RemarkKind.FINDING)


def _untouched(done: Enforcement) -> list[str]:
    hosts = done.before.hosts
    failing = sum(_count(host, Status.FAIL) > 0 for host in hosts)
    unknown = sum(_count(host, Status.UNKNOWN) > 0 for host in hosts)
    if not failing and not unknown:
        return [f"Nothing to do: no control fails on any host{_excepted(done.before)}."]
    said = f"{failing} of {len(hosts)} hosts fail and cannot be mended here"
    if not failing:
        said = f"no control fails, but {unknown} of {len(hosts)} hosts are not known"
    left_out = done.plan.left_out
    read = [f"  {host.name}: failing controls: {_state(host)}" for host in hosts if host.name not in left_out]
    return [f"Nothing was run: {said}.", *read]


def _predicted(done: Enforcement) -> list[str]:
    if not done.changes:
        return [] if done.failures else ["Nothing would change."]
    return [f"  {host}: {len(tasks)} tasks would change it" for host, tasks in sorted(done.changes.items())]


def _compared(done: Enforcement) -> list[str]:
    assert done.after is not None
    lines = ["Before and after, in failing controls:"]
    for old, new in zip(done.before.hosts, done.after.hosts, strict=True):
        lines.append(f"  {old.name}: {_state(old)} -> {_state(new)}")
        lines += [f"    {_told(finding)}" for finding in new.findings if finding.status is Status.FAIL]
    lines.append(_verdict(done.after))
    return lines


def _state(host: HostReport) -> str:
    if host.outcome is not Outcome.COLLECTED:
        return str(host.outcome)
    unknown = _count(host, Status.UNKNOWN)
    return f"{_count(host, Status.FAIL)}{f' (and {unknown} unknown)' if unknown else ''}"


def _told(finding: Finding) -> str:
    found = f"expected {finding.expected}, found {finding.actual} ({finding.source})"
    return f"{finding.control} still fails: {found}"


def _verdict(after: Report) -> str:
    failing = sum(_count(host, Status.FAIL) > 0 for host in after.hosts)
    if failing:
        return f"{failing} of {len(after.hosts)} hosts still fail."
    if unread := sum(host.outcome is not Outcome.COLLECTED for host in after.hosts):
        return (
            f"{unread} of {len(after.hosts)} hosts could not be read afterwards; nothing fails on the others."
        )
    if after.count(Status.UNKNOWN):
        return "No control fails, but not all is known."
    return f"No control fails any more{_excepted(after)}."


def _excepted(report: Report) -> str:
    count = report.count(Status.EXCEPTED)
    return f", but {count} {'is' if count == 1 else 'are'} excepted" if count else ""


def _count(host: HostReport, status: Status) -> int:
    return sum(finding.status is status for finding in host.findings)
