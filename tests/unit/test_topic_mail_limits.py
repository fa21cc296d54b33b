"""mail_limits on what real hosts said, and on the same with one thing changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandResult, FileEntry, HostState, Status
from kijun.parsers.dovecot import DovecotError, bytes_of, parse_dovecot
from kijun.topics import mail_limits
from kijun.topics._mail_reads import DOVECOT, DOVECOT_SINCE, OUTBOUND, POSTFIX, RUNNING, WATCH
from kijun.topics._mail_relay_exim_reads import EXIM
from kijun.topics.mail_limits import judge
from tests.unit.modules import load

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).parent / "data/mail_limits"
READS = {
    "postfix": POSTFIX, "exim": EXIM, "running": RUNNING, "dovecot": DOVECOT,
    "dovecot_since": DOVECOT_SINCE, "outbound": OUTBOUND, "watch": WATCH,
}  # fmt: skip
HOSTS = ["dovecot-2.3", "dovecot-2.4"]
NAMES = (
    *("received_size", "sent_size", "mailbox_size", "mailbox_notice", "spam_watch", "outbound", "in_force"),
)
_LMTP_24 = "protocol lmtp {\n  mail_plugins {\n    quota = no\n  }\n}\nprotocol imap {"
PARAMS = {
    "mail_limits_message_bytes": 300000,
    "mail_limits_mailbox_bytes": 1000000,
    "mail_limits_outbound_per_hour": 30,
    "mail_limits_queue_length": 30,
    "mail_limits_stop_automatically": False,
    "mail_relay_networks": [],
    "mail_relay_domains": [],
}
CONF = "/etc/kijun/mail-watch.conf"


def texts_of(host):
    texts = {kind: (DATA / f"{host}.{kind}").read_text(encoding="utf-8") for kind in READS}
    return texts | {"conf": (DATA / f"{host}.conf").read_text(encoding="utf-8")}


def judged(texts, params=PARAMS, read_at=1795565300):
    commands = {
        read.name: CommandResult(read.name, 0, texts[kind].encode("utf-8", "surrogateescape"))
        for kind, read in READS.items()
    }
    conf = texts.get("conf")
    files = {CONF: FileEntry(CONF, "file", 0o644, 0, 0, 0, conf.encode("utf-8", "replace"))} if conf else {}
    state = HostState(files=files, commands=commands, read_at=read_at, declared=frozenset([CONF]))
    return {verdict.control.partition(".")[2]: verdict for verdict in judge(state, params)}


def of_host(host, params=PARAMS, **changes):
    texts = texts_of(host)
    for kind, (old, new) in changes.items():
        assert old in texts[kind], f"{old!r} is not in the captured {kind}"
        texts[kind] = texts[kind].replace(old, new)
    return judged(texts, params, int((DATA / f"{host}.now").read_text()))


def failing(verdicts):
    return {name for name, verdict in verdicts.items() if verdict.status is Status.FAIL}


@pytest.mark.parametrize("host", HOSTS)
def test_a_limited_server_passes(host):
    verdicts = of_host(host)
    assert set(verdicts) == set(NAMES)
    assert {v.status for v in verdicts.values()} == {Status.PASS}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("controls", "kind", "old", "new"),
    [
        ({"received_size", "sent_size"}, "postfix", "message_size_limit = 300000", "message_size_limit = 0"),
        (
            {"received_size", "sent_size"},
            "postfix",
            "message_size_limit = 300000",
            "message_size_limit = 300001",
        ),
        ({"received_size"}, "postfix", "@overrides\n", "@overrides\nsmtp/inet/message_size_limit = 0\n"),
        ({"sent_size"}, "postfix", "@overrides\n", "@overrides\npickup/unix/message_size_limit = 999999\n"),
        ({"outbound"}, "outbound", "sent 0", "sent 31"),
        ({"outbound"}, "outbound", "queued ", "queued 9"),
        ({"spam_watch"}, "watch", "enabled\n", "disabled\n"),
        ({"spam_watch"}, "watch", "active\n", "inactive\n"),
        ({"spam_watch"}, "watch", mail_limits.WATCH_SHA256, "0" * 64),
        ({"spam_watch"}, "watch", "path=/usr/local/sbin", "path=/usr/sbin"),
        ({"spam_watch"}, "conf", "outbound_per_hour=30", "outbound_per_hour=31"),
        ({"spam_watch"}, "conf", "queue_length=30", "queue_length=0"),
        ({"spam_watch"}, "conf", "stop_automatically=no", "stop_automatically=yes"),
        ({"mailbox_notice"}, "watch", mail_limits.NOTICE_SHA256, "0" * 64),
        ({"mailbox_notice"}, "dovecot", "kijun-mailbox-notice 90", "x"),
        ({"mailbox_size"}, "dovecot", "1000000", "0"),
        ({"mailbox_size"}, "dovecot", "1000000", "1000001"),
        ({"in_force"}, "dovecot_since", "StateChangeTimestamp=@1", "StateChangeTimestamp=@"),
    ],
)
def test_what_lifts_a_limit_fails(host, controls, kind, old, new):
    if old == "kijun-mailbox-notice 90" and host == "dovecot-2.4":
        old, new = (
            "    execute kijun-mailbox-notice {\n      args",
            "    never kijun-mailbox-notice {\n      args",
        )
    assert failing(of_host(host, **{kind: (old, new)})) == controls


@pytest.mark.parametrize(
    ("host", "old", "new"),
    [
        ("dovecot-2.3", "protocol imap {", "protocol lmtp {\n  mail_plugins = sieve\n}\nprotocol imap {"),
        ("dovecot-2.4", "protocol imap {", _LMTP_24),
        ("dovecot-2.3", "quota = count:User quota", "quota_other ="),
    ],
)  # fmt: skip
def test_a_quota_that_is_not_applied_fails(host, old, new):
    assert failing(of_host(host, dovecot=(old, new))) == {"mailbox_size"}


@pytest.mark.parametrize("host", HOSTS)
def test_mailboxes_of_postfix_itself(host):
    transport = "mailbox_transport = lmtp:unix:private/dovecot-lmtp"
    mbox = of_host(host, postfix=(transport, "mailbox_transport ="))
    assert not failing(mbox)
    assert mbox["mailbox_notice"].status is Status.UNKNOWN
    texts = texts_of(host)
    texts["postfix"] = texts["postfix"].replace(transport, "mailbox_transport =")
    for old, new in (
        ("home_mailbox =", "home_mailbox = Maildir/"),
        ("mailbox_size_limit = 1000000", "mailbox_size_limit = 0"),
        ("mailbox_size_limit = 1000000", "mailbox_size_limit = 100000"),
    ):
        assert old in texts["postfix"]
        changed = texts | {"postfix": texts["postfix"].replace(old, new)}
        assert "mailbox_size" in failing(judged(changed))


def test_a_server_that_was_stopped_sends_nothing():
    said = of_host("dovecot-2.4", outbound=("sent 0", "stopped\nsent 500"))["outbound"]
    assert said.status is Status.NOT_APPLICABLE


def test_a_host_without_a_mail_server_and_one_with_exim():
    absent = dict.fromkeys(READS, "absent\n")
    assert {v.status for v in judged(absent).values()} == {Status.NOT_APPLICABLE}
    exim = (DATA.parent / "mail_relay/exim-12.exim").read_text(encoding="utf-8")
    for size, status in (
        ("52428800", Status.FAIL),
        ("1K", Status.PASS),
        ("0", Status.FAIL),
        ("${x}", Status.UNKNOWN),
    ):
        said = exim.replace("message_size_limit = 50M", f"message_size_limit = {size}", 1)
        verdicts = judged(absent | {"exim": said})
        assert verdicts["received_size"].status is status
        assert verdicts["outbound"].status is Status.UNKNOWN


def test_the_programs_that_are_looked_for_are_the_ones_installed():
    files = ROOT / "roles/mail_limits/files"
    for name, known in (
        ("kijun-mail-watch", mail_limits.WATCH_SHA256),
        ("mailbox-notice", mail_limits.NOTICE_SHA256),
    ):
        assert hashlib.sha256((files / name).read_bytes()).hexdigest() == known


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000 B", 1000), ("1000", 1000), ("1G", 1024**3), ("2 MB", 2 * 1024**2), ("unlimited", 0), ("", 0)],
)
def test_sizes_as_dovecot_writes_them(text, size):
    assert bytes_of(text) == size


@pytest.mark.parametrize("cut", ["", "garbage", "2.3.1\nplugin {\n", "2.4.1\n}\n"])
def test_a_configuration_that_is_cut_off_is_no_configuration(cut):
    with pytest.raises(DovecotError):
        parse_dovecot(cut)


@given(st.dictionaries(st.sampled_from(sorted(READS)), st.binary(max_size=300)))
def test_arbitrary_bytes_never_pass(noise):
    texts = {kind: noise.get(kind, b"").decode("utf-8", "replace") for kind in READS}
    verdicts = judged(texts)
    assert set(verdicts) == set(NAMES)
    assert Status.PASS not in {v.status for v in verdicts.values()}


@given(st.sampled_from(HOSTS), st.sampled_from(sorted(READS)), st.integers(0, 3000), st.text(max_size=20))
def test_real_answers_with_noise_in_them_never_raise(host, kind, place, noise):
    texts = texts_of(host)
    texts[kind] = texts[kind][:place] + noise + texts[kind][place:]
    assert set(judged(texts)) == set(NAMES)


def test_the_module_takes_away_what_lifts_a_limit():
    module = load("library/kijun_postfix_limits.py")
    assert yaml.safe_load(module.DOCUMENTATION)["options"].keys() == module.ARGUMENT_SPEC.keys()
    assert [module.lifts(value, 300) for value in ("0", "301", "$x", "300", "1")] == [True] * 3 + [False] * 2
