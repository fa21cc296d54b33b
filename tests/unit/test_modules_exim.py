"""The Ansible module of mail_forwarding for Exim: which routers it switches off, and what it leaves."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.modules import load

ROOT = Path(__file__).resolve().parents[2]
EXIM = importlib.import_module("ansible.module_utils.kijun_exim")
DATA = Path(__file__).parent / "data/mail_forwarding"
TEMPLATE = """\
begin acl
userforward:
  accept

begin routers
# userforward: in a comment
userforward:
  debug_print = "R: userforward"
  driver = redirect
procmail:
  driver = accept

begin transports
userforward:
  driver = pipe
"""


def configuration(host: str, *changes: tuple[str, str]) -> Any:
    """What the module knows of a captured host, with some lines changed; no Exim is asked."""
    text = (DATA / f"{host}.exim").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    made = object.__new__(EXIM.Configuration)
    made.routers = EXIM.parts(text.partition("@routers\n")[2].partition("\n@")[0], "router")
    transports = EXIM.parts(re.sub(r"(?s)^.*\n@transports\n", "", text).partition("\n@")[0], "transport")
    made.transports = {transport["name"]: transport for transport in transports}
    return made


def names(routers: list[dict[str, str]]) -> list[str]:
    return [router["name"] for router in routers]


def test_documentation_and_argument_spec_agree() -> None:
    module = load("library/kijun_exim_forwarding.py")
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert documented.keys() == module.ARGUMENT_SPEC.keys()
    for name, spec in module.ARGUMENT_SPEC.items():
        said = {key: documented[name].get(key) for key in ("type", "default", "elements")}
        assert said == {key: spec.get(key) for key in ("type", "default", "elements")}, name


# The reading does not take this option, which only the module looks at.
REQUIRING = [
    (f"{name} router:\n", f"{name} router:\nrequire_files = ${{local_part}}:+${{home}}/{file}\n")
    for name, file in (("procmail", ".procmailrc"), ("maildrop", ".mailfilter"))
]


@pytest.mark.parametrize("release", [12, 13])
def test_debian_s_routers_that_follow_users_files(release: int) -> None:
    following = configuration(f"exim-leaky-{release}", *REQUIRING).following_users()
    assert names(following) == ["userforward", "procmail", "maildrop"]
    assert names(configuration(f"exim-kept-{release}", *REQUIRING).following_users()) == []


@pytest.mark.parametrize(
    "condition",
    ["yes", "${if eq{1}{1}}", "nobody", "${if and{{bool_lax{yes}}{bool_lax{no}}}"],
)
def test_a_router_is_off_only_where_its_first_condition_is_plainly_no(condition: str) -> None:
    changed = configuration(
        "exim-kept-13",
        ("userforward router:\ncondition = no\n", f"userforward router:\ncondition = {condition}\n"),
    )
    assert names(changed.following_users()) == ["userforward"]


def test_a_router_that_takes_all_mail_is_told_and_not_switched_off() -> None:
    """Without a file that it requires, procmail delivers for everybody: off, users would get no mail."""
    conf = configuration("exim-leaky-13", REQUIRING[1])
    assert names(conf.delivering_by_users_rules()) == ["procmail"]
    assert names(conf.following_users()) == ["userforward", "maildrop"]


def test_the_tables_of_redirecting_routers_are_cleaned() -> None:
    looked_up = configuration("exim-leaky-13").looked_up()
    assert looked_up == ["/etc/aliases", "/etc/exim4/lowuid-aliases"]


def test_only_routers_are_closed_and_nothing_else_changes() -> None:
    after = EXIM.closed(TEMPLATE, ["userforward"]).splitlines()
    place = after.index("begin routers") + 2
    assert after[place : place + 3] == ["userforward:", EXIM.NOTE, EXIM.CLOSED]
    assert [line for line in after if line not in (EXIM.NOTE, EXIM.CLOSED)] == TEMPLATE.splitlines()
    assert after.count(EXIM.CLOSED) == 1


def test_a_file_below_conf_d_has_no_heading() -> None:
    assert EXIM.CLOSED in EXIM.closed("userforward:\n  driver = redirect\n", ["userforward"])


@given(st.text(), st.lists(st.text(max_size=9), max_size=3))
def test_closing_loses_no_line(text: str, routers: list[str]) -> None:
    kept = [line for line in EXIM.closed(text, routers).splitlines() if line not in (EXIM.NOTE, EXIM.CLOSED)]
    assert kept == [line for line in text.splitlines() if line not in (EXIM.NOTE, EXIM.CLOSED)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("dc_use_split_config='true'\n", "true"),
        ('dc_use_split_config="true"\n', "true"),
        ("dc_use_split_config=false\ndc_use_split_config='true'\n", "true"),  # the shell's last one wins
        ("# dc_use_split_config='true'\n", ""),
        ("", ""),
    ],
)
def test_values_of_debian_s_file(text: str, value: str) -> None:
    assert EXIM.value_of(text, "dc_use_split_config") == value
