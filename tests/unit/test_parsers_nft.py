"""nftables' rulesets as nft prints them, and packets on their way through them."""

import ipaddress
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.parsers.nft_packets import Fate, Packet, fate, redirections
from kijun.parsers.nftables import NotARulesetError, parse_ruleset

RULESETS = json.loads((Path(__file__).parent / "data/ports/rulesets.json").read_text())
INSIDE, OUTSIDE = "192.0.2.1", "198.51.100.7"
ACCEPTED, DROPPED, PERHAPS = Fate.ACCEPTED, Fate.DROPPED, Fate.PERHAPS


def ruleset(name):
    return parse_ruleset(json.dumps({"nftables": RULESETS[name]["nft"]}))


def packet(proto, port, source=OUTSIDE, **more):
    address = ipaddress.ip_address(source)
    return Packet(
        address.version,
        proto,
        int(address),
        port,
        more.pop("dialled", port),
        more.pop("source_port", 40000),
        more.pop("interface", "eth0"),
        **more,
    )


SIX = "2001:db8::1"
CASES = [
    ("empty", packet("tcp", 22), ACCEPTED),
    ("accept policy", packet("tcp", 22), ACCEPTED),
    ("drop, ssh", packet("tcp", 22), ACCEPTED),
    ("drop, ssh", packet("tcp", 22, SIX), ACCEPTED),
    ("drop, ssh", packet("udp", 22), DROPPED),
    ("drop, ssh", packet("tcp", 23), DROPPED),
    ("drop, ssh", packet("tcp", 23, interface="lo"), ACCEPTED),
    ("drop, ssh", packet("tcp", 40000, state="established"), ACCEPTED),
    ("drop at the end", packet("tcp", 22), ACCEPTED),
    ("drop at the end", packet("tcp", 23), DROPPED),
    ("reject at the end", packet("tcp", 85), ACCEPTED),
    ("reject at the end", packet("tcp", 90, SIX), DROPPED),
    ("ip only", packet("tcp", 80), DROPPED),
    ("ip only", packet("tcp", 80, SIX), ACCEPTED),
    ("two tables", packet("tcp", 8080), DROPPED),
    ("two tables", packet("tcp", 22), ACCEPTED),
    ("named sets", packet("tcp", 22, "10.9.8.7"), ACCEPTED),
    ("named sets", packet("tcp", 22, "192.0.2.1"), ACCEPTED),
    ("named sets", packet("tcp", 22, "192.0.2.2"), DROPPED),
    ("named sets", packet("tcp", 22, SIX), DROPPED),
    ("dynamic set", packet("tcp", 22), PERHAPS),
    ("dynamic set", packet("tcp", 23), DROPPED),
    ("verdict map", packet("tcp", 22), ACCEPTED),
    ("verdict map", packet("tcp", 8443), ACCEPTED),
    ("verdict map", packet("tcp", 9000), DROPPED),
    ("verdict map", packet("tcp", 9001), DROPPED),
    ("concatenation", packet("tcp", 443, "192.0.2.1"), ACCEPTED),
    ("concatenation", packet("tcp", 444, "192.0.2.1"), DROPPED),
    ("jump and return", packet("tcp", 80), ACCEPTED),
    ("jump and return", packet("tcp", 80, "192.0.2.9"), DROPPED),
    ("goto", packet("tcp", 80), ACCEPTED),
    ("goto", packet("tcp", 81), DROPPED),
    ("limit", packet("tcp", 22), PERHAPS),
    ("limit", packet("tcp", 23), DROPPED),
    ("interface", packet("tcp", 5432), ACCEPTED),
    ("interface", packet("tcp", 5432, interface="eth1"), DROPPED),
    ("interface", packet("udp", 1, interface="wg7"), ACCEPTED),
    ("source port", packet("udp", 9, source_port=53), ACCEPTED),
    ("source port", packet("udp", 9), DROPPED),
    ("not equal", packet("tcp", 23), DROPPED),
    ("not equal", packet("tcp", 24), ACCEPTED),
    ("greater", packet("tcp", 1023), DROPPED),
    ("greater", packet("tcp", 1024), ACCEPTED),
    ("protocol", packet("gre", 0), ACCEPTED),
    ("protocol", packet("sctp", 1, SIX), ACCEPTED),
    ("protocol", packet("sctp", 1), DROPPED),
    ("address range", packet("tcp", 25, "192.0.2.20"), ACCEPTED),
    ("address range", packet("tcp", 25, "192.0.2.21"), DROPPED),
    ("mark", packet("tcp", 80), PERHAPS),
    ("original port", packet("tcp", 443), ACCEPTED),
    ("original port", packet("tcp", 80, dialled=443, redirected=True), ACCEPTED),
    ("original port", packet("tcp", 443, dialled=8443, redirected=True), DROPPED),
    ("prerouting drop", packet("tcp", 80), DROPPED),
    ("prerouting drop", packet("tcp", 81), ACCEPTED),
]


