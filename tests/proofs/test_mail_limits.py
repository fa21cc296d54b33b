"""Limits for mail, shown by going beyond them, and the stop by stopping.

Nothing can leave the host: every outside address is in `.invalid`, which no name server knows.
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from kijun.proving.hosts import ProofHost
from kijun.proving.mail import OUTSIDE, Door, arrives, doors, own_domain, turn
from kijun.proving.playbooks import play
from kijun.proving.users import ThrowawayUser

FILLED_AT_MOST = 64 * 1024 * 1024  # what a proof may write into a mailbox
BURST_AT_MOST = 2000
STOPPED = "/var/lib/kijun/mail_stopped"


@pytest.fixture(scope="module", autouse=True)
def server(host: Host) -> None:
    """Run nothing on a host without Postfix: the proofs are about no other."""
    if not host.exists("postconf"):
        pytest.skip("no Postfix is installed")


@pytest.fixture(autouse=True)
def its_turn(request: pytest.FixtureRequest, proof: ProofHost, server: None) -> Iterator[None]:
    """Run while no other proof has stopped the server; the two that stop it, while no other runs."""
    with turn(proof.connection.name, alone="alone" in request.fixturenames):
        yield


@pytest.fixture
def alone() -> None:
    """Asked for by a proof that stops the server; see its_turn."""


@pytest.fixture
def door(host: Host, proof: ProofHost, its_turn: None) -> Door:
    """Where mail from outside comes in."""
    found = doors(host, proof)
    assert found, "no port of the mail server can be reached from here"
    return next((one for one in found if one.port == 25), found[0])


def _number(params: dict[str, object], name: str) -> int:
    return int(str(params[f"mail_limits_{name}"]))


def _mail(size: int, subject: str) -> str:
    line = "x" * 70 + "\r\n"
    return f"Subject: {subject}\r\n\r\n" + line * (size // len(line) + 1)


@pytest.mark.intrusive
@pytest.mark.proves("mail_limits.received_size", "mail_limits.in_force")
def test_larger_mail_from_outside_is_refused(
    host: Host, door: Door, throwaway_user: ThrowawayUser, params: dict[str, object]
) -> None:
    """A mail above the limit is refused, announced as such or not; one below it is put into the box."""
    limit, recipient = _number(params, "message_bytes"), f"{throwaway_user.name}@{own_domain(host)}"
    sender = f"kijun-probe@{OUTSIDE}"
    with door.connect() as client:
        code, _ = client.docmd(f"MAIL FROM:<{sender}> SIZE={limit + 1}")
        assert code >= 500, "a mail announced as too large is taken"
    with door.connect() as client:
        client.esmtp_features.pop("size", None)
        with pytest.raises((smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected)):
            client.sendmail(sender, [recipient], _mail(limit + 1000, "too large"))
    word = f"kijun-fits-{throwaway_user.name}"
    with door.connect() as client:
        client.sendmail(sender, [recipient], _mail(limit // 2, word))
    assert arrives(host, word, throwaway_user.name), "a mail below the limit did not arrive"


@pytest.mark.proves("mail_limits.sent_size")
def test_larger_mail_from_the_host_is_refused(host: Host, params: dict[str, object]) -> None:
    """A program on the host cannot hand in a mail above the limit."""
    size = _number(params, "message_bytes") + 1000
    done = host.run(
        "{ printf 'Subject: too large\\n\\n'; head -c %s /dev/zero | tr '\\0' x | fold -w 70; }"
        " | /usr/sbin/sendmail -i %s", str(size), f"kijun-user@{OUTSIDE}",
    )  # fmt: skip
    assert done.rc != 0, "a mail above the limit was taken from a program on the host"


@pytest.mark.intrusive
@pytest.mark.proves("mail_limits.mailbox_size", "mail_limits.mailbox_notice")
def test_a_full_mailbox_refuses_and_its_user_was_told(
    host: Host, door: Door, throwaway_user: ThrowawayUser, params: dict[str, object]
) -> None:
    """A mailbox is filled: its user gets a notice before it is full, and then it takes no more."""
    limit = _number(params, "mailbox_bytes")
    if limit > FILLED_AT_MOST:
        pytest.skip(
            f"a mailbox of {limit} bytes is too large to be filled; prove it on a host with small ones"
        )
    user, own = throwaway_user.name, own_domain(host)
    piece = min(limit // 25, _number(params, "message_bytes") // 2)
    for number in range(30):
        with door.connect() as client:
            client.sendmail(f"kijun-probe@{OUTSIDE}", [f"{user}@{own}"], _mail(piece, f"fill-{number:02}"))
    assert arrives(host, "Your mailbox is 90 % full", user, patience=30), "the user got no notice"
    box = int(host.check_output("du -sb %s | cut -f 1", f"/home/{user}"))
    assert box < limit * 1.25 + 200_000, f"the mailbox grew to {box} bytes, beyond its limit of {limit}"


@pytest.fixture
def forgotten(host: Host, proof: ProofHost, its_turn: None) -> Iterator[None]:
    """Afterwards the server is stopped and started, from when on the watch counts anew."""
    yield
    play(proof, "mail_stop.yml")
    play(proof, "mail_start.yml")
    host.run("rm -f /run/kijun-mail-watch.alert")


@pytest.mark.intrusive
@pytest.mark.proves("mail_limits.spam_watch")
def test_a_burst_is_detected(host: Host, alone: None, forgotten: None, params: dict[str, object]) -> None:
    """A burst of mail to the outside, into nothing, is noticed by the watch and told to the journal."""
    number = _number(params, "outbound_per_hour") + 2
    if number > BURST_AT_MOST:
        pytest.skip(f"a burst of {number} mails is too large; prove it on a host with a lower threshold")
    if params["mail_limits_stop_automatically"] is True:
        pytest.skip("the watch would stop the mail server")
    host.run("rm -f /run/kijun-mail-watch.alert")
    began = host.check_output("date +%s")
    host.check_output(
        "for n in $(seq %s); do printf 'Subject: burst\\n\\n.\\n' |"
        " /usr/sbin/sendmail -i -f '<>' kijun-user-$n@%s; done", str(number), OUTSIDE,
    )  # fmt: skip
    _until_idle(host)
    host.check_output("systemctl start kijun-mail-watch.service")
    told = host.check_output(
        "journalctl --quiet --identifier=kijun-mail-watch --since=@%s --output=cat", began
    )
    assert "Mail leaves as spam does" in told, "the watch noticed nothing"
    assert host.file("/run/kijun-mail-watch.alert").exists


def _until_idle(host: Host, patience: float = 60) -> None:
    """Wait until Postfix has tried every mail once."""
    end = time.monotonic() + patience
    spool = "/var/spool/postfix"
    while time.monotonic() < end:
        if not host.check_output(f"find {spool}/maildrop {spool}/incoming {spool}/active -type f"):
            return
        time.sleep(0.5)


@pytest.mark.intrusive
@pytest.mark.proves("mail_limits.spam_watch")
def test_stopped_it_keeps_the_queue_and_started_it_delivers(
    host: Host, proof: ProofHost, alone: None, door: Door, throwaway_user: ThrowawayUser
) -> None:
    """Stopped by playbooks/mail_stop.yml, nothing is taken or sent; started, what waited is delivered."""
    name = throwaway_user.name
    word = f"kijun-waited-{name}"
    play(proof, "mail_stop.yml")
    try:
        assert not doors(host, proof), "a port still takes mail"
        host.check_output("printf 'Subject: %%s\\n\\n.\\n' %s | /usr/sbin/sendmail -i %s", word, name)
        assert not arrives(host, word, name, patience=5), "mail is delivered although the server is stopped"
        assert host.run("systemctl start postfix.service").rc != 0, "something else can start it"
        assert host.file(STOPPED).exists
    finally:
        play(proof, "mail_start.yml")
    assert doors(host, proof), "the server does not take mail again"
    assert arrives(host, word, name), "what waited in the queue was not delivered"
    assert not host.file(STOPPED).exists
