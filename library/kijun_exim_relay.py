#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: who may send mail anywhere through an Exim that Debian's scripts configure."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_exim_relay
short_description: Set the networks that Debian's Exim sends mail anywhere for
description:
  - Sets C(dc_relay_nets) in C(/etc/exim4/update-exim4.conf.conf), from which Debian's scripts make Exim's
    configuration.
  - A domain in C(dc_relay_domains) that is not declared is refused, and nothing is changed. So is a
    configuration that is not Debian's (C(/etc/exim4/exim4.conf)), unless nothing is to be set.
options:
  networks:
    description: Networks besides the host itself whose hosts may send mail anywhere.
    type: list
    elements: str
    default: []
  domains:
    description: Domains besides the host's own that mail is passed on for.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Predicts exactly what a run changes.
    support: full
  diff_mode:
    description: Shows the line that changes.
    support: full
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: Let only this host and one network send mail anywhere
  kijun_exim_relay:
    networks: [10.20.0.0/16]
"""

RETURN = r"""
stale:
  description: Whether the running Exim is older than its configuration, or will be after a run.
  returned: success
  type: bool
  sample: false
"""

import os
import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_exim import CONF, OWN_CONF, stale, value_of
from ansible.module_utils.kijun_mail import RefusedError, networks_of

ARGUMENT_SPEC: dict[str, Any] = {
    "networks": {"type": "list", "elements": "str", "default": []},
    "domains": {"type": "list", "elements": "str", "default": []},
}


def with_value(text: str, name: str, value: str) -> str:
    """Return the file with the line set; comments and other lines stay."""
    if value_of(text, name) == value and re.search(rf"^{name}=", text, re.MULTILINE):
        return text
    line = f"{name}='{value}'"
    lines = [line if old.startswith(f"{name}=") else old for old in text.splitlines()]
    return "\n".join(lines if line in lines else [*lines, line]) + "\n"


def check_domains(value: str, declared: list[str]) -> None:
    """Raise RefusedError for a domain that mail is passed on for and that is not declared."""
    known = {domain.lower().strip(".") for domain in declared}
    for item in re.split(r"[;:\s]+", value):
        if item and item.lower() not in known:
            raise RefusedError(
                f"{CONF}: dc_relay_domains names {item}, and mail_relay_domains does not. "
                "Declare it there if it is the organisation's; else take it out."
            )


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        networks = ";".join(networks_of(module.params["networks"]))
        if os.path.exists(OWN_CONF) or not os.path.exists(CONF):
            if networks:
                raise RefusedError(
                    f"{OWN_CONF} is not Debian's: set the networks that may relay there by hand."
                )
            module.exit_json(changed=False, stale=stale(), diff={"before": "", "after": ""})
        with open(CONF, encoding="utf-8") as file:
            before = file.read()
        check_domains(value_of(before, "dc_relay_domains"), module.params["domains"])
        after = with_value(before, "dc_relay_nets", networks)
        if after != before and not module.check_mode:
            temporary = os.path.join(module.tmpdir, "update-exim4.conf.conf")
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(after)
            module.atomic_move(temporary, CONF)
        is_stale = after != before or stale()
    except (RefusedError, OSError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(
        changed=after != before,
        stale=is_stale,
        diff={"before_header": CONF, "after_header": CONF, "before": before, "after": after},
    )


if __name__ == "__main__":
    main()
