"""mail_relay of Exim: on what real hosts said, on the same with one thing changed, and rule by rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import Status
from kijun.parsers.exim_acl import parse_acls
from kijun.parsers.networks import network
from kijun.topics._mail_relay_acl import Harmless
from tests.unit.mail_relays import DATA, failing, judged, of_host, texts_of

ACL = "  acl_check_rcpt:\n"
PLAIN = "plain authenticator:\n"


@pytest.mark.parametrize("host", ["exim-12", "exim-13"])
@pytest.mark.parametrize(
    ("control", "old", "new"),
    [
        ("restrictions", "250 OK\n550 relay not permitted\n250 Reset", "250 OK\n250 Accepted\n250 Reset"),
        ("restrictions", ACL, f"{ACL}    accept\n    senders = *@partner.example\n"),
        ("restrictions", ACL, f"{ACL}    accept\n    encrypted = *\n"),
        ("restrictions", ACL, f"{ACL}    accept condition = ${{if eq{{$sender_helo_name}}{{x}}}}\n"),
        ("source_routes", "550 restricted characters in address", "250 Accepted"),
        ("source_routes", "percent_hack_domains = ", "percent_hack_domains = *"),
        ("networks", "relay_from_hosts = : 127.0.0.1 : ::::1", "relay_from_hosts = *"),
        ("networks", "relay_from_hosts = : 127.0.0.1 : ::::1", "relay_from_hosts = <; 10.0.0.0/8 ; ::1"),
        ("destinations", "relay_to_domains = ", "relay_to_domains = partner.example"),
        ("client_identity", "hosts_proxy is not a known option", "hosts_proxy = *"),
        ("authentication", PLAIN, f"{PLAIN}server_condition true\n"),
        ("login_encrypted", "250-STARTTLS", "250-AUTH PLAIN LOGIN\n250-STARTTLS"),
    ],
)
def test_what_opens_exim_fails(host, control, old, new):
    assert failing(of_host(host, exim=(old, new))) == {control}


def test_a_rule_that_cannot_be_told_is_unknown():
    rule = f"{ACL}    accept\n    hosts = lsearch;/etc/exim4/friends\n"
    assert of_host("exim-12", exim=(ACL, rule))["mail_relay.restrictions"].status is Status.UNKNOWN
    computed = ("acl_smtp_rcpt = acl_check_rcpt", "acl_smtp_rcpt = ${lookup{$received_port}lsearch{/etc/x}}")
    assert of_host("exim-12", exim=computed)["mail_relay.restrictions"].status is Status.UNKNOWN
    for lost in ("acl_smtp_rcpt = acl_check_rcpt\n", ACL):
        assert of_host("exim-12", exim=(lost, ""))["mail_relay.restrictions"].status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("said", "status"),
    [("checked", Status.PASS), ("asks pam", Status.PASS), ("unclear", Status.UNKNOWN), ("true", Status.FAIL)],
)
def test_who_checks_a_login(said, status):
    verdicts = of_host("exim-12", exim=(PLAIN, f"{PLAIN}server_condition {said}\n"))
    assert verdicts["mail_relay.authentication"].status is status


def test_a_login_on_a_port_that_begins_with_tls_is_encrypted():
    offered = ("250-STARTTLS", "250-AUTH PLAIN LOGIN\n250-STARTTLS")
    port = [(":25\n", ":465\n"), ("tls_on_connect_ports = ", "tls_on_connect_ports = 465"), offered]
    assert of_host("exim-12", exim=port)["mail_relay.login_encrypted"].status is Status.PASS


@pytest.mark.parametrize("option", ["-C/etc/exim4/second.conf", "-DMAIN_RELAY_NETS", "/usr/local/bin/exim4"])
def test_an_exim_that_was_started_otherwise_never_passes(option):
    texts = texts_of("exim-12")
    texts["running"] += f"started {option}\n"
    now = int((DATA / "exim-12.now").read_text())
    verdicts = judged(texts, read_at=now)
    assert failing(verdicts) == {"in_force"}
    others = {v.status for name, v in verdicts.items() if name.rpartition(".")[2] not in PROTECTED}
    assert others == {Status.UNKNOWN}
    texts["exim"] = texts["exim"].replace(
        "local_interfaces = <; ::0 ; 0.0.0.0", "local_interfaces = 127.0.0.1"
    )
    assert failing(judged(texts, read_at=now)) == {"in_force"}


PROTECTED = ("in_force", "configuration_protected")


def test_what_others_can_write_is_not_run_and_not_passed():
    texts = texts_of("exim-12")
    texts["exim"] = texts["exim"].replace(
        "@own\n", "@session 203.0.113.9 to 10.0.0.1:2525\n@ended refused\n@own\n"
    )
    verdict = judged(texts, read_at=int((DATA / "exim-12.now").read_text()))["mail_relay.restrictions"]
    assert verdict.status is Status.UNKNOWN
    assert "10.0.0.1:2525" in verdict.reason


def test_a_session_that_breaks_off_is_unknown():
    verdicts = of_host("exim-12", exim=("221 e12 closing connection\n@ended 0", "@ended 124"))
    assert {v.status for n, v in verdicts.items() if "protected" not in n} == {Status.UNKNOWN}


def test_exim_for_the_host_itself_is_not_judged():
    own = [
        ("local_interfaces = <; ::0 ; 0.0.0.0", "local_interfaces = <; 127.0.0.1 ; ::1"),
        ("@session 203.0.113.9 to ", "@session 203.0.113.9 at "),
        ("@session 2001:db8::9 to ", "@session 2001:db8::9 at "),
    ]
    assert of_host("exim-12", exim=own)["mail_relay.restrictions"].status is Status.NOT_APPLICABLE
    assert of_host("exim-12", exim=own[:1])["mail_relay.restrictions"].status is Status.PASS


def test_an_exim_older_than_its_configuration_fails():
    now = int((DATA / "exim-12.now").read_text())
    texts = texts_of("exim-12")
    texts["running"] += f"mtime {now + 60} /etc/exim4/update-exim4.conf.conf\n"
    texts["running"] = "\n".join(
        line
        for line in texts["running"].splitlines()
        if not line.endswith("4.conf.conf") or str(now + 60) in line
    )
    assert failing(judged(texts, read_at=now)) == {"in_force"}


def openings(text):
    acls = parse_acls(text.splitlines())
    found = Harmless(acls, [network("10.20.0.0/16")], frozenset({"museum.example"})).openings("rcpt")
    return [(opening.how, opening.sure) for opening in found]


@pytest.mark.parametrize(
    "rules",
    [
        "accept hosts = :",
        "accept authenticated = *",
        "accept\n hosts = +relay_from_hosts\n control = submission",
        "accept hosts = 10.20.30.0/24",
        "accept domains = +local_domains : museum.example\n endpass\n verify = recipient",
        "accept recipients = abuse@museum.example",
        "accept verify = certificate",
        "accept condition = no",
        "warn encrypted = *",
        "accept acl = friends\n\nfriends:\n accept hosts = 10.20.0.1\n deny",
        "deny !domains = +local_domains\n message = no\n accept",
        "deny domains = !+local_domains : !+relay_to_domains\n accept",
        "deny !hosts = +relay_from_hosts\n !authenticated = *\n !domains = +local_domains\n accept",
        "require domains = +local_domains\n message = relay not permitted\n accept",
        "require acl = friends\n accept\n\nfriends:\n accept authenticated = *",
        "deny\n accept",
        "accept hosts = +office\n\nhostlist office = !10.20.1.9 : 10.20.1.0/24",
    ],
)
def test_rules_that_let_no_stranger_through(rules):
    lists = [line for line in rules.splitlines() if line.startswith("hostlist")]
    body = [line if line == "friends:" else f" {line}" for line in rules.splitlines() if line not in lists]
    assert openings("\n".join([*lists, "rcpt:", *body])) == []


@pytest.mark.parametrize(
    ("rules", "sure"),
    [
        ("accept", True),
        ("accept senders = *@partner.example", True),
        ("accept !hosts = 192.0.2.1", True),
        ("accept hosts = 0.0.0.0/0", True),
        ("accept hosts = *", True),
        ("accept hosts = <; 10.20.0.0/16 ; 2000::/3", True),
        ("accept domains = *", True),
        ("accept domains = !example.org", False),
        ("accept domains = +local_domains : partner.example", True),
        ("accept domains = dsearch;/etc/exim4/virtual", False),
        ("accept encrypted = *\n condition = ${if eq{$tls_in_sni}{x}}", True),
        ("accept condition = yes", True),
        ("accept condition = ${lookup{$sender_host_address}lsearch{/etc/pop}{1}{0}}", False),
        ("accept dnslists = list.example", False),
        ("accept !dnslists = list.example", True),
        ("deny !domains = +local_domains\n senders = *@bad.example\n accept", True),
        ("deny !domains = *\n accept", True),
        ("require verify = sender\n accept", True),
        ("accept acl = friends\n\nfriends:\n accept", False),
        ("accept acl = rcpt", False),
        ("accept hosts = +office\n\nhostlist office = friends.example", False),
        ("accept hosts = +office\n\nhostlist office = 10.20.1.0/24 : !10.20.1.9", False),
    ],
)
def test_rules_that_let_strangers_through(rules, sure):
    lists = [line for line in rules.splitlines() if line.startswith("hostlist")]
    body = [line if line == "friends:" else f" {line}" for line in rules.splitlines() if line not in lists]
    found = openings("\n".join([*lists, "rcpt:", *body]))
    assert found
    assert found[0][1] is sure


@given(st.text(max_size=300))
def test_arbitrary_rules_never_raise(noise):
    openings(f"rcpt:\n{noise}")
