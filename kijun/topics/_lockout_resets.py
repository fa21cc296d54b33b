"""Ways to the count past PAM: what may be run as root by those whose count it is.

A program that PAM runs as root clears a count as well as pam_faillock itself does, and so does faillock(8)
where it is set-user-ID or where sudo gives it to everybody. What a job of root's does, only a proof shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from kijun.model import CommandRead, HostState, UnreadError
from kijun.parsers.pam import Handler, PamConfig

_PHASES = ("auth", "account", "password", "session")
_RUNNERS = frozenset({"pam_exec.so", "pam_script.so"})
_TOOL = "/usr/sbin/faillock"
# cvtsudoers reads the files as sudo does, and unlike `sudo -l` leaves no line in the host's log.
GIVEN = CommandRead(
    "account_lockout.given",
    f"if [ -e {_TOOL} ]; then stat -Lc 'tool %a %u' {_TOOL}; else echo tool absent; fi\n"
    "if [ ! -e /etc/sudoers ] || ! command -v sudo >/dev/null; then echo sudo absent; exit 0; fi\n"
    "cvtsudoers -c /dev/null -f json -e -p -m user=nobody /etc/sudoers 2>/dev/null",
)


def run_by_pam(pam: PamConfig, services: Iterable[str]) -> list[Handler]:
    """Return the lines of all phases by which PAM runs a program, each once."""
    lines = {
        handler.where: handler
        for service in services
        for phase in _PHASES
        for handler in pam.stack(service, phase) or ()
        if handler.module in _RUNNERS
    }
    return [lines[where] for where in sorted(lines)]


def clears(handler: Handler) -> bool:
    """Say whether a line of `run_by_pam` plainly clears counts; what another program does is not known."""
    return any("faillock" in argument for argument in handler.args)


def given_to_everybody(state: HostState) -> list[str]:
    """Return, in words, how everybody may run faillock(8) as root; UnreadError where that is not known."""
    tool, _, rest = state.command(GIVEN.name).text.partition("\n")
    words = tool.split()
    if words[:1] != ["tool"] or len(words) not in {2, 3}:
        raise UnreadError(f"the mode of {_TOOL} could not be read")
    found = []
    if len(words) == 3 and words[2] == "0" and int(words[1], 8) & 0o4000:
        found.append(f"{_TOOL} is set-user-ID (mode {words[1]})")
    if len(words) == 3 and (words[2] != "0" or int(words[1], 8) & 0o022):
        found.append(f"{_TOOL} can be replaced (owner {words[2]}, mode {words[1]})")
    if rest.strip() != "sudo absent":
        found += [f"sudo gives everybody {command}" for command in _everybodys_commands(rest)]
    return found


def _everybodys_commands(text: str) -> Iterator[str]:
    try:
        rules = json.loads(text).get("User_Specs", [])
        for rule in rules:
            if {"username": "ALL"} in rule["User_List"]:
                yield from (shown for spec in rule["Cmnd_Specs"] for shown in _commands(spec))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise UnreadError("what sudo gives to everybody could not be read (cvtsudoers)") from problem


def _commands(spec: dict[str, Any]) -> Iterator[str]:
    for one in spec["Commands"]:
        command = one.get("command", "")
        if not one.get("negated") and (command == "ALL" or "faillock" in command):
            yield str(command)
