"""mail_forwarding of Exim, on what booted hosts said, and on the same with one thing changed."""

# ruff: noqa: E501 - a case is a line

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandResult, HostState, Status
from kijun.parsers.exim_routes import hops, listed, of_filter, outcome, rows
from kijun.topics._forwarding_exim_reads import EXIM
from kijun.topics._forwarding_reads import DOVECOT, POSTFIX
from kijun.topics._mail_reads import DOVECOT_SINCE, RUNNING
from kijun.topics.mail_forwarding import EXPECTED, judge

DATA = Path(__file__).parent / "data/mail_forwarding"
KEPT = ["exim-kept-12", "exim-kept-13"]
LEAKY = ["exim-leaky-12", "exim-leaky-13"]
PARAMS = {
    "mail_forwarding_own_domains": ["museum.example"],
    "mail_forwarding_approved": [],
    "mail_forwarding_programs": [],
    "mail_relay_networks": [],
    "mail_relay_domains": [],
}
OUT = "x@kijun-outside.invalid"


def exim_host(name, *changes, params=PARAMS):
    text = (DATA / f"{name}.exim").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"{old!r} is not in the captured answer"
        text = text.replace(old, new, 1)
    running = (DATA / f"{name}.running").read_text(encoding="utf-8")
    return judged(text, running, int((DATA / f"{name}.now").read_text()), params)


def judged(text, running="", now=1795572410, params=PARAMS):
    said = {EXIM.name: text, RUNNING.name: running}
    said |= dict.fromkeys((POSTFIX.name, DOVECOT.name, DOVECOT_SINCE.name), "absent\n")
    commands = {
        name: CommandResult(name, 0, body.encode("utf-8", "surrogateescape")) for name, body in said.items()
    }
    state = HostState(files={}, commands=commands, read_at=now)
    return {verdict.control.partition(".")[2]: verdict for verdict in judge(state, params)}


def failing(verdicts):
    return {name for name, verdict in verdicts.items() if verdict.status is Status.FAIL}


@pytest.mark.parametrize("host", KEPT)
def test_a_host_that_was_brought_to_the_standard_passes(host):
    verdicts = exim_host(host)
    assert set(verdicts) == set(EXPECTED)
    beside = {name for name, verdict in verdicts.items() if verdict.status is Status.NOT_APPLICABLE}
    assert beside == {"sieve", "approvals"}
    assert {v.status for name, v in verdicts.items() if name not in beside} == {Status.PASS}, verdicts


@pytest.mark.parametrize("host", LEAKY)
def test_every_way_outside_of_a_leaky_host_is_found(host):
    verdicts = exim_host(host)
    assert failing(verdicts) >= {"aliases", "user_files", "own_rules", "programs"}
    assert "s@kijun-outside.invalid (~/.forward)" in verdicts["user_files"].actual
    assert verdicts["own_rules"].actual == "users can forward by ~/.forward"


@pytest.mark.parametrize("host", LEAKY)
def test_what_is_written_in_a_filter_and_sends_nothing_stays_on_the_host(host):
    text = (DATA / f"{host}.exim").read_text(encoding="utf-8")
    for word in ("secret", "geheim", "no@x.invalid", "not@x.invalid", "nobody@x.invalid"):
        assert word not in text


def router(name, *options):
    """A router before the one that puts mail into the box."""
    return ("local_user router:", "\n".join([f"{name} router:", *options, "local_user router:"]))


ALIAS = ("=webmaster: root", f"=webmaster: {OUT}")
OPEN = (
    "condition = no\ndomains = +local_domains\ndriver = redirect\nfile",
    "domains = +local_domains\ndriver = redirect\nfile",
)
NO_FILES = [("@file forward sato", "@was"), ("@file forward mori", "@was")]
FILTERED = ("system_filter =", "system_filter = /etc/exim4/all.filter")


def bounces(text):
    """Who gets copies of what could not be delivered."""
    return ("system_filter =", f"system_filter =\nerrors_copy = {text}")


