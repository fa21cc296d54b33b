"""What Exim itself says of its configuration, and what its ACLs answer to an outsider.

The answers come from `exim4 -bP` and `exim4 -bh ADDRESS` (exim(8)), in the frames of the mail topics' read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kijun.parsers.exim_acl import Acls, parse_acls


class EximError(ValueError):
    """What was read is not what Exim prints; the text says what is missing."""


@dataclass(frozen=True)
class EximConfig:
    """Named lists, the answers to each outsider, and the authenticators of one Exim."""

    settings: Mapping[str, str]
    lists: Mapping[str, str]  # name -> the list as written; a list that is not defined is absent
    replies: Mapping[str, tuple[tuple[str, str], ...]]  # outside address -> (command, reply)
    checks: Mapping[str, str]  # authenticator -> what its server_condition comes to; empty where it has none
    own: tuple[str, ...]
    acls: Acls = field(default_factory=lambda: Acls({}, {}))
    offering: tuple[str, ...] = ()  # the sessions in which a login was offered without TLS
    unasked: tuple[str, ...] = ()  # listening addresses whose daemon's configuration it was not safe to run


def parse_exim(text: str, commands: Sequence[str]) -> EximConfig | None:
    """Return what the read printed, where `commands` were given in each session; None where there is no Exim.

    Raises EximError where the output is cut off or a session did not come to its end.
    """
    lines = text.splitlines()
    if lines == ["absent"]:
        return None
    sections = _sections(lines)
    settings = dict(_assignment(line) for line in sections.get("settings", []) if " =" in line)
    lists, replies, offering, unasked = {}, {}, [], []
    for head, body in sections.items():
        kind, _, name = head.partition(" ")
        if kind == "list" and body and " = " in f"{body[0]} ":
            lists[name] = _assignment(body[0])[1]
        elif kind == "session" and "@ended refused" in body:
            unasked.append(name)
        elif kind == "session":
            replies[name] = _replies(body, commands)
            if any(re.match(r"250[- ]AUTH[ =]", line) for line in body):
                offering.append(name)
    own = tuple(line for line in sections.get("own", []) if line)
    if "local_interfaces" not in settings or not (replies or unasked) or not own:
        raise EximError("Exim's answer is not whole")
    checks, acls = _checks(sections.get("authenticators", [])), parse_acls(sections.get("acl", []))
    return EximConfig(settings, lists, replies, checks, own, acls, tuple(offering), tuple(unasked))


def _sections(lines: Sequence[str]) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    body = sections.setdefault("", [])
    for line in lines:
        if line.startswith("@") and not line.startswith("@ended"):
            body = sections.setdefault(line[1:], [])
        else:
            body.append(line)
    return sections


def _assignment(line: str) -> tuple[str, str]:
    key, _, value = line.partition(" =")
    return key.strip().rpartition(" ")[2], value.strip()


def _checks(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if line.endswith(" authenticator:"):
            name = line.removesuffix(" authenticator:")
            found[name] = ""
        elif name and line.startswith("server_condition "):
            found[name] = line.partition(" ")[2].strip()
    return found


def _replies(body: Sequence[str], commands: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return each command with its reply. The first reply is the greeting; a reply may have several lines."""
    finished = [line for line in body if re.match(r"[2-5][0-9][0-9] ", line)]
    if "@ended 0" not in body or len(finished) != len(commands) + 1:
        raise EximError(f"an SMTP session was not answered to its end ({len(finished)} replies)")
    return tuple(zip(commands, finished[1:], strict=True))


def items(text: str) -> tuple[str, ...] | None:
    """Return the items of an Exim list, or None where it is one that must be expanded or looked up.

    The separator is a colon, doubled where it is meant (`::::1` is ::1), or what follows a leading `<`.
    """
    text = text.strip()
    if "$" in text:
        return None
    if text.startswith("<") and len(text) > 1:
        return tuple(item.strip() for item in text[2:].split(text[1]) if item.strip())
    found = text.replace("::", "\0").split(":")
    return tuple(item.replace("\0", ":").strip() for item in found if item.strip())
