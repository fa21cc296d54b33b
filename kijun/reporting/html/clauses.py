"""The page's parts that speak of the rulebook: what was looked at clause by clause, and what was not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kijun.reporting.html.tally import ORDER, SEVERITIES, Tally
from kijun.standard.coverage import Coverage, Covered, coverage
from kijun.standard.models import Automation, Basis, Clause, Control, Text

if TYPE_CHECKING:
    from kijun.checking import Report
    from kijun.standard import Standard


class Look(StrEnum):
    """Whether a requirement of the rulebook was looked at in this check."""

    HERE = "here"
    ELSEWHERE = "elsewhere"  # a control covers it, of a topic that this check left out
    NOT_YET = "not_yet"
    NOTHING = "nothing"  # a definition or a scope


@dataclass(frozen=True, slots=True)
class Judged:
    """One control over all hosts."""

    control: Control
    tally: Tally


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """One requirement that was looked at: the controls that serve it, and their findings together.

    `left`: what it speaks of besides, that no control looks at; `absent`: controls of topics left out here.
    """

    clause: Clause
    controls: tuple[Judged, ...]
    tally: Tally
    left: tuple[Text, ...]
    absent: tuple[str, ...]

    @property
    def partial(self) -> bool:
        """Tell whether only a part of it was looked at."""
        return bool(self.left or self.absent)


@dataclass(frozen=True)
class Chapter:
    """One section of the rulebook: what was looked at, and every other requirement by why it was not."""

    name: str
    title: Text
    results: tuple[ClauseResult, ...]
    others: dict[Look, tuple[Clause, ...]]
    looks: Counter[Look]


def chapters(report: Report, standard: Standard) -> list[Chapter]:
    """Return every section of the rulebook, in the source's order; no requirement is left out."""
    judged = {one.control.id: one for one in _judged(report, standard)}
    rows = coverage(standard, list(standard.clauses.values()))
    looks = _looks(report, rows)
    covered = {row.clause.id: row for row in rows}
    found = []
    for name, section in standard.sections.items():
        others: dict[Look, list[Clause]] = {look: [] for look in Look}
        for clause in section.clauses:
            others[looks[clause.id]].append(clause)
        here = others.pop(Look.HERE)
        results = tuple(_result(standard, covered[clause.id], judged) for clause in here)
        rest = {look: tuple(clauses) for look, clauses in others.items()}
        count = Counter(looks[clause.id] for clause in section.clauses)
        found.append(Chapter(name, section.title, results, rest, count))
    return found


def practice(report: Report, standard: Standard) -> list[Judged]:
    """Return the controls that rest on good practice: the worst first."""
    found = [one for one in _judged(report, standard) if one.control.basis is not Basis.CLAUSE]
    return sorted(
        found, key=lambda one: (ORDER.index(one.tally.worst), SEVERITIES.index(one.control.severity.value))
    )


def looked_at(report: Report, standard: Standard) -> Counter[Look]:
    """Return how many requirements were looked at, and how many not and why; they sum up to all."""
    rows = coverage(standard, list(standard.clauses.values()))
    return Counter(_looks(report, rows).values())


def not_yet(found: list[Chapter]) -> Counter[Automation]:
    """Return what software could do about the requirements that kijun does not cover yet, by how many."""
    missing = [clause for chapter in found for clause in chapter.others[Look.NOT_YET]]
    count = Counter(clause.automation for clause in missing)
    return Counter({kind: count[kind] for kind in Automation if count[kind]})


def _looks(report: Report, rows: list[Covered]) -> dict[str, Look]:
    topics = set(report.topics)
    looks = {}
    for row in rows:
        if row.controls:
            here = any(control.partition(".")[0] in topics for control in row.controls)
            looks[row.clause.id] = Look.HERE if here else Look.ELSEWHERE
        else:
            looks[row.clause.id] = Look.NOT_YET if row.coverage is Coverage.NOT_YET else Look.NOTHING
    return looks


def _judged(report: Report, standard: Standard) -> list[Judged]:
    """Return every control of the topics that were checked, with its findings on all hosts."""
    tallies: dict[str, Tally] = {}
    for _, finding in report.findings:
        tallies.setdefault(finding.control, Tally()).add(finding)
    topics = set(report.topics)
    return [
        Judged(control, tallies.get(control.id, Tally()))
        for control in standard.controls.values()
        if control.topic in topics
    ]


def _result(standard: Standard, row: Covered, judged: dict[str, Judged]) -> ClauseResult:
    controls = tuple(judged[name] for name in row.controls if name in judged)
    absent = tuple(name for name in row.controls if name not in judged)
    left = (*(standard.vocabulary.subjects[subject] for subject in row.left), *row.leaves)
    tally = Tally()
    for one in controls:
        tally.statuses.update(one.tally.statuses)
        tally.grades.update(one.tally.grades)
    return ClauseResult(row.clause, controls, tally, left, absent)
