"""Postfix's effective configuration, as the read of the mail topics prints it (kijun.topics._mail_reads).

Sources: postconf(1), postconf(5), master(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LOOPBACK_NAMES = ("loopback-only", "localhost", "localhost.localdomain")


class PostfixError(ValueError):
    """What was read is not what postconf prints; the text says what is missing."""


@dataclass(frozen=True)
class Table:
    """A lookup table: what could be listed of it, and what it says of a domain that nobody owns."""

    name: str
    listed: bool  # whether `rows` is all that it holds
    rows: tuple[tuple[str, str], ...]  # (network or "-", first word of the value)
    probe: str  # empty: it knows nothing of the probed domain


@dataclass(frozen=True)
class Service:
    """One service of master.cf, with the settings that are effective in it."""

    name: str  # "smtp", "127.0.0.1:10025"
    kind: str  # "inet", "unix", "pass" …
    command: str  # "smtpd"
    settings: Mapping[str, str]
    overridden: frozenset[str]  # settings that `-o` gives

    @property
    def where(self) -> str:
        """Return what to call it in a report."""
        return f"{self.name}/{self.kind}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return where an inet service listens, as master.cf and inet_interfaces say it."""
        if self.kind != "inet":
            return ()
        host = self.name.rpartition(":")[0].strip("[]")
        return (host,) if host else words(self.settings.get("inet_interfaces", "all"))

    @property
    def port(self) -> str:
        """Return the port of an inet service, a number or a name of /etc/services."""
        return self.name.rpartition(":")[2]

    @property
    def local_only(self) -> bool:
        """Whether nobody but this host can reach it. What a pass service is handed may come from anywhere."""
        if self.kind == "pass":
            return False
        return all(is_loopback(address) for address in self.addresses)


@dataclass(frozen=True)
class Instance:
    """One instance of Postfix: its settings, services and tables."""

    directory: str
    settings: Mapping[str, str]
    services: tuple[Service, ...]
    tables: Mapping[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class PostfixConfig:
    """Every instance of a host, and the host's own addresses."""

    instances: tuple[Instance, ...]
    own: tuple[str, ...]


def is_loopback(address: str) -> bool:
    """Whether `address`, as Postfix takes it, is the host's own loopback."""
    return address in LOOPBACK_NAMES or address.startswith("127.") or address in {"::1", "[::1]"}


def parse_postfix(text: str) -> PostfixConfig | None:
    """Return what the read printed; None where there is no Postfix.

    Raises PostfixError where the output is cut off or not what postconf prints.
    """
    lines = text.splitlines()
    if lines == ["absent"]:
        return None
    instances, own = [], tuple[str, ...]()
    for head, body in _sections(lines, "@instance ", "@own"):
        if head == "@own":
            own = tuple(line for line in body if line)
        else:
            instances.append(_instance(head.removeprefix("@instance "), body))
    if not instances or not own:
        raise PostfixError("postconf's answer is not whole")
    return PostfixConfig(tuple(instances), own)


def _sections(lines: list[str], *heads: str) -> Iterator[tuple[str, list[str]]]:
    head, body = "", list[str]()
    for line in lines:
        if line.startswith(heads):
            if head:
                yield head, body
            head, body = line, []
        elif head:
            body.append(line)
        elif line.strip():
            raise PostfixError("postconf's answer begins with something else")
    if head:
        yield head, body


def _instance(directory: str, body: list[str]) -> Instance:
    settings: dict[str, str] = {}
    services: list[tuple[str, str, str]] = []
    overrides: dict[tuple[str, str], dict[str, str]] = {}
    tables: dict[str, Table] = {}
    for head, lines in _sections(body, "@settings", "@services", "@overrides", "@table "):
        if head == "@settings":
            settings |= dict(_assignments(lines))
        elif head == "@services":
            fields = [line.split() for line in lines if line.strip()]
            services += [(f[0], f[1], f[7].rpartition("/")[2]) for f in fields if len(f) == 8]
        elif head == "@overrides":
            for key, value in _assignments(lines):
                parts = key.rsplit("/", 2)
                if len(parts) == 3:
                    overrides.setdefault((parts[0], parts[1]), {})[parts[2]] = value
        else:
            table = _table(head.removeprefix("@table "), lines)
            tables[table.name] = table
    if "mynetworks" not in settings or not services:
        raise PostfixError(f"postconf said nothing of {directory}")
    made = [_service(found, settings, overrides.get(found[:2], {})) for found in services]
    return Instance(directory, settings, tuple(made), tables)


def _service(found: tuple[str, str, str], settings: Mapping[str, str], own: Mapping[str, str]) -> Service:
    name, kind, command = found
    return Service(name, kind, command, {**settings, **own}, frozenset(own))


def _assignments(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        key, equals, value = line.partition(" =")
        if equals:
            yield key.strip(), value.strip()


def _table(name: str, lines: list[str]) -> Table:
    rows, probe = [], ""
    for line in lines:
        if line.startswith("@probe"):
            probe = line.removeprefix("@probe").strip()
        elif line != "@listed" and line.strip():
            key, _, value = line.partition(" ")
            rows.append((key, value.strip()))
    return Table(name, "@listed" in lines, tuple(rows), probe)


def words(value: str) -> tuple[str, ...]:
    """Return the items of a list setting, separated by commas or blanks; `{ … }` is one (postconf(5))."""
    found, word, depth = [], "", 0
    for char in value:
        if depth == 0 and (char == "," or char.isspace()):
            if word:
                found.append(word)
            word = ""
            continue
        depth += {"{": 1, "}": -1}.get(char, 0)
        word += char
    return tuple([*found, word] if word else found)
