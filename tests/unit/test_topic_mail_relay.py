"""mail_relay on what real hosts said, and on the same with one thing changed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandResult, HostState, Status
from kijun.parsers.exim import items
from kijun.parsers.networks import network, too_broad
from kijun.parsers.postfix import words
from kijun.topics._mail_reads import EXIM, FILES, POSTFIX, RUNNING
from kijun.topics.mail_relay import TOPIC, judge

DATA = Path(__file__).parent / "data/mail_relay"
READS = {"postfix": POSTFIX, "exim": EXIM, "running": RUNNING, "files": FILES}
HOSTS = ["postfix-12", "postfix-13", "exim-12", "exim-13"]
CONTROLS = {
    f"mail_relay.{name}"
    for name in (
        *("networks", "restrictions", "destinations", "source_routes", "client_identity", "authentication"),
        *("configuration_protected", "in_force"),
    )
}
PARAMS = {"mail_relay_networks": [], "mail_relay_domains": []}
GATEWAY = {"mail_relay_networks": ["10.20.0.0/16"], "mail_relay_domains": ["museum-two.example"]}


def texts_of(host):
    return {kind: (DATA / f"{host}.{kind}").read_text(encoding="utf-8") for kind in READS}


def judged(texts, params=PARAMS, *, read_at=None):
    commands = {
        read.name: CommandResult(read.name, 0, texts[kind].encode("utf-8", "surrogateescape"))
        for kind, read in READS.items()
    }
    state = HostState(files={}, commands=commands, read_at=read_at or 1795563400)
    return {verdict.control: verdict for verdict in judge(state, params)}


def of_host(host, params=PARAMS, **changes):
    """Judge what `host` said, with (old, new) replaced in the reads named."""
    texts = texts_of(host)
    for kind, changed in changes.items():
        for old, new in changed if isinstance(changed, list) else [changed]:
            assert old in texts[kind], f"{old!r} is not in the captured {kind}"
            texts[kind] = texts[kind].replace(old, new)
    now = int((DATA / f"{host}.now").read_text())
    return judged(texts, params, read_at=now)


def failing(verdicts):
    return {name.partition(".")[2] for name, verdict in verdicts.items() if verdict.status is Status.FAIL}


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
                                              "smtp/inet/smtpd_sasl_security_options =\n"),
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


@pytest.mark.parametrize("host", ["exim-12", "exim-13"])
@pytest.mark.parametrize(
    ("control", "old", "new"),
    [
        ("restrictions", "250 OK\n550 relay not permitted\n250 Reset", "250 OK\n250 Accepted\n250 Reset"),
        ("source_routes", "550 restricted characters in address", "250 Accepted"),
        ("networks", "relay_from_hosts = : 127.0.0.1 : ::::1", "relay_from_hosts = *"),
        ("networks", "relay_from_hosts = : 127.0.0.1 : ::::1", "relay_from_hosts = <; 10.0.0.0/8 ; ::1"),
        ("destinations", "relay_to_domains = ", "relay_to_domains = partner.example"),
        ("client_identity", "hosts_proxy is not a known option", "hosts_proxy = *"),
        ("authentication", "plain authenticator:", "plain authenticator:\nserver_condition = true"),
    ],
)
def test_what_opens_exim_fails(host, control, old, new):
    assert failing(of_host(host, exim=(old, new))) == {control}


def test_a_session_that_breaks_off_is_unknown():
    verdicts = of_host("exim-12", exim=("221 e12 closing connection\n@ended 0", "@ended 124"))
    assert {v.status for n, v in verdicts.items() if "protected" not in n} == {Status.UNKNOWN}


def test_exim_for_the_host_itself_is_not_judged():
    old = "local_interfaces = <; ::0 ; 0.0.0.0"
    verdicts = of_host("exim-12", exim=(old, "local_interfaces = <; 127.0.0.1 ; ::1"))
    assert verdicts["mail_relay.restrictions"].status is Status.NOT_APPLICABLE


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


def test_an_exim_older_than_its_configuration_fails():
    now = int((DATA / "exim-12.now").read_text())
    texts = texts_of("exim-12")
    texts["running"] += f"mtime {now} /etc/exim4/update-exim4.conf.conf\n"
    assert failing(judged(texts, read_at=now)) == {"in_force"}


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