TRANSPORT = "@transports\nmine transport:\n"


@pytest.mark.parametrize("host", KEPT)
@pytest.mark.parametrize(
    ("controls", "changes"),
    [
        ({"aliases"}, [ALIAS]),
        ({"aliases"}, [("=webmaster: root", f'=webmaster: "Name, X" <{OUT}>')]),
        ({"aliases"}, [("=webmaster: root", "=webmaster: abuse\n=abuse2: webmaster"), ("=abuse: root", f"=abuse: {OUT}")]),
        ({"aliases"}, [("=webmaster: root", "=webmaster x%kijun-outside.invalid@museum.example")]),
        ({"aliases"}, [router("lists", "driver = redirect", "data = ${lookup{$local_part}lsearch{/l}}"),
                       ("@table /etc/aliases", f"@table /l\n=staff: {OUT}\n@listed\n@table /etc/aliases")]),
        ({"programs"}, [("=webmaster: root", '=webmaster: "|/usr/local/bin/any"')]),
        ({"address_maps"}, [router("virtual", "driver = redirect", "data = ${lookup{$local_part@$domain}lsearch{/v}}"),
                            ("@table /etc/aliases", f"@table /v\n=a@museum.example: {OUT}\n@listed\n@table /etc/aliases")]),
        ({"address_maps"}, [("@rewrites\n", "@rewrites\n  *@museum.example $1@kijun-outside.invalid\n")]),
        ({"address_maps"}, [("@rewrites\n", f"@rewrites\n  root@museum.example {OUT} T\n")]),
        ({"copies"}, [router("journal", "driver = redirect", f"data = {OUT}", "unseen")]),
        ({"copies"}, [FILTERED, ("@files\n", f"@files\n@file system - /etc/exim4/all.filter\n># Exim filter\n>deliver {OUT}\n@whole\n")]),
        ({"copies"}, [bounces(f"*@other.example root : *@* {OUT}")]),
        ({"copies"}, [router("answer", "driver = accept", "transport = mine", "unseen"),
                      ("@transports\n", f"{TRANSPORT}driver = autoreply\nto = {OUT}\n")]),
        ({"routes"}, [router("hub_user", "driver = redirect", "data = ${local_part}@kijun-outside.invalid")]),
        ({"routes"}, [router("spelt", "driver = redirect", f"data = ${{if eq{{1}}{{1}}{{{OUT}}}{{}}}}")]),
        ({"routes"}, [router("spelt", "driver = redirect", "data = $local_part", "qualify_domain = outside.invalid")]),
        ({"routes"}, [router("hub", "driver = manualroute", "domains = +local_domains", "route_list = * mx.outside.invalid")]),
        ({"routes"}, [router("hub", "driver = manualroute", "route_data = <; 8.8.8.8", "domains = museum.example")]),
        ({"routes"}, [("@table /etc/exim4/hubbed_hosts\n", "@table /etc/exim4/hubbed_hosts\n=museum.example: mx.outside.invalid\n")]),
        ({"routes"}, [router("smart", "driver = accept", "transport = mine"),
                      ("@transports\n", f"{TRANSPORT}driver = smtp\nhosts = mx.outside.invalid::25\n")]),
        ({"programs"}, [router("to_program", "driver = accept", "transport = mine"),
                        ("@transports\n", f"{TRANSPORT}driver = pipe\ncommand = /usr/local/bin/any\n")]),
        ({"programs"}, [router("shadowed", "driver = accept", "transport = mine"),
                        ("@transports\n", f"{TRANSPORT}driver = appendfile\nshadow_transport = other\n"
                         "other transport:\ndriver = pipe\ncommand = /usr/local/bin/any\n")]),
        ({"own_rules", "user_files"}, [OPEN]),
        ({"own_rules", "user_files"}, [router("mine", "driver = redirect", "file = ${home}/.mine$local_part_suffix")]),
        ({"own_rules"}, [("procmail router:\ncondition = no\n", "procmail router:\n"), ("absent /usr/bin/procmail\n", "")]),
        ({"aliases"}, [("@asked", f"@asked 1\n{OUT} is undeliverable: Unrouteable address\n    <-- root@museum.example\n@asked")]),
    ],
)  # fmt: skip
def test_each_way_outside_fails_where_it_belongs(host, controls, changes):
    assert failing(exim_host(host, *changes)) == controls


