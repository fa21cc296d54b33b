"""What `kijun standard` shows: rows for people, data for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kijun.errors import KijunError
from kijun.parameters import load_parameters
from kijun.standard import Standard, load_standard
from kijun.standard.coverage import Coverage, Covered, Filter, counts, coverage, section_of, select
from kijun.standard.models import Automation, Clause, Obligation
from kijun.standard.validating import validate
from kijun.standard.words import covered_by, word

SCHEMA = 1
Data = dict[str, object]


@dataclass(frozen=True)
class Listing:
    """A table: what its columns are called, its rows, and a second, small table below it."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    sums: tuple[tuple[str, ...], ...] = ()  # the first is its head


_HEADS = {
    "id": ("id", "ID"),
    "citation": ("citation", "引用"),
    "obligation": ("obligation", "拘束力"),
    "automation": ("automation", "自動化"),
    "paraphrase": ("paraphrase", "要約"),
    "covered_by": ("covered by", "対応する管理項目"),
    "topic": ("topic", "トピック"),
    "title": ("title", "名称"),
    "wave": ("wave", "段階"),
    "requirements": ("requirements", "要求事項"),
    "controls": ("controls", "管理項目"),
    "total": ("total", "計"),
}


def _heads(lang: str, *keys: str) -> tuple[str, ...]:
    return tuple(_HEADS[key][1 if lang == "ja" else 0] for key in keys)


def checked_standard() -> Standard:
    """Return the rulebook in use after checking that its files agree; StandardError where they do not."""
    standard = load_standard()
    validate(standard, load_parameters())
    return standard


def make_filter(
    standard: Standard, automation: str | None, obligation: str | None, section: str | None, topic: str | None
) -> Filter:
    """Return the filter of the command line's options; KijunError names the one that is no such thing."""
    sections = list(dict.fromkeys(section_of(clause) for clause in standard.clauses.values()))
    return Filter(
        automation=_member("--automation", automation, Automation),
        obligation=_member("--obligation", obligation, Obligation),
        section=_one_of("--section", section and section.removeprefix("S-"), sections),
        topic=_one_of("--topic", topic, list(standard.about.topics)),
    )


def _member[E: StrEnum](option: str, value: str | None, kind: type[E]) -> E | None:
    name = _one_of(option, value, [str(member) for member in kind])
    return kind(name) if name else None


def _one_of(option: str, value: str | None, known: list[str]) -> str:
    if value is None:
        return ""
    if value not in known:
        raise KijunError(f"{option}: expected one of {', '.join(known)}, found '{value}'.")
    return value


def clauses_listing(standard: Standard, wanted: Filter, lang: str) -> Listing:
    """Return the requirements that `wanted` lets through."""
    return Listing(
        _heads(lang, "id", "citation", "automation", "obligation", "paraphrase"),
        [
            (
                clause.id,
                clause.label,
                word(clause.automation, lang),
                word(clause.obligation, lang),
                clause.paraphrase.say(lang),
            )
            for clause in select(standard, wanted)
        ],
    )


def clauses_data(standard: Standard, wanted: Filter) -> Data:
    """Return the same for machines, with everything the rulebook knows of each requirement."""
    clauses = [clause.model_dump(mode="json") for clause in select(standard, wanted)]
    return {"schema": SCHEMA, "standard": standard.about.name, "clauses": clauses}


def topics_listing(standard: Standard, lang: str) -> Listing:
    """Return the topics with how many requirements and controls each has."""
    rows = []
    for slug, topic in standard.about.topics.items():
        requirements = len(select(standard, Filter(topic=slug)))
        controls = str(len(standard.topics[slug].controls)) if slug in standard.topics else ""
        number = controls or word(Coverage.NOT_YET, lang)
        rows.append((slug, topic.title.say(lang), str(topic.wave), str(requirements), number))
    return Listing(_heads(lang, "topic", "title", "wave", "requirements", "controls"), rows)


def topics_data(standard: Standard) -> Data:
    """Return the topics for machines."""
    topics: list[Data] = []
    for slug, topic in standard.about.topics.items():
        file = standard.topics.get(slug)
        topics.append(
            {
                "slug": slug,
                **topic.model_dump(mode="json"),
                "clauses": [clause.id for clause in select(standard, Filter(topic=slug))],
                "controls": [control.id for control in file.controls] if file else [],
            }
        )
    return {"schema": SCHEMA, "standard": standard.about.name, "topics": topics}


def coverage_listing(standard: Standard, wanted: Filter, lang: str) -> Listing:
    """Return for each requirement the controls that cover it or "not yet", and counts by automation class."""
    found = coverage(standard, select(standard, wanted))
    rows = [
        (
            row.clause.id,
            row.clause.label,
            word(row.clause.automation, lang),
            covered_by(standard, row, lang),
            word(row.clause.obligation, lang),
            row.clause.paraphrase.say(lang),
        )
        for row in found
    ]
    head = _heads(lang, "id", "citation", "automation", "covered_by", "obligation", "paraphrase")
    return Listing(head, rows, _sums(found, lang))


def _sums(found: list[Covered], lang: str) -> tuple[tuple[str, ...], ...]:
    table = counts(found)
    lines = [
        (*_heads(lang, "automation"), *(word(state, lang) for state in Coverage), *_heads(lang, "total"))
    ]
    for kind in Automation:
        numbers = [table[kind][state] for state in Coverage]
        lines.append((word(kind, lang), *map(str, numbers), str(sum(numbers))))
    sums = [sum(table[kind][state] for kind in Automation) for state in Coverage]
    lines.append((*_heads(lang, "total"), *map(str, sums), str(sum(sums))))
    return tuple(lines)


def coverage_data(standard: Standard, wanted: Filter) -> Data:
    """Return the same for machines."""
    found = coverage(standard, select(standard, wanted))
    summary = {
        str(kind): {state.name.lower(): numbers[state] for state in Coverage}
        for kind, numbers in counts(found).items()
    }
    rows = [
        {
            **_brief(row.clause),
            "coverage": row.coverage.name.lower(),
            "controls": row.controls,
            "left": row.left,
            "leaves": [text.model_dump() for text in row.leaves],
        }
        for row in found
    ]
    return {"schema": SCHEMA, "standard": standard.about.name, "summary": summary, "clauses": rows}


def _brief(clause: Clause) -> Data:
    return clause.model_dump(mode="json", include={"id", "label", "obligation", "automation", "paraphrase"})
