"""No automatic forwarding to the outside (clause S-10.1.12.a), by any way that mail can take.

From every table, setting, users' file and Sieve script a graph is made of who sends mail on to whom
(`_forwarding_graph`); a way from an address inside to one outside fails, unless the inventory lists it as
approved. Each way is judged under what sends it out: an alias that leads to a user whose `.forward`
leads outside is the `.forward`'s. What is not seen: what a declared program does, a rule that a person's
mail program keeps, and mail that a person or a job on the host sends on by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kijun.model import HostState, Params, Status, Topic, Verdict
from kijun.parsers.dovecot import DovecotError
from kijun.parsers.postfix import PostfixConfig, PostfixError, parse_postfix
from kijun.topics import _mail_relay_exim as exim_relay
from kijun.topics import _mail_relay_postfix as relay
from kijun.topics._forwarding_exim import EximRoutesError
from kijun.topics._forwarding_exim import look as look_at_exim
from kijun.topics._forwarding_exim_reads import EXIM
from kijun.topics._forwarding_files import FilesError, parse_files
from kijun.topics._forwarding_found import KEEPING, Found
from kijun.topics._forwarding_graph import Addresses, Approval, approvals, leaks, names
from kijun.topics._forwarding_postfix import look as look_at_postfix
from kijun.topics._forwarding_reads import DOVECOT, POSTFIX
from kijun.topics._forwarding_sieve import Sieve, parse_sieve
from kijun.topics._forwarding_sieve import look as look_at_sieve
from kijun.topics._mail_reads import DOVECOT_SINCE, RUNNING
from kijun.topics._mail_said import Said, bad, beside, good, unsure
from kijun.topics._mail_view import dovecot_in_force, listed, running

EXPECTED = {
    "aliases": "no alias leads outside, but for approved forwardings",
    "address_maps": "no virtual or canonical address leads outside, but for approved forwardings",
    "copies": "no copy of mail goes outside, but for approved forwardings",
    "routes": "no mail for our own addresses is handed to a server outside",
    "user_files": "no user's file (.forward, .procmailrc) leads outside, but for approved forwardings",
    "sieve": "no Sieve script sends mail outside, but for approved forwardings",
    "own_rules": "users cannot set up forwarding themselves",
    "programs": "mail is handed only to programs of mail_forwarding_programs",
    "approvals": "every approved forwarding names who approved it, and until when",
    "in_force": "the running servers have read their configuration and tables",
}
_TRACED = ("aliases", "address_maps", "copies", "routes", "user_files", "sieve")
_SERVERS = "/usr/sbin/postconf, /usr/sbin/exim4"


@dataclass(frozen=True)
class Host:
    """One mail host, as it was read."""

    postfix: PostfixConfig | None
    sieve: Sieve | None
    found: Found
    exim: bool = False


class NoHostError(LookupError):
    """There is nothing to judge; `said` is what is to be reported."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.reason)
        self.said = said


def read_host(state: HostState, params: Params) -> Host:
    """Return what is known of a host's forwarding. Raises NoHostError without one, or where it is unknown."""
    try:
        text = state.command(POSTFIX.name).text
        head, _, tail = text.partition("\n@users\n")
        postfix = parse_postfix(head)
        sieve = parse_sieve(state.command(DOVECOT.name).text)
        files = parse_files(tail.splitlines()) if postfix else None
    except (PostfixError, DovecotError, FilesError) as why:
        raise NoHostError(unsure(f"{why}.", "postconf, doveconf")) from why
    routed = state.command(EXIM.name).text.rstrip("\n")
    exim = routed != "absent"
    if postfix is not None and files is not None:
        found = look_at_postfix(postfix, files, params)
        for control in EXPECTED if exim else ():
            found.doubt(control, "both Postfix and Exim are installed.", _SERVERS)
    elif exim:
        found = _exim(routed, params)
        if started := running(state).started:
            reason = f"Exim was started with {listed(list(started))}, and what it does is not all read."
            for control in EXPECTED:
                found.doubt(control, reason, "/proc/*/cmdline")
    elif sieve is not None and sieve.loaded:
        own = names(params, "mail_forwarding_own_domains")
        found = Found(Addresses("localhost", frozenset(["localhost"]), frozenset(), own))
    elif foreign := running(state).strangers():
        raise NoHostError(unsure(f"{listed(foreign)} is no mail server that is known here.", "ss -ltnp"))
    else:
        raise NoHostError(beside("no mail server is installed.", _SERVERS))
    if sieve is not None:
        look_at_sieve(sieve, found)
    return Host(postfix, sieve, found, exim)


def _exim(routed: str, params: Params) -> Found:
    try:
        return look_at_exim(routed, params)
    except EximRoutesError as why:
        raise NoHostError(unsure(f"{why}.", "exim4")) from why