@pytest.mark.parametrize("host", KEPT)
@pytest.mark.parametrize(
    "changes",
    [
        [("=webmaster: root", "=webmaster: :fail: ask x@kijun-outside.invalid")],
        [("=webmaster: root", r"=webmaster: \root, /var/mail/archive, root@localhost, a@deep.museum.example")],
        [router("off", "driver = redirect", f"data = {OUT}", "condition = no")],
        [bounces("*@museum.example postmaster@museum.example, root")],
        [router("off", "driver = redirect", f"data = {OUT}", "condition = ${if and{{bool_lax{no}}{bool_lax{1}}}}")],
        [router("smarthost", "driver = manualroute", "domains = ! +local_domains", "route_list = * mx.isp.invalid")],
        [router("hub", "driver = manualroute", "domains = +local_domains", "route_list = * 10.1.2.3")],
        [router("others", "driver = redirect", f"data = {OUT}", "domains = ! +local_domains")],
        [("@rewrites\n", f"@rewrites\n  root@museum.example {OUT} Ffrs\n")],
        [("=webmaster: root", '=webmaster: "|/usr/bin/vacation root", root')],
        [router("lda", "driver = accept", "transport = mine"),
         ("@transports\n", f"{TRANSPORT}driver = pipe\ncommand = /usr/lib/dovecot/dovecot-lda\n")],
        [("@table /etc/exim4/hubbed_hosts\n", "@table /etc/exim4/hubbed_hosts\n=other.invalid: mx.outside.invalid\n")],
    ],
)  # fmt: skip
def test_what_stays_inside_passes(host, changes):
    assert not failing(exim_host(host, *changes))


