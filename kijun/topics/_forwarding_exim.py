"""Where Exim sends mail on to, as far as it can be asked: what its routers do with every user and alias.

What leads outside is seen, and fails. That nothing does is never concluded: filters have conditions that
need a mail, and an address may be known to a router only. Source: exim(8), "-bt".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kijun.parsers.exim import items
from kijun.topics._forwarding_graph import Addresses, names
from kijun.topics._forwarding_postfix import Found, Place
from kijun.topics._mail_said import declared_domains

LIMITS = "of Exim, only what its routers do with known addresses is seen, not what a filter's conditions do."
_SOURCE = "exim4 -bt"


class EximRoutesError(ValueError):
    """Exim's answer is cut off."""


def look(text: str, params: Mapping[str, object]) -> Found:
    """Return what Exim said of every user and alias. Raises EximRoutesError where it is cut off."""
    lines = text.splitlines()
    if not lines or lines[-1] != "@end":
        raise EximRoutesError("Exim's answer is cut off")
    known = dict(line.partition(" = ")[::2] for line in lines if " = " in line)
    host = known.get("primary_hostname", "").strip().lower()
    local = known.get("domainlist local_domains", known.get("local_domains", ""))
    same = {host if item == "@" else item.lower() for item in items(local) or ()}
    origin = known.get("qualify_domain", host).strip().lower()
    own = names(params, "mail_forwarding_own_domains") | frozenset(declared_domains(params))
    found = Found(Addresses(origin or "localhost", frozenset(same | {"localhost"}), frozenset(), own))
    users = {found.addresses.address(line.split()[1]) for line in lines if re.match(r"forward \S+$", line)}
    if any(re.match(r"file = .*\$(\{|)home", line) for line in lines):
        found.own_ways.append(("~/.forward", "exim4 -bP routers"))
    for control in ("aliases", "address_maps", "copies", "routes", "user_files", "programs"):
        found.doubt(control, LIMITS, _SOURCE)
    _follow(found, lines, users)
    return found


def _follow(found: Found, lines: list[str], users: set[str]) -> None:
    """Add the steps: an address, and below it, after arrows, what it came from, the nearest first."""
    target = ""
    for line in lines:
        if arrow := re.match(r"\s+<-- (\S+)$", line):
            source = found.addresses.address(arrow[1])
            if target:
                control = "user_files" if source in users else "aliases"
                found.step(source, target, Place("Exim's routers", _SOURCE, control))
            target = source
        elif handed := re.match(r"(\S+@\S+) -> (.*)$", line):
            target = ""
            if handed[2].startswith("|"):
                found.programs.append((found.addresses.address(handed[1]), handed[2][1:].strip(), _SOURCE))
        elif address := re.match(r"([^\s@]+@[^\s:]+)( is undeliverable| cannot be resolved|$)", line):
            target = found.addresses.address(address[1])
