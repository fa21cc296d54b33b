#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: an account with a temporary password that must be changed at the first login."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_temporary_account
short_description: Issue an account with a temporary password that must be changed at the first login
description:
  - Without O(password_hash) it only says whether a password is needed. With it, the account is made (or, with
    O(reissue), given a new password), and the next login is made to change it.
  - An account that exists keeps its password unless O(reissue) is given.
  - Each issue is noted in C(/var/lib/kijun/issued_accounts), so that C(kijun check) can tell whether a
    temporary password is still in use. The note is written first, and a run that died before the change was
    forced is completed by the next one.
  - The hash travels on the standard input of chpasswd(8), never in a command line that every user can read.
options:
  name:
    description: The account.
    type: str
    required: true
  password_hash:
    description: Hash of the temporary password, as crypt(5) has it.
    type: str
  reissue:
    description: Give an account that exists a new temporary password.
    type: bool
    default: false
  comment:
    description: Real name, for a new account. It is what new passwords are compared with.
    type: str
    default: ""
  groups:
    description: Further groups of a new account.
    type: list
    elements: str
    default: []
  shell:
    description: Shell of a new account.
    type: str
    default: /bin/bash
attributes:
  check_mode:
    description: Says what would be done.
    support: full
  diff_mode:
    description: There is nothing to show that is no secret.
    support: none
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: See whether hanako needs a password
  kijun_temporary_account:
    name: hanako

- name: Issue the account
  kijun_temporary_account:
    name: hanako
    password_hash: "{{ hash_of_a_random_password }}"
    comment: Yamada Hanako
"""

RETURN = r"""
needed:
  description: Whether a temporary password is to be issued.
  returned: success
  type: bool
  sample: true
exists:
  description: Whether the account was there before.
  returned: success
  type: bool
  sample: false
"""

import grp
import pwd
import re
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_password_records import ISSUED, SHADOW, mark, parse_shadow, read, write

ARGUMENT_SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "password_hash": {"type": "str", "no_log": True},
    "reissue": {"type": "bool", "default": False},
    "comment": {"type": "str", "default": ""},
    "groups": {"type": "list", "elements": "str", "default": []},
    "shell": {"type": "str", "default": "/bin/bash"},
}
# Debian's adduser and shadow accept more; these are names that no program stumbles over.
NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
HASH = re.compile(r"\$(y|gy|7|6|2b)\$[./A-Za-z0-9$=,-]{8,400}")


def faults(params: dict[str, Any], exists: bool, system: bool) -> str:
    """Return what is wrong with the arguments, "" where nothing is."""
    if not NAME.fullmatch(params["name"]):
        return "name: small letters, digits, '-' and '_', at most 32, beginning with a letter"
    if system:
        return "an account with user ID below 1000 belongs to the system and is not issued to anybody"
    if params["password_hash"] is not None and not HASH.fullmatch(params["password_hash"]):
        return "password_hash: not a strong hash (yescrypt, scrypt, SHA-512 or bcrypt)"
    if params["reissue"] and not exists:
        return "reissue: there is no such account"
    missing = [group for group in params["groups"] if not is_group(group)]
    if missing:
        return f"groups: there is no group {missing[0]}"
    return "comment: no ':' and no line break" if set(":\n") & set(params["comment"]) else ""


def is_group(name: str) -> bool:
    """Say whether the host has the group."""
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def noted(text: str) -> dict[str, tuple[str, str]]:
    """Return time and mark of each issued account."""
    rows = (line.split() for line in text.splitlines())
    return {row[0]: (row[1], row[2]) for row in rows if len(row) == 3}


def unforced(name: str, notes: dict[str, tuple[str, str]], fields: list[str]) -> bool:
    """Say whether the account has the temporary password it was issued, and need not change it."""
    found = mark(fields[1]) if len(fields) > 2 else None
    return found is not None and name in notes and notes[name][1] == found and fields[2] != "0"


def issue(module: AnsibleModule, exists: bool, notes: dict[str, tuple[str, str]]) -> None:
    """Make the account or give it the new password; in this order, so that a run may die anywhere."""
    name, hashed = module.params["name"], module.params["password_hash"]
    if not exists:
        groups = ["-G", ",".join(module.params["groups"])] if module.params["groups"] else []
        comment = ["-c", module.params["comment"]] if module.params["comment"] else []
        run(module, ["/usr/sbin/useradd", "-m", "-s", module.params["shell"], *comment, *groups, name])
    notes[name] = (str(int(time.time())), mark(hashed) or "-")
    write(module, ISSUED, "".join(f"{n} {at} {what}\n" for n, (at, what) in sorted(notes.items())))
    run(module, ["/usr/sbin/chpasswd", "-e"], data=f"{name}:{hashed}")
    force(module)


def force(module: AnsibleModule) -> None:
    """Have the next login change the password."""
    run(module, ["/usr/bin/chage", "-d", "0", module.params["name"]])


def run(module: AnsibleModule, command: list[str], data: str | None = None) -> None:
    """Run a command; the module fails where it does."""
    code, _, err = module.run_command(command, data=data)
    if code != 0:
        module.fail_json(msg=f"{command[0]} failed (exit {code}): {err.strip()}")


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    name = module.params["name"]
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        user = None
    fault = faults(module.params, user is not None, user is not None and user.pw_uid < 1000)
    if fault:
        module.fail_json(msg=f"{name}: {fault}.")
    try:
        notes = noted(read(ISSUED))
        fields = parse_shadow(read(SHADOW)).get(name, [])
        # An account without any password was made by hand, or by a run that died before it gave one.
        half_made = user is not None and name in notes and (len(fields) < 2 or mark(fields[1]) is None)
        needed = user is None or module.params["reissue"] or half_made
        mend = not needed and unforced(name, notes, fields)
        if not module.check_mode and needed and module.params["password_hash"]:
            issue(module, user is not None, notes)
        elif not module.check_mode and mend:
            force(module)
    except OSError as problem:
        module.fail_json(msg=f"{problem}.")
    asked = module.params["password_hash"] is not None
    module.exit_json(changed=(needed and asked) or mend, needed=needed, exists=user is not None)


if __name__ == "__main__":
    main()
