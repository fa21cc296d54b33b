"""What the page says in both languages at once: each text stands twice, and the style sheet shows one."""

from __future__ import annotations

from typing import Protocol

from markupsafe import Markup

from kijun.model import Finding, Grade, Outcome, RemarkKind, Status
from kijun.reporting.words import words


class Bilingual(Protocol):
    """Anything said in both languages, such as a title of the rulebook."""

    @property
    def en(self) -> str: ...  # noqa: D102

    @property
    def ja(self) -> str: ...  # noqa: D102


def both(english: str, japanese: str) -> Markup:
    """Return both texts, escaped, each marked with its language."""
    return Markup('<span lang="en">{}</span><span lang="ja">{}</span>').format(english, japanese)


class Words:
    """The words of the model's enumerations, in both languages at once."""

    def __init__(self) -> None:
        self._english, self._japanese = words("en"), words("ja")

    def text(self, text: Bilingual) -> Markup:
        """Return a text of the rulebook."""
        return both(text.en, text.ja)

    def title(self, finding: Finding) -> Markup:
        """Return the title of the control; its id where the rulebook does not have it."""
        return both(finding.title_en or finding.control, finding.title_ja or finding.control)

    def status(self, status: Status) -> Markup:
        """Return the word for a status; it is no heading here, so the English is not in capitals."""
        return both(self._english.statuses[status].lower(), self._japanese.statuses[status])

    def grade(self, grade: Grade) -> Markup:
        """Return the word for a grade of truth."""
        return both(self._english.grades[grade], self._japanese.grades[grade])

    def outcome(self, outcome: Outcome) -> Markup:
        """Return the word for how reading a host ended."""
        return both(self._english.outcomes[outcome], self._japanese.outcomes[outcome])

    def remark(self, kind: RemarkKind) -> Markup:
        """Return the word for what a remark asks for."""
        return both(self._english.remark_kinds[kind].lower(), self._japanese.remark_kinds[kind])

    def about(self, about: str) -> Markup:
        """Return the word for what a remark is about."""
        return both(self._english.remark_subjects[about], self._japanese.remark_subjects[about])

    def severity(self, severity: str) -> Markup:
        """Return what is said of a severity."""
        english, japanese = self._english.severities, self._japanese.severities
        return both(
            f"severity: {english.get(severity, severity)}", f"重大度：{japanese.get(severity, severity)}"
        )
