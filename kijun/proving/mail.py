"""Speaking to a mail server as somebody outside does, from the control node, on every port it listens on.

The outside that is tried is `.invalid` (RFC 2606): no name server knows it, so nothing can leave the host.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import re
import smtplib
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testinfra.host import Host

from kijun.paths import state_dir
from kijun.proving.hosts import ProofHost

OUTSIDE = "kijun-outside.invalid"
PER_CONNECTION = 3  # Exim hangs up after three malformed addresses, Postfix slows down after ten errors
TIMEOUT = 60.0
HUNG_UP = 421
_SMTPS = 465
_PROGRAMS = ("master", "smtpd", "exim4")
_BOXES = "/var/mail /var/spool/mail /var/vmail"


class _Session(smtplib.SMTP):
    """A session with a server whose certificate is not asked for: who it is was settled over SSH."""

    def _get_socket(self, host: str, port: int, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((host, port), timeout)
        return _encrypted(plain) if port == _SMTPS else plain

    def secure(self) -> None:
        """Begin TLS after STARTTLS; unlike smtplib's own, without a name: an address with a scope is none."""
        assert self.sock is not None
        self.sock, self.file = _encrypted(self.sock), None
        self.ehlo()


def _encrypted(plain: socket.socket) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


@dataclass(frozen=True)
class Door:
    """One address and port at which the server takes mail from others."""

    address: str  # IPv6 link-local ones carry their interface: fe80::1%eth0
    port: int

    def connect(self) -> smtplib.SMTP:
        """Open a session, with TLS where it is offered; raises OSError or smtplib.SMTPException."""
        client = _Session(timeout=TIMEOUT, local_hostname="probe.invalid")
        client.connect(self.address, self.port)
        client.ehlo()
        if self.port != _SMTPS and client.has_extn("starttls") and client.docmd("STARTTLS")[0] == 220:
            client.secure()
        return client

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}"


@dataclass(frozen=True)
class Attempt:
    """What somebody outside tried: a sender, a recipient as it was written, and what the server answered."""

    sender: str
    recipient: str
    code: int
    reply: str

    @property
    def refused(self) -> bool:
        """Whether the server refused it, for good or for now."""
        return self.code >= 400

    def __str__(self) -> str:
        return f"MAIL FROM:<{self.sender}> RCPT TO:<{self.recipient}>: {self.code} {self.reply}"


def relay_attempts(own: str, address: str) -> list[tuple[str, str]]:
    """Return (sender, recipient) of what scanners for open relays try, against a server of domain `own`.

    Every recipient means somebody in OUTSIDE, if the server follows it; `address` is the server's own.
    """
    user, out, sender = "kijun-user", OUTSIDE, f"kijun-probe@{OUTSIDE}"
    literal = f"[{'IPv6:' if ':' in address else ''}{address.partition('%')[0]}]"
    forms = [
        f"{user}@{out}",
        f'"{user}"@{out}',
        f'"{user}@{out}"',
        f"{user}%{out}@{own}",
        f"{user}%{out}@{literal}",
        f"{user}%{out}",
        f'"{user}%{out}"',
        f'"{user}%{out}"@{own}',
        f"{out}!{user}",
        f"{out}!{user}@{own}",
        f"{out}!{user}@{literal}",
        f"{own}!{out}!{user}",
        f"{user}@{out}@{own}",
        f"{user}@{out}@{literal}",
        f'"{user}@{out}"@{own}',
        f'"{user}@{out}"@{literal}',
        f"@{own}:{user}@{out}",
        f"@{own},@{out}:{user}@{out}",
        f"@{literal}:{user}@{out}",
        f"@{out}:{user}%{out}@{own}",
        f"{user}@{out}.",
        f"{user}@{out.upper()}",
        f"{user}@[203.0.113.9]",
        f"{user}@[IPv6:2001:db8::9]",
        f"{user}%{out}%{own}@{own}",
        f"kijun\u00fcser@{out}",
    ]
    plain = forms[0]
    senders = [
        "",
        f"postmaster@{own}",
        f"root@{own}",
        plain,
        f"{user}@{literal}",
        "localhost",
        f"root@{out}%{own}",
    ]
    return [(sender, form) for form in forms] + [(other, plain) for other in senders]


def attempts(door: Door, wanted: list[tuple[str, str]]) -> Iterator[Attempt]:
    """Try each pair at `door` and yield what the server answered; nothing is ever sent but the envelope."""
    client: smtplib.SMTP | None = None
    try:
        for number, (sender, recipient) in enumerate(wanted):
            if client is None or number % PER_CONNECTION == 0:
                if client is not None:
                    client.close()
                client = door.connect()
            attempt = _attempt(client, sender, recipient)
            if attempt.code == HUNG_UP:
                client.close()
                client = None
            yield attempt
    finally:
        if client is not None:
            client.close()


def _attempt(client: smtplib.SMTP, sender: str, recipient: str) -> Attempt:
    try:
        _say(client, "RSET")
        code, reply = _say(client, f"MAIL FROM:<{sender}>")
        if code < 400:
            code, reply = _say(client, f"RCPT TO:<{recipient}>")
    except smtplib.SMTPServerDisconnected:  # some servers hang up on a client that makes too many mistakes
        code, reply = HUNG_UP, "hung up"
    return Attempt(sender, recipient, code, reply)


