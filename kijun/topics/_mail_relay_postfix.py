"""Who may send mail through Postfix to the outside, service by service, as its settings say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kijun.parsers.networks import network, own_addresses, within
from kijun.parsers.postfix import Instance, PostfixConfig, Service, words
from kijun.parsers.postfix_lists import Walk, Way, walk
from kijun.topics._mail_reads import DOMAIN_LISTS, RESTRICTION_LISTS
from kijun.topics._mail_said import Said, allowed_networks, bad, beside, declared_domains, good, unsure
from kijun.topics._mail_view import Running, listed

_KNOW_RECIPIENT = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
MAIN, MASTER = "/etc/postfix/main.cf", "/etc/postfix/master.cf"
_SOURCE = "postconf -x, postconf -Px"


@dataclass(frozen=True)
class Facts:
    """What Postfix is judged from."""

    config: PostfixConfig
    params: Mapping[str, object]
    running: Running

    def services(self, *commands: str) -> Iterator[tuple[Instance, Service]]:
        """Yield every service of one of these commands that somebody outside can reach."""
        for instance in self.config.instances:
            for service in instance.services:
                if service.command in commands and not service.local_only and service.kind != "unix":
                    yield instance, service


def _named(instance: Instance, service: Service, setting: str = "") -> str:
    """Return where a setting of a service comes from, for the report."""
    if setting in service.overridden:
        return f"{instance.directory}/master.cf: {service.where} -o {setting}"
    return f"{instance.directory}/main.cf: {setting}" if setting else f"{service.where}"


def networks(facts: Facts) -> Said:
    """Judge what relays by its address alone: within the declared networks and the host itself, or not."""
    allowed, refused = allowed_networks(facts.params, own_addresses(facts.config.own))
    if refused:
        return bad(f"mail_relay_networks names {listed(refused)}, no organisation's own network", "inventory")
    doubt: Said | None = None
    shown: list[str] = []
    for instance, service in facts.services("smtpd", "qmqpd"):
        setting = "qmqpd_authorized_clients" if service.command == "qmqpd" else "mynetworks"
        for item in words(service.settings.get(setting, "")):
            for text in _expanded(item, instance):
                found = network(text) if text is not None else None
                where = _named(instance, service, setting)
                if found is None and text is not None and not text.startswith("!"):
                    doubt = unsure(f"{text} in {setting} names no network that could be read.", where)
                elif text is None:
                    doubt = unsure(f"what {item} in {setting} holds could not be listed.", where)
                elif found is not None and not within(found, allowed):
                    return bad(f"{text} may send anywhere ({setting})", where)
                elif found is not None:
                    shown.append(text)
    return doubt or good(listed(shown) or "nobody", _SOURCE)


def _expanded(item: str, instance: Instance) -> Iterator[str | None]:
    """Yield the networks that an item of mynetworks stands for; None for what cannot be listed."""
    if item.startswith("!") or network(item) is not None or ":" not in item:
        yield item if not item.startswith("/") else None
        return
    table = instance.tables.get(item)
    if table is None or not table.listed:
        yield None
        return
    for key, _ in table.rows:
        yield key if network(key) is not None else None


def restrictions(facts: Facts) -> Said:
    """Judge, for every service that strangers reach, whether their mail to the outside is refused."""
    doubt: Said | None = None
    refusing: list[str] = []
    for instance, service in facts.services("smtpd"):
        ways = {name: _way(name, service, instance) for name in RESTRICTION_LISTS}
        closed = [f"{service.where} by {way.by}" for way in ways.values() if way.walk is Walk.REFUSED]
        if closed:
            refusing.append(closed[0])
            continue
        unknown = [way.by for way in ways.values() if way.walk is Walk.UNKNOWN]
        if unknown:
            doubt = unsure(f"{service.where}: {unknown[0]}.", _named(instance, service, _KNOW_RECIPIENT[0]))
            continue
        name = _decisive(ways)
        what = f"{service.where} takes mail for anywhere from anybody: {ways[name].by} permits"
        return bad(what, _named(instance, service, name))
    foreign = facts.running.strangers()
    if foreign and doubt is None:
        doubt = unsure(f"{listed(foreign)} is no mail server that is known here.", "ss -ltnp")
    return doubt or good(listed(refusing) or "no service that others can reach", _SOURCE)


def _way(name: str, service: Service, instance: Instance) -> Way:
    late = service.settings.get("smtpd_delay_reject", "yes") != "no"
    return walk(service.settings.get(name, ""), instance, destinations=late or name in _KNOW_RECIPIENT)


def _decisive(ways: Mapping[str, Way]) -> str:
    """Return the list to name: of the two that decide, the one in which something permits."""
    permitting = [name for name in _KNOW_RECIPIENT if ways[name].walk is Walk.PERMITTED]
    return permitting[0] if permitting else _KNOW_RECIPIENT[0]


def destinations(facts: Facts) -> Said:
    """Judge whether the domains that mail is taken for are the organisation's."""
    declared = declared_domains(facts.params)
    doubt: Said | None = None
    for instance, service in facts.services("smtpd", "qmqpd"):
        local = {word.lower() for word in words(service.settings.get("mydestination", ""))}
        for setting in DOMAIN_LISTS:
            where = _named(instance, service, setting)
            for item in words(service.settings.get(setting, "")):
                table = instance.tables.get(item)
                if table is not None and table.probe:
                    return bad(f"{item} in {setting} takes every domain for the organisation's", where)
                if item.startswith(("static:", "*")):
                    return bad(f"{item} in {setting} takes every domain for the organisation's", where)
                if table is None and (":" in item or item.startswith("/")):
                    doubt = unsure(f"what {item} in {setting} holds could not be asked.", where)
                if setting == "relay_domains" and table is None and not doubt:
                    domain = item.lower().strip(".")
                    if domain not in declared | local:
                        return bad(
                            f"mail for {domain} is passed on, and mail_relay_domains does not name it", where
                        )
                    if "." not in domain and domain not in local:
                        return bad(f"mail for every domain below {domain} is passed on", where)
    return doubt or good(listed(sorted(declared)) or "only what the host itself keeps", _SOURCE)


