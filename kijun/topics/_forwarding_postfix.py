"""Where Postfix sends mail on to, by every table, setting and file that can do so.

Each service of master.cf is looked at with its own settings: `-o` of one cleanup is enough. Sources:
local(8), cleanup(8), trivial-rewrite(8), postconf(5), aliases(5), virtual(5), canonical(5), transport(5),
access(5), header_checks(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from kijun.parsers.forwarding import destinations, of_procmail
from kijun.parsers.networks import network, own_addresses
from kijun.parsers.postfix import Instance, PostfixConfig, Service, Table, words
from kijun.topics._forwarding_files import Files
from kijun.topics._forwarding_found import Found, Place, anybody
from kijun.topics._forwarding_graph import EVERYBODY, Addresses, names
from kijun.topics._forwarding_reads import CHECKS
from kijun.topics._mail_said import declared_domains

_ENDS = ("local", "virtual", "error", "retry", "discard", "")
_ACTIONS = ("REDIRECT", "BCC", "FILTER")


def addresses_of(config: PostfixConfig, files: Files, params: Mapping[str, object]) -> Addresses:
    """Return how the host sees addresses."""
    same, kept, delimiters, routed = {"localhost"}, set[str](), "", False
    for instance in config.instances:
        own = instance.settings
        same |= set(_domains(own.get("mydestination", ""), instance))
        for name in ("virtual_alias_domains", "virtual_mailbox_domains"):
            kept |= set(_domains(own.get(name, ""), instance))
        delimiters += own.get("recipient_delimiter", "")
        routed |= "yes" in (own.get("allow_percent_hack"), own.get("swap_bangpath"))
    relay = names(params, "mail_relay_networks")
    declared = names(params, "mail_forwarding_own_domains") | frozenset(declared_domains(params))
    addresses = own_addresses(config.own)
    return Addresses(
        origin=files.origin or "localhost",
        same=frozenset(same),
        kept=frozenset(kept),
        declared=declared,
        hosts=(*addresses, *(found for text in relay if (found := network(text)))),
        delimiters=delimiters,
        routed=routed,
        own=addresses,
    )


def _domains(value: str, instance: Instance) -> Iterator[str]:
    for word in words(value):
        table = instance.tables.get(word)
        if table is not None:
            yield from (key for key, _ in _rows(table) if "@" not in key and key != "-")
        elif ":" not in word and not word.startswith("/"):
            yield word.lower()


def look(config: PostfixConfig, files: Files, params: Mapping[str, object]) -> Found:
    """Return everything that is known of where this Postfix sends mail on to."""
    found = Found(addresses_of(config, files, params), stale=files.stale)
    for instance in config.instances:
        for service in instance.services:
            if looking := _LOOKING.get(service.command):
                looking(_Seen(found, files, instance, service))
    if any(PurePosixPath(program).name == "procmail" for _, program, _ in found.programs):
        found.own_ways.append(("~/.procmailrc", "procmail"))
        for file in files.of("procmail"):
            found.user_file(files, file, of_procmail(file.text), "procmail")
        found.unlisted_users(files, "procmailrc")
    _extensions(found)
    return found


def _extensions(found: Found) -> None:
    """Mail for user+anything is mail for the user, where nothing else is said of it."""
    for address in sorted({step.target for step in found.steps if not step.outside}):
        if base := found.addresses.without_extension(address):
            found.step(address, base, Place("extension", "recipient_delimiter", "aliases"))


@dataclass(frozen=True)
class _Seen:
    """A service with what is needed to look at it."""

    found: Found
    files: Files
    instance: Instance
    service: Service

    def setting(self, name: str) -> str:
        return self.service.settings.get(name, "")

    def where(self, name: str) -> str:
        file = "master.cf" if name in self.service.overridden else "main.cf"
        return f"{self.instance.directory}/{file}: {name}"

    def tables(self, name: str, control: str) -> Iterator[tuple[str, Table]]:
        """Yield the tables of a setting with where each is; what cannot be listed is a doubt."""
        for word in words(self.setting(name)):
            table = self.instance.tables.get(word)
            where = f"{self.where(name)} = {word}"
            if table is None or not table.listed:
                if ":" in word or word.startswith("/"):
                    self.found.doubt(control, f"what {word} in {name} holds could not be listed.", where)
                continue
            yield where, table


def _rows(table: Table) -> Iterator[tuple[str, str]]:
    for key, value in table.rows:
        yield key.removeprefix("=").lower(), value


def _local(seen: _Seen) -> None:
    for where, table in seen.tables("alias_maps", "aliases"):
        for key, value in _rows(table):
            if not key.startswith("owner-"):
                source = EVERYBODY if key == "-" else seen.found.addresses.address(key)
                place = Place("alias", where, "aliases")
                seen.found.send_all(seen.files, source, destinations(value), place)
    _luser_relay(seen)
    if seen.setting("forward_path"):
        seen.found.own_ways.append(("~/.forward", seen.where("forward_path")))
        for file in seen.files.of("forward"):
            seen.found.user_file(seen.files, file, destinations(file.text), "~/.forward")
        seen.found.unlisted_users(seen.files, ".forward")
    home = f"@{seen.found.addresses.home}"
    for name in ("mailbox_transport", "fallback_transport"):
        _route(seen, home, seen.setting(name), Place(name, seen.where(name), "routes"))
        for where, table in seen.tables(f"{name}_maps", "routes"):
            for key, value in _rows(table):
                _route(seen, seen.found.addresses.address(key), value, Place(f"{name}_maps", where, "routes"))
    if not seen.setting("mailbox_transport"):  # which has precedence over commands
        _commands(seen)


def _luser_relay(seen: _Seen) -> None:
    relay, place = seen.setting("luser_relay"), Place("luser_relay", seen.where("luser_relay"), "routes")
    name, at, domain = relay.rpartition("@")
    if at and "$" not in domain:
        relay = f"{'anybody' if '$' in name or not name else name}@{domain}"
    for wanted in destinations(relay):
        seen.found.send(f"@{seen.found.addresses.home}", wanted, place)


def _commands(seen: _Seen) -> None:
    rows = [(f"@{seen.found.addresses.home}", seen.setting("mailbox_command"), seen.where("mailbox_command"))]
    for where, table in seen.tables("mailbox_command_maps", "programs"):
        rows += [(seen.found.addresses.address(key), value, where) for key, value in _rows(table)]
    for source, value, where in rows:
        if value:
            seen.found.programs.append((source, value.split()[0].strip('"'), where))


def _cleanup(seen: _Seen) -> None:
    for name in ("virtual_alias_maps", "canonical_maps", "recipient_canonical_maps"):
        for where, table in seen.tables(name, "address_maps"):
            for key, value in _rows(table):
                if not (
                    name == "virtual_alias_maps"
                    and value
                    and "@" not in key
                    and key in seen.found.addresses.kept
                ):
                    _mapped(seen, key, value, Place(name, where, "address_maps"))
    for name in ("recipient_bcc_maps", "sender_bcc_maps"):
        for where, table in seen.tables(name, "copies"):
            for key, value in _rows(table):
                _mapped(seen, key, value, Place(name, where, "copies"))
    for wanted in destinations(seen.setting("always_bcc")):
        seen.found.send(EVERYBODY, wanted, Place("always_bcc", seen.where("always_bcc"), "copies"))
    for name in (
        "header_checks",
        "mime_header_checks",
        "nested_header_checks",
        "body_checks",
        "milter_header_checks",
    ):
        _actions(seen, name)
    _milters(seen, "non_smtpd_milters")


def _mapped(seen: _Seen, key: str, value: str, place: Place) -> None:
    source = EVERYBODY if key == "-" else key if key.startswith("@") else seen.found.addresses.address(key)
    for wanted in destinations(value):
        seen.found.send(source, anybody(wanted), place)


def _actions(seen: _Seen, name: str) -> None:
    """Look for actions that send elsewhere in the tables of a list of checks or restrictions."""
    for word in words(seen.setting(name)):
        table = seen.instance.tables.get(word)
        if ":" not in word and word in words(seen.setting("smtpd_restriction_classes")) and name != word:
            _actions(seen, word)
        if table is None:
            if word.startswith(("inline:", "pipemap:", "unionmap:")):
                seen.found.doubt("copies", f"what {name} does could not be listed.", seen.where(name))
            continue
        where = f"{seen.where(name)} = {word}"
        if not table.listed:
            seen.found.doubt("copies", f"what {word} in {name} holds could not be listed.", where)
        for _, value in _rows(table):
            action, _, rest = value.partition(" ")
            if action.upper() == "FILTER":
                _route(seen, EVERYBODY, rest, Place("FILTER", where, "copies"))
            elif action.upper() in _ACTIONS:
                for wanted in destinations(rest):
                    seen.found.send(EVERYBODY, wanted, Place(action.upper(), where, "copies"))


def _rewrite(seen: _Seen) -> None:
    home = f"@{seen.found.addresses.home}"
    for name in ("local_transport", "virtual_transport", "relay_transport"):
        _route(seen, home, seen.setting(name), Place(name, seen.where(name), "routes"))
    kept = seen.found.addresses.same | seen.found.addresses.kept
    kept |= set(_domains(seen.setting("relay_domains"), seen.instance))
    for where, table in seen.tables("transport_maps", "routes"):
        said = {key for key, _ in _rows(table)}
        for key, value in _rows(table):
            if key in ("*", "-"):
                if kept - said - {"localhost", "localhost.localdomain"}:
                    _route(
                        seen,
                        home if key == "*" else EVERYBODY,
                        value,
                        Place("transport_maps", where, "routes"),
                    )
            elif key.rpartition("@")[2].lstrip(".") in kept:
                source = seen.found.addresses.address(key) if "@" in key else f"@{key.lstrip('.')}"
                _route(seen, source, value, Place("transport_maps", where, "routes"))


def _route(seen: _Seen, source: str, value: str, place: Place) -> None:
    """Add where `transport:nexthop` leads: nowhere else, to a program, or to another mail server."""
    name, _, hop = value.partition(":")
    if name in _ENDS and (name or not hop):
        return
    if name in seen.files.pipes:
        seen.found.programs.append((source, seen.files.pipes[name], place.where))
        return
    for host in re.split(r"[,\s]+", hop.strip()):
        plain = _host(host)
        if plain is not None and not seen.found.addresses.host_inside(plain):
            seen.found.step(source, f"[{plain.strip('[]').lower()}]", place)


def _host(text: str) -> str | None:
    """Return the host of a nexthop; None for a socket of the host itself."""
    if text.startswith(("unix:", "/", "private/", "public/")):
        return None
    text = text.removeprefix("inet:")
    if text.startswith("["):
        return text[: text.find("]") + 1] or text
    if text.startswith("inet6:") or text.count(":") > 1:
        return text.removeprefix("inet6:").rpartition(":")[0].strip("[]")
    return text.partition(":")[0]


def _entrance(seen: _Seen) -> None:
    if value := seen.setting("content_filter"):
        _route(seen, EVERYBODY, value, Place("content_filter", seen.where("content_filter"), "copies"))
    if value := seen.setting("smtpd_proxy_filter"):
        place = Place("smtpd_proxy_filter", seen.where("smtpd_proxy_filter"), "copies")
        _route(seen, EVERYBODY, f"smtp:{value}", place)
    for name in CHECKS:
        if name.startswith("smtpd_"):
            _actions(seen, name)
    _milters(seen, "smtpd_milters")


def _milters(seen: _Seen, name: str) -> None:
    for word in words(seen.setting(name)):
        text = word.strip("{} ").partition(",")[0].strip()
        host = re.sub(r":\d+$", "", text.removeprefix("inet:").removeprefix("inet6:")).rpartition("@")[2]
        if text.startswith("inet") and not seen.found.addresses.host_inside(host):
            seen.found.step(EVERYBODY, f"[{host.strip('[]')}]", Place(name, seen.where(name), "copies"))


_LOOKING: dict[str, Callable[[_Seen], None]] = {
    "local": _local,
    "cleanup": _cleanup,
    "trivial-rewrite": _rewrite,
    "smtpd": _entrance,
    "qmqpd": _entrance,
    "pickup": _entrance,
}
