"""Floors: how weak a parameter may be at most, checked before any host is touched.

Used by `kijun` and, through `playbooks/action_plugins/kijun_floors.py`, by plain `ansible-playbook`, so that
both refuse the same values in the same words. Standard library and PyYAML only, like `kijun.documents`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kijun.documents import kind, read_mapping, shown, standard_root
from kijun.errors import StandardError
from kijun.parameters import Parameter, load_parameters
from kijun.paths import data_root
from kijun.valuetypes import WANTED, converted, fits, short

UNKNOWN_PLACE = "unknown place"
DEFAULT_PLACE = "the role's default"


@dataclass(frozen=True, slots=True)
class Value:
    """An effective value of one host and where the inventory set it (`path:line`, or a description)."""

    value: object
    origin: str = UNKNOWN_PLACE


@dataclass(frozen=True, slots=True)
class Floor:
    """What one parameter must keep to, and whose number that is."""

    parameter: str
    basis: str  # "clause" or "practice"
    clause: str = ""
    minimum: int | None = None
    maximum: int | None = None
    greater_than: str | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """One value that may not be; `message` is a clause of a sentence, without host and full stop."""

    parameter: str
    message: str
    clause: str = ""


@dataclass(frozen=True)
class Rules:
    """All that is checked of parameters: their types, and the floors of every topic."""

    parameters: Mapping[str, Parameter]
    floors: tuple[Floor, ...]


def load_rules(data: Path | None = None) -> Rules:
    """Return the rules under `data` (kijun's own by default); StandardError where a file is malformed."""
    base = data or data_root()
    parameters = load_parameters(base / "roles")
    floors: list[Floor] = []
    for path in sorted((standard_root(base) / "controls").glob("*.yml")):
        listed = read_mapping(path).get("floors") or []
        if not isinstance(listed, list):
            raise StandardError(f"{shown(path)}: floors: expected a list, found {kind(listed)}.")
        floors += [_floor(path, index, raw, parameters) for index, raw in enumerate(listed)]
    return Rules(parameters, tuple(floors))


def _floor(path: Path, index: int, raw: object, parameters: Mapping[str, Parameter]) -> Floor:
    def wrong(key: str, expected: str, found: object) -> StandardError:
        return StandardError(
            f"{shown(path)}: floors[{index}]{key}: expected {expected}, found {kind(found)}."
        )

    if not isinstance(raw, dict):
        raise wrong("", "a mapping", raw)
    limits: dict[str, Any] = {key: raw.get(key) for key in ("min", "max", "greater_than")}
    if not any(limit is not None for limit in limits.values()):
        raise wrong("", "min, max or greater_than", raw)
    for key in ("min", "max"):
        if limits[key] is not None and (isinstance(limits[key], bool) or not isinstance(limits[key], int)):
            raise wrong(f".{key}", "a whole number", limits[key])
    for key in ("parameter", "basis"):
        if not isinstance(raw.get(key), str):
            raise wrong(f".{key}", "a text", raw.get(key))
    for name in (raw["parameter"], limits["greater_than"]):
        if name is not None and name not in parameters:  # a floor that never holds would be no floor
            raise wrong("", "a parameter of one of the roles", name)
    return Floor(
        parameter=raw["parameter"],
        basis=raw["basis"],
        clause=raw.get("clause") or "",
        minimum=limits["min"],
        maximum=limits["max"],
        greater_than=limits["greater_than"],
    )


def violations(rules: Rules, values: Mapping[str, Value]) -> list[Violation]:
    """Return what is wrong with one host's `values`; a parameter that is not in them has its default.

    Values of wrong type come first and are not compared further. Never raises, whatever the values are.
    """
    found: list[Violation] = []
    typed: dict[str, Value] = {}
    for name, parameter in rules.parameters.items():
        value = values.get(name, Value(parameter.default, DEFAULT_PLACE))
        if problem := _type_problem(rules, parameter, value.value):
            message = f"{_subject(name, value)}, but {problem}"
            found.append(Violation(name, message))
        else:
            typed[name] = Value(typed_value(parameter, value.value), value.origin)
    for floor in rules.floors:
        if floor.parameter in typed:
            found += _below(floor, typed)
    return found


def typed_value(parameter: Parameter, value: object) -> object:
    """Return `value` in the parameter's type, as Ansible converts it: "8" is the int 8, "yes" the bool True.

    What cannot be converted comes back as it is; `violations` has then reported it.
    """
    return converted(parameter.type, value)


def _type_problem(rules: Rules, parameter: Parameter, value: object) -> str:
    """Return what was expected where `value` is not of the parameter's type, else nothing."""
    if value is None:
        optional = parameter.default is None and not parameter.required
        return "" if optional else f"it needs {WANTED[parameter.type]}"
    typed = typed_value(parameter, value)
    if not fits(parameter.type, typed):
        return f"it needs {WANTED[parameter.type]}"
    negative = isinstance(typed, (int, float)) and typed < 0
    if negative and not _bounded(rules, parameter):
        return "it may not be negative"
    each = typed if isinstance(typed, list) else [typed]  # as Ansible has it: the choices of a list's entries
    if parameter.choices and not all(entry in parameter.choices for entry in each):
        what = "each of its entries" if each is typed else "it"
        return f"{what} must be one of {', '.join(map(str, parameter.choices))}"
    elements = parameter.elements
    if (
        isinstance(typed, list)
        and elements
        and not all(fits(elements, converted(elements, x)) for x in typed)
    ):
        return f"each of its entries needs to be {WANTED[elements]}"
    return ""


def _bounded(rules: Rules, parameter: Parameter) -> bool:
    """Tell whether a floor says how low the parameter may go; without one a negative number is a slip."""
    return any(floor.parameter == parameter.name and floor.minimum is not None for floor in rules.floors)


def _below(floor: Floor, values: Mapping[str, Value]) -> Iterable[Violation]:
    value = values[floor.parameter]
    number = value.value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return
    if floor.minimum is not None and number < floor.minimum:
        yield _violation(floor, value, f"at least {floor.minimum}")
    if floor.maximum is not None and number > floor.maximum:
        yield _violation(floor, value, f"at most {floor.maximum}")
    other = values.get(floor.greater_than) if floor.greater_than else None
    if other and isinstance(other.value, (int, float)) and number <= other.value:
        yield _violation(
            floor,
            value,
            f"more than {floor.greater_than}, which is {short(other.value)} (set in {other.origin})",
        )


def _violation(floor: Floor, value: Value, limit: str) -> Violation:
    whose = f"clause {floor.clause} demands" if floor.basis == "clause" else "kijun's practice floor asks for"
    return Violation(
        floor.parameter, f"{_subject(floor.parameter, value)}, but {whose} {limit}", floor.clause
    )


def _subject(name: str, value: Value) -> str:
    return f"{name} is {short(value.value)} (set in {value.origin})"


def refusal(by_host: Mapping[str, Iterable[Violation]]) -> str:
    """Return what to tell the operator of all hosts' violations, or "" where there are none.

    One violation is one sentence; the same one on many hosts is said once, with the hosts counted.
    """
    hosts: dict[str, list[str]] = {}
    for host, listed in by_host.items():
        for violation in listed:
            hosts.setdefault(violation.message, []).append(host)
    said = [f"{_names(names)}: {message}" for message, names in hosts.items()]
    if not said:
        return ""
    return "; ".join(said) + "; no host was touched."


def _names(hosts: list[str]) -> str:
    few = ", ".join(hosts[:3])
    return few if len(hosts) <= 3 else f"{few} and {len(hosts) - 3} more hosts"


def origin_of(value: object) -> str:
    """Return where Ansible says it found `value` (`path:line`, or a description such as "extra vars").

    ansible-core 2.19 and newer tag what they load with its origin; without a tag the place is unknown.
    """
    try:
        from ansible._internal._datatag._tags import Origin  # noqa: PLC0415 - only where Ansible runs already
    except ImportError:
        return UNKNOWN_PLACE
    tag = Origin.get_tag(value)
    if tag is None:
        return UNKNOWN_PLACE
    place = tag.path or tag.description or UNKNOWN_PLACE
    return f"{place}:{tag.line_num}" if tag.path and tag.line_num else str(place)
