#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: upper limits of sizes in Postfix, for every service."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_postfix_limits
short_description: Set upper limits of sizes in Postfix
description:
  - Sets size limits in C(main.cf), and takes away the C(-o) settings of C(master.cf) that lift them.
options:
  limits:
    description: Names of settings and their values in bytes, such as C(message_size_limit).
    type: dict
    required: true
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
- name: Let no mail of more than 20 MiB pass
  kijun_postfix_limits:
    limits:
      message_size_limit: 20971520
"""

RETURN = r"""
stale:
  description: Whether the running Postfix is older than its configuration, or will be after a run.
  returned: success
  type: bool
  sample: false
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_postfix import Configuration, PostfixError, Service, stale

ARGUMENT_SPEC: dict[str, Any] = {"limits": {"type": "dict", "required": True}}


def lifts(value: str, limit: int) -> bool:
    """Say whether a value is no limit (0), none that can be read, or a higher one."""
    return not value.isdecimal() or not 0 < int(value) <= limit


def change(conf: Configuration, limits: dict[str, int]) -> None:
    """Change the copy."""
    for name, limit in limits.items():
        conf.set(name, str(limit))
    for (service, kind), settings in conf.overrides().items():
        for name, limit in limits.items():
            if name in settings and lifts(settings[name], limit):
                conf.drop(Service(service, kind, ""), name)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C"}
    try:
        limits = {str(name): int(value) for name, value in module.params["limits"].items()}
        conf = Configuration(module)
        change(conf, limits)
        diff = conf.put_in_place()
        changed = bool(diff["before"] or diff["after"])
        is_stale = changed or stale(conf.directory, time.time())
    except (PostfixError, OSError, ValueError) as problem:
        module.fail_json(msg=str(problem))
    headers = {"before_header": conf.directory, "after_header": conf.directory}
    module.exit_json(changed=changed, stale=is_stale, diff={**headers, **diff})


if __name__ == "__main__":
    main()
