"""Mail relay (clause S-10.1.11.a): nobody outside sends mail through this host to others outside.

Postfix and Exim are judged by what their programs say they do, service by service (`_mail_relay_postfix`,
`_mail_relay_exim`), and by what runs. What stays possible: whoever has a password, or a program on the host
itself, may send; and a translating router may make outsiders look like a trusted network.
"""

from __future__ import annotations

from collections.abc import Iterator

from kijun.model import HostState, Params, Status, Topic, Verdict
from kijun.parsers.exim import EximError, parse_exim
from kijun.parsers.postfix import PostfixError, parse_postfix
from kijun.topics import _mail_relay_exim as exim
from kijun.topics import _mail_relay_postfix as postfix
from kijun.topics._mail_reads import FILES, POSTFIX, RUNNING
from kijun.topics._mail_relay_exim_reads import EXIM
from kijun.topics._mail_said import Said, beside, joined, unsure
from kijun.topics._mail_view import Running, listed, running

_EXPECTED = {
    "networks": "only this host and the networks of mail_relay_networks send anywhere without a login",
    "restrictions": "mail from outside to outside is refused by every service that others can reach",
    "destinations": "mail is passed on only for domains of mail_relay_domains",
    "source_routes": "an address that carries its own way to the outside is not followed",
    "client_identity": "nobody outside can pass for a trusted client",
    "authentication": "everybody who logs in is somebody",
    "login_encrypted": "a password is asked for only under TLS",
    "configuration_protected": "owned by root, and nobody else can write",
    "in_force": "the running server has read its configuration",
}
_NO_SERVER = "no mail server is installed."


def judge(state: HostState, params: Params) -> Iterator[Verdict]:
    """Yield one verdict for each control of mail_relay."""
    run = running(state)
    servers = [said for said in (_postfix(state, params, run), _exim(state, params, run)) if said is not None]
    for name, expected in _EXPECTED.items():
        if name == "configuration_protected":
            said = _protected(state)
        elif servers:
            said = joined(answers[name] for answers in servers)
        else:
            said = _no_server(run)
        yield Verdict(f"mail_relay.{name}", said.status, expected, said.actual, said.source, said.reason)


def _postfix(state: HostState, params: Params, run: Running) -> dict[str, Said] | None:
    """Return the judgement on Postfix by control, None where it is not installed."""
    try:
        config = parse_postfix(state.command(POSTFIX.name).text)
    except PostfixError as why:
        return dict.fromkeys(postfix.CONTROLS, unsure(f"{why}.", "postconf"))
    if config is None:
        return None
    facts = postfix.Facts(config, params, run)
    return {name: control(facts) for name, control in postfix.CONTROLS.items()}


def _exim(state: HostState, params: Params, run: Running) -> dict[str, Said] | None:
    """Return the judgement on Exim by control, None where it is not installed."""
    try:
        config = parse_exim(state.command(EXIM.name).text, exim.commands())
    except EximError as why:
        return dict.fromkeys(exim.CONTROLS, unsure(f"{why}.", "exim4"))
    if config is None:
        return None
    facts = exim.Facts(config, params, run)
    if not facts.reachable and not run.started:
        return dict.fromkeys(exim.CONTROLS, beside("Exim listens to this host only.", "exim4 -bP"))
    answers = {name: control(facts) for name, control in exim.CONTROLS.items()}
    if not run.started:
        return answers
    reason = f"Exim was started with {listed(list(run.started))}, and not all of that is read."
    return {
        name: said if said.status is Status.FAIL else unsure(reason, "/proc/*/cmdline")
        for name, said in answers.items()
    }


def _no_server(run: Running) -> Said:
    if foreign := run.strangers():
        return unsure(f"{listed(foreign)} is no mail server that is known here.", "ss -ltnp")
    return beside(_NO_SERVER, "/usr/sbin/postconf, /usr/sbin/exim4")


def _protected(state: HostState) -> Said:
    lines = [line.split(" ", 3) for line in state.command(FILES.name).text.splitlines()]
    if lines == [["absent"]]:
        return _no_server(running(state))
    source = "/etc/postfix, /etc/exim4"
    if not lines or any(len(line) != 4 or not line[0].isdecimal() for line in lines):
        return unsure("the files of the mail server could not be listed.", source)
    wrong = [path for mode, uid, gid, path in lines if _writable(mode, uid, gid)]
    if wrong:
        return Said(Status.FAIL, f"others than root can write {listed(wrong)}", wrong[0])
    return Said(Status.PASS, f"{len(lines)} files and directories are", source)


def _writable(mode: str, uid: str, gid: str) -> bool:
    try:
        bits = int(mode, 8)
    except ValueError:
        return True
    return uid != "0" or bool(bits & 0o002) or (bool(bits & 0o020) and gid != "0")


TOPIC = Topic(slug="mail_relay", reads=(POSTFIX, EXIM, RUNNING, FILES), judge=judge)
