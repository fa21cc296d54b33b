"""Asking a time server as any client does (RFC 4330, SNTP), from here or from the host under proof.

The client is a program of its own, because proofs run it on the host too: Python 3.9 or newer, no library.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from testinfra.host import Host

# Prints the server's time less ours, half the time that the answer took (so far may the first be off), and
# the server's root distance, all in seconds; or nothing where no answer came.
CLIENT = r"""
import json, os, socket, struct, sys, time
name, tries = sys.argv[1], int(sys.argv[2])
best = None
for family, kind, proto, _, address in socket.getaddrinfo(name, 123, type=socket.SOCK_DGRAM):
    for attempt in range(tries):
        with socket.socket(family, kind, proto) as asking:
            asking.settimeout(2)
            cookie = os.urandom(8)
            try:
                asking.connect(address)
                began, steady = time.time(), time.monotonic()
                asking.send(b"\x23" + bytes(39) + cookie)
                answer = asking.recv(512)
                took = time.monotonic() - steady
            except OSError:
                continue
        if len(answer) < 48 or answer[24:32] != cookie or answer[0] >> 6 == 3 or answer[0] & 7 != 4:
            continue
        fields = struct.unpack("!4I", answer[32:48])
        moment = lambda whole, part: whole - 2208988800 + part / 2**32
        received, sent = moment(*fields[:2]), moment(*fields[2:])
        error = max(0.0, took - (sent - received)) / 2
        ahead = ((received - began) + (sent - (began + took))) / 2
        delay, dispersion = struct.unpack("!2I", answer[4:12])
        if best is None or error < best["error"]:
            best = {"ahead": ahead, "error": error, "distance": (delay / 2 + dispersion) / 65536}
if best:
    print(json.dumps(best))
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """How far a server's clock is ahead of the asker's, and how far that may be off; in seconds."""

    ahead: float
    error: float  # what the way may add
    distance: float  # how far the server may be off itself, by its own word (root distance)


def ask_from(host: Host, server: str, tries: int = 4) -> Answer | None:
    """Ask `server` from the host under proof; None where no usable answer came."""
    return _answer(host.check_output("/usr/bin/python3 -c %s %s %s", CLIENT, server, str(tries)))


def ask(server: str, tries: int = 2) -> Answer | None:
    """Ask `server` from this machine; None where no usable answer came."""
    command = [sys.executable, "-c", CLIENT, server, str(tries)]
    return _answer(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


def _answer(text: str) -> Answer | None:
    if not text.strip():
        return None
    found: dict[str, Any] = json.loads(text)
    return Answer(**found)
