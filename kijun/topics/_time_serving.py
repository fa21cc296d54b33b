"""Whom a host gives the time: nobody, or the networks that it is declared the master of."""

from __future__ import annotations

from kijun.parsers.networks import Network, network, within
from kijun.parsers.timekeeping import TimeError
from kijun.topics._mail_said import Said, bad, good, unsure
from kijun.topics._mail_view import listed
from kijun.topics._time_keeping import Keeping, ntp_lines

_CLOSED = {"ignore", "noserve"}


def serving(kept: Keeping) -> Said:
    """Judge `time_sync.serving`."""
    if not kept.view.sockets:
        if kept.networks:
            return bad(f"nothing listens for {listed(kept.networks)}", "ss -uln")
        return good("no other host is answered", "ss -uln")
    name = kept.unit.name if kept.unit else ""
    if name == "chrony.service":
        return _chrony(kept)
    if name == "ntpsec.service":
        return _ntpsec(kept)
    return unsure(f"what answers on {listed(list(kept.view.sockets))} is not understood here.", "ss -ulnp")


def _chrony(kept: Keeping) -> Said:
    """Judge chronyd by its directives (chrony.conf(5), allow) and by what it says of two strangers."""
    if kept.clock is None:
        return unsure(f"{kept.problem}.", "chronyc")
    if kept.clock.allowed:
        return bad(f"everybody is answered ({listed(list(kept.clock.allowed))} would be)", "chronyc accheck")
    lines = kept.view.config.get("chrony", [])
    if "@failed" in lines or not lines:
        return unsure("chronyd does not print its configuration.", "chronyd -p")
    allowed = [line.split()[1:] for line in lines if line.split()[:1] == ["allow"]]
    if not allowed:
        return bad("it listens, and no file says for whom", "ss -uln, chronyd -p")
    return _declared(kept, allowed)


def _declared(kept: Keeping, allowed: list[list[str]]) -> Said:
    declared = [found for found in map(network, kept.networks) if found is not None]
    for words in allowed:
        found = _allowed(words)
        if found is None or not within(found, declared):
            return bad(f"{' '.join(words) or 'everybody'} is answered and not declared", "chronyd -p")
    served = [found for found in map(_allowed, allowed) if found is not None]
    forgotten = [str(one) for one in declared if not within(one, served)]
    if forgotten:
        return bad(f"{listed(forgotten)} is declared and not answered", "chronyd -p")
    return good(f"{listed([str(one) for one in served])} and nobody else", "chronyd -p, chronyc accheck")


def _allowed(words: list[str]) -> Network | None:
    """Return the network of an `allow`; None for everybody, for a name, and for the short forms (`10.2`)."""
    rest = words[1:] if words[:1] == ["all"] else words
    return network(rest[0]) if rest and rest[0].count(".") != 1 else None


def _ntpsec(kept: Keeping) -> Said:
    """Judge ntpd by its `restrict default` lines: it always listens (ntp.conf(5), access control)."""
    source = "/etc/ntpsec/ntp.conf"
    try:
        lines = [line.split() for line in ntp_lines(kept.view)]
    except TimeError as why:
        return unsure(f"{why}.", source)
    closed: set[str] = set()
    for words in lines:
        if words[0] != "restrict" or "default" not in words:
            continue
        families = {"-4"} if "-4" in words else {"-6"} if "-6" in words else {"-4", "-6"}
        closed = closed | families if _CLOSED & set(words) else closed - families
    if closed != {"-4", "-6"}:
        return bad("everybody is answered (restrict default without ignore)", source)
    opened = [words[1:] for words in lines if words[0] == "restrict" and "default" not in words]
    strangers = [words[0] for words in opened if words and words[0] not in ("127.0.0.1", "::1", "-4", "-6")]
    if strangers or kept.networks:
        return unsure("who else is answered is not understood here.", source)
    return good("everybody else is ignored", source)
