"""Where Exim sends mail on to, router by router, and what it answers when it is asked itself.

Every branch of a router's expansions counts, whatever its conditions: what can lead outside does. What `-bt`
says of every user and alias is added, for it is Exim's own word. A smarthost is no forwarding: only routers
that take the host's own domains are looked at. Sources: Exim's manual; exim(8), "-bt".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from kijun.parsers.exim import items
from kijun.parsers.exim_routes import Part, hops, hosts, listed, of_filter, outcome, parts, rows
from kijun.parsers.forwarding import Destination, Kind, destinations, of_procmail, of_sieve
from kijun.parsers.networks import network
from kijun.topics._forwarding_files import Files, FilesError, parse_files
from kijun.topics._forwarding_found import Found, Place
from kijun.topics._forwarding_graph import EVERYBODY, Addresses, names
from kijun.topics._mail_said import declared_domains

_ASKED, _ROUTERS = "exim4 -bt", "exim4 -bP routers"
_SECTIONS = ("routers", "transports", "rewrites", "tables", "files", "asked")
_ENVELOPE = set("TES")  # rewriting flags that touch recipients; without any flag, everything is rewritten
_USERS = {"procmail": "~/.procmailrc", "maildrop": "~/.mailfilter"}
_KNOWN_FILE = re.compile(r"([-A-Za-z0-9_./+@]|\$\{?(home|local_part|local_part_data|local_part_suffix)\}?)+")
_OWN_DOMAIN = re.compile(r"\$\{?(domain|domain_data|qualify_domain|primary_hostname)\}?")
_OWN_NAME = re.compile(r"([\w.+-]|\$\{?local_part(_data)?\}?)+")


class EximRoutesError(ValueError):
    """Exim's answer is cut off."""


@dataclass(frozen=True)
class _Exim:
    """What was read of one Exim."""

    found: Found
    routers: tuple[Part, ...]
    transports: Mapping[str, Part]
    tables: Mapping[str, list[tuple[str, str]]]
    files: Files
    absent: frozenset[str] = frozenset()  # programs that are named and not there
    local: frozenset[str] = field(default_factory=frozenset)

    @property
    def home(self) -> str:
        return f"@{self.found.addresses.home}"


def look(text: str, params: Mapping[str, object]) -> Found:
    """Return everything that is known of where this Exim sends mail.

    Raises EximRoutesError where its answer is cut off.
    """
    lines = text.splitlines()
    if not lines or lines[-1] != "@end":
        raise EximRoutesError("Exim's answer is cut off")
    head, sections = _sections(lines)
    try:
        files = parse_files(sections["files"])
    except FilesError as why:
        raise EximRoutesError(str(why)) from why
    seen = _seen(head, sections, files, params)
    for router in seen.routers:
        if not router.off:
            _LOOKING.get(router.get("driver"), _unclear)(seen, router)
    for file in files.of("system"):
        place = Place("system filter", file.path, "copies")
        _file(seen, EVERYBODY, file.text, place, whole=file.whole)
    if head.get("system_filter") and not files.of("system"):
        seen.found.doubt("copies", f"{head['system_filter']} could not be read.", "exim4 -bP system_filter")
    _bounces(seen, head.get("errors_copy", ""))
    _rewrites(seen, sections["rewrites"])
    users = {seen.found.addresses.address(file.user) for file in files.of("forward")}
    _follow(seen.found, sections["asked"], users)
    return seen.found


