"""What `nft -j list ruleset` prints, as chains, rules and sets (libnftables-json(5))."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str, str]  # family, table, name
Expression = Mapping[str, Any]
_VOLATILE = {"handle", "index", "packets", "bytes", "expires"}


class NotARulesetError(ValueError):
    """The text is not what nft prints; says why."""


@dataclass(frozen=True)
class Chain:
    """A chain; a base chain has a hook, a kind, a priority and a policy."""

    family: str
    table: str
    name: str
    hook: str = ""
    kind: str = ""
    priority: int = 0
    policy: str = "accept"
    rules: tuple[tuple[Expression, ...], ...] = ()


@dataclass(frozen=True)
class Ruleset:
    """All tables of one network namespace."""

    chains: Mapping[Key, Chain] = field(default_factory=dict)
    sets: Mapping[Key, tuple[Any, ...] | None] = field(default_factory=dict)  # None: changes by itself
    tables: Mapping[tuple[str, str], str] = field(default_factory=dict)  # what each says, in one fixed form

    def hooked(self, hook: str, version: int, kind: str = "filter") -> list[Chain]:
        """Return the base chains that an IPv4 or IPv6 packet passes at `hook`, in order."""
        families = ("inet", "ip" if version == 4 else "ip6")
        found = [c for c in self.chains.values() if (c.hook, c.kind) == (hook, kind) and c.family in families]
        return sorted(found, key=lambda chain: chain.priority)

    def expressions(self) -> Iterator[tuple[Chain, tuple[Expression, ...]]]:
        """Yield every rule with its chain."""
        for chain in self.chains.values():
            for rule in chain.rules:
                yield chain, rule

    def filtering(self) -> dict[tuple[str, str], str]:
        """Return the tables that do anything: those with a rule, or with a policy that is not to accept."""
        busy = {(c.family, c.table) for c in self.chains.values() if c.rules or c.policy != "accept"}
        return {name: text for name, text in self.tables.items() if name in busy}


def parse_ruleset(text: str) -> Ruleset:
    """Return the ruleset that `text` shows; NotARulesetError where it does not show one."""
    try:
        listed = json.loads(text)["nftables"]
        return _ruleset(listed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as bad:
        raise NotARulesetError(f"{type(bad).__name__}: {bad}"[:200]) from bad


def _ruleset(listed: list[dict[str, Any]]) -> Ruleset:
    if not any("metainfo" in item for item in listed):
        raise NotARulesetError("it does not begin as nft's output does")
    chains: dict[Key, dict[str, Any]] = {}
    rules: dict[Key, list[tuple[Expression, ...]]] = {}
    sets: dict[Key, tuple[Any, ...] | None] = {}
    texts: dict[tuple[str, str], list[str]] = {}
    for kind, item in ((kind, item) for entry in listed for kind, item in entry.items()):
        if kind == "metainfo":
            continue
        family, table = str(item["family"]), str(item["name"] if kind == "table" else item["table"])
        texts.setdefault((family, table), []).append(_text(kind, item))
        if kind == "chain":
            chains[family, table, str(item["name"])] = item
        elif kind == "rule":
            rule = tuple(_expression(part) for part in item.get("expr", []))
            rules.setdefault((family, table, str(item["chain"])), []).append(rule)
        elif kind in ("set", "map"):
            fleeting = "timeout" in item or {"dynamic", "timeout"} & set(item.get("flags", []))
            sets[family, table, str(item["name"])] = None if fleeting else tuple(item.get("elem", []))
    return Ruleset(
        {key: _chain(key, item, tuple(rules.get(key, ()))) for key, item in chains.items()},
        sets,
        {name: "\n".join(lines) for name, lines in texts.items()},
    )


def _chain(key: Key, item: dict[str, Any], rules: tuple[tuple[Expression, ...], ...]) -> Chain:
    hook, kind = str(item.get("hook", "")), str(item.get("type", ""))
    priority = item.get("prio", 0)
    if not isinstance(priority, int):
        raise NotARulesetError(f"the priority of chain {key[2]} is {priority!r}")
    return Chain(*key, hook, kind, priority, str(item.get("policy", "accept")), rules)


def _expression(part: object) -> Expression:
    if not isinstance(part, dict) or len(part) != 1:
        raise NotARulesetError(f"an expression of a rule is {part!r}"[:150])
    ((kind, value),) = part.items()
    if kind in ("match", "jump", "goto", "vmap") and not isinstance(value, dict):
        raise NotARulesetError(f"{kind} of a rule is {value!r}"[:150])
    return part


def _text(kind: str, item: dict[str, Any]) -> str:
    return json.dumps([kind, _lasting(item)], sort_keys=True)


def _lasting(value: Any) -> Any:
    """Leave out what changes without anybody changing the rules, and the order of a set's elements."""
    if isinstance(value, dict):
        kept = {key: _lasting(part) for key, part in value.items() if key not in _VOLATILE}
        for key in ("set", "elem"):
            if isinstance(kept.get(key), list):
                kept[key] = sorted(kept[key], key=lambda part: json.dumps(part, sort_keys=True))
        return kept
    return [_lasting(part) for part in value] if isinstance(value, list) else value
