"""Which rule of Exim's ACL for recipients lets a stranger's mail for strangers through.

A condition is harmless where it holds only for mail that may be relayed: from a known network, after a login,
or for an own domain. `accept` without a harmless condition lets strangers through; what a client says of
itself (its sender, its greeting, that it speaks TLS) is no reason. What comes after a rule that refuses all
but harmless mail does not matter. Source: Exim's manual, "Access control lists".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kijun.parsers.exim import items
from kijun.parsers.exim_acl import Acls, Condition, Rule
from kijun.parsers.networks import Network, network, within

_DEPTH = 8
_LOCAL = ("+local_domains", "+relay_to_domains", "@", "@[]", "@mx_any", "@mx_primary", "@mx_secondary")
_CLAIMED = frozenset({"encrypted", "local_parts", "sender_domains", "senders", "verify"})
_CLAIMED_VARIABLES = re.compile(
    r"sender_(helo_name|address\w*|ident)|received_(port|ip_address)|tls_\w+|rcpt_count"
)
_VARIABLES = re.compile(r"\$\{?([a-z]+_[a-z_0-9]+|domain\b)")
_TRUE, _FALSE = ("1", "yes", "true"), ("0", "no", "false")


@dataclass(frozen=True, slots=True)
class Opening:
    """A rule that lets strangers through, or may (where `sure` is False); `how` says by what."""

    acl: str
    how: str
    sure: bool


@dataclass(frozen=True)
class Harmless:
    """What makes mail such that it may be relayed."""

    acls: Acls
    networks: list[Network]
    domains: frozenset[str]

    def openings(self, acl: str, depth: int = 0) -> list[Opening]:
        """Return the rules of an ACL that let a stranger's mail for strangers through."""
        found: list[Opening] = []
        for rule in self.acls.rules.get(acl, ()):
            harmless = any(self._holds_for_harmless(one, depth) for one in rule.conditions)
            if rule.verb == "accept" and not harmless:
                how = ", ".join(str(one) for one in rule.conditions) or "nothing is asked"
                found.append(Opening(acl, how, all(self._anybodys(one) for one in rule.conditions)))
            if (rule.verb == "require" and harmless) or self._refuses_the_rest(rule, depth):
                break
        return found

    def _holds_for_harmless(self, one: Condition, depth: int) -> bool:
        """Whether a condition is true for harmless mail only."""
        judge = _KNOWN.get(one.name)
        return judge is not None and not one.negated and judge(self, one.value, depth)

    def _refuses_the_rest(self, rule: Rule, depth: int) -> bool:
        """Whether a refusal meets all mail but harmless mail: each condition excepts some of that only."""
        excepted = [_turned(one) for one in rule.conditions]
        return rule.verb in ("deny", "drop", "defer") and all(
            self._holds_for_harmless(one, depth) for one in excepted
        )

    def _anybodys(self, one: Condition) -> bool:
        """Whether anybody can meet a condition, or somebody who is plainly not of the organisation."""
        if one.negated:
            return one.name in _KNOWN or one.name in _CLAIMED or one.name == "dnslists"
        if one.name == "condition":
            used = _VARIABLES.findall(one.value)
            return one.value in _TRUE or bool(
                used and all(_CLAIMED_VARIABLES.fullmatch(name) for name in used)
            )
        found = items(one.value) or ()
        if one.name == "hosts":
            where = [network(item) for item in found]
            return "*" in found or any(net and not within(net, self.networks) for net in where)
        if one.name in ("domains", "recipients"):
            return any(re.fullmatch(r"[\w.@+*-]+", i) and not self._known_domain(i) for i in found)
        return one.name in _CLAIMED

    def hosts(self, value: str, _depth: int) -> bool:
        """Whether a list of hosts holds nothing but known networks, or only the host's own programs."""
        return self._only("host", value, self._known_host)

    def own_domains(self, value: str, _depth: int) -> bool:
        """Whether a list of domains holds nothing but own ones."""
        return self._only("domain", value, self._known_domain)

    def own_recipients(self, value: str, _depth: int) -> bool:
        """Whether a list of addresses holds nothing but own ones."""
        return self._only("address", value, self._known_domain)

    def passes(self, value: str, depth: int) -> bool:
        """Whether another ACL lets nothing but harmless mail through."""
        name = value.split(" ", maxsplit=1)[0]
        return name in self.acls.rules and depth < _DEPTH and not self.openings(name, depth + 1)

    def _only(self, kind: str, value: str, known: Callable[[str], bool], depth: int = 0) -> bool:
        found = items(value)
        if found is None or depth >= _DEPTH or (found and found[-1].startswith("!")):
            return False  # a list that ends with an exception means everything else
        wanted = [item for item in found if not item.startswith("!") and not known(item)]
        named = [self.acls.lists.get((kind, item[1:])) for item in wanted if item.startswith("+")]
        return len(named) == len(wanted) and all(
            text is not None and self._only(kind, text, known, depth + 1) for text in named
        )

    def _known_host(self, item: str) -> bool:
        where = network(item)  # who is in relay_from_hosts is another control's
        return item in ("+relay_from_hosts", "@", "@[]") or (
            where is not None and within(where, self.networks)
        )

    def _known_domain(self, item: str) -> bool:
        return item in _LOCAL or item.lower()[item.rfind("@") + 1 :] in self.domains


def _turned(one: Condition) -> Condition:
    """Return what a condition excepts: `!domains = +own`, or a list of nothing but exceptions."""
    found = items(one.value) or ()
    if not one.negated and found and all(item.startswith("!") for item in found):
        return Condition(one.name, " : ".join(item.lstrip("! ") for item in found))
    return Condition(one.name, one.value, not one.negated)


_KNOWN: Mapping[str, Callable[[Harmless, str, int], bool]] = {
    "hosts": Harmless.hosts,
    "domains": Harmless.own_domains,
    "recipients": Harmless.own_recipients,
    "authenticated": lambda _self, value, _depth: bool(value),
    "verify": lambda _self, value, _depth: value.startswith("certificate"),
    "acl": Harmless.passes,
    "condition": lambda _self, value, _depth: value in _FALSE,
}
