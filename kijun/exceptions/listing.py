"""The register for its readers: `kijun exceptions list` and `show`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kijun.checking import Options
from kijun.errors import KijunError
from kijun.exceptions.judging import Judged, judge_register, patterns, today
from kijun.exceptions.models import State
from kijun.exceptions.register import Register, load_register
from kijun.inventory import survey_inventory
from kijun.model import RemarkKind
from kijun.reporting.text import printable
from kijun.standard import load_standard

FORMATS = ("text", "json")
SCHEMA = 1


@dataclass(frozen=True)
class Listed:
    """The register with each entry judged, on one day."""

    register: Register
    judged: tuple[Judged, ...]
    day: date

    @property
    def exit_code(self) -> int:
        """1 where an entry is a finding, else 0."""
        return int(any(r.kind is RemarkKind.FINDING for one in self.judged for r in one.remarks))


def list_register(options: Options) -> Listed:
    """Return the whole register beside the inventory, judged today; KijunError where it cannot be read."""
    register = load_register(options.sources, Path(options.exceptions) if options.exceptions else None)
    matches = survey_inventory(
        options.sources, vault_password_files=options.vault_password_files, patterns=patterns(register)
    ).matches
    if not register.entries:
        return Listed(register, (), today())
    standard, day = load_standard(), today()
    judged = judge_register(
        register, standard.procedures, standard.controls, matches, day=day, within=options.expiring_within
    )
    return Listed(register, tuple(judged), day)


def choose(listed: Listed, states: Sequence[str] = (), expiring_within: int | None = None) -> list[Judged]:
    """Return the entries in these states (all where empty), and only those that end within so many days."""
    known = [state.value for state in State]
    for state in states:
        if state not in known:
            raise KijunError(f"there is no state {state}; the states are: {', '.join(known)}.")
    chosen = [one for one in listed.judged if not states or one.entry.file.state.value in states]
    if expiring_within is None:
        return chosen
    return [one for one in chosen if _ends_within(one, listed.day, expiring_within)]


def find(listed: Listed, name: str) -> Judged:
    """Return the entry `name`; KijunError with the ids there are."""
    for one in listed.judged:
        if one.entry.id == name:
            return one
    ids = ", ".join(one.entry.id for one in listed.judged) or "none, as the register is empty"
    raise KijunError(f"there is no exception {name}; the exceptions are: {ids}.")


def render(entries: Iterable[Judged], form: str) -> str:
    """Return the list as text, or as one JSON document."""
    if form == "json":
        document = {"schema": SCHEMA, "exceptions": [_document(one) for one in entries]}
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    if form != "text":
        raise KijunError(f"there is no format {form}; the formats are: {', '.join(FORMATS)}.")
    return "".join(f"{line}\n" for line in _lines(list(entries)))


def details(one: Judged, register: Register, lang: str) -> str:
    """Return all that is known of one exception."""
    file = one.entry.file
    rows = [
        ("state", file.state.value),
        ("counts today", "yes" if one.counts else "no"),
        ("controls", ", ".join(file.controls)),
        ("forwarding", f"{file.forwarding.from_} to {file.forwarding.to}" if file.forwarding else ""),
        ("hosts", f"{file.hosts} ({', '.join(sorted(one.hosts)) or 'none of the inventory'})"),
        ("reason", file.reason),
        ("instead", file.instead or ""),
        ("applied for", f"{file.applied_on} by {_person(file.applicant, register, lang)}"),
        ("decided", _who_when(file.decided_by, file.decided_on, register, lang)),
        ("reported", _told(file.reported_to, file.reported_on, register, lang)),
        ("last day", str(file.expires_on or "none")),
        ("file", str(one.entry.path)),
    ]
    lines = [one.entry.id, *(f"  {label + ':':<14}{printable(value)}" for label, value in rows if value)]
    lines += [f"  {_word(r.kind) + ':':<14}{printable(r.text)}" for r in one.remarks]
    return "\n".join(lines) + "\n"


def _lines(entries: Sequence[Judged]) -> Iterator[str]:
    if not entries:
        yield "No exception is to be shown."
        return
    width = max(len(one.entry.id) for one in entries)
    for one in entries:
        file = one.entry.file
        what = ", ".join(file.controls)
        if file.forwarding:
            what = f"mail of {file.forwarding.from_} to {file.forwarding.to}"
        last = f"until {file.expires_on}" if file.expires_on else "without a last day"
        counts = "counts" if one.counts else "does not count"
        shown = printable(f"{what} on {file.hosts}, {last}")
        yield f"{one.entry.id:<{width}}  {file.state.value:<9}  {counts:<14}  {shown}"
        for remark in one.remarks:
            yield f"{'':<{width}}  {_word(remark.kind)}: {printable(remark.text)}"


def _document(one: Judged) -> dict[str, Any]:
    values = one.entry.file.model_dump(mode="json", by_alias=True)
    remarks = [{"kind": r.kind.value, "text": r.text, "clauses": list(r.clauses)} for r in one.remarks]
    return {
        "id": one.entry.id,
        **values,
        "counts": one.counts,
        "selected": sorted(one.hosts),
        "remarks": remarks,
        "source": str(one.entry.path),
    }


def _ends_within(one: Judged, day: date, within: int) -> bool:
    file = one.entry.file
    ends = file.state in (State.PERMITTED, State.EMERGENCY) and file.expires_on is not None
    return ends and file.expires_on is not None and (file.expires_on - day).days <= within


def _word(kind: RemarkKind) -> str:
    return "FAIL" if kind is RemarkKind.FINDING else kind.value


def _person(name: str, register: Register, lang: str) -> str:
    known = register.persons.get(name)
    return f"{name} ({known.title.say(lang)})" if known and known.title else name


def _who_when(name: str | None, day: date | None, register: Register, lang: str) -> str:
    return f"{day or 'on no day'} by {_person(name, register, lang)}" if name else ""


def _told(name: str | None, day: date | None, register: Register, lang: str) -> str:
    return f"{day} to {_person(name, register, lang)}" if name else ""
