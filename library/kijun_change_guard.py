#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: the switch by which a host puts itself back unless a new login confirms a run."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_change_guard
short_description: A host puts itself back unless a new login confirms what was changed
description:
  - V(armed) keeps what a run may touch in C(/var/lib/kijun/guard) and sets a timer. Unless it is confirmed in
    time, the host puts it back and says so in its journal; also when the control node is gone, and after a
    restart.
  - V(confirmed) takes the switch off. It must come over another SSH connection than V(armed) did. What
    changed stays kept for C(kijun rollback); where nothing changed, nothing is left.
  - V(restored) puts back what was kept for the run O(source), under a switch that is armed.
  - O(run), O(controller), O(others), O(touches) and O(program) are given by the action plugin of this name.
options:
  state:
    description: What to do.
    type: str
    choices: [armed, confirmed, restored]
    required: true
  topics:
    description: The topics whose roles run.
    type: list
    elements: str
    default: []
  minutes:
    description: How long the host waits for the confirmation.
    type: float
    default: 10
  keep:
    description: How many snapshots a host keeps.
    type: int
    default: 10
  source:
    description: The run whose snapshot V(restored) puts back, and whose paths V(armed) then covers too.
    type: str
    default: ""
  run:
    description: Name of the run.
    type: str
    default: ""
  controller:
    description: Which process runs this, so that another run can tell whether it is still there.
    type: str
    default: ""
  local:
    description: Whether it runs on the host itself, so that there is no login to prove.
    type: bool
    default: false
  others:
    description: The other such processes of the same control node.
    type: list
    elements: str
    default: []
  touches:
    description: What the run may touch.
    type: dict
    default: {}
  program:
    description: The files of the program that is kept on the host, by name.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Does nothing, and reports no change.
    support: full
  diff_mode:
    description: Shows nothing.
    support: none
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: Set the switch
  kijun_change_guard:
    state: armed
    topics: [account_lockout]
  register: guard
  changed_when: false

- name: Log in anew
  ansible.builtin.meta: reset_connection

- name: Take the switch off
  kijun_change_guard:
    state: confirmed
"""

RETURN = r"""
run:
  description: Name of the run.
  returned: success
  type: str
  sample: 20261125-101500-4242
armed:
  description: Whether the switch is set.
  returned: success
  type: bool
  sample: true
took_over:
  description: The run that was not confirmed, and whose snapshot is kept as the state to go back to.
  returned: success
  type: str
  sample: ""
kept:
  description: Whether the run changed something, so that it can be rolled back.
  returned: success
  type: bool
  sample: true
paths:
  description: The paths that changed, or were put back.
  returned: success
  type: list
  elements: str
  sample: [/etc/pam.d/common-auth]
"""

import json
import os
import subprocess
import sys
from typing import Any

from ansible.module_utils.basic import AnsibleModule

ROOT = "/var/lib/kijun/guard"
ARGUMENT_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["armed", "confirmed", "restored"], "required": True},
    "topics": {"type": "list", "elements": "str", "default": []},
    "minutes": {"type": "float", "default": 10},
    "keep": {"type": "int", "default": 10},
    "source": {"type": "str", "default": ""},
    "run": {"type": "str", "default": ""},
    "controller": {"type": "str", "default": ""},
    "local": {"type": "bool", "default": False},
    "others": {"type": "list", "elements": "str", "default": []},
    "touches": {"type": "dict", "default": {}},
    "program": {"type": "dict", "default": {}},
}
VERBS = {"armed": "arm", "confirmed": "confirm", "restored": "restore"}
FEWEST_SECONDS = 5


def install(program: dict[str, str]) -> None:
    """Put the program on the host, each file whole or not at all."""
    folder = ROOT + "/program"
    for path, mode in ((os.path.dirname(ROOT), 0o755), (ROOT, 0o700), (folder, 0o700)):
        if not os.path.isdir(path):
            os.makedirs(path, mode=mode, exist_ok=True)
            os.chmod(path, mode)
    for name, text in program.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path + ".new", "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        os.rename(path + ".new", path)


def ask(module: AnsibleModule, verb: str, order: dict[str, Any]) -> dict[str, Any]:
    """Have the program do `verb` and return its answer; where it refuses, the module fails with its words."""
    program = ROOT + "/program"
    if not os.path.exists(program + "/__main__.py"):
        module.fail_json(msg="nothing is armed on this host, and no snapshot is kept.")
    command = [sys.executable, "-I", "-B", program, verb]
    done = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        module.fail_json(msg=f"the guard on this host fails: {(done.stderr or done.stdout).strip()[-600:]}")
    if "refused" in answer:
        module.fail_json(msg=f"{answer['refused']}.")
    return dict(answer)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    if params["minutes"] * 60 < FEWEST_SECONDS:
        module.fail_json(msg="change_guard_minutes must be more than 0: nobody can confirm a run in no time.")
    if params["keep"] < 1:
        module.fail_json(
            msg="change_guard_keep must be at least 1: a host that cannot go back is not guarded."
        )
    if module.check_mode:
        module.exit_json(changed=False, armed=False, run=params["run"], took_over="", kept=False, paths=[])
    order = {key: value for key, value in params.items() if key not in ("program", "state")}
    try:
        if params["program"]:
            install(params["program"])
        if params["state"] == "armed" and params["source"]:
            order["touches"] = ask(module, "show", {"run": params["source"]})["touches"]
        answer = ask(module, VERBS[params["state"]], order)
    except OSError as problem:
        module.fail_json(msg=f"{problem}.")
    result = {"run": params["run"], "armed": False, "took_over": "", "kept": False, "paths": [], **answer}
    module.exit_json(changed=params["state"] == "restored" and bool(result["paths"]), **result)


if __name__ == "__main__":
    main()
