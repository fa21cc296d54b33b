#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: nobody outside sends mail through Postfix to others outside."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_postfix_relay
short_description: Close Postfix to relaying for strangers
description:
  - Sets C(mynetworks) to the host itself and the networks given, and sees to it that
    C(smtpd_relay_restrictions) refuses strangers, in C(main.cf) and on every service of C(master.cf) that
    others can reach. A restriction list that refuses already is left as it is.
  - C(-o) settings in C(master.cf) that open a service are taken away.
  - Where a login is offered, and TLS is, C(smtpd_tls_auth_only) is set.
  - What only the administrator can decide is refused, and nothing is changed. That is a domain in
    C(relay_domains) that is not declared, and a service that takes a client's address from the client
    (PROXY).
options:
  networks:
    description: Networks besides the host itself whose hosts may send mail anywhere.
    type: list
    elements: str
    default: []
  domains:
    description: Domains besides those of C(mydestination) that mail is passed on for.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Predicts exactly what a run changes.
    support: full
  diff_mode:
    description: Shows the lines of C(main.cf) and C(master.cf) that change.
    support: full
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: Let only this host and one network send mail anywhere
  kijun_postfix_relay:
    networks: [10.20.0.0/16]
"""

RETURN = r"""
stale:
  description: Whether the running Postfix is older than its configuration, or will be after a run.
  returned: success
  type: bool
  sample: false
"""

from typing import Any

from ansible.module_utils.kijun_mail import RefusedError, networks_of
from ansible.module_utils.kijun_postfix import Configuration, Service, run, words

ARGUMENT_SPEC: dict[str, Any] = {
    "networks": {"type": "list", "elements": "str", "default": []},
    "domains": {"type": "list", "elements": "str", "default": []},
}
OWN = ["127.0.0.0/8", "[::ffff:127.0.0.0]/104", "[::1]/128"]
RESTRICTIONS = "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"
RELAY = "smtpd_relay_restrictions"
RECIPIENT = "smtpd_recipient_restrictions"
REFUSING = ("reject", "defer", "reject_unauth_destination", "defer_unauth_destination")
HARMLESS = (
    "permit_mynetworks",
    "permit_sasl_authenticated",
    "permit_auth_destination",
    "permit_inet_interfaces",
    "permit_tls_clientcerts",
)
PROBE = "kijun-probe.invalid"
LOGIN = "smtpd_sasl_auth_enable"
ONLY_TLS = "smtpd_tls_auth_only"


def refuses(value: str) -> bool:
    """Say whether a restriction list refuses strangers before anything permits, by what is certain of it."""
    for word in words(value):
        if word in REFUSING:
            return True
        if word not in HARMLESS and not (word.startswith("reject_") and not word.endswith("_client")):
            return False
    return False


def wanted_networks(networks: list[str]) -> list[str]:
    """Return the value of mynetworks; raises RefusedError for what is no organisation's own network."""
    found = networks_of(networks)
    return [*OWN, *(f"[{text.replace('/', ']/')}" if ":" in text else text for text in found)]


def check_domains(module: Any, where: str, value: str, declared: set[str]) -> None:
    """Raise RefusedError where a list of domains holds one that is not declared, or takes every domain."""
    for item in words(value):
        if ":" in item:
            rc, out, _ = module.run_command(["/usr/sbin/postmap", "-q", PROBE, item])
            if rc == 0 and out.strip():
                raise RefusedError(
                    f"{where}: {item} takes every domain for the organisation's. Mend it by hand."
                )
        elif item.lower().strip(".") not in declared and where.endswith("relay_domains"):
            raise RefusedError(
                f"{where} passes on mail for {item}, which mail_relay_domains does not name. "
                "Declare it there if it is the organisation's; else take it out."
            )


def local(item: str) -> bool:
    """Say whether an item of a list of hosts is the host itself, or takes something out."""
    return item.startswith(("127.", "[::1]", "::1", "[::ffff:127.", "!"))


