"""mail_forwarding on what real hosts said, and on the same with one thing changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandResult, HostState, Status
from kijun.topics._forwarding_exim_reads import EXIM
from kijun.topics._forwarding_reads import DOVECOT, POSTFIX
from kijun.topics._mail_reads import DOVECOT_SINCE, RUNNING
from kijun.topics.mail_forwarding import EXPECTED, judge

DATA = Path(__file__).parent / "data/mail_forwarding"
READS = {
    "postfix": POSTFIX, "dovecot": DOVECOT, "exim": EXIM, "running": RUNNING, "dovecot_since": DOVECOT_SINCE,
}  # fmt: skip
KEPT = ["kept-12", "kept-13"]
LEAKY = ["leaky-12", "leaky-13"]
APPROVED = {
    "from": "curator@museum.example",
    "to": "curator@kijun-approved.invalid",
    "approver": "Network manager",
    "until": "2099-12-31",
}
PARAMS = {
    "mail_forwarding_own_domains": [],
    "mail_forwarding_approved": [APPROVED],
    "mail_forwarding_programs": [],
    "mail_relay_networks": [],
    "mail_relay_domains": [],
}
OUT = "x@kijun-outside.invalid"
NO_MAIL = dict.fromkeys(READS, "absent\n")


def texts_of(host):
    kept = host.replace("leaky", "kept")
    return {
        kind: (DATA / f"{host if (DATA / f'{host}.{kind}').exists() else kept}.{kind}").read_text(
            encoding="utf-8"
        )
        for kind in READS
    }


def judged(texts, params=PARAMS, read_at=1795572410):
    commands = {
        read.name: CommandResult(read.name, 0, texts[kind].encode("utf-8", "surrogateescape"))
        for kind, read in READS.items()
    }
    state = HostState(files={}, commands=commands, read_at=read_at)
    return {verdict.control.partition(".")[2]: verdict for verdict in judge(state, params)}


def of_host(host, params=PARAMS, **changes):
    texts = texts_of(host)
    for kind, (old, new) in changes.items():
        assert old in texts[kind], f"{old!r} is not in the captured {kind}"
        texts[kind] = texts[kind].replace(old, new)
    return judged(texts, params, int((DATA / f"{host}.now").read_text()))


def with_status(verdicts, status):
    return {name for name, verdict in verdicts.items() if verdict.status is status}


def failing(verdicts):
    return with_status(verdicts, Status.FAIL)


@pytest.mark.parametrize("host", KEPT)
def test_a_host_that_forwards_only_what_is_approved_passes(host):
    verdicts = of_host(host)
    assert set(verdicts) == set(EXPECTED)
    assert {v.status for v in verdicts.values()} == {Status.PASS}, verdicts


@pytest.mark.parametrize("host", LEAKY)
def test_every_way_outside_of_a_leaky_host_is_found(host):
    verdicts = of_host(host)
    assert failing(verdicts) >= set(EXPECTED) - {"approvals", "in_force"}
    assert "info@museum.example > x@kijun-outside.invalid (alias)" in verdicts["aliases"].actual
    assert verdicts["sieve"].actual.endswith("kuser@museum.example > s@kijun-outside.invalid (Sieve)") or (
        " more" in verdicts["sieve"].actual
    )


def test_what_a_comment_or_a_text_says_is_no_rule():
    for host in LEAKY:
        assert "no@x.invalid" not in texts_of(host)["dovecot"]
        assert "no3@x" not in texts_of(host)["dovecot"]


def test_no_argument_of_a_program_leaves_the_host():
    for host in LEAKY:
        assert "geheim" not in texts_of(host)["postfix"]
        assert "secret" not in texts_of(host)["postfix"]


ALIAS = "=staff kuser, root"
FORWARD_PATH = ("forward_path =", "forward_path = $home/.forward")
SINK_FILE = "@file forward kuser /home/kuser/.forward\n>x@kijun-outside.invalid\n@whole\nnss files"


@pytest.mark.parametrize("host", KEPT)
@pytest.mark.parametrize(
    ("controls", "old", "new"),
    [
        ({"aliases"}, ALIAS, f"=staff kuser, {OUT}"),
        ({"aliases"}, ALIAS, f'=staff kuser, "Name, X" <{OUT}>'),
        ({"aliases"}, ALIAS, "=staff x%kijun-outside.invalid@museum.example"),
        ({"aliases"}, ALIAS, "=staff kijun-outside.invalid!x"),
        ({"aliases"}, ALIAS, "=staff curator@kijun-approved.invalid"),
        ({"aliases"}, ALIAS, f"=staff other\n=other third\n=third {OUT}"),
        ({"aliases"}, ALIAS, "=staff x@[198.51.100.1]"),
        ({"programs"}, ALIAS, '=staff "|/usr/local/bin/any"'),
        ({"programs"}, ALIAS, '=staff "|/home/kuser/dovecot-lda"'),
        ({"routes"}, "luser_relay =", f"luser_relay = {OUT}"),
        ({"routes"}, "luser_relay =", "luser_relay = $local@kijun-outside.invalid"),
        ({"routes"}, "fallback_transport =", "fallback_transport = smtp:[mail.outside.invalid]"),
        ({"routes"}, "virtual_transport = virtual", "virtual_transport = smtp:[8.8.8.8]:25"),
        ({"copies"}, "always_bcc =", f"always_bcc = {OUT}"),
        ({"copies"}, "content_filter =", "content_filter = smtp:[filter.outside.invalid]:25"),
        ({"copies"}, "smtpd_proxy_filter =", "smtpd_proxy_filter = filter.outside.invalid:25"),
        ({"copies"}, "non_smtpd_milters =", "non_smtpd_milters = inet:milter.outside.invalid:8891"),
        ({"copies"}, "@overrides\n", f"@overrides\ncleanup/unix/always_bcc = {OUT}\n"),
        (
            {"copies"},
            "header_checks =",
            f"header_checks = regexp:/h\n@table regexp:/h\n=- REDIRECT {OUT}\n@listed\n@settings",
        ),
        (
            {"address_maps"},
            "canonical_maps =",
            f"canonical_maps = hash:/c\n@table hash:/c\n=kuser@museum.example {OUT}\n@listed\n@settings",
        ),
        (
            {"address_maps"},
            "virtual_alias_maps =",
            "virtual_alias_maps = regexp:/v\n@table regexp:/v\n=- ${1}@out.invalid\n@listed\n@settings",
        ),
        (
            {"copies"},
            "recipient_bcc_maps =",
            f"recipient_bcc_maps = static:x\n@table static:x\n=- {OUT}\n@listed\n@settings",
        ),
        (
            {"routes"},
            "transport_maps =",
            "transport_maps = hash:/t\n@table hash:/t\n=museum.example smtp:[8.8.8.8]\n@listed\n@settings",
        ),
        (
            {"routes"},
            "\ntransport_maps =",
            "\ntransport_maps = hash:/t\n@table hash:/t\n=* smtp:[8.8.8.8]\n@listed\n@settings",
        ),
        ({"in_force"}, "@end", "stale /etc/aliases\n@end"),
        ({"own_rules"}, *FORWARD_PATH),
    ],
)
def test_each_way_outside_fails_where_it_belongs(host, controls, old, new):
    texts = texts_of(host)
    assert old in texts["postfix"]
    texts["postfix"] = texts["postfix"].replace(old, new, 1)
    assert failing(judged(texts, read_at=int((DATA / f"{host}.now").read_text()))) == controls


@pytest.mark.parametrize("host", KEPT)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ALIAS, r"=staff \kuser, /var/mail/archive, root@museum.example, sato@localhost"),
        (ALIAS, f"=owner-staff {OUT}"),
        (ALIAS, '=staff "|/usr/lib/dovecot/dovecot-lda", "|/usr/bin/vacation"'),
        ("fallback_transport =", "fallback_transport = smtp:[10.1.2.3]"),
        ("content_filter =", "content_filter = amavis:[127.0.0.1]:10024"),
        ("smtpd_milters =", "smtpd_milters = inet:localhost:8891 unix:/run/x.sock"),
    ],
)
def test_what_stays_inside_passes(host, old, new):
    assert not failing(of_host(host, postfix=(old, new)))


@pytest.mark.parametrize("host", KEPT)
@pytest.mark.parametrize(
    ("control", "old", "new"),
    [
        ("aliases", "alias_maps = hash:/etc/aliases", "alias_maps = ldap:/etc/x hash:/etc/aliases"),
        ("aliases", ALIAS, '=staff ":include:/etc/postfix/gone"'),
        ("address_maps", "virtual_alias_maps =", "virtual_alias_maps = mysql:/etc/v.cf"),
        ("copies", "sender_bcc_maps =", "sender_bcc_maps = pgsql:/etc/v.cf"),
        ("aliases", ALIAS, "=staff ${somebody}@x"),
    ],
)
def test_what_cannot_be_listed_is_unknown(host, control, old, new):
    assert of_host(host, postfix=(old, new))[control].status is Status.UNKNOWN


@pytest.mark.parametrize("host", KEPT)
def test_users_files(host):
    texts = texts_of(host)
    texts["postfix"] = texts["postfix"].replace("nss files", SINK_FILE)
    assert not failing(judged(texts, read_at=int((DATA / f"{host}.now").read_text()))), "it is not followed"
    texts["postfix"] = texts["postfix"].replace(*FORWARD_PATH)
    assert failing(judged(texts)) >= {"user_files", "own_rules"}
    unread = texts | {"postfix": texts["postfix"].replace("\n@whole", "")}
    assert judged(unread)["user_files"].status is Status.UNKNOWN
    inside = texts | {"postfix": texts["postfix"].replace(">x@kijun-outside.invalid", ">root")}
    assert judged(inside)["user_files"].status is Status.PASS
    elsewhere = inside | {"postfix": inside["postfix"].replace("nss files", "nss files sss")}
    assert judged(elsewhere)["user_files"].status is Status.UNKNOWN


@pytest.mark.parametrize("host", KEPT)
@pytest.mark.parametrize(
    ("commands", "status"),
    [
        ('redirect "x@kijun-outside.invalid"', Status.FAIL),
        ('redirect :copy "root@museum.example"', Status.PASS),
        ('redirect "${to}"', Status.UNKNOWN),
        ('notify :message "a" "mailto:x@kijun-outside.invalid?subject=a"', Status.FAIL),
        ('include :personal "gone"', Status.UNKNOWN),
        ("broken", Status.UNKNOWN),
        ('execute "any"', Status.UNKNOWN),
    ],
)
def test_sieve_scripts_where_they_may_send(host, commands, status):
    file = f"@scripts\n@file sieve kuser /home/kuser/.dovecot.sieve\n>{commands}\n@whole\n"
    texts = texts_of(host)
    texts["dovecot"] = texts["dovecot"].replace("@scripts\n", file)
    assert judged(texts)["sieve"].status is Status.PASS, "scripts may not send"
    texts["dovecot"] = texts["dovecot"].replace("sieve_max_redirects = 0", "sieve_max_redirects = 4")
    verdicts = judged(texts)
    assert verdicts["own_rules"].status is Status.FAIL
    assert verdicts["sieve"].status is status


@pytest.mark.parametrize(
    ("host", "old", "new"),
    [
        ("kept-12", "sieve_extensions = -enotify", "sieve_extensions ="),
        ("kept-12", "sieve_extensions = -enotify", "sieve_extensions = -enotify +vnd.dovecot.pipe"),
        ("kept-12", "sieve_extensions = -enotify", "sieve_extensions = fileinto enotify"),
        ("kept-13", "enotify = no", "enotify = yes"),
        ("kept-13", "vnd.dovecot.pipe = no", "vnd.dovecot.pipe = yes"),
        (
            "kept-13",
            "sieve_max_redirects = 0",
            "sieve_max_redirects = 0\nprotocol lmtp {\nsieve_max_redirects = 9\n}",
        ),
    ],
)
def test_what_lets_users_forward_by_sieve_fails(host, old, new):
    assert failing(of_host(host, dovecot=(old, new))) == {"own_rules"}


def test_approvals():
    def with_entry(**changes):
        return PARAMS | {"mail_forwarding_approved": [APPROVED | changes]}

    assert failing(of_host("kept-13", with_entry(until="2024-03-31"))) == {"aliases"}
    assert "2024-03-31" in of_host("kept-13", with_entry(until="2024-03-31"))["aliases"].actual
    for entry in (
        {"until": "some day"},
        {"approver": ""},
        {"to": "*"},
        {"from": ""},
        {"until": "2099-02-30"},
    ):
        assert failing(of_host("kept-13", with_entry(**entry))) == {"aliases", "approvals"}, entry
    none = of_host("kept-13", PARAMS | {"mail_forwarding_approved": []})
    assert none["approvals"].status is Status.NOT_APPLICABLE
    own = PARAMS | {"mail_forwarding_approved": [], "mail_forwarding_own_domains": ["kijun-approved.invalid"]}
    assert not failing(of_host("kept-13", own))


def test_a_failure_says_where_nobody_named_the_organisations_domains():
    said = {
        bool(own): of_host("leaky-13", PARAMS | {"mail_forwarding_own_domains": own})["aliases"].actual
        for own in ([], ["museum.example"])
    }
    assert "mail_forwarding_own_domains names none" in said[False]
    assert "mail_forwarding_own_domains" not in said[True]


def test_hosts_without_mail_and_with_something_else():
    assert with_status(judged(NO_MAIL), Status.NOT_APPLICABLE) == set(EXPECTED)
    other = NO_MAIL | {"running": "absent\nsocket 0.0.0.0:25 sendmail-mta\n"}
    assert with_status(judged(other), Status.UNKNOWN) == set(EXPECTED)


@pytest.mark.parametrize("host", KEPT)
def test_two_mail_servers_on_one_host_are_not_understood(host):
    texts = texts_of(host) | {"exim": (DATA / "exim-kept-13.exim").read_text(encoding="utf-8")}
    verdicts = judged(texts, read_at=int((DATA / f"{host}.now").read_text()))
    assert {verdicts[name].status for name in ("aliases", "copies", "routes")} == {Status.UNKNOWN}


def test_mailboxes_without_postfix_are_judged_by_sieve():
    texts = NO_MAIL | {k: texts_of("kept-13")[k] for k in ("dovecot", "dovecot_since")}
    verdicts = judged(texts, read_at=1795572410)
    assert with_status(verdicts, Status.NOT_APPLICABLE) == {
        *("aliases", "address_maps", "copies", "routes", "user_files"),
    }
    assert verdicts["sieve"].status is Status.PASS


@given(st.dictionaries(st.sampled_from(sorted(READS)), st.binary(max_size=300)))
def test_arbitrary_bytes_never_pass(noise):
    texts = {kind: noise.get(kind, b"").decode("utf-8", "replace") for kind in READS}
    verdicts = judged(texts)
    assert set(verdicts) == set(EXPECTED)
    assert Status.PASS not in {v.status for v in verdicts.values()}


@given(
    st.sampled_from(KEPT + LEAKY), st.sampled_from(sorted(READS)), st.integers(0, 3000), st.text(max_size=20)
)
def test_real_answers_with_noise_in_them_never_raise(host, kind, place, noise):
    texts = texts_of(host)
    texts[kind] = texts[kind][:place] + noise + texts[kind][place:]
    assert set(judged(texts)) == set(EXPECTED)
