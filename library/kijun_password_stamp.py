#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: note since when a password policy is enforced, and which passwords are older."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_password_stamp
short_description: Note since when a password policy is enforced, and which passwords are older
description:
  - How long a password is cannot be read from its hash. So what a host's passwords keep is known only by when
    they were set. This module notes, once, the time and the accounts that had a password then.
  - A policy that became stronger renews the note. One that became weaker is noted without a new time, because
    passwords that kept the stronger one keep it too.
  - The note is C(/var/lib/kijun/password_policy), readable by root only. It holds no hash.
options:
  strength:
    description: Numbers of the policy. The larger, the stronger.
    type: dict
    required: true
attributes:
  check_mode:
    description: Predicts whether the note changes.
    support: full
  diff_mode:
    description: Shows the numbers, not the time, which a later run does not share.
    support: full
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: Note since when the policy is enforced
  kijun_password_stamp:
    strength:
      min_length: 12
      privileged_min_length: 16
"""

RETURN = r"""
since:
  description: Since when the policy, or a stronger one, is enforced, in seconds since the epoch.
  returned: success
  type: int
  sample: 1795558000
older:
  description: Accounts with a password that was set before.
  returned: success
  type: list
  elements: str
  sample: [hanako]
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_password_records import POLICY, SHADOW, mark, parse_shadow, read, write

ARGUMENT_SPEC: dict[str, Any] = {"strength": {"type": "dict", "required": True}}


def parse(text: str) -> tuple[int, dict[str, int], dict[str, str]]:
    """Return time, strength and older passwords of a note; what is not one gives (0, {}, {})."""
    since, strength, older = 0, {}, {}
    for words in (line.split() for line in text.splitlines()):
        if len(words) == 3 and words[0] == "older":
            older[words[1]] = words[2]
        elif len(words) == 2 and words[1].isdigit():
            if words[0] == "since":
                since = int(words[1])
            else:
                strength[words[0]] = int(words[1])
    return (since, strength, older) if since else (0, {}, {})


def render(since: int, strength: dict[str, int], older: dict[str, str]) -> str:
    """Return the text of a note."""
    lines = [f"since {since}", *(f"{name} {value}" for name, value in sorted(strength.items()))]
    return "\n".join(lines + [f"older {name} {was}" for name, was in sorted(older.items())]) + "\n"


def stronger(wanted: dict[str, int], noted: dict[str, int]) -> bool:
    """Say whether a password that kept `noted` may break `wanted`."""
    return any(value > noted.get(name, -1) for name, value in wanted.items())


def after(text: str, wanted: dict[str, int], shadow: str, now: int) -> tuple[int, dict[str, str], str]:
    """Return time, older passwords and text of the note as it is to be."""
    since, noted, older = parse(text)
    if stronger(wanted, noted):
        since = now
        marks = {name: mark(fields[1]) for name, fields in parse_shadow(shadow).items()}
        older = {name: found for name, found in marks.items() if found}
    return since, older, render(since, wanted, older)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        wanted = {str(name): int(value) for name, value in module.params["strength"].items()}
    except (TypeError, ValueError):
        module.fail_json(msg="strength: every value must be a whole number.")
    try:
        text = read(POLICY)
        since, older, new = after(text, wanted, read(SHADOW), int(time.time()))
        if new != text and not module.check_mode:
            write(module, POLICY, new)
    except OSError as problem:
        module.fail_json(msg=f"{problem}.")
    noted = parse(text)[1]
    module.exit_json(
        changed=new != text,
        since=since,
        older=sorted(older),
        diff={
            "before_header": POLICY,
            "after_header": POLICY,
            "before": render(0, noted, {}) if noted else "",
            "after": render(0, wanted, {}) if new != text or noted else "",
        },
    )


if __name__ == "__main__":
    main()
