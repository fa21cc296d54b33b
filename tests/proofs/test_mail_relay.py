"""Mail relay, shown by trying it: from the control node, as any machine outside could.

Nothing can leave the host: every outside address is in `.invalid`, which no name server knows, and nothing
but the envelope is ever said.
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from kijun.proving.hosts import ProofHost
from kijun.proving.mail import (
    OUTSIDE,
    Door,
    arrives,
    attempts,
    doors,
    is_stranger,
    own_domain,
    relay_attempts,
    send,
    turn,
)
from kijun.proving.users import ThrowawayUser


@pytest.fixture(scope="module", autouse=True)
def server(host: Host) -> None:
    """Run nothing on a host without a mail server: the topic is about no other."""
    if not host.exists("postconf") and not host.exists("exim4"):
        pytest.skip("no mail server is installed")


@pytest.fixture(scope="module")
def own(host: Host, server: None) -> str:
    """The server's own domain."""
    return own_domain(host)


@pytest.fixture(autouse=True)
def together(proof: ProofHost, server: None) -> Iterator[None]:
    """Run while no other proof has stopped the server."""
    with turn(proof.connection.name, alone=False):
        yield


@pytest.fixture
def open_doors(host: Host, proof: ProofHost, params: dict[str, object], together: None) -> list[Door]:
    """Every address and port of the mail server that this machine, which must be a stranger, can reach."""
    found = doors(host, proof)
    assert found, "no port of the mail server can be reached from here"
    inside = [str(door) for door in found if not is_stranger(door, params["mail_relay_networks"])]
    assert not inside, f"to {inside[0]} this machine is no stranger; prove from one that is"
    return found


@pytest.mark.proves(
    "mail_relay.restrictions",
    "mail_relay.networks",
    "mail_relay.destinations",
    "mail_relay.source_routes",
    "mail_relay.in_force",
)
def test_every_form_of_address_is_refused_from_outside(open_doors: list[Door], own: str) -> None:
    """All forms of address that relay scanners try are refused, on every port, over IPv4 and IPv6."""
    taken = [
        f"{door}: {attempt}"
        for door in open_doors
        for attempt in attempts(door, relay_attempts(own, door.address))
        if not attempt.refused
    ]
    assert not taken, taken[0]


@pytest.mark.intrusive
@pytest.mark.proves("mail_relay.restrictions")
def test_mail_for_the_own_domain_is_taken(
    host: Host, open_doors: list[Door], own: str, throwaway_user: ThrowawayUser
) -> None:
    """Mail from outside for a user of the host is taken and put into the box."""
    door = next((door for door in open_doors if door.port == 25), open_doors[0])
    word = send(door, f"kijun-probe@{OUTSIDE}", f"{throwaway_user.name}@{own}")
    assert arrives(host, word, throwaway_user.name), "mail for the own domain did not arrive"


@pytest.mark.intrusive
@pytest.mark.proves("mail_relay.restrictions")
def test_the_host_itself_submits(host: Host, throwaway_user: ThrowawayUser) -> None:
    """A program on the host hands mail in, and it is put into the box."""
    name = throwaway_user.name
    word = f"kijun-local-{name}"
    host.check_output("printf 'Subject: %%s\\n\\n%%s\\n' %s %s | /usr/sbin/sendmail -i %s", word, word, name)
    assert arrives(host, word, name), "mail that the host itself handed in did not arrive"


@pytest.mark.proves("mail_relay.client_identity")
def test_a_client_cannot_claim_to_be_the_host_itself(open_doors: list[Door]) -> None:
    """XCLIENT and a PROXY line that claim 127.0.0.1 do not make the server relay."""
    for door in open_doors:
        client = door.connect()
        try:
            client.docmd("XCLIENT", "ADDR=127.0.0.1 NAME=localhost")
            client.ehlo()
            assert _refused(client), f"{door} relays for a client that claims to be 127.0.0.1 by XCLIENT"
        finally:
            client.close()
        assert not _taken_after_proxy_line(door), f"{door} relays for a client that claims 127.0.0.1 by PROXY"


def _refused(client: smtplib.SMTP) -> bool:
    client.docmd("RSET")
    code, _ = client.docmd(f"MAIL FROM:<kijun-probe@{OUTSIDE}>")
    return code >= 400 or client.docmd(f"RCPT TO:<kijun-user@{OUTSIDE}>")[0] >= 400


def _taken_after_proxy_line(door: Door) -> bool:
    lines = ["PROXY TCP4 127.0.0.1 127.0.0.1 40000 25", "EHLO probe.invalid", f"MAIL FROM:<a@{OUTSIDE}>"]
    lines += [f"RCPT TO:<b@{OUTSIDE}>", "QUIT"]
    answers = b""
    with socket.create_connection((door.address, door.port), timeout=30) as connection:
        connection.settimeout(15)
        try:
            for line in lines:
                connection.sendall(f"{line}\r\n".encode())
                answers = connection.recv(65536)
                if line.startswith("RCPT"):
                    return answers.startswith(b"250")
        except (TimeoutError, ConnectionError):
            return False  # hung up on, or not understood
    return False
