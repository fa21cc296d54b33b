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

from typing import Any

from ansible.module_utils.kijun_mail import RefusedError
from ansible.module_utils.kijun_postfix import Configuration, Service, run

ARGUMENT_SPEC: dict[str, Any] = {"limits": {"type": "dict", "required": True}}


def lifts(value: str, limit: int) -> bool:
    """Say whether a value is no limit (0), none that can be read, or a higher one."""
    return not value.isdecimal() or not 0 < int(value) <= limit


def change(conf: Configuration, module: Any) -> None:
    """Change the copy; raises RefusedError for a limit that is no number of bytes."""
    try:
        limits = {str(name): int(value) for name, value in module.params["limits"].items()}
    except (TypeError, ValueError) as problem:
        raise RefusedError(f"limits: {problem}") from None
    for name, limit in limits.items():
        conf.set(name, str(limit))
    for (service, kind), settings in conf.overrides().items():
        for name, limit in limits.items():
            if name in settings and lifts(settings[name], limit):
                conf.drop(Service(service, kind, ""), name)


def main() -> None:
    """Entry point."""
    run(ARGUMENT_SPEC, change)


if __name__ == "__main__":
    main()
