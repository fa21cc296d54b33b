"""The rules by which an Exim takes or refuses recipients, as it prints them itself.

Sources: exim(8), "-bP config"; Exim's manual on "Access control lists" and "Domain, host, address, and local
part lists".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

VERBS = ("accept", "defer", "deny", "discard", "drop", "require", "warn")
_LIST = re.compile(r"(?:hide +)?(domain|host|address|localpart)list(?:_cache)? +(\w+) *= *(.*)")
MODIFIERS = (
    *("add_header", "continue", "control", "delay", "dscp", "log_message", "log_reject_target", "logwrite"),
    *("message", "queue", "remove_header", "set", "udpsend"),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule: its name without `!`, its value (empty where it did not leave the host)."""

    name: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{'!' if self.negated else ''}{self.name} = {self.value}".rstrip()


@dataclass(frozen=True, slots=True)
class Rule:
    """A verb and the conditions that must all be true."""

    verb: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Acls:
    """The ACLs by name, and the named lists that they use: (kind, name) -> the list as written."""

    rules: Mapping[str, tuple[Rule, ...]]
    lists: Mapping[tuple[str, str], str]


def parse_acls(lines: Iterable[str]) -> Acls:
    """Return the ACLs and lists of `exim4 -bP config`.

    A verb or a name ends what came before. What only does something (`control`, `set`) is left out.
    """
    rules: dict[str, list[tuple[str, list[Condition]]]] = {}
    lists: dict[tuple[str, str], str] = {}
    name = ""
    for line in lines:
        if found := _LIST.match(line):
            lists[found[1], found[2]] = found[3].strip()
        elif found := re.match(r"\s*(\w+):\s*$", line):
            name = found[1]
            rules.setdefault(name, [])
        elif name:
            _add(rules[name], line.strip())
    whole = {
        acl: tuple(Rule(verb, tuple(conditions)) for verb, conditions in found)
        for acl, found in rules.items()
    }
    return Acls(whole, lists)


def _add(rules: list[tuple[str, list[Condition]]], line: str) -> None:
    verb, _, rest = line.partition(" ")
    if verb in VERBS:
        rules.append((verb, []))
        line = rest.strip()
    found = re.match(r"(!?) *([a-z_]+) *=\s*(.*)", line)
    if rules and found and found[2] not in MODIFIERS:
        rules[-1][1].append(Condition(found[2], found[3].strip(), bool(found[1])))
