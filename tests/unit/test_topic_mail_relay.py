"""mail_relay on what real hosts said, and on the same with one thing changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import Status
from kijun.parsers.exim import items
from kijun.parsers.networks import network, too_broad
from kijun.parsers.postfix import words
from kijun.topics.mail_relay import TOPIC
from tests.unit.mail_relays import (
    CONTROLS,
    DATA,
    GATEWAY,
    HOSTS,
    PARAMS,
    READS,
    failing,
    judged,
    of_host,
    texts_of,
)


@pytest.mark.parametrize("host", HOSTS)
def test_a_closed_server_passes(host):
    verdicts = of_host(host)
    assert set(verdicts) == CONTROLS
    wrong = {n: v for n, v in verdicts.items() if v.status not in (Status.PASS, Status.NOT_APPLICABLE)}
    assert not wrong
    assert verdicts["mail_relay.restrictions"].status is Status.PASS


def test_a_gateway_with_tables_classes_and_more_ports_passes():
    assert not failing(of_host("postfix-gateway", GATEWAY))
    assert failing(of_host("postfix-gateway")) == {"networks", "destinations"}


SMTPD = "smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated reject_unauth_destination"
OVERRIDES = "@overrides\n"
OPEN = [  # what is said instead, and the one control that must then fail
    ("restrictions", SMTPD, "smtpd_relay_restrictions = permit, reject_unauth_destination"),
    ("restrictions", SMTPD, "smtpd_relay_restrictions ="),
    ("restrictions", SMTPD, "smtpd_relay_restrictions = warn_if_reject reject_unauth_destination"),
    ("restrictions", SMTPD, "smtpd_relay_restrictions = permit_mx_backup, reject_unauth_destination"),
    ("restrictions", SMTPD, "smtpd_relay_restrictions = permit_tls_all_clientcerts reject"),
    ("restrictions", SMTPD, "smtpd_relay_restrictions = permit_dnswl_client list.example, reject"),
    ("restrictions", SMTPD, "smtpd_relay_restrictions = check_client_access static:OK, reject\n"
                            "@table static:OK\n- OK\n@listed\n@probe OK"),
    ("restrictions", OVERRIDES, OVERRIDES + "smtp/inet/smtpd_relay_restrictions = permit\n"),
    ("restrictions", OVERRIDES, OVERRIDES + "smtp/inet/smtpd_relay_restrictions =\n"),
    ("networks", "mynetworks = 127.0.0.0/8", "mynetworks = 0.0.0.0/0"),
    ("networks", "mynetworks = 127.0.0.0/8", "mynetworks = 10.0.0.0/8"),
    ("networks", "mynetworks = 127.0.0.0/8", "mynetworks = 127.0.0.0/8 ::/0"),
    ("networks", OVERRIDES, OVERRIDES + "smtp/inet/mynetworks = 192.0.2.0/24\n"),
    ("destinations", "relay_domains =", "relay_domains = partner.example"),
    ("destinations", "relay_domains =", "relay_domains = static:yes"),
    ("source_routes", "allow_untrusted_routing = no", "allow_untrusted_routing = yes"),
    ("client_identity", "xclient_hosts =", "xclient_hosts = 192.0.2.0/24"),
    ("client_identity", "smtpd_upstream_proxy_protocol =", "smtpd_upstream_proxy_protocol = haproxy"),
    ("authentication", OVERRIDES, OVERRIDES + "smtp/inet/smtpd_sasl_auth_enable = yes\n"
                                              "smtp/inet/smtpd_sasl_security_options =\n"
                                              "smtp/inet/smtpd_tls_auth_only = yes\n"),
]  # fmt: skip


@pytest.mark.parametrize(("control", "old", "new"), OPEN, ids=[f"{i}-{c[0]}" for i, c in enumerate(OPEN)])
@pytest.mark.parametrize("host", ["postfix-12", "postfix-13"])
def test_what_opens_postfix_fails(host, control, old, new):
    if "@table" in new:  # a table is printed after the settings
        new, _, table = new.partition("\n@table")
        verdicts = of_host(host, postfix=[(old, new), (OVERRIDES, f"{OVERRIDES}\n@table{table}\n")])
    else:
        verdicts = of_host(host, postfix=(old, new))
    assert failing(verdicts) == {control}


@pytest.mark.parametrize(
    "closed",
    [
        "smtpd_relay_restrictions = permit_mynetworks, reject",
        "smtpd_relay_restrictions = permit_auth_destination, reject",
        "smtpd_relay_restrictions = sleep 1, reject_unauth_destination, permit",
        "smtpd_relay_restrictions = reject_rbl_client permit.example, defer_unauth_destination",
        "smtpd_relay_restrictions = permit\nsmtpd_recipient_restrictions = reject_unauth_destination",
        "smtpd_relay_restrictions = permit\nsmtpd_client_restrictions = permit_mynetworks, reject",
    ],
)
def test_other_lists_that_refuse_pass(closed):
    text = texts_of("postfix-12")["postfix"]
    for line in closed.splitlines()[1:]:
        name = line.partition(" =")[0]
        text = text.replace(f"{name} =\n", "")
    texts = texts_of("postfix-12") | {"postfix": text.replace(SMTPD, closed)}
    assert judged(texts)["mail_relay.restrictions"].status is Status.PASS


@pytest.mark.parametrize(
    "unclear",
    ["check_policy_service inet:127.0.0.1:10023", "check_client_access ldap:clients", "nobody_knows_this"],
)
def test_what_cannot_be_known_before_the_refusal_is_unknown(unclear):
    verdicts = of_host("postfix-12", postfix=(SMTPD, f"smtpd_relay_restrictions = {unclear}, reject"))
    assert verdicts["mail_relay.restrictions"].status is Status.UNKNOWN


def test_a_port_of_the_host_itself_may_permit():
    loopback = (
        "smtp inet n - y - - smtpd",
        "smtp inet n - y - - smtpd\n127.0.0.1:10025 inet n - n - - smtpd",
    )
    override = (OVERRIDES, OVERRIDES + "127.0.0.1:10025/inet/smtpd_relay_restrictions = permit\n")
    verdicts = of_host(
        "postfix-12", postfix=[loopback, override],
        running=("socket 0.0.0.0:25", "socket 127.0.0.1:10025 master\nsocket 0.0.0.0:25"),
    )  # fmt: skip
    assert not failing(verdicts)


@pytest.mark.parametrize(
    ("host", "old", "new"),
    [
        ("postfix-12", "main.cf", "master.cf"),
        ("postfix-13", "socket 0.0.0.0:25 master\n", "socket 0.0.0.0:2525 master\n"),
    ],
)
def test_what_runs_is_compared_with_what_is_configured(host, old, new):
    texts = texts_of(host)
    now = int((DATA / f"{host}.now").read_text())
    texts["running"] = texts["running"].replace(old, new) + f"mtime {now - 1} /etc/postfix/{new.split()[0]}\n"
    if new == "master.cf":
        texts["running"] = "\n".join(
            line if not line.startswith("mtime") else f"mtime {now} /etc/postfix/master.cf"
            for line in texts["running"].splitlines()
        )
    assert failing(judged(texts, read_at=now)) == {"in_force"}


SASL = "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_security_options = noanonymous\n"


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ("", Status.FAIL),
        ("smtpd_tls_auth_only = yes\n", Status.PASS),
        ("smtpd_tls_security_level = may\n", Status.FAIL),
        ("smtpd_tls_security_level = encrypt\n", Status.PASS),
        ("smtpd_tls_wrappermode = yes\n", Status.PASS),
    ],
)
def test_a_password_in_clear_fails(settings, status):
    offers = ("smtpd_sasl_auth_enable = no\n", SASL + settings)
    assert of_host("postfix-12", postfix=offers)["mail_relay.login_encrypted"].status is status


def test_others_that_can_write_fail():
    changed = ("644 0 0 /etc/postfix/main.cf\n", "664 0 33 /etc/postfix/main.cf\n")
    assert failing(of_host("postfix-12", files=changed)) == {"configuration_protected"}


def test_a_host_without_a_mail_server():
    texts = dict.fromkeys(("postfix", "exim", "files"), "absent\n") | {"running": "absent\n"}
    verdicts = judged(texts)
    assert {v.status for v in verdicts.values()} == {Status.NOT_APPLICABLE}
    texts["running"] = "absent\nsocket 0.0.0.0:25 opensmtpd\n"
    assert {v.status for v in judged(texts).values()} == {Status.UNKNOWN}


@pytest.mark.parametrize("broad", ["0.0.0.0/0", "::/0", "8.0.0.0/8", "2001::/16", "no network"])
def test_a_declared_network_that_cannot_be_ones_own_fails(broad):
    assert "networks" in failing(of_host("postfix-12", PARAMS | {"mail_relay_networks": [broad]}))


def test_lists_are_taken_as_the_programs_take_them():
    assert words("a, b\tc {d, e} f") == ("a", "b", "c", "{d, e}", "f")
    assert items(" : 127.0.0.1 : ::::1") == ("127.0.0.1", "::1")
    assert items("<; 10.0.0.0/8 ; ::1") == ("10.0.0.0/8", "::1")
    assert items("${lookup{x}lsearch{/etc/x}}") is None
    assert str(network("[::ffff:127.0.0.0]/104")) == "127.0.0.0/8"
    assert not too_broad(network("10.0.0.0/8"))


@given(st.dictionaries(st.sampled_from(sorted(READS)), st.binary(max_size=400)))
def test_arbitrary_bytes_never_pass(noise):
    texts = {kind: noise.get(kind, b"").decode("utf-8", "replace") for kind in READS}
    verdicts = judged(texts)
    assert set(verdicts) == CONTROLS
    assert Status.PASS not in {v.status for n, v in verdicts.items() if not n.endswith("protected")}


@given(st.sampled_from(HOSTS), st.sampled_from(sorted(READS)), st.integers(0, 3000), st.text(max_size=20))
def test_real_answers_with_noise_in_them_never_raise(host, kind, place, noise):
    texts = texts_of(host)
    texts[kind] = texts[kind][:place] + noise + texts[kind][place:]
    assert set(judged(texts)) == CONTROLS


@pytest.mark.parametrize("host", HOSTS)
def test_an_answer_that_is_cut_off_never_passes_in_full(host):
    whole = texts_of(host)
    for kind in ("postfix", "exim"):
        if whole[kind] != "absent\n":
            lines = whole[kind].splitlines(keepends=True)
            for end in range(0, len(lines) - 4, 7):
                verdicts = judged(whole | {kind: "".join(lines[:end])})
                assert verdicts["mail_relay.restrictions"].status is Status.UNKNOWN


def test_the_reads_name_no_secret():
    script = " ".join(read.script for read in TOPIC.reads)
    assert "password" not in script
    assert "server_secret" not in script