@pytest.mark.parametrize("host", KEPT)
@pytest.mark.parametrize(
    ("control", "changes"),
    [
        ("aliases", [router("ldap", "driver = redirect", "data = ${lookup ldap{ldap:///?mail}}")]),
        ("aliases", [router("db", "driver = redirect", "data = ${lookup{$local_part}dbm{/etc/aliases.db}}")]),
        ("aliases", [router("many", "driver = redirect", "data = ${lookup{$local_part}lsearch{/etc/v/$domain}}")]),
        ("aliases", [router("run", "driver = redirect", "data = ${run{/usr/local/bin/where}}")]),
        ("aliases", [("=webmaster: root", "=webmaster: :include:/gone")]),
        ("aliases", [("@table /etc/aliases\n", "@table /elsewhere\n")]),
        ("copies", [FILTERED]),
        ("copies", [FILTERED, ("@files\n", "@files\n@file system - /f\n># Exim filter\n>deliver $h_to:\n@whole\n")]),
        ("copies", [bounces("${lookup{x}lsearch{/etc/bounces}}")]),
        ("routes", [router("ask", "driver = queryprogram")]),
        ("routes", [router("dns", "driver = dnslookup", "domains = museum.example")]),
        ("routes", [router("hub", "driver = manualroute", "route_list = * $domain_data.invalid")]),
        ("user_files", [*NO_FILES, OPEN, ("nss files", "nss files sss")]),
        ("user_files", [router("odd", "driver = redirect", "file = ${if exists{/x}{/x}{/y}}")]),
        ("user_files", [*NO_FILES, OPEN, ("nss files", "@file forward sato /home/sato/.forward\nnss files")]),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_unknown(host, control, changes):
    assert exim_host(host, *changes)[control].status is Status.UNKNOWN


def test_an_approved_forwarding_is_no_leak_and_ends_the_ways_through_it():
    entry = {
        "from": "webmaster@museum.example",
        "to": OUT,
        "approver": "Network manager",
        "until": "2099-12-31",
    }
    params = PARAMS | {"mail_forwarding_approved": [entry]}
    assert not failing(exim_host("exim-kept-13", ALIAS, params=params))


@pytest.mark.parametrize("option", ["-C/etc/exim4/second.conf", "-DMAIN_RELAY_NETS"])
def test_an_exim_that_was_started_otherwise_never_passes(option):
    text = (DATA / "exim-kept-12.exim").read_text(encoding="utf-8")
    running = (DATA / "exim-kept-12.running").read_text(encoding="utf-8") + f"started {option}\n"
    verdicts = judged(text, running, int((DATA / "exim-kept-12.now").read_text()))
    assert failing(verdicts) == {"in_force"}
    assert Status.PASS not in {v.status for v in verdicts.values()}


def test_an_answer_that_is_cut_off_is_unknown():
    for host in KEPT + LEAKY:
        text = (DATA / f"{host}.exim").read_text(encoding="utf-8")
        for end in (0, 10, 500, len(text) // 2, len(text) - 6):
            verdicts = judged(text[:end])
            assert Status.PASS not in {v.status for name, v in verdicts.items() if name != "approvals"}


@given(st.sampled_from(KEPT + LEAKY), st.integers(0, 6000), st.text(max_size=30))
def test_an_answer_with_noise_in_it_never_raises(host, place, noise):
    text = (DATA / f"{host}.exim").read_text(encoding="utf-8")
    assert set(judged(text[:place] + noise + text[place:])) == set(EXPECTED)


@pytest.mark.parametrize(
    ("text", "tables", "written", "whole"),
    [
        ("${lookup{$local_part}lsearch{/etc/aliases}}", [("$local_part", "/etc/aliases")], [], True),
        (
            "${lookup{$local_part}lsearch*{/a}{$value@b.invalid}}",
            [("$local_part", "/a")],
            ["$value@b.invalid"],
            True,
        ),
        ("${lookup{$domain}partial-lsearch{/h}}", [("$domain", "/h")], [], True),
        ("${if exists{/a}{x@b.invalid}{:fail: ask y@c.invalid}}", [], ["x@b.invalid"], True),
        ("${if eq{a}{a}{|/usr/bin/x y}}", [], ["/usr/bin/x"], True),
        ("${extract{1}{:}{a@b:c@d}}", [], ["a@b", "c@d"], False),
        ("${lookup mysql{SELECT x}}", [], [], False),
        ("${lookup{a}cdb{/x}}", [("a", "/x")], [], False),
        ("sato, /var/mail/x, :blackhole:", [], ["sato", "/var/mail/x"], True),
    ],
)
def test_what_an_expansion_can_come_to(text, tables, written, whole):
    said = outcome(text)
    assert (list(said.tables), [one.text for one in said.written], said.whole) == (tables, written, whole)


def test_small_parsers():
    assert rows(["a: b, c", '"x y": z', "plain value", "alone"]) == [
        ("a", "b, c"), ("x y", "z"), ("plain", "value"), ("alone", ""),
    ]  # fmt: skip
    assert hops("* a.example:b.example byname; *.c d") == [
        ("*", "a.example"),
        ("*", "b.example"),
        ("*.c", "d"),
    ]
    assert [one.text for one in listed(":fail: gone a@b")] == []
    kinds = [
        (one.kind, one.text)
        for one in of_filter("# Exim filter\ndeliver a@b\nmail $reply_address\nrun\npipe /x")
    ]
    assert kinds == [("address", "a@b"), ("unclear", "run"), ("program", "/x")]


@given(st.text(max_size=200))
def test_parsers_never_raise(text):
    outcome(text), hops(text), listed(text), of_filter(text), rows(text.splitlines())
