"""The Ansible module of mail_forwarding: what it takes out of tables, and what it leaves."""

from __future__ import annotations

import importlib
import importlib.util
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.modules import load

ROOT = Path(__file__).resolve().parents[2]
HELPERS = importlib.import_module("ansible.module_utils.kijun_forwarding")
OUT = "x@outside.invalid"


def inside(until: str = "2099-12-31") -> object:
    approved = [{"from": "sato@museum.example", "to": OUT, "approver": "Network manager", "until": until}]
    today = date(2026, 11, 25)
    local = ["museum.example", "mail.museum.example"]
    return HELPERS.Inside("museum.example", local, ["branch.example"], approved, today)


def test_documentation_and_argument_spec_agree() -> None:
    module = load("library/kijun_postfix_forwarding.py")
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert documented.keys() == module.ARGUMENT_SPEC.keys()
    for name, spec in module.ARGUMENT_SPEC.items():
        said = {k: documented[name].get(k) for k in ("type", "default", "elements")}
        assert said == {k: spec.get(k) for k in ("type", "default", "elements")}, name


@pytest.mark.parametrize(
    ("item", "outside"),
    [
        (OUT, True),
        (f"Name <{OUT}>", True),
        ("x%outside.invalid@museum.example", True),
        ("outside.invalid!x", True),
        ("x@evilbranch.example", True),
        ("sato", False),
        ("sato@MUSEUM.example.", False),
        ("sato@deep.branch.example", False),
        ("|/bin/x", False),
        ('"|/bin/x a@b"', False),
        ("\\sato", False),
        ("/var/mail/x", False),
        (":include:/etc/x", False),
    ],
)
def test_what_is_outside(item: str, outside: bool) -> None:
    assert inside().outside(item) is outside


ALIASES = f"""# comment {OUT}
root: sato
info: sato,
  {OUT}
gone: {OUT}
sato: \\sato, {OUT}
"two words": a, {OUT}
"""


def test_only_what_nobody_approved_is_taken_out() -> None:
    after = HELPERS.cleaned(ALIASES, inside(), alias=True, instead=lambda _key: "postmaster")
    assert after == (
        f'# comment {OUT}\nroot: sato\ninfo:\tsato\ngone:\tpostmaster\nsato: \\sato, {OUT}\n"two words":\ta\n'
    )
    assert HELPERS.cleaned(after, inside(), alias=True, instead=lambda _key: "") == after
    over = HELPERS.cleaned(ALIASES, inside("2026-11-24"), alias=True, instead=lambda _key: "")
    assert OUT not in over.replace(f"# comment {OUT}", "")
    assert "gone" not in over


def test_a_map_without_colons() -> None:
    text = f"# c\n@museum.example {OUT}\nsato@museum.example\tsato {OUT}\nb@museum.example b, {OUT}\n"
    after = HELPERS.cleaned(text, inside(), alias=False, instead=lambda _key: "")
    assert "@museum.example x" not in after
    assert "b@museum.example\tb\n" in after


def test_a_list_keeps_only_what_all_its_aliases_may_have() -> None:
    text = f"# c\nsato\n{OUT}\ny@outside.invalid, sato\n"
    assert HELPERS.cleaned_include(text, ["sato"], inside()) == f"# c\nsato\n{OUT}\nsato\n"
    assert HELPERS.cleaned_include(text, ["sato", "other"], inside()) == "# c\nsato\nsato\n"


@given(st.text(max_size=200))
def test_what_leads_nowhere_outside_is_left_byte_for_byte(text: str) -> None:
    kept = "".join(lines for lines, _, _ in HELPERS.entries(text, alias=True))
    assert kept == text