def opens(setting: str, value: str, networks: list[str], all_settings: dict[str, str]) -> bool:
    """Say whether a `-o` setting opens the service to strangers."""
    if setting == RELAY:
        return not refuses(value) and not refuses(all_settings.get(RECIPIENT, ""))
    if setting == "mynetworks":
        return not set(words(value)) <= {*networks, "127.0.0.1", "127.0.0.1/32", "::1", "[::1]", "[::1]/128"}
    if setting == "allow_untrusted_routing":
        return value != "no"
    if setting in ("smtpd_authorized_xclient_hosts", "qmqpd_authorized_clients"):
        return not all(map(local, words(value)))
    if setting in ("smtpd_sasl_security_options", "smtpd_sasl_tls_security_options"):
        return "noanonymous" not in words(value)
    return setting == ONLY_TLS and value != "yes"


def proxied(service: Service, settings: dict[str, str]) -> bool:
    """Say whether a service takes a client's address from the client."""
    screen = service.command == "postscreen"
    setting = "postscreen_upstream_proxy_protocol" if screen else "smtpd_upstream_proxy_protocol"
    return service.kind == "inet" and bool(settings.get(setting))


def change(conf: Configuration, module: Any) -> None:
    """Change the copy; raises RefusedError and PostfixError."""
    networks = wanted_networks(module.params["networks"])
    declared = {domain.lower().strip(".") for domain in module.params["domains"]}
    declared |= {word.lower() for word in words(conf.get("mydestination"))}
    for setting in ("relay_domains", "virtual_alias_domains", "virtual_mailbox_domains"):
        check_domains(module, f"main.cf: {setting}", conf.get(setting), declared)
    change_main(conf, networks)
    change_services(conf, module, networks, declared)


def change_main(conf: Configuration, networks: list[str]) -> None:
    """Change the settings that are for all services."""
    if set(words(conf.get("mynetworks"))) != set(networks):
        conf.set("mynetworks", " ".join(networks))
    relay = conf.get(RELAY)
    if not refuses(relay):
        conf.set(RELAY, RESTRICTIONS)
    elif "defer_unauth_destination" in words(relay):
        conf.set(RELAY, relay.replace("defer_unauth_destination", "reject_unauth_destination"))
    if conf.get("allow_untrusted_routing") != "no":
        conf.set("allow_untrusted_routing", "no")
    for setting in ("smtpd_authorized_xclient_hosts", "qmqpd_authorized_clients"):
        if not all(map(local, words(conf.get(setting)))):
            conf.set(setting, "")
    for setting in ("smtpd_sasl_security_options", "smtpd_sasl_tls_security_options"):
        value = words(conf.get(setting))
        if "noanonymous" not in value:
            conf.set(setting, ", ".join(["noanonymous", *value]))
    # Where TLS is not offered at all this would end every login: that is the administrator's to mend.
    offered = conf.get("smtpd_tls_security_level") in ("may", "encrypt")
    if offered and asks_for_logins(conf) and conf.get(ONLY_TLS) != "yes":
        conf.set(ONLY_TLS, "yes")


def asks_for_logins(conf: Configuration) -> bool:
    """Say whether any service offers a login."""
    own = [settings.get(LOGIN) for settings in conf.overrides().values()]
    return "yes" in (conf.get(LOGIN), *own)


def change_services(conf: Configuration, module: Any, networks: list[str], declared: set[str]) -> None:
    """Change the settings of single services; those that only the host itself reaches are left alone."""
    interfaces = conf.get("inet_interfaces")
    proxy = {
        name: conf.get(name)
        for name in ("smtpd_upstream_proxy_protocol", "postscreen_upstream_proxy_protocol", RECIPIENT)
    }
    overrides = conf.overrides()
    for service in conf.services("smtpd", "postscreen", "qmqpd"):
        if service.local_only(interfaces):
            continue
        own = overrides.get((service.name, service.kind), {})
        settings = {**proxy, **own}
        where = f"master.cf: {service.name}/{service.kind}"
        if proxied(service, settings):
            raise RefusedError(
                f"{where} believes whatever address a client writes (PROXY): bind it to loopback."
            )
        check_domains(module, f"{where} -o relay_domains", own.get("relay_domains", ""), declared)
        for setting, value in own.items():
            if opens(setting, value, networks, settings):
                conf.drop(service, setting)


def main() -> None:
    """Entry point."""
    run(ARGUMENT_SPEC, change)


if __name__ == "__main__":
    main()