def _sections(lines: list[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    found: dict[str, list[str]] = {name: [] for name in ("", *_SECTIONS)}
    body = found[""]
    for line in lines:
        name = line[1:].split(" ")[0]
        if line.startswith("@") and name in _SECTIONS:
            body = found[name]
        else:
            body.append(line)
    head = dict(line.split(" =", 1) for line in found[""] if " =" in line)
    return {key: value.strip() for key, value in head.items()}, found


def _seen(
    head: Mapping[str, str], sections: Mapping[str, list[str]], files: Files, params: Mapping[str, object]
) -> _Exim:
    host = head.get("primary_hostname", "").lower()
    local = items(head.get("domainlist local_domains", head.get("local_domains", "")))
    same = {host if item == "@" else item.lower() for item in local or () if re.fullmatch(r"@|[\w.-]+", item)}
    origin = head.get("qualify_domain", host).lower()
    own = names(params, "mail_forwarding_own_domains") | frozenset(declared_domains(params))
    relay = tuple(one for text in names(params, "mail_relay_networks") if (one := network(text)))
    addresses = Addresses(origin or "localhost", frozenset(same | {"localhost"}), frozenset(), own, relay)
    routers = tuple(parts(sections["routers"], "router"))
    transports = {part.name: part for part in parts(sections["transports"], "transport")}
    absent = frozenset(
        line.removeprefix("absent ") for line in sections["rewrites"] if line.startswith("absent ")
    )
    found = Found(addresses)
    if not routers:
        raise EximRoutesError("Exim names no router")
    if local is None or len(same) < len(set(local)):
        reason = "which domains are the host's own must be looked up."
        found.doubt("routes", reason, "exim4 -bP +local_domains")
    return _Exim(found, routers, transports, _tables(sections["tables"]), files, absent, addresses.same)


def _tables(lines: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    path, body = "", list[str]()
    for line in lines:
        if line.startswith("@table "):
            path, body = line.removeprefix("@table "), []
        elif line == "@listed" and path:
            found[path] = rows(body)
        elif line.startswith("="):
            body.append(line[1:])
    return found


def _takes_local(seen: _Exim, router: Part) -> bool:
    """Whether a router may take the host's own domains: what is looked up may be anything."""
    listed_domains = items(router.get("domains"))
    if not listed_domains:
        return True
    for item in listed_domains:
        plain = item.lstrip("! ").lower()
        known = re.fullmatch(r"[a-z0-9.@*+_-]+", plain) is not None
        if plain in ("+local_domains", "*", "@") or plain in seen.local:
            return not item.startswith("!")
        if not known and not item.startswith("!"):
            return True
    return listed_domains[-1].startswith("!")


def _redirect(seen: _Exim, router: Part) -> None:
    where = f"{_ROUTERS}: {router.name}"
    copied = "unseen" in router.options
    if router.get("file"):
        _redirect_file(seen, router, where)
    data = router.get("data")
    said = outcome(data)
    for key, path in said.tables:
        if path not in seen.tables:
            seen.found.doubt("aliases", f"what {path} holds could not be listed.", where)
        for name, value in seen.tables.get(path, []):
            mapped = "local_part" not in key or "@" in name
            control = "copies" if copied else "address_maps" if mapped else "aliases"
            place = Place("alias" if control == "aliases" else router.name, path, control)
            _send(seen, _source(seen, key, name), listed(value), place)
    if not said.whole:
        control = "copies" if copied else "aliases"
        seen.found.doubt(control, f"where the router {router.name} sends mail is computed.", where)
    if _takes_local(seen, router):
        place = Place(router.name, where, "copies" if copied else "routes")
        _send(seen, seen.home, list(said.written), place)
        if qualified := router.get("qualify_domain"):  # of names without a domain in what it reads
            _send(seen, seen.home, destinations(f"anybody@{qualified}"), place)


def _source(seen: _Exim, key: str, name: str) -> str:
    """Return whose mail a row is about: a name, an address, or a whole domain; a pattern is for everybody."""
    if re.search(r"[*^$\\]", name):
        return f"@{name.rpartition('@')[2]}" if re.fullmatch(r"\*?@[\w.-]+", name) else seen.home
    if "local_part" not in key and "domain" in key and "@" not in name:
        return f"@{name}"
    return name if name.startswith("@") else seen.found.addresses.address(name)


def _send(seen: _Exim, source: str, wanted: list[Destination], place: Place) -> None:
    """Add where mail of `source`, an address or a domain of the organisation's, is sent."""
    if not source.startswith("@") or seen.found.addresses.inside(f"anybody{source}"):
        seen.found.send_all(seen.files, source, [_anybody(one) for one in wanted], place)


def _anybody(wanted: Destination) -> Destination:
    """Return a destination with variables as one of the addresses that it can be, or UNCLEAR."""
    if "$" not in wanted.text and not wanted.text.startswith("@"):
        return wanted
    local, _, domain = wanted.text.rpartition("@") if "@" in wanted.text else (wanted.text, "", "")
    if "$" in domain and not _OWN_DOMAIN.fullmatch(domain):
        return Destination(Kind.UNCLEAR, wanted.text)
    if not domain and not _OWN_NAME.fullmatch(local):
        return Destination(Kind.UNCLEAR, wanted.text)
    return Destination(Kind.ADDRESS, f"anybody@{domain}" if domain and "$" not in domain else "anybody")


def _redirect_file(seen: _Exim, router: Part, where: str) -> None:
    path = router.get("file")
    if not _KNOWN_FILE.fullmatch(path):
        seen.found.doubt("user_files", f"where {router.name} looks for files is computed ({path}).", where)
        return
    if "$" not in path:
        for file in seen.files.of("forward"):
            if file.path == path and file.user == "-":
                place = Place(router.name, path, "copies" if "unseen" in router.options else "aliases")
                _file(seen, seen.home, file.text, place, whole=file.whole)
        return
    if "home" in path or path.startswith("/home/"):
        seen.found.own_ways.append((path.replace("${home}", "~").replace("$home", "~"), where))
    for file in seen.files.of("forward"):
        if file.user != "-":
            via = "~/.forward" if "forward" in PurePosixPath(file.path).name else file.path
            seen.found.user_file(seen.files, file, _said_by(file.text), via)
    seen.found.unlisted_users(seen.files, path)


def _said_by(text: str) -> list[Destination]:
    if text.startswith("# Exim filter"):
        return [_anybody(wanted) for wanted in of_filter(text)]
    if text.startswith("# Sieve filter"):
        return of_sieve(text.partition("\n")[2])
    return [_anybody(wanted) for wanted in listed(text)]


def _file(seen: _Exim, source: str, text: str, place: Place, *, whole: bool) -> None:
    if not whole:
        seen.found.doubt(place.control, f"{place.where} could not be read.", place.where)
    _send(seen, source, _said_by(text), place)


def _accept(seen: _Exim, router: Part) -> None:
    """Look at what a router hands mail to: a program, another server, an answer with copies."""
    if not _takes_local(seen, router):
        return
    name = router.get("transport")
    while name:
        transport = seen.transports.get(name)
        if transport is None:
            seen.found.doubt("routes", f"which transport {router.name} uses is computed ({name}).", _ROUTERS)
            return
        _transport(seen, router, transport)
        name = transport.get("shadow_transport") if name == router.get("transport") else ""


def _transport(seen: _Exim, router: Part, transport: Part) -> None:
    where = f"{_ROUTERS}: {router.name}, transport {transport.name}"
    place = Place(router.name, where, "copies" if "unseen" in router.options else "routes")
    for option in ("command", "transport_filter"):
        if (program := transport.get(option)) and program not in seen.absent:
            _program(seen, program, where)
    for host in hosts(transport.get("hosts")):
        _host(seen, seen.home, host, place)
    for option in ("to", "cc", "bcc"):
        if "$sender_address" not in transport.get(option):
            copies = Place(router.name, where, "copies")
            _send(seen, seen.home, destinations(transport.get(option)), copies)


def _program(seen: _Exim, program: str, where: str) -> None:
    seen.found.programs.append((seen.home, program, where))
    name = PurePosixPath(program).name
    if name in _USERS:
        seen.found.own_ways.append((_USERS[name], where))
        for file in seen.files.of("procmail") if name == "procmail" else ():
            seen.found.user_file(seen.files, file, of_procmail(file.text), "procmail")
        seen.found.unlisted_users(seen.files, _USERS[name])
    if name == "maildrop":
        seen.found.doubt("user_files", "what users' .mailfilter files do is not read.", where)


def _host(seen: _Exim, source: str, host: str, place: Place) -> None:
    """Add that mail of `source` is handed to a mail server, where that is outside."""
    if "$" in host:
        seen.found.doubt(place.control, f"to which server {place.via} hands mail is computed.", place.where)
    elif seen.found.addresses.inside(f"anybody{source[source.find('@') :]}") and not (
        seen.found.addresses.host_inside(host)
    ):
        seen.found.step(source, f"[{host.strip('[]').lower()}]", place)


def _manual(seen: _Exim, router: Part) -> None:
    where = f"{_ROUTERS}: {router.name}"
    place = Place(router.name, where, "copies" if "unseen" in router.options else "routes")
    said = outcome(router.get("route_data"))
    for key, path in said.tables:
        for name, value in seen.tables.get(path, []):
            for host in hosts((value.split() or [""])[0]):
                _host(seen, _source(seen, key, name), host, place)
        if path not in seen.tables:
            seen.found.doubt("routes", f"what {path} holds could not be listed.", where)
    if not _takes_local(seen, router) or said.tables:
        return
    ways = [("*", host) for host in hosts(router.get("route_data"))] + hops(router.get("route_list"))
    for pattern, host in ways:
        source = seen.home if re.search(r"[^\w.-]", pattern) else f"@{pattern.lower()}"
        _host(seen, source, host, place)
    _accept(seen, router)


def _names(seen: _Exim, router: Part) -> None:
    """By DNS: what it takes of the host's own domains goes where the name servers say."""
    if _takes_local(seen, router):
        reason = f"the router {router.name} sends mail for the host's own domains where DNS says."
        seen.found.doubt("routes", reason, f"{_ROUTERS}: {router.name}")


def _unclear(seen: _Exim, router: Part) -> None:
    if _takes_local(seen, router):
        reason = f"where the router {router.name} ({router.get('driver')}) sends mail is not known."
        seen.found.doubt("routes", reason, f"{_ROUTERS}: {router.name}")


_LOOKING: dict[str, Callable[[_Exim, Part], None]] = {
    "redirect": _redirect,
    "accept": _accept,
    "manualroute": _manual,
    "dnslookup": _names,
    "ipliteral": lambda _seen, _router: None,  # an address of the host's own is never another's
}


def _bounces(seen: _Exim, text: str) -> None:
    """Look at who gets copies of what could not be delivered: `PATTERN ADDRESS,ADDRESS : …`."""
    where = "exim4 -bP errors_copy"
    listed_rules = items(text)
    if listed_rules is None:
        seen.found.doubt("copies", "who gets copies of bounces is computed.", where)
    for rule in listed_rules or ():
        _send(seen, seen.home, destinations(rule.partition(" ")[2]), Place("errors_copy", where, "copies"))


def _rewrites(seen: _Exim, lines: Iterable[str]) -> None:
    """Look at the rules that write recipients anew."""
    where = "exim4 -bP config: begin rewrite"
    for line in lines:
        rule = re.match(r'\s+(\S+)\s+("(?:[^"\\]|\\.)*"|\S+)\s*(\S*)$', line)
        if rule is None or (rule[3] and not _ENVELOPE & set(rule[3])):
            continue
        place, said = Place("rewriting", where, "address_maps"), outcome(rule[2].strip('"'))
        for key, path in said.tables:
            for name, value in seen.tables.get(path, []):
                _send(seen, _source(seen, key, name), listed(value), place)
            if path not in seen.tables:
                seen.found.doubt("address_maps", f"what {path} holds could not be listed.", where)
        if not said.whole:
            seen.found.doubt("address_maps", "how recipients are written anew is computed.", where)
        pattern = rule[1].lower()
        plain = re.fullmatch(r"[\w.+-]+@[\w.-]+", pattern)
        _send(seen, pattern if plain else seen.home, list(said.written), place)


def _follow(found: Found, lines: Iterable[str], users: set[str]) -> None:
    """Add the steps: an address, and below it, after arrows, what it came from, the nearest first."""
    target = ""
    for line in lines:
        if arrow := re.match(r"\s+<-- (\S+)$", line):
            source = found.addresses.address(arrow[1])
            if target:
                control = "user_files" if source in users else "aliases"
                found.step(source, target, Place("Exim's routers", _ASKED, control))
            target = source
        elif handed := re.match(r"(\S+@\S+) -> (.*)$", line):
            target = ""
            if handed[2].startswith("|"):
                found.programs.append((found.addresses.address(handed[1]), handed[2][1:].strip(), _ASKED))
        elif address := re.match(r"([^\s@]+@[^\s:]+)( is undeliverable| cannot be resolved|$)", line):
            target = found.addresses.address(address[1])
