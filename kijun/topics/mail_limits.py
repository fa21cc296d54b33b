"""Limits for mail (clauses S-10.1.11.b to d): sizes, mailboxes, and what leaves from inside.

Postfix is judged in full, Exim by the size of a mail only. A mailbox that Postfix fills as a Maildir, without
Dovecot, has no limit, which fails. What is not seen: a quota that the user database gives to
single users, and mail that an alias or a user's own filter puts into a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kijun.model import FileRead, HostState, Params, Status, Topic, Verdict
from kijun.parsers.dovecot import DovecotConfig, DovecotError, parse_dovecot
from kijun.parsers.exim import EximError, parse_exim
from kijun.parsers.postfix import Instance, PostfixConfig, PostfixError, Service, parse_postfix
from kijun.topics import _mail_relay_exim as exim
from kijun.topics import _mail_relay_postfix as relay
from kijun.topics._mail_reads import DOVECOT, DOVECOT_SINCE, OUTBOUND, POSTFIX, RUNNING, WATCH
from kijun.topics._mail_relay_exim_reads import EXIM
from kijun.topics._mail_said import Said, bad, beside, good, unsure
from kijun.topics._mail_view import dovecot_in_force, listed, running

WATCH_SHA256 = "d5542ee330cd9bd5d4871316d9dc64fa3c9b92b20e2a278c1f182a6a047739b9"
NOTICE_SHA256 = "f609b0aa86c7d4bbfc65fe544b52016bacb0cddce2762c3ef289a5a608ca6389"
_WATCH, _NOTICE = "/usr/local/sbin/kijun-mail-watch", "/usr/local/lib/kijun/mailbox-notice"
_WATCH_CONF = FileRead("/etc/kijun/mail-watch.conf")
_MEGABYTES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_TAKES, _SENDS = ("smtpd", "qmqpd"), ("cleanup", "pickup")


@dataclass(frozen=True)
class _Facts:
    """What all controls are judged from."""

    state: HostState
    params: Params
    postfix: PostfixConfig | None
    dovecot: DovecotConfig | None

    def number(self, name: str) -> int:
        value = self.params[f"mail_limits_{name}"]
        if not isinstance(value, int):
            raise TypeError(f"mail_limits_{name} is not a number")
        return value

    def services(self, *commands: str) -> Iterator[tuple[Instance, Service]]:
        for instance in self.postfix.instances if self.postfix else ():
            yield from ((instance, s) for s in instance.services if s.command in commands)


def judge(state: HostState, params: Params) -> Iterator[Verdict]:
    """Yield one verdict for each control of mail_limits."""
    expected = {
        "received_size": "mail of more than {message_bytes} bytes is not taken by any service",
        "sent_size": "mail of more than {message_bytes} bytes is not sent",
        "mailbox_size": "no mailbox can grow beyond {mailbox_bytes} bytes",
        "mailbox_notice": "a user is told when the own mailbox fills up",
        "spam_watch": "a timer counts what leaves ({outbound_per_hour} an hour, {queue_length} waiting)",
        "outbound": "at most {outbound_per_hour} recipients outside an hour, {queue_length} mails waiting",
        "in_force": "what runs has read its configuration",
    }
    said = _judged(state, params)
    for name, text in expected.items():
        numbers = {key.removeprefix("mail_limits_"): value for key, value in params.items()}
        found = said[name]
        yield Verdict(
            f"mail_limits.{name}",
            found.status,
            text.format(**numbers),
            found.actual,
            found.source,
            found.reason,
        )


_CONTROLS = (
    *("received_size", "sent_size", "mailbox_size", "mailbox_notice", "spam_watch", "outbound", "in_force"),
)


def _judged(state: HostState, params: Params) -> dict[str, Said]:
    try:
        postfix = parse_postfix(state.command(POSTFIX.name).text)
        dovecot = parse_dovecot(state.command(DOVECOT.name).text)
    except (PostfixError, DovecotError) as why:
        return dict.fromkeys(_CONTROLS, unsure(f"{why}.", "postconf, doveconf"))
    if postfix is None:
        return _without_postfix(state, params)
    facts = _Facts(state, params, postfix, dovecot)
    return {
        "received_size": _size(facts, *_TAKES),
        "sent_size": _size(facts, *_SENDS),
        "mailbox_size": _mailbox_size(facts),
        "mailbox_notice": _mailbox_notice(facts),
        "spam_watch": _spam_watch(facts),
        "outbound": _outbound(facts),
        "in_force": _in_force(facts),
    }


def _without_postfix(state: HostState, params: Params) -> dict[str, Said]:
    run = running(state)
    try:
        config = parse_exim(state.command(EXIM.name).text, exim.commands())
    except EximError as why:
        return dict.fromkeys(_CONTROLS, unsure(f"{why}.", "exim4"))
    if config is None:
        if foreign := run.strangers():
            return dict.fromkeys(_CONTROLS, unsure(f"{listed(foreign)} is not known here.", "ss -ltnp"))
        return dict.fromkeys(
            _CONTROLS, beside("no mail server is installed.", "/usr/sbin/postconf, /usr/sbin/exim4")
        )
    said = dict.fromkeys(_CONTROLS, unsure("of Exim, only the size of a mail is judged.", "exim4"))
    facts = _Facts(state, params, None, None)
    found = re.fullmatch(r"([0-9]{1,15})([KMG]?)", config.settings.get("message_size_limit", ""))
    source = "exim4 -bP message_size_limit"
    if found is None:
        size = unsure("message_size_limit is no plain number.", source)
    else:
        size = _limit(int(found[1]) * _MEGABYTES[found[2]], facts.number("message_bytes"), "", source)
    return said | {"received_size": size, "sent_size": size}


def _limit(value: int, most: int, what: str, source: str) -> Said:
    shown = f"{what}{value} bytes" if value else f"{what}no limit"
    return good(shown, source) if 0 < value <= most else bad(shown, source)


def _size(facts: _Facts, *commands: str) -> Said:
    """Judge the size of a mail over all services of these programs: each may have its own."""
    most, seen = facts.number("message_bytes"), good("", "postconf -x")
    for instance, service in facts.services(*commands):
        value = service.settings.get("message_size_limit", "")
        overridden = "message_size_limit" in service.overridden
        source = f"{instance.directory}/{'master.cf' if overridden else 'main.cf'}: message_size_limit"
        if not value.isdecimal():
            return unsure(f"message_size_limit of {service.where} is no number.", source)
        seen = _limit(int(value), most, f"{service.where}: ", source)
        if seen.status is Status.FAIL:
            return seen
    return seen if seen.actual else unsure(f"no service of {' or '.join(commands)} was found.", "postconf -M")


def _delivery(instance: Instance) -> str:
    """Return what keeps the mailboxes of local users: dovecot, mbox, or maildir."""
    settings = instance.settings
    handed = " ".join(settings.get(name, "") for name in ("mailbox_transport", "mailbox_command"))
    virtual = settings.get("virtual_mailbox_domains", "") and settings.get("virtual_transport", "")
    if "dovecot" in f"{handed} {virtual} {settings.get('local_transport', '')}":
        return "dovecot"
    return "maildir" if settings.get("home_mailbox", "").endswith("/") else "mbox"


def _mailbox_size(facts: _Facts) -> Said:
    most = facts.number("mailbox_bytes")
    assert facts.postfix is not None
    for instance in facts.postfix.instances:
        kept = _delivery(instance)
        if kept == "dovecot":
            if (said := _quota(facts, most)).status is not Status.PASS:
                return said
        elif kept == "maildir":
            return bad(
                "Postfix fills Maildirs, whose size it does not limit",
                f"{instance.directory}/main.cf: home_mailbox",
            )
        else:
            value = instance.settings.get("mailbox_size_limit", "")
            said = _limit(
                int(value) if value.isdecimal() else 0,
                most,
                "mailbox_size_limit: ",
                f"{instance.directory}/main.cf",
            )
            if said.status is not Status.PASS:
                return said
            smallest = int(instance.settings.get("message_size_limit", "0") or 0)
            if smallest > int(value):
                return bad(
                    "mailbox_size_limit is smaller than message_size_limit, and Postfix delivers nothing",
                    "main.cf",
                )
    return good("every mailbox has a limit within that", "doveconf -n, postconf -x")


def _quota(facts: _Facts, most: int) -> Said:
    if facts.dovecot is None:
        return bad("Postfix hands mail to a Dovecot that is not installed", "postconf -x")
    if without := [p for p in ("lmtp", "lda", "imap") if not facts.dovecot.loads_quota(p)]:
        return bad(f"the quota plugin is not loaded by {listed(without)}", "doveconf -n: mail_plugins")
    return _limit(facts.dovecot.limit, most, "quota: ", "doveconf -n")


def _mailbox_notice(facts: _Facts) -> Said:
    assert facts.postfix is not None
    if not any(_delivery(instance) == "dovecot" for instance in facts.postfix.instances):
        return unsure(
            "Postfix keeps the mailboxes itself; how users are told is not known.",
            "postconf -x",
        )
    if facts.dovecot is None or not facts.dovecot.notices:
        return bad("nothing is started when a mailbox fills up", "doveconf -n: quota warning")
    sums = _sums(facts.state)
    for program in facts.dovecot.notices:
        if program == _NOTICE and sums.get(_NOTICE) != NOTICE_SHA256:
            return bad(f"{_NOTICE} is not the program that tells users", _NOTICE)
    return good(f"by {listed(list(facts.dovecot.notices))}", "doveconf -n: quota warning")


def _sums(state: HostState) -> dict[str, str]:
    lines = (line.split() for line in state.command(WATCH.name).text.splitlines())
    return {words[1]: words[0] for words in lines if len(words) == 2}


def _spam_watch(facts: _Facts) -> Said:
    lines = facts.state.command(WATCH.name).text.splitlines()
    source = "systemctl show kijun-mail-watch.timer"
    if lines[:2] != ["enabled", "active"]:
        return bad(f"the timer is {' and '.join(lines[:2]) or 'not there'}", source)
    if _sums(facts.state).get(_WATCH) != WATCH_SHA256:
        return bad(f"{_WATCH} is not the program that counts", _WATCH)
    if f"path={_WATCH}" not in lines:
        return bad("the timer starts another program", "systemctl show kijun-mail-watch.service")
    conf = facts.state.file(_WATCH_CONF.pattern)
    told = dict(line.partition("=")[::2] for line in (conf.text if conf else "").splitlines())
    automatic = "yes" if facts.params["mail_limits_stop_automatically"] is True else "no"
    for name in ("outbound_per_hour", "queue_length"):
        value = told.get(name, "")
        if not value.isdecimal() or not 0 < int(value) <= facts.number(name):
            return bad(f"{name} is {value or 'not set'}", _WATCH_CONF.pattern)
    if told.get("stop_automatically") != automatic:
        return bad(f"stop_automatically is {told.get('stop_automatically', 'not set')}", _WATCH_CONF.pattern)
    return good(f"every five minutes; stops the server by itself: {automatic}", source)


def _outbound(facts: _Facts) -> Said:
    lines = facts.state.command(OUTBOUND.name).text.splitlines()
    counts = dict(line.split() for line in lines if re.fullmatch(r"(sent|queued) [0-9]{1,9}", line))
    source = "journalctl --identifier=postfix/smtp, /var/spool/postfix"
    if len(counts) != 2:
        return unsure("what leaves could not be counted.", source)
    if "stopped" in lines:
        return beside("the mail server was stopped on purpose (/var/lib/kijun/mail_stopped).", source)
    sent, queued = int(counts["sent"]), int(counts["queued"])
    actual = f"{sent} recipients outside within an hour, {queued} mails waiting"
    within = sent <= facts.number("outbound_per_hour") and queued <= facts.number("queue_length")
    return good(actual, source) if within else bad(f"{actual}: mail leaves as spam does", source)


def _in_force(facts: _Facts) -> Said:
    assert facts.postfix is not None
    run = running(facts.state)
    said = relay.in_force(relay.Facts(facts.postfix, facts.params, run))
    if said.status is Status.FAIL or facts.dovecot is None:
        return said
    found = dovecot_in_force(facts.state)
    if found.status is not Status.PASS:
        return found
    return good("Postfix and Dovecot are younger than their configuration", found.source)


TOPIC = Topic(
    slug="mail_limits",
    reads=(POSTFIX, EXIM, RUNNING, DOVECOT, DOVECOT_SINCE, OUTBOUND, WATCH, _WATCH_CONF),
    judge=judge,
)
