"""What one file of the rulebook cannot know of another: does the clause exist, is the obligation its own?

Used by `kijun standard`, by `make generate` and by the tests; `kijun check` does not pay for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from kijun.documents import shown
from kijun.errors import StandardError
from kijun.parameters import Parameter
from kijun.standard import Standard
from kijun.standard.models import Basis, Control, ControlFile, Floor, Obligation

# What binds more comes first; of two clauses a control serves, the stronger one is its obligation.
_STRENGTH = (
    Obligation.MUST,
    Obligation.MUST_NOT,
    Obligation.SHOULD,
    Obligation.EFFORT,
    Obligation.MAY,
    Obligation.NONE,
)


def validate(standard: Standard, parameters: Mapping[str, Parameter]) -> None:
    """Raise StandardError with the first contradiction between the files of the rulebook and the roles."""
    found = list(problems(standard, parameters))
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise StandardError(f"{found[0]}{more}.")


def problems(standard: Standard, parameters: Mapping[str, Parameter]) -> Iterator[str]:
    """Yield every contradiction as a sentence without its full stop: file, key, what was expected."""
    yield from _clause_problems(standard)
    yield from _topic_problems(standard)
    yield from _procedure_problems(standard)
    for slug, file in standard.topics.items():
        place = shown(standard.root / "controls" / f"{slug}.yml")
        if slug not in standard.about.topics:
            yield f"{place}: topic: expected a topic of standard.yml, found '{slug}'"
        for other in file.after:
            if other not in standard.topics:
                yield f"{place}: after: expected a topic with a control file, found '{other}'"
        for index, control in enumerate(file.controls):
            for problem in _control_problems(standard, control, file, parameters):
                yield f"{place}: controls[{index}].{problem}"
        for index, floor in enumerate(file.floors):
            for problem in _floor_problems(standard, floor, parameters):
                yield f"{place}: floors[{index}].{problem}"
    yield from _order_problems(standard)


def _clause_problems(standard: Standard) -> Iterator[str]:
    known = standard.vocabulary
    ids: Counter[str] = Counter()
    for section, file in standard.sections.items():
        place = shown(standard.root / "clauses" / f"{section}.yml")
        before = 0
        for index, clause in enumerate(file.clauses):
            here = f"{place}: clauses[{index}]"
            ids[clause.id] += 1
            if not (clause.id == section or clause.id.startswith((f"{section}.", f"{section}-"))):
                yield f"{here}.id: expected an id of section {section}, found {clause.id}"
            if clause.lines[-1] < before or list(clause.lines) != sorted(set(clause.lines)):
                yield f"{here}.lines: expected the order of the source, found {list(clause.lines)}"
            before = clause.lines[0]  # a clause may also rest on a lead line further up
            for key, words, listed in (
                ("subjects", known.subjects, clause.subjects),
                ("not_demanded", clause.subjects, clause.not_demanded),
                ("workflows", known.workflows, clause.workflows),
                ("who", known.actors, clause.who),
            ):
                for word in listed:
                    if word not in words:
                        place_of = "the clause's subjects" if words is clause.subjects else "vocabulary.yml"
                        yield f"{here}.{key}: expected a word of {place_of}, found '{word}'"
    for name, count in ids.items():
        if count > 1:
            yield f"{shown(standard.root / 'clauses')}: expected every id once, found {name} {count} times"


def _topic_problems(standard: Standard) -> Iterator[str]:
    place = shown(standard.root / "standard.yml")
    if standard.about.name != standard.root.name:
        yield f"{place}: name: expected '{standard.root.name}', the folder's, found '{standard.about.name}'"
    count = Counter(subject for topic in standard.about.topics.values() for subject in topic.covers)
    for subject in standard.vocabulary.subjects:
        if count[subject] != 1:
            yield f"{place}: topics: expected '{subject}' in exactly one topic, found it in {count[subject]}"
    for subject in count:
        if subject not in standard.vocabulary.subjects:
            yield f"{place}: topics: expected a subject of vocabulary.yml, found '{subject}'"


def _procedure_problems(standard: Standard) -> Iterator[str]:
    path = standard.root / "procedures.yml"
    if not path.is_file():  # a rulebook of which kijun keeps no procedure
        return
    place = shown(path)
    for key, step in standard.procedures.steps():
        if step.clause not in standard.clauses:
            yield f"{place}: {key}.clause: expected a requirement of the rulebook, found {step.clause}"
        for word in step.who:
            if word not in standard.vocabulary.actors:
                yield f"{place}: {key}.who: expected an actor of vocabulary.yml, found '{word}'"


def _control_problems(
    standard: Standard, control: Control, file: ControlFile, parameters: Mapping[str, Parameter]
) -> Iterator[str]:
    clauses = [standard.clauses[name] for name in control.clauses if name in standard.clauses]
    for name in control.clauses:
        if name not in standard.clauses:
            yield f"clauses: expected a requirement of the rulebook, found {name}"
    if control.basis is Basis.CLAUSE and clauses:
        strongest = min((clause.obligation for clause in clauses), key=_STRENGTH.index)
        if control.obligation is not strongest:
            yield f"obligation: expected {strongest} as its clause says, found {control.obligation}"
    for name in control.parameters:
        if name not in parameters or parameters[name].topic != file.topic:
            yield f"parameters: expected one of roles/{file.topic}/meta/argument_specs.yml, found '{name}'"


def _floor_problems(standard: Standard, floor: Floor, parameters: Mapping[str, Parameter]) -> Iterator[str]:
    for key, name in (("parameter", floor.parameter), ("greater_than", floor.greater_than)):
        if name is not None and (name not in parameters or parameters[name].type not in ("int", "float")):
            yield f"{key}: expected a parameter that is a number in its argument_specs.yml, found '{name}'"
    if floor.clause is None:
        return
    if floor.clause not in standard.clauses:
        yield f"clause: expected a requirement of the rulebook, found {floor.clause}"
        return
    stated = [p.value for p in standard.clauses[floor.clause].parameters if isinstance(p.value, int)]
    for key, number in (("min", floor.min), ("max", floor.max)):
        if number is not None and stated and number not in stated:
            numbers = " or ".join(map(str, stated))
            yield f"{key}: expected {numbers}, as {floor.clause} states, found {number}"


def _order_problems(standard: Standard) -> Iterator[str]:
    try:
        in_order(standard)
    except StandardError as bad:
        yield str(bad).removesuffix(".")


def in_order(standard: Standard) -> list[str]:
    """Return the slugs of all topics so that each comes after those it names in `after`.

    Otherwise alphabetical. StandardError where topics wait for each other.
    """
    waiting = {
        slug: {other for other in file.after if other in standard.topics}
        for slug, file in standard.topics.items()
    }
    done: list[str] = []
    while waiting:
        ready = next((slug for slug in sorted(waiting) if waiting[slug] <= set(done)), None)
        if ready is None:
            names = ", ".join(sorted(waiting))
            place = shown(standard.root / "controls")
            raise StandardError(f"{place}: after: expected an order, but {names} wait for each other.")
        done.append(ready)
        del waiting[ready]
    return done
