"""Which requirements of the rulebook kijun's controls cover, and which not yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from kijun.standard import Standard
from kijun.standard.models import Automation, Basis, Clause, Obligation


class Coverage(StrEnum):
    """How one requirement stands."""

    COVERED = "covered"
    NOT_YET = "not yet"
    NOTHING = "nothing to cover"  # a definition or a scope: nobody can keep or break it


@dataclass(frozen=True)
class Covered:
    """One requirement and the controls that serve it; controls of practice never count."""

    clause: Clause
    controls: tuple[str, ...]

    @property
    def coverage(self) -> Coverage:
        """Return how it stands."""
        if self.controls:
            return Coverage.COVERED
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
    return [Covered(clause, tuple(serving.get(clause.id, ()))) for clause in clauses]


def counts(rows: list[Covered]) -> dict[Automation, Counter[Coverage]]:
    """Return how many requirements of each automation class stand how; every class is there."""
    table: dict[Automation, Counter[Coverage]] = {kind: Counter() for kind in Automation}
    for row in rows:
        table[row.clause.automation][row.coverage] += 1
    return table
