# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which destinations are outside, and the text of a table without those that nobody approved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone

JAPAN = timezone(timedelta(hours=9))  # where an approval's last day ends
ENDS = (":fail:", ":defer:", ":blackhole:", ":unknown:")  # of Exim; a text follows, and no destination
ROUTED = re.compile(r"(.+)%([^%]+)|([^!]+)!(.+)")


class Inside:
    """What is the organisation's own, and what may leave it."""

    def __init__(
        self, origin: str, local: list[str], own: list[str], approved: list[dict[str, str]], today: date
    ) -> None:
        self.origin = origin.lower()
        self.local = {domain.lower() for domain in local} | {"localhost"}
        self.own = {domain.lower().strip(".") for domain in own}
        self.approved = {
            (self.address(entry["from"]), self.address(entry["to"]))
            for entry in approved
            if entry.get("approver") and day(entry.get("until") or "") >= today
        }

    def address(self, text: str) -> str:
        """Return an address in one form: small letters, and one domain for all of the host's own."""
        text = text.strip().lower()
        if text == "*" or text.startswith(("@", "[")):
            return text
        local, at, domain = text.rpartition("@")
        if not at:
            local, domain = text, self.origin
        return f"{local}@{self.origin if domain in self.local and self.origin in self.local else domain}"

    def outside(self, item: str) -> bool:
        """Say whether a destination is an address outside."""
        item = item.strip().strip('"')
        if item.startswith(("|", "/", "\\", ":")) or not item:
            return False
        found = re.search(r"<([^<>]*)>", item)
        local, at, domain = (found.group(1) if found else item).strip().lower().rpartition("@")
        domain = domain.rstrip(".") if at else self.origin
        if domain in self.local or any(domain == own or domain.endswith(f".{own}") for own in self.own):
            routed = ROUTED.fullmatch(local if at else domain and item.lower())
            if not routed:
                return False
            return self.outside(
                f"{routed.group(1)}@{routed.group(2)}"
                if routed.group(1)
                else f"{routed.group(4)}@{routed.group(3)}"
            )
        return True

    def permitted(self, key: str, item: str) -> bool:
        """Say whether a key of a table may have a destination."""
        found = re.search(r"<([^<>]*)>", item)
        target = (found.group(1) if found else item).strip().strip('"')
        return not self.outside(item) or (self.address(key), self.address(target)) in self.approved


def today() -> date:
    """Return the day that it is in Japan."""
    return datetime.now(JAPAN).date()


def day(text: str) -> date:
    """Return the date that a text is; the first of all days where it is none."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else date.min
    except ValueError:
        return date.min


def split(value: str) -> list[str]:
    """Return the destinations of a list, where commas and line ends in quotes do not count."""
    found, item, quoted = [], "", False
    for char in value:
        if char in ",\n" and not quoted:
            found.append(item.strip())
            item = ""
        else:
            quoted ^= char == '"'
            item += char
    return [text for text in [*found, item.strip()] if text]


def entries(text: str, *, alias: bool) -> Iterator[tuple[str, str, str]]:
    """Yield (lines as they are, key, value) of a table's text; comments and empty lines have no key."""
    lines: list[str] = []
    for line in [*text.splitlines(keepends=True), ""]:
        if line and lines and line[0] in " \t" and line.strip():
            lines.append(line)
            continue
        if lines:
            yield _entry("".join(lines), alias=alias)
        lines = [line] if line else []


def _entry(lines: str, *, alias: bool) -> tuple[str, str, str]:
    if not lines.strip() or lines.startswith("#"):
        return lines, "", ""
    whole = " ".join(line.strip() for line in lines.splitlines() if not line.lstrip().startswith("#"))
    key, _, value = whole.partition(":") if alias else whole.partition(" ")
    if not alias and "\t" in key:
        key, _, value = whole.partition("\t")
    return lines, key.strip().strip('"'), value.strip()


def cleaned(text: str, inside: Inside, *, alias: bool, instead: Callable[[str], str]) -> str:
    """Return the text of a table without unapproved destinations outside.

    `instead(key)` is what an entry becomes that has no other destination; empty where it goes.
    """
    kept = []
    for lines, key, value in entries(text, alias=alias):
        listed = split(value)
        stays = [item for item in listed if inside.permitted(key, item)]
        if not key or len(stays) == len(listed) or value.startswith(ENDS):
            kept.append(lines)
        elif left := ", ".join(stays) or instead(key):
            quoted = f'"{key}"' if alias and re.search(r"\s", key) else key
            kept.append(f"{quoted}{':' if alias else ''}\t{left}\n")
    return "".join(kept)


def cleaned_include(text: str, keys: list[str], inside: Inside) -> str:
    """Return an included list without what not every alias that includes it may have."""
    kept = []
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("#") or not line.strip():
            kept.append(line)
            continue
        listed = split(line)
        stays = [item for item in listed if all(inside.permitted(key, item) for key in keys)]
        if len(stays) == len(listed):
            kept.append(line)
        elif stays:
            kept.append(", ".join(stays) + "\n")
    return "".join(kept)