def _say(client: smtplib.SMTP, line: str) -> tuple[int, str]:
    client.send(f"{line}\r\n".encode())  # as it is: smtplib would mend the address
    code, reply = client.getreply()
    return code, reply.decode("utf-8", "replace").replace("\n", " ")


def doors(host: Host, proof: ProofHost) -> list[Door]:
    """Return where the host's mail server can be reached from here, over IPv4 and IPv6."""
    ports = _ports(host)
    found = []
    for address in _addresses(host, proof):
        for port in ports:
            try:
                socket.create_connection((address, port), timeout=10).close()
            except OSError:
                continue  # closed from here, so it is no way in for somebody outside either
            found.append(Door(address, port))
    return found


def _ports(host: Host) -> list[int]:
    ports = set()
    for line in host.check_output("ss -Hltnp").splitlines():
        fields = line.split()
        address, _, port = fields[3].rpartition(":")
        name = fields[5].split('"')[1] if len(fields) > 5 and '"' in fields[5] else ""
        if name in _PROGRAMS and not address.startswith(("127.", "[::1]")):
            ports.add(int(port))
    return sorted(ports)


def _addresses(host: Host, proof: ProofHost) -> list[str]:
    """Return the address that the inventory gives, and the host's IPv6 ones as they are reached from here."""
    first = proof.connection.address if proof.connection.kind == "ssh" else "127.0.0.1"
    found = [first]
    for link in json.loads(host.check_output("ip -j -6 addr show up")):
        for entry in link.get("addr_info", []):
            if entry["scope"] == "global":
                found.append(entry["local"])
            elif entry["scope"] == "link" and (interface := _interface_to(first)):
                found.append(f"{entry['local']}%{interface}")
    return found


def _interface_to(address: str) -> str:
    """Return this machine's interface towards `address`, where the host is its direct neighbour; else ""."""
    done = subprocess.run(
        ["ip", "-j", "route", "get", address], capture_output=True, text=True, check=False, timeout=10
    )
    ways = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []
    return str(ways[0]["dev"]) if ways and "gateway" not in ways[0] and ways[0]["dev"] != "lo" else ""


@contextmanager
def turn(name: str, *, alone: bool) -> Iterator[None]:
    """Wait for the turn with the mail server of host `name`: proofs run at once, and some stop it."""
    folder = state_dir() / "proofs"
    folder.mkdir(parents=True, exist_ok=True)
    with Path(folder, f"{name}.mail.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)  # released when it is closed
        yield


def own_domain(host: Host) -> str:
    """Return the domain that the server takes mail for and that its users' mail carries."""
    if host.exists("postconf"):
        origin = str(host.check_output("postconf -hx myorigin")).strip()
        return str(host.check_output("head -n 1 %s", origin)).strip() if origin.startswith("/") else origin
    return str(host.check_output("exim4 -bP qualify_domain")).partition("=")[2].strip()


def is_stranger(door: Door, networks: object) -> bool:
    """Say whether this machine, as `door` sees it, is in none of the networks that may relay."""
    with socket.create_connection((door.address, door.port), timeout=10) as connection:
        mine = ipaddress.ip_address(connection.getsockname()[0].partition("%")[0])
    given = (
        [ipaddress.ip_network(str(n), strict=False) for n in networks] if isinstance(networks, list) else []
    )
    return not mine.is_loopback and not any(mine in n for n in given if n.version == mine.version)


def send(door: Door, sender: str, recipient: str) -> str:
    """Send a small mail with a word of its own; return the word. Raises smtplib.SMTPException if refused."""
    word = f"kijun-{uuid.uuid4().hex}"
    with door.connect() as client:
        client.sendmail(
            sender,
            [recipient],
            f"From: <{sender}>\r\nTo: <{recipient}>\r\nMessage-ID: <{word}@{OUTSIDE}>\r\n"
            f"Subject: {word}\r\n\r\n{word}\r\n",
        )
    return word


def arrives(host: Host, word: str, user: str, patience: float = 60) -> bool:
    """Wait until a mail with `word` in it is in the box of `user`; say whether it came."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if host.run(f"grep -rqs -- %s {_BOXES} %s", word, f"/home/{user}").rc == 0:
            return True
        time.sleep(0.5)
    return False


def delimiter(host: Host) -> str:
    """Return what stands between a user's name and an extension of it; empty where there is nothing such."""
    return str(host.check_output("postconf -h recipient_delimiter"))[:1] if host.exists("postconf") else ""


def alias_names(host: Host) -> list[str]:
    """Return the names of the server's aliases, those that can be written plainly."""
    if host.exists("postconf"):
        maps = host.check_output("postconf -hx alias_maps").replace(",", " ").split()
        listed = "\n".join(host.check_output("postalias -s %s", table) for table in maps)
    else:
        routers = host.check_output("exim4 -bP routers")
        paths = sorted(
            set(re.findall(r"^data = .*?lsearch[*@]{0,2} *[;{] *(/[^};:$ ]+)", routers, re.MULTILINE))
        )
        listed = "\n".join(host.file(path).content_string for path in paths if host.file(path).exists)
    names = [line.partition(":")[0] for line in listed.splitlines() if ":" in line]
    return [name for name in names if name.replace("-", "").replace(".", "").isalnum()]
