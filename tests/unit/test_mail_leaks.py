"""`kijun mail-leaks` over readings of booted hosts: the ways outside, over hosts, and their picture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from kijun.inventory import Host
from kijun.leaks import HostSteps, joined, of_host
from kijun.leaks.showing import FORMATS, render
from kijun.model import CommandResult, HostState, Outcome
from kijun.reading.protocol import Connection
from kijun.topics._forwarding_exim_reads import EXIM
from kijun.topics._forwarding_reads import DOVECOT, POSTFIX
from kijun.topics._mail_reads import DOVECOT_SINCE, RUNNING

DATA = Path(__file__).parent / "data/mail_forwarding"
READS = {
    "postfix": POSTFIX, "dovecot": DOVECOT, "exim": EXIM, "running": RUNNING, "dovecot_since": DOVECOT_SINCE,
}  # fmt: skip
PARAMS = {
    "mail_forwarding_own_domains": [],
    "mail_forwarding_approved": [
        {
            "from": "curator@museum.example",
            "to": "curator@kijun-approved.invalid",
            "approver": "Network manager",
            "until": "2099-12-31",
        }
    ],
    "mail_forwarding_programs": [],
    "mail_relay_networks": [],
    "mail_relay_domains": [],
}


def read(host, name, change=lambda text: text):
    texts = {}
    for kind in READS:
        path = DATA / f"{host}.{kind}"
        path = path if path.exists() else DATA / f"{host.replace('leaky', 'kept')}.{kind}"
        texts[kind] = change(path.read_text(encoding="utf-8"))
    commands = {read.name: CommandResult(read.name, 0, texts[kind].encode()) for kind, read in READS.items()}
    state = HostState(files={}, commands=commands, read_at=1795572410)
    return of_host(Host(name, Connection(name), PARAMS), state)


@pytest.fixture(params=["leaky-12", "leaky-13"])
def leaky(request):
    return joined([read(request.param, "mx1")])


def test_every_way_of_a_leaky_host_is_shown(leaky):
    pairs = {(way.source, way.target) for way in leaky.leaking}
    assert pairs >= {
        ("info@museum.example", "x@kijun-outside.invalid"),
        ("list@museum.example", "a@kijun-outside.invalid"),
        ("list@museum.example", "b@kijun-outside.invalid"),
        ("kuser+ext@museum.example", "x@kijun-outside.invalid"),
        ("kuser@museum.example", "s@kijun-outside.invalid"),
        ("@museum.example", "l@kijun-outside.invalid"),
        ("*", "ab@kijun-outside.invalid"),
        ("*", "sb@kijun-outside.invalid"),
        ("kuser@museum.example", "[mail.kijun-outside.invalid]"),
    }
    assert leaky.exit_code == 1


def test_what_is_approved_is_shown_apart():
    found = joined([read("kept-13", "mx1")])
    assert found.leaking == ()
    assert [(way.source, entry.approver) for way, entry in found.approved] == [
        ("curator@museum.example", "Network manager")
    ]
    assert found.exit_code == 0


def test_a_way_leads_from_one_host_to_another():
    first = read("kept-12", "mx1", lambda t: t.replace("=staff kuser, root", "=staff sato@branch.example"))
    alone = joined([first])
    assert [way.target for way in alone.leaking] == ["sato@branch.example"], "outside, for what is known"

    def branch(text):
        return text.replace("museum.example", "branch.example").replace(
            "=staff ", "=sato o@outside.invalid, "
        )

    both = joined([first, read("kept-13", "mx2", branch)])
    ways = [way for way in both.leaking if way.source == "staff@museum.example"]
    assert [step.host for step in ways[0].steps] == ["mx1", "mx2"]
    assert ways[0].target == "o@outside.invalid"


def test_a_host_that_was_not_read_is_no_clean_host():
    found = joined([HostSteps("mx1", Outcome.UNREACHABLE, "no answer")])
    assert found.exit_code == 2
    assert "not read  mx1: unreachable: no answer" in render(found, "text")


def test_formats(leaky):
    text, document, dot, svg = (render(leaky, form) for form in FORMATS)
    assert "by ~/.forward on mx1 (/home/kuser/.forward+ext)" in text
    assert len(json.loads(document)["leaks"]) == len(leaky.leaking)
    assert re.search(r'"info@museum.example" -> "x@kijun-outside.invalid" \[label="alias \(mx1\)"', dot)
    root = ET.fromstring(svg)
    shown = {element.text for element in root.iter("{http://www.w3.org/2000/svg}title")}
    assert shown >= {way.target for way in leaky.leaking} | {way.source for way in leaky.leaking} - {"*"}
    assert "* (all mail)" in shown


def test_an_address_steers_neither_terminal_nor_picture():
    change = "=staff kuser, root", '=staff <a"\x1b[2J&b@outside.invalid>'
    found = joined([read("kept-13", "mx1", lambda text: text.replace(*change))])
    for form in FORMATS:
        assert "\x1b" not in render(found, form)
    ET.fromstring(render(found, "svg"))
