#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: drop what comes in and is not declared, and put the former rules back unless confirmed."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_port_filter
short_description: Drop what comes in and is not declared, with a way back
description:
  - Loads the nftables table C(inet kijun_filter), which lets in the declared ports, the SSH server's,
    answers, loopback, and the ICMP messages that a host cannot do without. The tables of others are left.
  - Before the rules are loaded, a timer is set that puts the former ones back. Stop
    C(kijun-filter-revert.timer) once a new login has succeeded. A run that dies before that leaves a host
    that can be reached.
  - Nothing is saved for the next boot. The result has the text to save then.
  - Whether there is anything to do is decided by what the kernel has, compared with what the rules become in
    a network namespace of their own.
options:
  declared:
    description: Ports that others may reach, as in C(unused_ports_declared).
    type: list
    elements: dict
    required: true
  ssh_connection:
    description:
      - The operator's C(SSH_CONNECTION). Its port stays open whatever is declared, and rules that would not
        let in the address it comes from are refused before anything changes.
    type: str
    default: ""
  stopping:
    description: Units that are being stopped, and so close what they listen on themselves.
    type: list
    elements: str
    default: []
  revert_after:
    description: After how many seconds the former rules come back.
    type: int
    default: 90
attributes:
  check_mode:
    description: Predicts whether the rules change.
    support: full
  diff_mode:
    description: Shows the table before and after.
    support: full
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: Let in the web, and nothing else but SSH
  kijun_port_filter:
    declared:
      - {port: 443, proto: tcp, from: any, purpose: Museum web site, owner: Public relations}
"""

RETURN = r"""
differs:
  description: Whether the kernel had other rules, or such as nobody has confirmed.
  returned: success
  type: bool
  sample: true
rules:
  description: The table as text, to be saved once a new login has succeeded.
  returned: success
  type: str
  sample: "table inet kijun_filter { … }"
"""

import os
import tempfile
from typing import Any, Optional

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_port_rules import (
    TABLE,
    lasting,
    render,
    shut_out,
    ssh_ports,
    strays,
    with_ways_in,
)

REVERT = "kijun-filter-revert"
REVERT_RULES = "/run/kijun-filter-revert.nft"
ARGUMENT_SPEC: dict[str, Any] = {
    "declared": {"type": "list", "elements": "dict", "required": True},
    "ssh_connection": {"type": "str", "default": ""},
    "stopping": {"type": "list", "elements": "str", "default": []},
    "revert_after": {"type": "int", "default": 90},
}
_LIST = ["-s", "list", "table", *TABLE]
_REPLACED = "table {0} {1}\ndelete table {0} {1}\n".format(*TABLE)


class Host:
    """What the module asks of a host and does to it."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.nft: Optional[str] = module.get_bin_path("nft")

    def run(self, *argv: str) -> str:
        """Run a command that has to succeed and return what it printed."""
        rc, out, err = self.module.run_command(list(argv))
        if rc != 0:
            said = " ".join((err or out).split())[:400]
            self.module.fail_json(msg=f"{' '.join(argv)[:120]} failed: {said}.")
        return str(out)

    def said(self, *argv: str) -> str:
        """Return what a command printed, or nothing where it failed."""
        rc, out, _ = self.module.run_command(list(argv))
        return str(out) if rc == 0 else ""

    def ssh_ports(self) -> list[int]:
        """Return the ports by which SSH comes in."""
        sshd = self.module.get_bin_path("sshd", opt_dirs=["/usr/sbin"])
        return ssh_ports(self.said(sshd, "-T") if sshd else "", self.module.params["ssh_connection"])

    def becomes(self, path: str, *form: str) -> str:
        """Return what the rules in `path` become once loaded, tried in a network namespace of their own."""
        nft = self.nft or "nft"
        script = '"$0" -f "$1" && shift && exec "$0" "$@"'
        return self.run("unshare", "--net", "sh", "-c", script, nft, path, *form, *_LIST)

    def pending(self) -> bool:
        """Say whether rules were loaded that nobody has confirmed yet."""
        return self.module.run_command(["systemctl", "is-active", "--quiet", f"{REVERT}.timer"])[0] == 0

    def load(self, path: str, before: str, *, pending: bool) -> None:
        """Load the rules in `path`, after setting the timer that puts `before` back."""
        assert self.nft is not None
        self.run(self.nft, "-c", "-f", path)
        if not pending:  # what is there now was not confirmed, and is not what to come back to
            with open(REVERT_RULES, "w", encoding="utf-8") as handle:
                handle.write(_REPLACED + before)
        self.module.run_command(["systemctl", "stop", f"{REVERT}.timer"])
        seconds = str(self.module.params["revert_after"])
        timer = ["--unit", REVERT, "--on-active", seconds, "--timer-property=AccuracySec=1s", "--collect"]
        self.run("systemd-run", "--quiet", *timer, self.nft, "-f", REVERT_RULES)
        self.run(self.nft, "-f", path)


def _strays(host: Host, declared: list[dict[str, Any]]) -> list[str]:
    return strays(host.run("ss", "-H", "-lntup", "--cgroup"), declared, host.module.params["stopping"])


def _text_file(module: AnsibleModule, text: str) -> str:
    descriptor, path = tempfile.mkstemp(dir=module.tmpdir, suffix=".nft")
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
    return path


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    host = Host(module)
    try:
        declared = with_ways_in(module.params["declared"], host.ssh_ports())
        rules = render(declared)
    except ValueError as bad:
        module.fail_json(msg=f"unused_ports_declared: {bad}.")
    before = host.said(host.nft, *_LIST) if host.nft else ""
    if not before and (unknown := _strays(host, declared)):
        # Later, a stray listener is shut out and stops nobody. The first time, it may be what users need.
        module.fail_json(
            msg=f"in use and not declared: {', '.join(unknown)}. Declare it in unused_ports_declared"
            ' ("kijun ports" prints what to paste) or stop what listens; no rule was changed.'
        )
    if client := shut_out(declared, module.params["ssh_connection"]):
        module.fail_json(
            msg=f"unused_ports_declared would shut you out: it lets SSH in, but not from {client}, where you"
            ' come from. Add that address to the "from" of the SSH port, or work from one that it holds; no'
            " rule was changed."
        )
    if not host.nft:
        if not module.check_mode:
            module.fail_json(msg="nftables is not installed.")
        module.exit_json(changed=True, differs=True, rules=rules, diff={"before": "", "after": rules})
    path = _text_file(module, rules)
    pending = host.pending()
    loaded = host.said(host.nft, "-j", *_LIST)
    changed = pending or not loaded or lasting(loaded) != lasting(host.becomes(path, "-j"))
    after = host.becomes(path) if changed else before
    if changed and not module.check_mode:
        host.load(path, before, pending=pending)
    module.exit_json(
        changed=changed,
        differs=changed,
        rules=rules,
        diff={
            "before_header": " ".join(TABLE),
            "after_header": " ".join(TABLE),
            "before": before,
            "after": after,
        },
    )


if __name__ == "__main__":
    main()
