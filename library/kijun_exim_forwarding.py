#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: Debian's Exim forwards nothing to the outside that nobody approved."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_exim_forwarding
short_description: Take away what Debian's Exim forwards to the outside
description:
  - Routers that follow files of users (C(.forward), C(.procmailrc), C(.mailfilter)) get C(condition = no), in
    C(exim4.conf.template) or below C(conf.d/router), whichever Debian's scripts make the configuration from.
    They are found by what they do, not by their names.
  - Destinations outside that nobody approved are taken out of the tables that redirecting routers look up,
    and of the lists that these include; a copy of each file is kept beside it. An alias that would have no
    destination left gives its mail to the user of that name, or else to postmaster.
  - The configuration is made in a copy, checked by Exim itself, and asked whether mail for local users is
    still delivered, before anything is changed.
  - Nothing is taken out of tables while no domain is named in C(own_domains), for then the organisation's own
    addresses on other hosts would be taken for outside.
  - A system filter, a router that redirects everything, a program, and a configuration that is not Debian's
    (C(/etc/exim4/exim4.conf)) are left to the administrator, with a warning.
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
  kijun_exim_forwarding:
    own_domains: [museum.example]
    approved:
      - from: sato@museum.example
        to: sato@university.example
        approver: Network manager
        until: "2027-03-31"
"""

RETURN = r"""
stale:
  description: Whether the running Exim is older than its configuration, or will be after a run.
  returned: success
  type: bool
  sample: false
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_exim import Configuration, EximError, stale
from ansible.module_utils.kijun_forwarding import Inside, today
from ansible.module_utils.kijun_forwarding_tables import ARGUMENT_SPEC, NO_DOMAIN, Tables, check_users
from ansible.module_utils.kijun_mail import RefusedError


def close_users_files(conf: Configuration, tables: Tables) -> None:
    """Switch off, in the copy, the routers that follow users' files; raises RefusedError and EximError."""
    following = conf.following_users()
    if any(router.get("file") for router in following):
        check_users(tables)
    if not conf.debian:
        for router in following:
            tables.module.warn(
                f"{conf.own} is not Debian's: write 'condition = no' into router {router['name']} by hand."
            )
        return
    for router in conf.delivering_by_users_rules():
        tables.module.warn(
            f"The router {router['name']} delivers all mail by a program that obeys users' files."
        )
    conf.close([router["name"] for router in following])


def clean_tables(conf: Configuration, tables: Tables) -> None:
    """Clean what redirecting routers look up, and say what is left to the administrator."""
    if not tables.inside.own:
        tables.module.warn(NO_DOMAIN)
        return
    for path in conf.looked_up():
        if os.path.isfile(path):
            tables.take_text(path, alias=True, forwards=True)
    tables.include()
    if conf.main.get("system_filter"):
        tables.module.warn(f"{conf.main['system_filter']}, a filter of all mail, is left to you.")


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C"}
    given = module.params
    try:
        conf = Configuration(module)
        inside = Inside(conf.origin, conf.local_domains(), given["own_domains"], given["approved"], today())
        tables = Tables(module, inside)
        close_users_files(conf, tables)
        clean_tables(conf, tables)
        settings, texts = conf.put_in_place(), tables.put_in_place()
        diff = {side: settings[side] + texts[side] for side in ("before", "after")}
        is_stale = bool(settings["before"] or settings["after"]) or stale()
    except (EximError, RefusedError, OSError) as problem:
        module.fail_json(msg=str(problem))
    headers = {"before_header": conf.directory, "after_header": conf.directory}
    module.exit_json(changed=bool(diff["before"] or diff["after"]), stale=is_stale, diff={**headers, **diff})


if __name__ == "__main__":
    main()