@pytest.mark.parametrize(("name", "sent", "expected"), CASES, ids=lambda value: str(value)[:70])
def test_a_packet_meets_its_fate(name, sent, expected):
    assert fate(ruleset(name), "input", sent) is expected


def test_every_captured_ruleset_is_used():
    assert set(RULESETS) - {"redirect"} == {name for name, _, _ in CASES}


def test_redirections_are_found():
    assert redirections(ruleset("redirect"), packet("tcp", 2222)) == [22]
    assert redirections(ruleset("redirect"), packet("tcp", 2223)) == []


def test_only_tables_that_do_something_count():
    assert list(ruleset("accept policy").filtering()) == []
    assert list(ruleset("drop at the end").filtering()) == [("inet", "t")]


def test_the_text_of_a_table_does_not_depend_on_handles_or_the_order_of_elements():
    shown = json.dumps({"nftables": RULESETS["reject at the end"]["nft"]})
    other = shown.replace('"handle": ', '"handle": 7').replace(
        '22, {"range": [80, 89]}', '{"range": [80, 89]}, 22'
    )
    assert other != shown
    assert parse_ruleset(other).tables == parse_ruleset(shown).tables


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"nftables": []}', '{"nftables": [1]}', "absent", "[" * 100_000, '{"nftables": null}'],
)
def test_what_is_no_ruleset_is_refused(text):
    with pytest.raises(NotARulesetError):
        parse_ruleset(text)


@given(st.text())
def test_any_text_is_a_ruleset_or_refused(text):
    try:
        parse_ruleset(text)
    except NotARulesetError:
        return


WORDS = ["set", "range", "prefix", "elem", "val", "concat", "payload", "meta", "ct", "key", "field"]
WORDS += ["protocol", "addr", "len", "target", "data", "left", "right", "op", "dir"]
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS | st.sampled_from(["tcp", "dport", "saddr", "lo", "@x", "10.0.0.0/8"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
KINDS = [
    "match",
    "accept",
    "vmap",
    "jump",
    "goto",
    "xt",
    "counter",
    "dnat",
    "redirect",
    "limit",
    "strange",
    "queue",
]


@given(st.lists(st.lists(st.tuples(st.sampled_from(KINDS), JSON), max_size=4), max_size=5))
def test_whatever_a_rule_says_a_packet_has_a_fate_or_the_ruleset_is_refused(rules):
    chain = {
        "family": "inet",
        "table": "t",
        "name": "c",
        "type": "filter",
        "hook": "input",
        "prio": 0,
        "policy": "drop",
    }
    listed = [{"metainfo": {}}, {"table": {"family": "inet", "name": "t"}}, {"chain": chain}]
    for rule in rules:
        expr = [{kind: value} for kind, value in rule]
        listed.append({"rule": {"family": "inet", "table": "t", "chain": "c", "expr": expr}})
    try:
        found = parse_ruleset(json.dumps({"nftables": listed}))
    except NotARulesetError:
        return
    redirections(found, packet("tcp", 80))
    if not any(
        kind in ("accept", "vmap", "xt", "queue", "jump", "goto") for rule in rules for kind, _ in rule
    ):
        assert fate(found, "input", packet("tcp", 80)) is DROPPED
    else:
        assert fate(found, "input", packet("tcp", 80)) in Fate
