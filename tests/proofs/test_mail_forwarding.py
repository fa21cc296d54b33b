"""Automatic forwarding, shown by canary mails through every way that mail takes.

The outside is `.invalid`, which no name server knows: what is forwarded there is seen in the log as an
attempt to send, and can arrive nowhere.
"""

from __future__ import annotations

import smtplib
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest
from testinfra.host import Host

from kijun.proving.hosts import ProofHost
from kijun.proving.mail import OUTSIDE, Door, alias_names, arrives, delimiter, doors, own_domain, send, turn
from kijun.proving.mail_logs import left, tried
from kijun.proving.sieve import PORT, ManageSieve
from kijun.proving.users import ThrowawayUser

SENDER, SINK = f"kijun-probe@{OUTSIDE}", f"kijun-sink@{OUTSIDE}"
ALIASES_AT_MOST = 30
SETTLING = 3.0  # seconds until what was forwarded has been tried
SIEVE = "/usr/lib/dovecot/modules/lib90_sieve_plugin.so"


@pytest.fixture(scope="module", autouse=True)
def server(host: Host) -> None:
    """Run nothing on a host without a mail server: the proofs are about no other."""
    if not host.exists("postconf") and not host.exists("exim4"):
        pytest.skip("no mail server is installed")


@pytest.fixture(autouse=True)
def its_turn(proof: ProofHost, server: None) -> Iterator[None]:
    """Run while no proof has stopped the server."""
    with turn(proof.connection.name, alone=False):
        yield


@pytest.fixture
def door(host: Host, proof: ProofHost, its_turn: None) -> Door:
    """Where mail from outside comes in."""
    found = doors(host, proof)
    assert found, "no port of the mail server can be reached from here"
    return next((one for one in found if one.port == 25), found[0])


@pytest.fixture(scope="module")
def began(host: Host) -> str:
    """When this module began, by the host's clock."""
    return str(host.check_output("date +%s"))


@pytest.fixture(scope="module", autouse=True)
def eyes(host: Host, server: None, began: str) -> None:
    """What leaves is seen: a mail sent outside on purpose is found in the log, or nothing is proven."""
    word = _from_host(host, "<>", SINK)
    end = time.monotonic() + 60
    while not (seen := left(host, word, began)) and time.monotonic() < end:
        time.sleep(0.5)
    assert seen == [SINK], "what leaves the host cannot be seen in its log"


def _from_host(host: Host, sender: str, recipient: str) -> str:
    """Hand in a mail as a program on the host does; return its word."""
    word = f"kijun-{uuid.uuid4().hex}"
    text = f"To: <{recipient}>\\nMessage-ID: <{word}@{OUTSIDE}>\\nSubject: {word}\\n\\n{word}\\n"
    host.check_output("printf %s | /usr/sbin/sendmail -i -f %s %s", text, sender, recipient)
    return word


def _stays(host: Host, word: str, began: str, user: str, what: str) -> None:
    assert arrives(host, word, user), f"{what}: it did not arrive in the box"
    time.sleep(SETTLING)
    assert not left(host, word, began), f"{what}: it was sent to {left(host, word, began)}"


@pytest.mark.intrusive
@pytest.mark.proves(
    "mail_forwarding.address_maps",
    "mail_forwarding.copies",
    "mail_forwarding.routes",
    "mail_forwarding.in_force",
)
def test_ordinary_mail_stays_inside(
    host: Host, door: Door, began: str, throwaway_user: ThrowawayUser
) -> None:
    """Mail from outside, from the host, and by a user arrives in the box, and no copy of it leaves."""
    name, own = throwaway_user.name, own_domain(host)
    words = {"from outside": send(door, SENDER, f"{name}@{own}")}
    if between := delimiter(host):
        words["with an extension"] = send(door, SENDER, f"{name}{between}canary@{own}")
    words["from the host"] = _from_host(host, SENDER, name)
    words["by the user"] = _from_host(host, f"{name}@{own}", f"{name}@{own}")
    for what, word in words.items():
        _stays(host, word, began, name, f"mail {what}")


@pytest.mark.proves("mail_forwarding.routes")
def test_mail_to_nobody_stays_inside(host: Host, door: Door, began: str) -> None:
    """Mail for somebody who does not exist is refused or returned, and goes nowhere else."""
    nobody = f"kijun-nobody-{uuid.uuid4().hex[:8]}@{own_domain(host)}"
    words = [_from_host(host, "<>", nobody)]
    with suppress(smtplib.SMTPRecipientsRefused):  # the best answer
        words.append(send(door, SENDER, nobody))
    time.sleep(SETTLING)
    for word in words:
        assert not left(host, word, began), f"it was sent to {left(host, word, began)}"