def source_routes(facts: Facts) -> Said:
    """Judge whether an address may carry its own way to the outside (user%outside@own)."""
    for instance, service in facts.services("smtpd", "qmqpd"):
        if service.settings.get("allow_untrusted_routing", "no") != "no":
            where = _named(instance, service, "allow_untrusted_routing")
            return bad(f"{service.where} follows the way that an address carries", where)
    return good("allow_untrusted_routing no", _SOURCE)


def client_identity(facts: Facts) -> Said:
    """Judge whether a stranger can make Postfix take another address for theirs (XCLIENT, PROXY)."""
    allowed, _ = allowed_networks(facts.params, own_addresses(facts.config.own))
    for instance, service in facts.services("smtpd", "postscreen"):
        for item in words(service.settings.get("smtpd_authorized_xclient_hosts", "")):
            found = network(item)
            if not item.startswith("!") and (found is None or not within(found, allowed)):
                where = _named(instance, service, "smtpd_authorized_xclient_hosts")
                return bad(f"{item} may say with XCLIENT that it is any client", where)
        setting = (
            "postscreen_upstream_proxy_protocol"
            if service.command == "postscreen"
            else ("smtpd_upstream_proxy_protocol")
        )
        if service.settings.get(setting, "") and service.kind == "inet":
            where = _named(instance, service, setting)
            return bad(f"{service.where} believes whatever address a client writes before it speaks", where)
    return good("no XCLIENT and no PROXY from outside", _SOURCE)


def authentication(facts: Facts) -> Said:
    """Judge whether everybody who logs in is somebody: no anonymous mechanism."""
    offered = []
    for instance, service in facts.services("smtpd"):
        if service.settings.get("smtpd_sasl_auth_enable", "no") != "yes":
            continue
        offered.append(service.where)
        for setting in ("smtpd_sasl_security_options", "smtpd_sasl_tls_security_options"):
            if "noanonymous" not in words(service.settings.get(setting, "")):
                where = _named(instance, service, setting)
                return bad(f"{service.where} lets anybody log in as nobody (no noanonymous)", where)
    if not offered:
        return beside("no service that others can reach offers a login.", _SOURCE)
    return good(f"noanonymous on {listed(offered)}", _SOURCE)


def login_encrypted(facts: Facts) -> Said:
    """Judge whether a login is offered only after TLS has begun, or without a password that can be read."""
    offered = []
    for instance, service in facts.services("smtpd"):
        setting = service.settings.get
        if setting("smtpd_sasl_auth_enable", "no") != "yes":
            continue
        offered.append(service.where)
        only = "yes" in (setting("smtpd_tls_auth_only", "no"), setting("smtpd_tls_wrappermode", "no"))
        forced = (
            setting("smtpd_tls_security_level", "") == "encrypt"
            or setting("smtpd_enforce_tls", "no") == "yes"
        )
        hidden = "noplaintext" in words(setting("smtpd_sasl_security_options", ""))
        if not (only or forced or hidden):
            where = _named(instance, service, "smtpd_tls_auth_only")
            return bad(f"{service.where} asks for a password without TLS", where)
    if not offered:
        return beside("no service that others can reach offers a login.", _SOURCE)
    return good(f"only under TLS on {listed(offered)}", _SOURCE)


def in_force(facts: Facts) -> Said:
    """Judge whether what runs has read what is configured, and listens where it should."""
    run = facts.running
    if not run.ages("master"):
        return beside("Postfix is installed and does not run, so it relays nothing.", "/proc")
    loaded = min([*run.ages("qmgr"), *run.ages("master")])
    if run.newer(MASTER, loaded):
        return bad(f"the running Postfix is older than {MASTER}", "/proc")
    if any(run.newer(MAIN, age) for name in ("smtpd", "postscreen", "qmqpd") for age in run.ages(name)):
        return bad(f"a running smtpd is older than {MAIN}", "/proc")
    ports = {address.rpartition(":")[2] for address, program in run.sockets if program in ("master", "smtpd")}
    missing = [
        service.where
        for instance in facts.config.instances[:1]
        for service in instance.services
        if service.kind == "inet" and _number(service.port) not in ports
    ]
    if missing:
        return bad(f"{listed(missing)} is configured and not bound", "ss -ltnp")
    configured = {_number(s.port) for i in facts.config.instances for s in i.services if s.kind == "inet"}
    if stray := sorted(ports - configured):
        return bad(f"Postfix listens on port {listed(stray)}, which {MASTER} does not name", "ss -ltnp")
    return good("younger than its configuration, and bound as configured", "/proc, ss -ltnp")


_PORTS = {
    "smtp": "25",
    "smtps": "465",
    "submissions": "465",
    "urd": "465",
    "submission": "587",
    "qmqp": "628",
}


def _number(port: str) -> str:
    return _PORTS.get(port, port)


CONTROLS: dict[str, Callable[[Facts], Said]] = {
    "networks": networks,
    "restrictions": restrictions,
    "destinations": destinations,
    "source_routes": source_routes,
    "client_identity": client_identity,
    "authentication": authentication,
    "login_encrypted": login_encrypted,
    "in_force": in_force,
}
