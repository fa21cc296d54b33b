"""What the register is worth today: which controls are excepted where, and what is to be said of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone

from kijun.exceptions.models import ExceptionFile, Expiry, State
from kijun.exceptions.register import Entry, Register
from kijun.inventory import Matched
from kijun.model import Remark, RemarkKind
from kijun.standard.procedures import Procedures, Step

EXPIRING_WITHIN = 30  # days
_JAPAN = timezone(timedelta(hours=9))  # where an exception's last day ends


@dataclass(frozen=True, slots=True)
class Granted:
    """An exception that counts today for one control on one host."""

    id: str
    why: str  # one sentence for the report


@dataclass(frozen=True)
class Standing:
    """The register as it counts on one day: by host and control what is excepted, and the remarks."""

    granted: Mapping[str, Mapping[str, Granted]] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    judged: tuple[Judged, ...] = ()  # what it rests on


@dataclass(frozen=True)
class Judged:
    """One entry, judged."""

    entry: Entry
    counts: bool
    remarks: tuple[Remark, ...]
    hosts: frozenset[str]


def today() -> date:
    """Return the day it is in Japan, whose days the register counts in."""
    return datetime.now(UTC).astimezone(_JAPAN).date()


def stand(judged: Iterable[Judged]) -> Standing:
    """Return what the entries grant together. Of two for one control, the one that lasts longest is told."""
    granted: dict[str, dict[str, Granted]] = {}
    remarks: list[Remark] = []
    judged = tuple(judged)
    for one in sorted(judged, key=lambda j: j.entry.file.expires_on or date.max):
        remarks += one.remarks
        if one.counts:
            for host in one.hosts:
                for control in one.entry.file.controls:
                    granted.setdefault(host, {})[control] = Granted(one.entry.id, _why(one.entry))
    order = list(RemarkKind)
    told = tuple(sorted(remarks, key=lambda r: (order.index(r.kind), r.subject)))
    return Standing(granted, told, judged)


def judge_register(
    register: Register,
    procedures: Procedures,
    controls: Iterable[str],
    matches: Mapping[str, Matched],
    *,
    day: date,
    within: int = EXPIRING_WITHIN,
) -> list[Judged]:
    """Return every entry judged on `day`; `matches` holds what each entry's host pattern selects.

    An exception counts only where the right person has permitted it (or, in an emergency, taken it), and not
    past its last day. A faulty application never excepts anything; that it names a control or host that is
    not there is a finding too, and the rest of it counts.
    """
    known = frozenset(controls)
    judge = _Judge(register, procedures, known, day, within)
    return [judge.entry(entry, matches.get(entry.file.hosts, Matched())) for entry in register.entries]


class _Judge:
    def __init__(
        self, register: Register, procedures: Procedures, known: frozenset[str], day: date, within: int
    ) -> None:
        self._register, self._procedures, self._known = register, procedures, known
        self._day, self._within = day, within

    def entry(self, entry: Entry, matched: Matched) -> Judged:
        state = entry.file.state
        remarks: list[Remark] = []
        if state in (State.PERMITTED, State.REFUSED):
            remarks += self._decision(entry)
        elif state is State.EMERGENCY:
            remarks += self._emergency(entry)
        elif state is State.APPLIED:
            remarks += self._application(entry)
        counts = state in (State.PERMITTED, State.EMERGENCY) and not remarks
        if state is State.EMERGENCY:
            remarks += self._reported(entry)
        if state in (State.PERMITTED, State.EMERGENCY):
            ended = list(self._ended(entry))
            counts = counts and not any(r.kind is RemarkKind.FINDING for r in ended)
            remarks += [*ended, *self._without_end(entry), *self._aim(entry, matched)]
        return Judged(entry, counts, tuple(remarks), matched.hosts)

    def _decision(self, entry: Entry) -> Iterator[Remark]:
        file, step = entry.file, self._permit(entry.file)
        done = "permitted" if file.state is State.PERMITTED else "refused"
        if not file.decided_by or not file.decided_on:
            missing = "decided_by" if not file.decided_by else "decided_on"
            yield _finding(
                entry, f"it is {done} without {missing}, so nobody is known to have {done} it", step
            )
            return
        if not self._holds(file.decided_by, step):
            yield _finding(entry, f"{file.decided_by} has {done} it, and is not {self._roles(step)}", step)
        elif file.decided_by == file.applicant and file.state is State.PERMITTED:
            yield _finding(entry, f"{file.applicant} has permitted their own application", step)
        if file.decided_on > self._day or file.decided_on < file.applied_on:
            when = "in the future" if file.decided_on > self._day else "before it was applied for"
            yield _finding(entry, f"it is {done} on {file.decided_on}, {when}", step)
        if file.state is State.PERMITTED:
            yield from self._applicant(entry)

    def _application(self, entry: Entry) -> Iterator[Remark]:
        wrong = list(self._applicant(entry))
        if wrong:
            yield from wrong
            return
        text = f"{entry.file.applicant} applied for it on {entry.file.applied_on}; it waits for a decision"
        yield _remark(entry, RemarkKind.OPEN, text, self._permit(entry.file))

    def _applicant(self, entry: Entry) -> Iterator[Remark]:
        file = entry.file
        if file.forwarding:
            if file.applicant not in self._register.persons:
                yield _finding(entry, f"{file.applicant} applied, and is nobody in persons.yml", None)
            return
        step = self._procedures.exceptions.apply
        if not self._holds(file.applicant, step):
            yield _finding(entry, f"{file.applicant} applied for it, and is not {self._roles(step)}", step)

    def _emergency(self, entry: Entry) -> Iterator[Remark]:
        file, step = entry.file, self._procedures.exceptions.emergency
        if not self._holds(file.applicant, step):
            yield _finding(
                entry, f"{file.applicant} took it in an emergency, and is not {self._roles(step)}", step
            )
        if file.applied_on > self._day:
            yield _finding(entry, f"it is taken in an emergency of {file.applied_on}, in the future", step)

    def _reported(self, entry: Entry) -> Iterator[Remark]:
        file, step = entry.file, self._procedures.exceptions.report
        if file.reported_to and file.reported_on:
            if not self._holds(file.reported_to, step):
                yield _finding(
                    entry, f"it is reported to {file.reported_to}, who is not {self._roles(step)}", step
                )
            elif file.reported_on > self._day or file.reported_on < file.applied_on:
                yield _finding(entry, f"it is reported on {file.reported_on}, which cannot be", step)
            return
        told = f"is not yet reported to {self._roles(step)}"
        text = f"it was taken in an emergency on {file.applied_on} and {told}"
        days = self._register.settings.emergency_report_days
        late = (self._day - file.applied_on).days > days
        yield _remark(entry, RemarkKind.FINDING if late else RemarkKind.OPEN, text, step)

    def _ended(self, entry: Entry) -> Iterator[Remark]:
        last = entry.file.expires_on
        if last is None:
            return
        left = (last - self._day).days
        if left < 0:
            text = f"its last day was {last}, so it counts no longer: renew it, or set 'state: withdrawn'"
            yield _finding(entry, text, None)
        elif left <= self._within:
            text = f"its last day is {last}, in {left} day{'' if left == 1 else 's'}"
            yield _remark(entry, RemarkKind.EXPIRING, text, None)

    def _without_end(self, entry: Entry) -> Iterator[Remark]:
        required = self._register.settings.expiry is Expiry.REQUIRED or entry.file.forwarding is not None
        if required and entry.file.expires_on is None:
            text = (
                "it has no expires_on (our practice, not the standard's: 'expiry: optional' in register.yml)"
            )
            yield _finding(entry, text, None)

    def _aim(self, entry: Entry, matched: Matched) -> Iterator[Remark]:
        for control in entry.file.controls:
            if control not in self._known:
                yield _finding(entry, f"there is no control {control} in the rulebook", None)
        if matched.unknown:
            yield _finding(entry, f"the inventory has no host or group {', '.join(matched.unknown)}", None)
        elif not matched.hosts:
            yield _finding(entry, f"the pattern '{entry.file.hosts}' selects no host of the inventory", None)

    def _permit(self, file: ExceptionFile) -> Step:
        return self._procedures.forwardings.permit if file.forwarding else self._procedures.exceptions.permit

    def _holds(self, person: str, step: Step) -> bool:
        known = self._register.persons.get(person)
        return known is not None and any(role in step.who for role in known.roles)

    @staticmethod
    def _roles(step: Step) -> str:
        return " or ".join(step.who)


def _finding(entry: Entry, text: str, step: Step | None) -> Remark:
    return _remark(entry, RemarkKind.FINDING, text, step)


def _remark(entry: Entry, kind: RemarkKind, text: str, step: Step | None) -> Remark:
    clauses = (step.clause,) if step else ()
    return Remark(kind, "exception", entry.id, f"{text}.", clauses, str(entry.path))


def _why(entry: Entry) -> str:
    file = entry.file
    if file.state is State.EMERGENCY:
        told = f", reported on {file.reported_on}" if file.reported_on else ", not yet reported"
        by = f"taken in an emergency by {file.applicant} on {file.applied_on}{told}"
    else:
        by = f"permitted by {file.decided_by} on {file.decided_on}"
    last = f", until {file.expires_on}" if file.expires_on else ", without a last day"
    instead = f"; instead: {file.instead.rstrip('.')}" if file.instead else ""
    return f"exception {entry.id}, {by}{last}: {file.reason.rstrip('.')}{instead}"


def patterns(register: Register) -> Sequence[str]:
    """Return the host patterns of all entries, each once."""
    return list(dict.fromkeys(entry.file.hosts for entry in register.entries))
