"""Floors: what is refused, in which words, and that nothing at all makes the check fall over."""

import re
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from hypothesis import given
from hypothesis import strategies as st

from kijun.errors import StandardError
from kijun.floors import (
    UNKNOWN_PLACE,
    Floor,
    Rules,
    Value,
    load_rules,
    origin_of,
    refusal,
    typed_value,
    violations,
)
from kijun.parameters import Parameter, defaults
from tests.unit import rulebooks


def parameter(name, kind="int", default=10, **more):
    return Parameter(name, "doors", kind, default, ("Says something.",), **more)


CASES = yaml.safe_load((Path(__file__).parent / "data" / "floor_cases.yml").read_text("utf-8"))
RULES = Rules(
    {
        p.name: p
        for p in (
            parameter("doors_locks"),
            parameter("doors_gate_locks", default=20),
            parameter("doors_credit", default=-1),
            parameter("doors_paint", "bool", False),
            parameter("doors_colour", "str", "red", choices=("red", "green")),
            parameter("doors_keepers", "list", ["ann"], elements="str"),
            parameter("doors_width", "float", 0.8),
            parameter("doors_plan", "dict", {}),
            parameter("doors_bell", "int", None),
        )
    },
    (
        Floor("doors_locks", "clause", "S-1.1", minimum=8),
        Floor("doors_locks", "practice", maximum=100),
        Floor("doors_gate_locks", "clause", "S-1.2", greater_than="doors_locks"),
        Floor("doors_credit", "practice", minimum=-3, maximum=0),
    ),
)


def messages(**values):
    return [v.message for v in violations(RULES, {k: Value(v, f"{k}.yml:1") for k, v in values.items()})]


def test_defaults_keep_to_the_floors():
    assert violations(RULES, {}) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["values"])[:60])
def test_what_is_refused_and_why(case):
    said = messages(**case["values"])
    assert case["says"] in said if "says" in case else said == []


def test_a_number_too_long_to_write_out():
    assert "doors_locks is a number of more than 30 digits (set in" in messages(doors_locks=10**6000)[0]
    assert "doors_colour is a number of more than 30 digits (set in" in messages(doors_colour=10**6000)[0]
    assert "doors_keepers is [" in messages(doors_keepers=[10**6000])[0]


def test_a_value_is_converted_as_ansible_converts_it():
    assert typed_value(parameter("x"), "8") == 8
    assert typed_value(parameter("x", "bool"), "no") is False
    assert typed_value(parameter("x", "str"), 8) == "8"
    assert typed_value(parameter("x", "float"), "1.5") == 1.5
    assert typed_value(parameter("x"), "eight") == "eight"
    assert typed_value(parameter("x"), None) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(RULES.parameters)), anything), anything)
def test_no_value_makes_the_check_fall_over(values, origin):
    said = violations(RULES, {name: Value(value, str(origin)[:50]) for name, value in values.items()})
    for violation in said:
        assert violation.parameter in RULES.parameters
        assert violation.message.startswith(f"{violation.parameter} is ")


@given(anything)
def test_only_whole_numbers_from_the_floor_up_pass(value):
    passed = not [v for v in violations(RULES, {"doors_locks": Value(value)}) if v.parameter == "doors_locks"]
    number = (
        int(value)
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]+\s*", value, re.ASCII)
        else value
    )
    whole = isinstance(number, int) and not isinstance(number, bool)
    assert passed == (whole and 8 <= number <= 100)


@given(st.integers(8, 100), st.integers())
def test_the_relative_floor_is_strict(ordinary, privileged):
    said = violations(RULES, {"doors_locks": Value(ordinary), "doors_gate_locks": Value(privileged)})
    assert bool(said) == (privileged <= ordinary)


def test_one_sentence_for_many_hosts():
    bad = violations(RULES, {"doors_locks": Value(6, "group_vars/all.yml:3")})
    text = "doors_locks is 6 (set in group_vars/all.yml:3), but clause S-1.1 demands at least 8"
    assert refusal({"a": bad, "b": []}) == f"a: {text}; no host was touched."
    many = refusal(dict.fromkeys("abcde", bad))
    assert many == f"a, b, c and 2 more hosts: {text}; no host was touched."
    assert refusal({"a": [], "b": []}) == ""


def test_rules_are_read_from_the_files(tmp_path):
    rules = load_rules(rulebooks.write(tmp_path))
    assert defaults(rules.parameters)["doors_locks"] == 3
    assert [f.parameter for f in rules.floors] == ["doors_locks", "doors_gate_locks"]
    (bad,) = violations(rules, {"doors_locks": Value(1)})
    assert (bad.parameter, bad.clause) == ("doors_locks", "S-1.1")


BROKEN = [
    (("floors",), "many", "floors: expected a list, found the text 'many'"),
    (("floors", 0), "x", "floors[0]: expected a mapping, found the text 'x'"),
    (("floors", 0, "min"), True, "floors[0].min: expected a whole number, found true"),
    (("floors", 0, "min"), None, "floors[0]: expected min, max or greater_than, found a mapping"),
    (("floors", 0, "parameter"), 8, "floors[0].parameter: expected a text, found the number 8"),
    (("floors", 0, "parameter"), "doors_x", "floors[0]: expected a parameter of one of the roles, found"),
    (("floors", 1, "greater_than"), "doors_x", "floors[1]: expected a parameter of one of the roles, found"),
]


@pytest.mark.parametrize(("keys", "value", "sentence"), BROKEN, ids=lambda x: str(x)[:50])
def test_a_broken_floor_is_named_and_not_passed_over(tmp_path, keys, value, sentence):
    files = rulebooks.rulebook()
    place = files["standards/small/controls/doors.yml"]
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    with pytest.raises(StandardError, match=re.escape(sentence)):
        load_rules(rulebooks.write(tmp_path, files))


def test_the_place_of_a_value_is_ansibles(tmp_path):
    file = tmp_path / "vars.yml"
    file.write_text("first: 1\nlocks: 6\n", encoding="utf-8")
    loaded = DataLoader().load_from_file(str(file))
    assert origin_of(loaded["locks"]) == f"{file}:2"
    assert origin_of(6) == UNKNOWN_PLACE


def test_the_house_keeps_to_its_own_floors():
    rules = load_rules()
    assert rules.floors
    assert violations(rules, {}) == []
