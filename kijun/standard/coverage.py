"""Which requirements of the rulebook kijun's controls cover, and which not yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from kijun.standard import Standard
from kijun.standard.models import Automation, Basis, Clause, Obligation, Text


class Coverage(StrEnum):
    """How one requirement stands."""

    COVERED = "covered"
    PARTLY = "in part"  # it asks for more than the controls that serve it look at
    NOT_YET = "not yet"
    NOTHING = "nothing to cover"  # a definition or a scope: nobody can keep or break it


@dataclass(frozen=True)
class Covered:
    """One requirement and the controls that serve it; controls of practice never count.

    `left`: the subjects of the requirement that none of the serving topics is about; `leaves`: what the
    serving controls say that they do not look at.
    """

    clause: Clause
    controls: tuple[str, ...]
    left: tuple[str, ...] = ()
    leaves: tuple[Text, ...] = ()

    @property
    def coverage(self) -> Coverage:
        """Return how it stands."""
        if self.controls:
            return Coverage.PARTLY if self.left or self.leaves else Coverage.COVERED
        if self.clause.automation is Automation.NONE:
            return Coverage.NOTHING
        return Coverage.NOT_YET


@dataclass(frozen=True)
class Filter:
    """Which requirements to look at; an empty field lets all through."""

    automation: Automation | None = None
    obligation: Obligation | None = None
    section: str = ""
    topic: str = ""


def section_of(clause: Clause) -> str:
    """Return the section's short name: R for the regulation, else the number ("10"), A1 for the last."""
    first = clause.id.split(".")[0]
    return "R" if first.startswith("R") else first.removeprefix("S-")


def select(standard: Standard, wanted: Filter) -> list[Clause]:
    """Return the requirements that `wanted` lets through, in the source's order."""
    subjects = set(standard.about.topics[wanted.topic].covers) if wanted.topic else set()
    return [
        clause
        for clause in standard.clauses.values()
        if (wanted.automation is None or clause.automation is wanted.automation)
        and (wanted.obligation is None or clause.obligation is wanted.obligation)
        and (not wanted.section or section_of(clause) == wanted.section)
        and (not wanted.topic or subjects & set(clause.subjects))
    ]


def coverage(standard: Standard, clauses: list[Clause]) -> list[Covered]:
    """Return for each requirement the controls that cover it."""
    serving: dict[str, list[str]] = {}
    for control in standard.controls.values():
        if control.basis is Basis.CLAUSE:
            for clause in control.clauses:
                serving.setdefault(clause, []).append(control.id)
    return [_covered(standard, clause, serving.get(clause.id, [])) for clause in clauses]


def _covered(standard: Standard, clause: Clause, controls: list[str]) -> Covered:
    topics = {standard.about.topics[control.partition(".")[0]] for control in controls}
    about = {subject for topic in topics for subject in topic.covers}
    demanded = [subject for subject in clause.subjects if subject not in clause.not_demanded]
    left = tuple(subject for subject in demanded if controls and subject not in about)
    leaves = tuple(text for name in controls if (text := standard.controls[name].leaves))
    return Covered(clause, tuple(controls), left, leaves)


def counts(rows: list[Covered]) -> dict[Automation, Counter[Coverage]]:
    """Return how many requirements of each automation class stand how; every class is there."""
    table: dict[Automation, Counter[Coverage]] = {kind: Counter() for kind in Automation}
    for row in rows:
        table[row.clause.automation][row.coverage] += 1
    return table
