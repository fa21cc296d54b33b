"""`docs/topics/<slug>.md` and `.ja.md`: everything an operator or an auditor asks about one topic."""

from __future__ import annotations

from collections.abc import Mapping

from kijun.generating.markdown import NOTICE, page, table
from kijun.generating.sources import Sources
from kijun.generating.topic_words import WORDS
from kijun.parameters import Parameter
from kijun.standard import Standard
from kijun.standard.coverage import Filter, coverage, select
from kijun.standard.models import Basis, Control, ControlFile, Floor
from kijun.standard.words import covered_by, word


def topic_page(
    standard: Standard, slug: str, parameters: Mapping[str, Parameter], sources: Sources, lang: str
) -> str:
    """Return the page of topic `slug` in `lang` ("en" or "ja")."""
    file = standard.topics[slug]
    own = [parameter for parameter in parameters.values() if parameter.topic == slug]
    say = _Say(lang)
    lines = [f"# {file.title.say(lang)} (`{slug}`)", "", NOTICE[lang]]
    lines += _clauses(standard, file, say)
    lines += _controls(file, say)
    lines += _parameters(file, own, say)
    lines += [*say.heading("reads"), *(_bullets(sources.reads) or [say("no_reads")])]
    lines += _proofs(sources, say)
    lines += _sabotage(sources, say)
    lines += _not_a_breach(standard, file, own, say)
    return page(lines)


class _Say:
    """The fixed words of the page in one language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, key: str, **values: object) -> str:
        text = WORDS[key][1 if self.lang == "ja" else 0]
        return text.format(**values) if values else text

    def heading(self, key: str) -> list[str]:
        return ["", f"## {self(key)}", ""]

    def columns(self, *keys: str) -> list[str]:
        return [self(key) for key in keys]


def _bullets(items: tuple[str, ...] | list[str]) -> list[str]:
    return [f"- {item}" for item in items]


def _clauses(standard: Standard, file: ControlFile, say: _Say) -> list[str]:
    cited = {name for control in file.controls for name in control.clauses}
    wanted = {clause.id for clause in select(standard, Filter(topic=file.topic))} | cited
    clauses = [clause for name, clause in standard.clauses.items() if name in wanted]
    rows = []
    for row in coverage(standard, clauses):
        rows.append(
            (
                f"{row.clause.id}<br>{row.clause.label}",
                word(row.clause.obligation, say.lang),
                row.clause.paraphrase.say(say.lang),
                covered_by(standard, row, say.lang, quote="`"),
            )
        )
    return [
        *say.heading("clauses"),
        say("clauses_intro"),
        "",
        *table(say.columns("clause", "obligation", "paraphrase", "covered_by"), rows),
    ]


def _controls(file: ControlFile, say: _Say) -> list[str]:
    lines = say.heading("controls")
    for control in file.controls:
        lines += [
            f"### `{control.id}`",
            "",
            f"**{control.title.say(say.lang)}** {control.why.say(say.lang)}",
            "",
        ]
        lines += [*_bullets(_facts(control, say)), ""]
    return lines[:-1]


def _facts(control: Control, say: _Say) -> list[str]:
    facts = []
    if control.basis is Basis.CLAUSE:
        clauses = ", ".join(control.clauses)
        facts.append(say("rests_on", clauses=clauses, obligation=word(control.obligation, say.lang)))
    else:
        facts.append(say("rests_on_practice"))
    facts.append(say("severity", severity=word(control.severity, say.lang)))
    if control.parameters:
        facts.append(say("uses", parameters=", ".join(f"`{name}`" for name in control.parameters)))
    if control.applies:
        facts.append(say("applies", where=control.applies.say(say.lang)))
    if control.proofs:
        facts.append(say("proved_by", proofs=", ".join(f"`{name}`" for name in control.proofs)))
    return facts


def _parameters(file: ControlFile, own: list[Parameter], say: _Say) -> list[str]:
    if not own:
        return [*say.heading("parameters"), say("no_parameters")]
    rows = []
    for parameter in own:
        floors = [floor for floor in file.floors if floor.parameter == parameter.name]
        limits = "<br>".join(_limit(floor, say) for floor in floors) or "–"
        text = " ".join(parameter.description)
        rows.append((f"`{parameter.name}`", parameter.type, f"`{_shown(parameter.default)}`", limits, text))
    lines = [*say.heading("parameters"), say("parameters_intro"), ""]
    lines += table(say.columns("name", "type", "default", "floor", "description"), rows)
    reasons = [
        f"`{floor.parameter}`: {_limit(floor, say)}. {floor.why.say(say.lang)}" for floor in file.floors
    ]
    return lines + (["", *_bullets(reasons)] if reasons else [])


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _limit(floor: Floor, say: _Say) -> str:
    parts = []
    if floor.min is not None:
        parts.append(say("at_least", number=floor.min))
    if floor.max is not None:
        parts.append(say("at_most", number=floor.max))
    if floor.greater_than:
        parts.append(say("more_than", other=f"`{floor.greater_than}`"))
    whose = say("of_clause", clause=floor.clause) if floor.basis is Basis.CLAUSE else say("of_practice")
    return f"{say('comma').join(parts)} {whose}"


def _proofs(sources: Sources, say: _Say) -> list[str]:
    lines = say.heading("proofs")
    if not sources.proofs:
        return [*lines, say("no_proofs")]
    rows = [
        (f"`{proof.name}`", ", ".join(f"`{name}`" for name in proof.proves) or "–", proof.says)
        for proof in sources.proofs
    ]
    return lines + table(say.columns("test", "proves", "what"), rows)


def _sabotage(sources: Sources, say: _Say) -> list[str]:
    lines = say.heading("sabotage")
    if not sources.sabotage:
        return [*lines, say("no_sabotage")]
    rows = [(f"`{s.name}`", s.what, f"`{s.breaks}`", say(f"by_{s.caught_by}")) for s in sources.sabotage]
    return lines + table(say.columns("script", "what", "must_fail", "caught"), rows)


def _not_a_breach(standard: Standard, file: ControlFile, own: list[Parameter], say: _Say) -> list[str]:
    practice = [c for c in file.controls if c.basis is Basis.PRACTICE]
    stated = {floor.parameter for floor in file.floors if _is_stated(standard, floor)}
    free = [f"`{parameter.name}`" for parameter in own if parameter.name not in stated]
    lines = [f"`{control.id}`: {control.title.say(say.lang)}" for control in practice]
    if free:
        lines.append(say("free_numbers", names=", ".join(free)))
    if not lines:
        return [*say.heading("not_breach"), say("nothing_else")]
    return [*say.heading("not_breach"), say("not_breach_intro"), "", *_bullets(lines)]


def _is_stated(standard: Standard, floor: Floor) -> bool:
    """Tell whether the limit is a number that the text itself gives, not one that follows from its sense."""
    if floor.clause is None:
        return False
    numbers = [parameter.value for parameter in standard.clauses[floor.clause].parameters]
    return any(isinstance(number, int) and number in (floor.min, floor.max) for number in numbers)
