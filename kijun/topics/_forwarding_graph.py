"""Who sends mail on to whom: addresses, the steps between them, and which steps end outside.

An address is written as the mail server sees it: small letters, and one domain for all that mean the same
box. A leak is a way from an address inside to one outside on which nobody has an approved forwarding.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kijun.parsers.networks import PRIVATE, Network, network, within

JAPAN = datetime.timezone(datetime.timedelta(hours=9))  # where an approval's last day ends
EVERYBODY = "*"  # all mail of a host, whoever it is for


@dataclass(frozen=True, slots=True)
class Step:
    """Mail for `source` is sent on to `target`."""

    source: str
    target: str
    via: str  # "alias", "~/.forward", "Sieve" …
    where: str  # where it was read
    control: str  # the control that judges it, without the topic
    outside: bool
    host: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """A forwarding that the network manager permitted."""

    source: str
    target: str
    approver: str
    until: str

    def problem(self) -> str:
        """Return what is wrong with the entry itself, in words; empty where it is whole."""
        if not (_is_address(self.source) and _is_address(self.target)) or self.target[0] in "*@":
            return "names no address that mail comes from and no address that it goes to"
        if not self.approver.strip():
            return "names nobody who approved it"
        return "" if _date(self.until) else "has no date until which it is approved (YYYY-MM-DD)"

    def holds(self, now: int) -> bool:
        """Whether it is whole and its last day is not over, at `now` in seconds since the epoch."""
        last = _date(self.until)
        today = datetime.datetime.fromtimestamp(min(max(now, 0), 2**35), JAPAN).date()
        return not self.problem() and last is not None and today <= last


def _date(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(r"\*|[^@\s*]*@[^@\s*]+|\[[^\s*]+\]|[a-z0-9][a-z0-9.-]*\.[a-z0-9.-]+", text))


def approvals(params: Mapping[str, object]) -> list[Approval]:
    """Return the approved forwardings of the inventory, whole or not."""
    listed = params["mail_forwarding_approved"]
    if not isinstance(listed, list):
        raise TypeError("mail_forwarding_approved is not a list")
    entries = [entry if isinstance(entry, dict) else {} for entry in listed]
    return [
        Approval(*(str(entry.get(key, "")).strip().lower() for key in ("from", "to")),
                 *(str(entry.get(key, "")).strip() for key in ("approver", "until")))
        for entry in entries
    ]  # fmt: skip


def names(params: Mapping[str, object], parameter: str) -> frozenset[str]:
    """Return a parameter that is a list of names, in small letters."""
    value = params[parameter]
    if not isinstance(value, list):
        raise TypeError(f"{parameter} is not a list")
    return frozenset(str(item).lower().strip(".") for item in value)


@dataclass(frozen=True)
class Addresses:
    """How one host sees addresses."""

    origin: str  # the domain of a name without one
    same: frozenset[str]  # domains whose users are the host's own
    kept: frozenset[str]  # further domains that the host keeps mail or aliases for
    declared: frozenset[str]  # the organisation's domains, with all below them
    hosts: tuple[Network, ...] = ()  # the host's own addresses and the organisation's networks
    delimiters: str = ""
    routed: bool = True  # user%domain@own and domain!user@own are followed
    own: tuple[Network, ...] = ()

    @property
    def home(self) -> str:
        """The one domain that the host's own users are written with."""
        return self.origin if self.origin in self.same or not self.same else sorted(self.same)[0]

    def address(self, text: str) -> str:
        """Return an address in its one form."""
        text = text.strip().lower()
        if text.startswith("@") and ":" in text:
            text = text.rpartition(":")[2]
        for _ in range(8):
            local, at, domain = text.rpartition("@")
            if not at:
                local, domain = text, self.origin
            domain = domain.rstrip(".")
            if not self._is_same(domain):
                break
            domain = self.home
            if self.routed and "@" in local:
                text = local
            elif self.routed and "%" in local:
                text = local.replace("%", "@", 1) if local.count("%") == 1 else "@".join(local.rsplit("%", 1))
            elif self.routed and "!" in local:
                text = "@".join(reversed(local.split("!", 1)))
            else:
                break
        return f"{local}@{domain}"

    def _is_same(self, domain: str) -> bool:
        if domain.startswith("["):
            found = network(domain.strip("[]").removeprefix("ipv6:"))
            return found is not None and any(found.network_address == own.network_address for own in self.own)
        return domain in self.same or (domain == self.origin and not self.same)

    def inside(self, address: str) -> bool:
        """Whether an address of one form is the organisation's."""
        domain = address.rpartition("@")[2]
        if self._is_same(domain) or domain in self.kept:
            return True
        return any(domain == own or domain.endswith(f".{own}") for own in self.declared)

    def host_inside(self, host: str) -> bool:
        """Whether a mail server, by name or by address, is the organisation's."""
        host = host.strip("[]").lower().removeprefix("ipv6:").rstrip(".")
        alone = network(host)
        if alone is None:
            return host in ("", "localhost") or "." not in host or self.inside(f"@{host}")
        return within(alone, (*PRIVATE, *self.hosts))

    def without_extension(self, address: str) -> str | None:
        """Return user@own of user+anything@own; None where there is no extension."""
        local, _, domain = address.rpartition("@")
        places = [local.find(char, 1) for char in self.delimiters if local.find(char, 1) > 0]
        return f"{local[: min(places)]}@{domain}" if places and self._is_same(domain) else None


@dataclass
class Way:
    """The way from an address to one outside, step by step."""

    steps: list[Step] = field(default_factory=list)

    @property
    def source(self) -> str:
        return self.steps[0].source

    @property
    def target(self) -> str:
        return self.steps[-1].target

    def __str__(self) -> str:
        return " > ".join([self.source, *(f"{step.target} ({step.via})" for step in self.steps)])


def leaks(steps: Iterable[Step], approved: Iterable[Approval], now: int) -> list[Way]:
    """Return the ways from every address inside to every address outside that nobody on the way may use.

    Of several ways from one address to another, the shortest. Found backwards from each outside address, over
    addresses that have no approval for it: an approval on the way ends all ways through it.
    """
    before: dict[str, list[Step]] = {}
    for step in steps:
        before.setdefault(step.target, []).append(step)
    permitted = {(a.source, a.target) for a in approved if a.holds(now)}
    found = []
    for target in sorted({step.target for into in before.values() for step in into if step.outside}):
        nearest: dict[str, Way] = {target: Way()}
        queue = [target]
        for address in queue:
            for step in before.get(address, []):
                if step.source not in nearest and (step.source, target) not in permitted:
                    nearest[step.source] = Way([step, *nearest[address].steps])
                    queue.append(step.source)
        found += [way for address, way in nearest.items() if address != target]
    return sorted(found, key=lambda way: (way.source, way.target))