FILES = {
    ".forward": ("SINK\n", ""),
    ".forward and a box": ("SINK, \\USER\n", ""),
    ".forward to a program": ('"|/usr/sbin/sendmail -i SINK"\n', ""),
    ".forward of vacation": ('\\USER, "|/usr/bin/vacation USER"\n', ""),
    ".forward with an extension": ("SINK\n", "canary"),
    ".procmailrc": (":0\n! SINK\n", ""),
}
OF_EXIM = {
    ".forward with a list": (":include:/home/USER/friends\n", ""),
    ".forward as a filter": ("# Exim filter\nunseen deliver SINK\n", ""),
    ".forward as a filter that writes": ('# Exim filter\nmail to SINK subject "It has come" text "It"\n', ""),
    ".forward as Sieve": ('# Sieve filter\nrequire "copy";\nredirect :copy "SINK";\n', ""),
    ".mailfilter": ('cc "!SINK"\n', ""),
}


@pytest.mark.intrusive
@pytest.mark.proves("mail_forwarding.user_files", "mail_forwarding.own_rules")
def test_a_users_files_send_nothing_outside(
    host: Host, door: Door, began: str, throwaway_user: ThrowawayUser
) -> None:
    """A user writes .forward, .forward+…, filters, .procmailrc; mail stays in the box, nothing leaves."""
    name, home, own = throwaway_user.name, throwaway_user.home, own_domain(host)
    between, files = delimiter(host), FILES | ({} if host.exists("postconf") else OF_EXIM)
    for what, (text, extension) in files.items():
        if extension and not between:
            continue
        sink = f"kijun-{uuid.uuid4().hex}@{OUTSIDE}"
        suffix = f"{between}{extension}" if extension else ""
        path = f"{home}/{what.split()[0]}{suffix}"
        for file, said in (
            (path, text.replace("USER", name).replace("SINK", sink)),
            (f"{home}/friends", sink),
        ):
            host.check_output("printf %%s %s > %s && chown %s: %s", said, file, name, file)
        word = send(door, SENDER, f"{name}{suffix}@{own}")
        _stays(host, word, began, name, what)
        assert not tried(host, sink, began), f"{what}: something was sent to {sink}"
        host.check_output("rm -- %s", path)


SCRIPTS = {
    "redirect": f'redirect "{SINK}";\n',
    "redirect of a copy": f'require "copy";\nredirect :copy "{SINK}";\n',
    "redirect to a variable": f'require "variables";\nset "to" "{SINK}";\nredirect "${{to}}";\n',
    "notice by mail": f'require "enotify";\nnotify :message "A mail has come" "mailto:{SINK}";\n',
    "vacation": 'require "vacation";\nvacation "I am away.";\n',
}


@pytest.mark.intrusive
@pytest.mark.proves("mail_forwarding.sieve", "mail_forwarding.own_rules")
def test_a_users_sieve_script_sends_nothing_outside(
    host: Host, proof: ProofHost, door: Door, began: str, throwaway_user: ThrowawayUser
) -> None:
    """A user uploads scripts that redirect or notify; the mail arrives in the box, and nothing leaves."""
    if not host.file(SIEVE).exists:
        pytest.skip("Dovecot has no Sieve")
    name, own = throwaway_user.name, own_domain(host)
    server = f":{PORT} " in host.check_output("ss -Hltn")
    for what, script in SCRIPTS.items():
        if server:
            session = ManageSieve(door.address, name, throwaway_user.password)
            session.upload(script)  # a server that does not take it has prevented it
            session.close()
        path = f"{throwaway_user.home}/.dovecot.sieve"
        if not server or not host.file(path).exists:
            host.check_output("printf %%s %s > %s && chown %s: %s", script, path, name, path)
        word = send(door, SENDER, f"{name}@{own}")
        _stays(host, word, began, name, f"Sieve: {what}")


@pytest.mark.intrusive
@pytest.mark.proves("mail_forwarding.aliases")
def test_mail_to_aliases_stays_inside(host: Host, door: Door, began: str, params: dict[str, object]) -> None:
    """A mail to each alias goes to nobody outside but whom the inventory lists as approved."""
    wanted = alias_names(host)
    assert wanted, "the host has no alias"
    given = params["mail_forwarding_approved"]
    approved = {str(entry["to"]).lower() for entry in given} if isinstance(given, list) else set()
    words = {name: _from_host(host, "<>", name) for name in wanted[:ALIASES_AT_MOST]}
    time.sleep(SETTLING + len(words) / 5)
    for name, word in words.items():
        outside = set(left(host, word, began)) - approved
        assert not outside, f"mail to {name} was sent to {sorted(outside)}"
