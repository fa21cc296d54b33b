"""The shape of a rulebook's files. A key that is not here is an error, and so is a missing one."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
SubjectSlug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$")]
ControlId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
ClauseId = Annotated[str, StringConstraints(pattern=r"^[RS]-A?[0-9]+(-[0-9]+)?(\.[0-9a-z]+(-[0-9]+)?)*$")]
Sentence = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Whole = Annotated[int, Field(strict=True)]  # neither "8" nor true
Line = Annotated[int, Field(strict=True, ge=1)]


class Obligation(StrEnum):
    """How strongly the source binds; the Japanese paraphrases use the plain form for all of them."""

    MUST = "must"
    MUST_NOT = "must_not"
    SHOULD = "should"
    EFFORT = "effort"
    MAY = "may"
    NONE = "none"


class Automation(StrEnum):
    """What software can do about a requirement."""

    ENFORCE = "enforce"  # technical state that software can set and verify
    DETECT = "detect"  # software can observe and report, not set
    RECORD = "record"  # a record that software can keep
    ATTEST = "attest"  # only a person can confirm
    NONE = "none"  # a definition or a scope


class Unit(StrEnum):
    """What piece of the source one requirement is."""

    PARAGRAPH = "paragraph"
    DEFINITION = "definition"
    ITEM = "item"
    LEAD = "lead"
    SENTENCE = "sentence"
    CLAUSE = "clause"
    BULLET = "bullet"


class Basis(StrEnum):
    """What a control or a floor rests on. Practice is never reported as a breach of the standard."""

    CLAUSE = "clause"
    PRACTICE = "practice"


class Severity(StrEnum):
    """How much harm a failing control allows."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Model(BaseModel):
    """Base of all: strict about keys, immutable once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Text(Model):
    """One thing said in both languages."""

    en: Sentence
    ja: Sentence

    def say(self, lang: str) -> str:
        """Return the text in `lang` ("ja" or "en")."""
        return self.ja if lang == "ja" else self.en


class TopicEntry(Model):
    """A topic of `standard.yml`: which subjects of the standard it covers, and in which wave it is built."""

    title: Text
    wave: int = Field(strict=True, ge=1)
    covers: tuple[SubjectSlug, ...] = Field(min_length=1)


class StandardFile(Model):
    """`standard.yml`: what the rulebook is, and the topics it is divided into."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    title: Text
    source: Text
    in_force: date
    topics: dict[Slug, TopicEntry]


class Vocabulary(Model):
    """`vocabulary.yml`: the words that the clauses use."""

    subjects: dict[SubjectSlug, Text]
    workflows: dict[SubjectSlug, Text]
    actors: dict[Slug, Text]


class ClauseParameter(Model):
    """A number or a rule that a clause speaks of; without a value the organisation must set it."""

    name: Slug
    value: Whole | str | None = None
    unit: str | None = None

    @property
    def open(self) -> bool:
        """Tell whether the standard leaves it to the organisation."""
        return self.value is None


class Clause(Model):
    """One requirement of the rulebook. `title` and `paraphrase` index the text; they are not its words."""

    id: ClauseId
    label: Sentence  # citation by position
    printed: Sentence | None = None  # what the page shows, where its numbering is off
    unit: Unit
    title: Text
    paraphrase: Text
    who: tuple[Slug, ...] = Field(min_length=1)
    obligation: Obligation
    automation: Automation
    subjects: tuple[SubjectSlug, ...] = ()
    not_demanded: tuple[SubjectSlug, ...] = ()  # subjects that only the heading names
    workflows: tuple[SubjectSlug, ...] = ()
    parameters: tuple[ClauseParameter, ...] = ()
    qualifiers: tuple[Sentence, ...] = ()  # words of the source that soften or condition the duty
    notes: Sentence | None = None
    lines: tuple[Line, ...] = Field(min_length=1)  # of the source text


class Heading(Model):
    """A heading of the rulebook; it demands nothing."""

    id: ClauseId
    label: Sentence
    printed: Sentence | None = None
    title: Text
    line: Line


class ClauseFile(Model):
    """`clauses/<section>.yml`: one section of the rulebook, in the source's order."""

    section: Annotated[str, StringConstraints(pattern=r"^(R|S-A?[0-9]+)$")]
    title: Text
    headings: tuple[Heading, ...] = ()
    clauses: tuple[Clause, ...] = Field(min_length=1)


class Floor(Model):
    """The weakest value a parameter may have; checked before any host is touched."""

    parameter: Slug
    min: Whole | None = None
    max: Whole | None = None
    greater_than: Slug | None = None
    basis: Basis
    clause: ClauseId | None = None
    why: Text

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.min is None and self.max is None and self.greater_than is None:
            raise ValueError("min, max or greater_than")
        if (self.basis is Basis.CLAUSE) != (self.clause is not None):
            raise ValueError("a clause where basis is clause, and none where it is practice")
        return self


class Control(Model):
    """One thing kijun judges on a host, and what in the rulebook it serves."""

    id: ControlId
    clauses: tuple[ClauseId, ...] = ()
    basis: Basis
    obligation: Obligation = Obligation.NONE  # of the clauses; practice binds nobody
    severity: Severity
    title: Text
    why: Text
    parameters: tuple[Slug, ...] = ()
    applies: Text | None = None
    leaves: Text | None = None  # what its clauses ask for and it does not look at: they are covered in part
    proof: Annotated[str, Field(min_length=1)] | tuple[str, ...] = ()

    @property
    def topic(self) -> str:
        """Return the slug of its topic."""
        return self.id.partition(".")[0]

    @property
    def proofs(self) -> tuple[str, ...]:
        """Return the tests that prove it."""
        return (self.proof,) if isinstance(self.proof, str) else self.proof

    @model_validator(mode="after")
    def _rests_on_something(self) -> Self:
        if self.basis is Basis.CLAUSE and not self.clauses:
            raise ValueError("at least one clause where basis is clause")
        if self.basis is Basis.PRACTICE and self.obligation is not Obligation.NONE:
            raise ValueError("obligation none (or no such key) where basis is practice")
        return self


class ControlFile(Model):
    """`controls/<topic>.yml`: the controls of one topic and the floors of its parameters."""

    topic: Slug
    title: Text
    after: tuple[Slug, ...] = ()  # topics whose roles must have run before this one's
    floors: tuple[Floor, ...] = ()
    controls: tuple[Control, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _own_controls(self) -> Self:
        seen: set[str] = set()
        for control in self.controls:
            if control.topic != self.topic:
                raise ValueError(f"every control's id to begin with '{self.topic}.', found {control.id}")
            if control.id in seen:
                raise ValueError(f"every control once, found {control.id} twice")
            seen.add(control.id)
        return self
