"""Counts of findings, and the one status that stands for many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from kijun.model import Finding, Grade, Status

# The worst first: what fails hides behind nothing, and what is unknown is never a pass.
ORDER = (Status.FAIL, Status.UNKNOWN, Status.EXCEPTED, Status.PASS, Status.NOT_APPLICABLE)
SEVERITIES = ("high", "medium", "low")


@dataclass
class Tally:
    """How many findings have which status, and how many of the passes which grade."""

    statuses: Counter[Status] = field(default_factory=Counter)
    grades: Counter[Grade] = field(default_factory=Counter)

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Tally:
        """Return the tally of `findings`."""
        tally = cls()
        for finding in findings:
            tally.add(finding)
        return tally

    def add(self, finding: Finding) -> None:
        """Count `finding`. A grade says how sure a pass is, or that something could not be verified."""
        self.statuses[finding.status] += 1
        if finding.status is Status.PASS or finding.grade is Grade.UNVERIFIED:
            self.grades[finding.grade] += 1

    @property
    def total(self) -> int:
        """Return how many there are."""
        return self.statuses.total()

    @property
    def worst(self) -> Status:
        """Return the status that stands for all; UNKNOWN where there is none."""
        return next((status for status in ORDER if self.statuses[status]), Status.UNKNOWN)

    @property
    def parts(self) -> list[tuple[Status, int]]:
        """Return the statuses that occur, the worst first, with their counts."""
        return [(status, self.statuses[status]) for status in ORDER if self.statuses[status]]

    @property
    def graded(self) -> list[tuple[Grade, int]]:
        """Return every grade with its count; never merged."""
        return [(grade, self.grades[grade]) for grade in Grade]


def urgency(finding: Finding) -> tuple[int, int, str]:
    """Return what findings are sorted by: the worst first, then the gravest, then by name."""
    severity = SEVERITIES.index(finding.severity) if finding.severity in SEVERITIES else len(SEVERITIES)
    return ORDER.index(finding.status), severity, finding.control
