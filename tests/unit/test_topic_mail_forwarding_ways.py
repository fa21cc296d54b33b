"""Where lists, rules and scripts send mail, and the ways that follow from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.parsers.forwarding import Destination, Kind, destinations, of_procmail, of_sieve
from kijun.topics._forwarding_graph import Addresses, Approval, Step, approvals, leaks


def test_the_last_day_of_an_approval_ends_in_japan():
    entry = Approval("a@b.example", "c@d.example", "Network manager", "2027-03-31")
    assert entry.holds(1806505199)  # 2027-03-31 23:59:59 in Japan
    assert not entry.holds(1806505200)


def test_a_circle_ends_and_an_approval_ends_a_way():
    def step(source, target):
        return Step(source, target, "alias", "x", "aliases", not target.endswith("@in"))

    steps = [step("a@in", "b@in"), step("b@in", "a@in"), step("b@in", "o@out"), step("c@in", "a@in")]
    assert [way.source for way in leaks(steps, [], 0)] == ["a@in", "b@in", "c@in"]
    approved = [Approval("a@in", "o@out", "Network manager", "2099-01-01")]
    assert [way.source for way in leaks(steps, approved, 0)] == ["b@in"]
    assert leaks(steps, [Approval("b@in", "o@out", "Network manager", "2099-01-01")], 0) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a@b, c", [("address", "a@b"), ("address", "c")]),
        ('"|/bin/x y, z", \\me', [("program", "/bin/x"), ("box", "\\me")]),
        ("# a@b\nc@d\n\n", [("address", "c@d")]),
        ('"Last, First" <a@b> (a note, c@d)', [("address", "a@b")]),
        (":include:/x/y", [("include", "/x/y")]),
        ('"a b"@c', [("address", "a b@c")]),
        ("/var/mail/x", [("box", "/var/mail/x")]),
        ("${x}@y", [("unclear", "${x}@y")]),
    ],
)
def test_lists_of_destinations(text, wanted):
    assert destinations(text) == [Destination(Kind(kind), name) for kind, name in wanted]


def test_procmail_and_sieve():
    assert of_procmail("! a@b c@d\n| /usr/bin/x\n! $Y") == [
        *(Destination(Kind.ADDRESS, "a@b"), Destination(Kind.ADDRESS, "c@d")),
        *(Destination(Kind.PROGRAM, "/usr/bin/x"), Destination(Kind.UNCLEAR, "$Y")),
    ]
    assert of_sieve('redirect :copy "a@b"') == [Destination(Kind.ADDRESS, "a@b")]
    assert [one.kind for one in of_sieve('notify "sms:1"\nredirect x')] == [Kind.UNCLEAR] * 2


OWN = Addresses("museum.example", frozenset({"museum.example", "mail.museum.example"}), frozenset(),
                frozenset({"branch.example"}), delimiters="+")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "address", "inside"),
    [
        ("Sato", "sato@museum.example", True),
        ("sato@mail.museum.example", "sato@museum.example", True),
        ("a@x.branch.example", "a@x.branch.example", True),
        ("a@evilbranch.example", "a@evilbranch.example", False),
        ("a%out.example@museum.example", "a@out.example", False),
        ("@museum.example:a@out.example", "a@out.example", False),
        ("out.example!a", "a@out.example", False),
        ("a@out.example@museum.example", "a@out.example", False),
    ],
)
def test_addresses_have_one_form(text, address, inside):
    assert OWN.address(text) == address
    assert OWN.inside(address) is inside


@given(st.text(max_size=200))
def test_no_text_stops_the_parsers(text):
    for parse in (destinations, of_procmail, of_sieve):
        parse(text)
    OWN.address(text)
    approvals({"mail_forwarding_approved": [text, {"from": text, "to": text, "until": text}]})
