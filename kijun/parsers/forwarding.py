"""Where lists of destinations, procmail's rules and Sieve scripts send mail.

Sources: aliases(5), local(8) of Postfix (the same syntax is that of `~/.forward`); procmailrc(5);
RFC 5228 (Sieve), RFC 5435 (notify), RFC 6609 (include).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ADDRESS = re.compile(r"[^\s\"(),:;<>@\[\]|]+(@[^\s\"(),:;<>@|]+)?")


class Kind(StrEnum):
    """What a destination is."""

    ADDRESS = "address"
    BOX = "box"  # a file, or a name with a backslash: mail ends there
    PROGRAM = "program"
    INCLUDE = "include"
    UNCLEAR = "unclear"  # computed, or not understood: it may lead anywhere


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that mail is sent to."""

    kind: Kind
    text: str  # the address, the program's path, the included file


def destinations(text: str) -> list[Destination]:
    """Return what a list of destinations names: the value of an alias, or the content of a `.forward`."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [_destination(item) for item in _items("\n".join(lines))]


def _items(text: str) -> Iterator[str]:
    """Yield the items, separated by commas or line ends, where these are not quoted or in a comment."""
    item, quoted, depth, escaped = "", False, 0, False
    for char in text:
        if escaped:
            item, escaped = item + char, False
        elif char == "\\":
            item, escaped = item + char, True
        elif char in ",\n" and not quoted and depth == 0:
            if item.strip():
                yield item.strip()
            item = ""
        else:
            if char == '"' and depth == 0:
                quoted = not quoted
            elif not quoted and char in "()":
                depth = max(0, depth + (1 if char == "(" else -1))
                continue
            if depth == 0:
                item += char
    if item.strip():
        yield item.strip()


def _destination(item: str) -> Destination:
    if len(item) > 1 and item[0] == item[-1] == '"':
        item = item[1:-1].strip()
    if item.startswith("|"):
        words = item[1:].split()
        return Destination(Kind.PROGRAM, words[0].strip('"') if words else "")
    if item.startswith(":include:"):
        return Destination(Kind.INCLUDE, item.removeprefix(":include:").strip())
    if item.startswith(("/", "\\")):
        return Destination(Kind.BOX, item)
    if found := re.search(r"<([^<>]*)>", item):
        item = found[1].strip()
    plain = item.removesuffix(".") if item.endswith(".") and "@" in item else item
    if re.fullmatch(r"[^@\s]+@\[[0-9A-Za-z:.]+\]", plain) or _ADDRESS.fullmatch(plain):
        return Destination(Kind.ADDRESS if "$" not in plain else Kind.UNCLEAR, plain)
    if _STRING.match(plain) and "@" in plain.rpartition('"')[2]:
        local, _, domain = plain.rpartition("@")
        return Destination(Kind.ADDRESS, f"{local.strip(chr(34))}@{domain}")
    return Destination(Kind.UNCLEAR, item)


def of_procmail(text: str) -> list[Destination]:
    """Return where the actions of a procmailrc send mail: `! address`, `| program`, other rule files."""
    found = []
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("!"):
            for word in line[1:].replace(",", " ").split():
                found.append(Destination(Kind.UNCLEAR if "$" in word or "`" in word else Kind.ADDRESS, word))
        elif line.startswith("|"):
            found.append(Destination(Kind.PROGRAM, line[1:].strip().split(" ")[0]))
        elif line:
            found.append(Destination(Kind.UNCLEAR, line[:80]))
    return found


def of_sieve(text: str) -> list[Destination]:
    """Return where the commands of a Sieve script send mail; `text` is one command a line.

    An included script is INCLUDE with its name. Where a command is not understood it is UNCLEAR.
    """
    found = []
    for line in text.splitlines():
        strings = [re.sub(r"\\(.)", r"\1", string) for string in _STRING.findall(line)]
        command = re.split(r'[ :"]', line.lower(), maxsplit=1)[0]
        if command == "redirect" and strings:
            found.append(_computed(strings[-1], strings[-1]))
        elif command == "notify":
            for string in strings:
                if string.lower().startswith("mailto:"):
                    found.append(_computed(string, string[7:].partition("?")[0]))
            if not any(string.lower().startswith("mailto:") for string in strings):
                found.append(Destination(Kind.UNCLEAR, line[:80]))
        elif command == "include" and strings:
            found.append(Destination(Kind.INCLUDE, strings[-1]))
        elif line.strip():
            found.append(Destination(Kind.UNCLEAR, line[:80]))
    return found


def _computed(whole: str, address: str) -> Destination:
    """A string that holds a variable is known only when the script runs (RFC 5229)."""
    return Destination(Kind.UNCLEAR, whole) if "${" in whole else _destination(address)
