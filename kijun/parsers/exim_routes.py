"""The routers and transports of an Exim as it sees them itself, and what their expansions can come to.

Sources: exim(8), "-bP routers"; Exim's manual on "String expansions", "Domain, host, address, and local part
lists", "Address rewriting", and on the redirect and manualroute routers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kijun.parsers.forwarding import Destination, Kind, destinations

_LOOKUP = re.compile(
    r"\$\{lookup *\{([^{}]*|\$\{local_part\w*\})\} *(?:partial[0-9]*-)?([a-z0-9]+)[*@]* *\{(/[^{}$]+)\}"
)
_LISTABLE = ("lsearch", "wildlsearch", "nwildlsearch", "iplsearch")
# What a value may be computed with and still be known: conditions, and changes of letters.
_PLAIN = re.compile(
    r"\$\{(if|lookup|lc|quote|quote_local_part|local_part|local_part_data|domain|domain_data|value)\b"
)
_OPERATION = re.compile(r"\$\{[a-z]")
_OFF = re.compile(r"(\$\{if and\{\{bool_lax\{)*(no|false|0)(\}|$)")
_WRITTEN = re.compile(r"\|/[^\s{}\"']+|:include:[^\s{},]+|[^\s{}:;,<>\"']*@[A-Za-z0-9.-]*[A-Za-z0-9]")
_ENDS = re.compile(r":(fail|defer|blackhole|unknown):[^{}\n]*")


@dataclass(frozen=True, slots=True)
class Part:
    """A router or a transport: its name and those of its options that are set and were read."""

    name: str
    options: Mapping[str, str]

    def get(self, name: str) -> str:
        """Return an option; empty where it is not set."""
        return self.options.get(name, "")

    @property
    def off(self) -> bool:
        """Whether its first condition is never true: further ones are joined to it with `and`."""
        return bool(_OFF.match(self.get("condition")))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an expansion can come to: tables (key, path), addresses as written, and whether that is all."""

    tables: tuple[tuple[str, str], ...]
    written: tuple[Destination, ...]
    whole: bool


def parts(lines: Iterable[str], kind: str) -> Iterator[Part]:
    """Yield what `exim4 -bP routers` or `-bP transports` (kind "router", "transport") says."""
    name, options = "", dict[str, str]()
    for line in lines:
        if line.endswith(f" {kind}:"):
            if name:
                yield Part(name, options)
            name, options = line.removesuffix(f" {kind}:"), {}
        else:
            key, equals, value = line.partition(" = ")
            options[key.strip()] = value.strip() if equals else "yes"
    if name:
        yield Part(name, options)


def outcome(text: str) -> Outcome:
    """Return what an expansion can come to, every branch of it."""
    tables, whole = [], True
    for key, kind, path in _LOOKUP.findall(text):
        tables.append((key, path.strip()))
        whole = whole and kind in _LISTABLE
    searched = len(re.findall(r"\$\{lookup\b", text))
    whole = whole and searched == len(tables) and len(_OPERATION.findall(text)) == len(_PLAIN.findall(text))
    if "${" not in text:
        return Outcome((), tuple(listed(text)), whole)
    rest = _ENDS.sub("", _LOOKUP.sub("", text))
    return Outcome(tuple(tables), tuple(_of_branch(word) for word in _WRITTEN.findall(rest)), whole)


def _of_branch(word: str) -> Destination:
    return destinations(word)[0] if word[0] in "|:" else Destination(Kind.ADDRESS, word)


def listed(text: str) -> list[Destination]:
    """Return what a redirection list names; `:fail:`, `:defer:`, `:blackhole:` and the like end it."""
    return [wanted for wanted in destinations(_ENDS.sub("", text)) if wanted.text]


def of_filter(text: str) -> list[Destination]:
    """Return where an Exim filter, reduced to one command a line, sends mail.

    Mail that answers its sender is an answer. What is computed otherwise is UNCLEAR.
    """
    found: list[Destination] = []
    for line in text.splitlines()[1:]:
        command, _, rest = line.partition(" ")
        if command == "pipe":
            found.append(Destination(Kind.PROGRAM, rest))
        elif command in ("deliver", "mail"):
            if not re.fullmatch(r"\$\{?(reply_address|sender_address|return_path)\}?", rest.strip()):
                found += destinations(rest)
        elif line.strip():
            found.append(Destination(Kind.UNCLEAR, line[:80]))
    return found


def rows(lines: Iterable[str]) -> list[tuple[str, str]]:
    """Return keys and values of a text that is searched with lsearch: `key: value` or `key value`."""
    found = []
    for line in lines:
        quoted = re.match(r'"((?:[^"\\]|\\.)*)"\s*:?\s*(.*)', line)
        plain = quoted or re.match(r"([^\s:]+)\s*:?\s*(.*)", line)
        if plain:
            found.append((plain[1].lower(), plain[2]))
    return found


def hops(text: str, separator: str = ";") -> list[tuple[str, str]]:
    """Return the (pattern, host) pairs of a route_list."""
    found = []
    if text.startswith("<") and len(text) > 1:
        text, separator = text[2:], text[1]
    for rule in text.split(separator):
        words = re.findall(r'"[^"]*"|\S+', rule)
        if len(words) > 1:
            found += [(words[0], host) for host in hosts(words[1].strip('"'))]
    return found


def hosts(text: str) -> list[str]:
    """Return the hosts of a list of hosts, without ports and MX marks; an IPv6 address is one host."""
    separator = ":"
    if text.startswith("<") and len(text) > 1:
        text, separator = text[2:], text[1]
    words = text.replace("::", "\0").split(separator)
    words = [word.replace("\0", ":").strip() for word in words]
    return [re.sub(r"/mx$", "", word, flags=re.IGNORECASE) for word in words if word and word != "+"]
