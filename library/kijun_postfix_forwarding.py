#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: Postfix forwards nothing to the outside that nobody approved."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_postfix_forwarding
short_description: Take away what Postfix forwards to the outside
description:
  - Users' C(.forward) files are no longer followed. C(always_bcc) and C(luser_relay) that lead outside are
    emptied, in C(main.cf) and on every service of C(master.cf).
  - Destinations outside that nobody approved are taken out of aliases, the lists that they include, and
    virtual, canonical and bcc tables; a copy of each file is kept beside it. An alias or a virtual address
    that would have no destination left gives its mail to the user of that name, or else to postmaster.
  - Nothing is taken out of settings and tables while no domain is named in C(own_domains), for then the
    organisation's own addresses on other hosts would be taken for outside.
  - A transport, a regular expression, a database or a program is left to the administrator, with a warning.
  - Refused, and nothing changed, where a user's C(.forward) is an approved forwarding, which would end.
options:
  own_domains:
    description: The organisation's mail domains, with all below them.
    type: list
    elements: str
    default: []
  approved:
    description: Approved forwardings, each with C(from), C(to), C(approver) and C(until).
    type: list
    elements: dict
    default: []
  programs:
    description: Programs that mail may be handed to.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Predicts exactly what a run changes.
    support: full
  diff_mode:
    description: Shows the lines that change.
    support: full
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: Forward nothing outside but one approved address
  kijun_postfix_forwarding:
    own_domains: [museum.example]
    approved:
      - from: sato@museum.example
        to: sato@university.example
        approver: Network manager
        until: "2027-03-31"
"""

RETURN = r"""
stale:
  description: Whether the running Postfix is older than its configuration, or will be after a run.
  returned: success
  type: bool
  sample: false
"""

import os
import re
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_forwarding import Inside, entries, split, today
from ansible.module_utils.kijun_forwarding_tables import (
    ARGUMENT_SPEC,
    COMPILED,
    NO_DOMAIN,
    Tables,
    check_users,
    read,
)
from ansible.module_utils.kijun_mail import RefusedError
from ansible.module_utils.kijun_postfix import Configuration, PostfixError, Service, stale, words

TABLES = (
    "alias_maps",
    "virtual_alias_maps",
    "canonical_maps",
    "recipient_canonical_maps",
    "recipient_bcc_maps",
    "sender_bcc_maps",
)
SINGLE = ("always_bcc", "luser_relay")


def domains(conf: Configuration) -> list[str]:
    """Return the domains that the host itself keeps mail for, as far as they are written out."""
    found = []
    for setting in ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains"):
        for word in words(conf.get(setting)):
            kind, _, path = word.partition(":")
            if not path and not word.startswith("/"):
                found.append(word)
            elif kind in COMPILED and os.path.isfile(path):
                found += [key for _, key, _ in entries(read(path), alias=False) if key and "@" not in key]
    return found


def origin(conf: Configuration) -> str:
    """Return the domain of a name without one."""
    value = conf.get("myorigin")
    return read(value).split("\n", 1)[0].strip() if value.startswith("/") else value


def change(conf: Configuration, tables: Tables) -> None:
    """Change the copy of the configuration, and the texts; raises RefusedError and PostfixError."""
    change_users(conf, tables)
    if not tables.inside.own:
        tables.module.warn(NO_DOMAIN)
        return
    change_main(conf, tables)
    found = [(name, word) for name in TABLES for word in words(conf.get(name))]
    for (service, kind), settings in conf.overrides().items():
        for name, value in settings.items():
            if _opens(name, value, tables.inside):
                conf.drop(Service(service, kind, ""), name)
            elif name in TABLES:
                found += [(name, word) for word in words(value)]
    for name, table in dict.fromkeys(found):
        if ":" in table:
            tables.take(name, table)
    tables.include()


def change_users(conf: Configuration, tables: Tables) -> None:
    """See to it that users' own files are no longer followed."""
    if conf.ask("-h", "forward_path").strip():
        check_users(tables)
        conf.ask("-e", "forward_path =")
    for (service, kind), settings in conf.overrides().items():
        if settings.get("forward_path"):
            conf.drop(Service(service, kind, ""), "forward_path")
    if "procmail" in conf.get("mailbox_command") and not conf.get("mailbox_transport"):
        if os.path.exists("/etc/procmailrc"):
            tables.module.warn(
                "mailbox_command: procmail lets users forward; /etc/procmailrc is left to you."
            )
        else:
            conf.set("mailbox_command", "")


def change_main(conf: Configuration, tables: Tables) -> None:
    """Change the settings that are for all services."""
    inside = tables.inside
    for name in (*SINGLE, *TABLES):
        value = conf.get(name)
        if _opens(name, value, inside):
            kept = [word for word in words(value) if name in TABLES and not _fixed_outside(word, inside)]
            conf.set(name, ", ".join(kept))


def _opens(name: str, value: str, inside: Inside) -> bool:
    """Say whether a setting, with this value, forwards to the outside."""
    if name in TABLES:
        return any(_fixed_outside(word, inside) for word in words(value))
    return name in SINGLE and _leads_outside(value, name, inside)


def _fixed_outside(table: str, inside: Inside) -> bool:
    """Say whether a table gives everybody the same address, and that one is outside (`static:`)."""
    return table.startswith("static:") and any(
        not inside.permitted("*", item) for item in split(table.removeprefix("static:"))
    )


def _leads_outside(value: str, name: str, inside: Inside) -> bool:
    source = "*" if name == "always_bcc" else f"@{inside.origin}"
    target = re.sub(r"^[$][{(]?[a-z_]+[})]?(?=@)", "anybody", value)
    return any(not inside.permitted(source, item) for item in split(target))


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C"}
    given = module.params
    try:
        conf = Configuration(module)
        inside = Inside(origin(conf), domains(conf), given["own_domains"], given["approved"], today())
        tables = Tables(module, inside)
        change(conf, tables)
        settings, texts = conf.put_in_place(), tables.put_in_place()
        diff = {side: settings[side] + texts[side] for side in ("before", "after")}
        changed_settings = bool(settings["before"] or settings["after"])
        is_stale = changed_settings or stale(conf.directory, time.time())
    except (PostfixError, RefusedError, OSError) as problem:
        module.fail_json(msg=str(problem))
    headers = {"before_header": conf.directory, "after_header": conf.directory}
    changed = bool(diff["before"] or diff["after"])
    module.exit_json(changed=changed, stale=is_stale, diff={**headers, **diff})


if __name__ == "__main__":
    main()