def judge(state: HostState, params: Params) -> Iterator[Verdict]:
    """Yield one verdict for each control of mail_forwarding."""
    try:
        host = read_host(state, params)
    except NoHostError as none:
        said = dict.fromkeys(EXPECTED, none.said)
    else:
        approved = approvals(params)
        said = {name: Said(Status.PASS, "", "") for name in EXPECTED}
        said |= _traced(host, approved, state.read_at)
        if not host.found.addresses.declared:
            said |= {name: _undeclared(said[name]) for name in _TRACED}
        said["own_rules"] = _own_rules(host)
        said["programs"] = _programs(host, params)
        said["approvals"] = _approvals(approved, state.read_at)
        said["in_force"] = _in_force(host, state, params)
    for name, expected in EXPECTED.items():
        found = said[name]
        yield Verdict(
            f"mail_forwarding.{name}", found.status, expected, found.actual, found.source, found.reason
        )


def _traced(host: Host, approved: list[Approval], now: int) -> dict[str, Said]:
    """Judge the ways outside, each under the control of its last step."""
    ways = leaks(host.found.steps, approved, now)
    said = {}
    for control in _TRACED:
        mine = sorted((way for way in ways if way.steps[-1].control == control), key=lambda w: len(w.steps))
        if mine:
            more = f" and {len(mine) - 1} more" if len(mine) > 1 else ""
            over = _over(approved, {step.source for way in mine for step in way.steps}, mine[0].target, now)
            said[control] = bad(f"{mine[0]}{more}{over}", mine[0].steps[-1].where)
        elif control in host.found.doubts:
            said[control] = unsure(*host.found.doubts[control])
        elif control == "sieve":
            said[control] = _no_sieve(host)
        elif host.postfix is None and not host.exim:
            said[control] = beside("no Postfix and no Exim is installed.", _SERVERS)
        else:
            count = len([step for step in host.found.steps if step.control == control])
            said[control] = good(f"{count} forwardings, none outside without approval", _source(host))
    return said


def _undeclared(said: Said) -> Said:
    if said.status is not Status.FAIL:
        return said
    return replace(said, actual=f"{said.actual}; mail_forwarding_own_domains names none of our domains")


def _over(approved: list[Approval], sources: set[str], target: str, now: int) -> str:
    for entry in approved:
        if entry.source in sources and entry.target == target and not entry.holds(now):
            return f" (approved until {entry.until or 'no date'}, which is over or not whole)"
    return ""


def _no_sieve(host: Host) -> Said:
    if host.sieve is None or not host.sieve.loaded:
        return beside("no mail passes through Sieve.", "doveconf -n: mail_plugins")
    if not host.sieve.open_ways:
        return good("scripts may not send mail", "doveconf -n: sieve_max_redirects, sieve_extensions")
    return good(f"{len(host.sieve.files.of('sieve'))} scripts, none sends outside", "~/.dovecot.sieve")


def _own_rules(host: Host) -> Said:
    if host.found.own_ways:
        ways = listed([way for way, _ in host.found.own_ways])
        return bad(f"users can forward by {ways}", host.found.own_ways[0][1])
    if "own_rules" in host.found.doubts:
        return unsure(*host.found.doubts["own_rules"])
    return good("neither .forward nor Sieve nor procmail sends mail on", f"{_source(host)}, doveconf -n")


def _programs(host: Host, params: Params) -> Said:
    declared = names(params, "mail_forwarding_programs")
    for whose, program, where in host.found.programs:
        keeps = program.startswith("/usr/") and program.rpartition("/")[2] in KEEPING
        if not keeps and program.lower() not in declared:
            return bad(f"mail of {whose} is handed to {program or 'a program without a name'}", where)
    if "programs" in host.found.doubts:
        return unsure(*host.found.doubts["programs"])
    return good(listed(sorted({program for _, program, _ in host.found.programs})) or "none", _source(host))


def _approvals(approved: list[Approval], now: int) -> Said:
    source = "inventory: mail_forwarding_approved"
    if not approved:
        return beside("no forwarding is approved.", source)
    for entry in approved:
        if problem := entry.problem():
            return bad(f"{entry.source or '?'} > {entry.target or '?'} {problem}", source)
    over = [entry for entry in approved if not entry.holds(now)]
    return good(f"{len(approved) - len(over)} approved, {len(over)} over", source)


def _in_force(host: Host, state: HostState, params: Params) -> Said:
    if host.found.stale:
        actual = f"{listed(list(host.found.stale))} changed, and its table was not made anew"
        return bad(actual, host.found.stale[0])
    said = None
    if host.exim and host.postfix is None:
        said = exim_relay.has_read(running(state))
    elif host.postfix is not None:
        said = relay.in_force(relay.Facts(host.postfix, params, running(state)))
    if said is not None and (said.status is not Status.PASS or host.sieve is None):
        return said
    found = dovecot_in_force(state)
    if found.status is Status.PASS and said is not None:
        return good("mail server and Dovecot are younger than their configuration", found.source)
    return found


def _source(host: Host) -> str:
    return "exim4 -bP routers, exim4 -bt" if host.postfix is None and host.exim else "postconf -x, postmap -s"


TOPIC = Topic(
    slug="mail_forwarding",
    reads=(POSTFIX, DOVECOT, EXIM, RUNNING, DOVECOT_SINCE),
    judge=judge,
)
