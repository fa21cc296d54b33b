#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: chrony gets the time from the declared servers, and gives it to nobody undeclared."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_chrony
short_description: Say where chrony gets the time from, and whom it gives it to
description:
  - Writes the servers and networks given into C(/etc/chrony/chrony.conf), and makes comments of every other
    source and of everybody else who is allowed, there and in C(/etc/chrony/conf.d). Other lines stay.
  - On a host without chrony the file is written before the package is there, so that chrony never runs with
    another one; the package keeps it.
  - A host that may not set its clock, and in which no time daemon was set up, is left alone.
options:
  servers:
    description: Names or addresses of time servers. Without any, the host's own clock is what it serves.
    type: list
    elements: str
    required: true
  networks:
    description: Networks whose hosts are given the time.
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
- name: Get the time from the museum's master
  kijun_chrony:
    servers: [10.20.0.5]
"""

RETURN = r"""
subject:
  description: Whether keeping time is this host's own matter.
  returned: success
  type: bool
  sample: true
installed:
  description: Whether chrony is there.
  returned: success
  type: bool
  sample: true
stale:
  description: Whether the running chrony is older than its configuration, or will be after a run.
  returned: success
  type: bool
  sample: false
astray:
  description: >-
    Whether chrony, or every source that answers, finds the clock off by more than a second. chrony corrects
    that only slowly while it runs, and at once when it starts.
  returned: success
  type: bool
  sample: false
rivals:
  description: Units of other time daemons that run, or come at boot, beside an installed chrony.
  returned: success
  type: list
  elements: str
  sample: [systemd-timesyncd.service]
"""

import os
from ipaddress import ip_network
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_time import (
    CONF,
    CONF_D,
    DEFAULTS,
    PID_FILE,
    TimeSyncError,
    configuration,
    measured_only,
    rivals,
    silenced,
    subject,
)

ARGUMENT_SPEC: dict[str, Any] = {
    "servers": {"type": "list", "elements": "str", "required": True},
    "networks": {"type": "list", "elements": "str", "default": []},
}
CHRONYD = "/usr/sbin/chronyd"
SOCKET = "/run/chrony/chronyd.sock"
JUMP = 1.0  # seconds, as in the configuration: a clock further off is set at once when chrony starts


def read(path: str) -> str:
    """Return the text of a file, "" where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def files_of(folder: str) -> list[str]:
    """Return the files in `folder` that chrony reads."""
    if not os.path.isdir(folder):
        return []
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".conf")]


def wanted(servers: list[str], networks: list[str], own_clock: bool) -> dict[str, str]:
    """Return what each file should hold; raises TimeSyncError for a network that is none."""
    try:
        allowed = [str(ip_network(text, strict=False)) for text in networks]
    except ValueError as bad:
        raise TimeSyncError(f"time_sync_serve_networks: {bad}.") from None
    for name in servers:
        if not name or set(name) & set(" \t\n#!;%"):
            raise TimeSyncError(f"time_sync_servers: {name!r} is no name of a server.")
    if not servers and not allowed:
        raise TimeSyncError("time_sync_servers is empty: only a master, which serves others, can be without.")
    found = {CONF: configuration(read(CONF), servers, allowed)}
    found.update({path: silenced(read(path), keep_refclocks=not servers) for path in files_of(CONF_D)})
    if own_clock and os.path.exists(DEFAULTS):
        found[DEFAULTS] = measured_only(read(DEFAULTS))
    return found


def write(module: Any, path: str, text: str) -> None:
    """Put `text` into the file at `path` at once; a chrony that is there must understand it first."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    made = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.kijun")
    with open(made, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.chmod(made, 0o644)
    if path == CONF and os.path.exists(CHRONYD):
        rc, _, said = module.run_command([CHRONYD, "-p", "-f", made])
        if rc != 0:
            os.unlink(made)
            raise TimeSyncError(f"chronyd does not take the configuration: {said.strip()[-300:]}")
    if os.path.exists(path):
        module.backup_local(path)
    module.atomic_move(made, path)


def open_files() -> list[str]:
    """Return what of the configuration others than root own or can write."""
    found = []
    for folder in ("/etc/chrony", CONF_D, "/etc/chrony/sources.d"):
        for path in [folder, *(os.path.join(folder, name) for name in _names(folder))]:
            if os.path.exists(path) and (os.stat(path).st_uid != 0 or os.stat(path).st_mode & 0o022):
                found.append(path)
    if os.path.exists(DEFAULTS) and (os.stat(DEFAULTS).st_uid != 0 or os.stat(DEFAULTS).st_mode & 0o022):
        found.append(DEFAULTS)
    return sorted(set(found))


def _names(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


def older(changed: bool) -> bool:
    """Return whether a chrony runs that has not read what is there, or will be there."""
    if not os.path.exists(PID_FILE):
        return False
    began = os.stat(PID_FILE).st_mtime_ns
    files = [path for path in (CONF, *files_of(CONF_D), DEFAULTS) if os.path.exists(path)]
    return changed or any(os.stat(path).st_mtime_ns > began for path in files)


def astray(module: Any) -> bool:
    """Return whether chrony, or every source that answers, finds the clock off by more than a second.

    A correction under way counts: an hour takes half a day at its slow pace (chrony.conf(5), maxslewrate).
    """
    if not os.path.exists(SOCKET):
        return False
    rc, said, _ = module.run_command(["chronyc", "-h", SOCKET, "-c", "-n", "-m", "tracking", "sources"])
    rows = [line.split(",") for line in said.splitlines()] if rc == 0 else []
    left = [float(row[4]) for row in rows if len(row) == 14]
    offsets = [float(row[7]) for row in rows if len(row) == 10 and row[5] != "0"]
    far = bool(offsets) and all(abs(offset) > JUMP for offset in offsets)
    return far or any(abs(offset) > JUMP for offset in left)


def keep(module: Any, own_clock: bool) -> dict[str, Any]:
    """Change the files and return the result."""
    texts = wanted(module.params["servers"], module.params["networks"], own_clock)
    changes = {path: text for path, text in texts.items() if read(path) != text}
    loose = open_files()
    diffs = [
        {"before": read(path), "after": text, "before_header": path, "after_header": path}
        for path, text in changes.items()
    ]
    if not module.check_mode:
        for path, text in changes.items():
            write(module, path, text)
        for path in loose:
            os.chown(path, 0, -1)
            os.chmod(path, os.stat(path).st_mode & 0o7777 & ~0o022)
    installed = os.path.exists(CHRONYD)
    return {
        "changed": bool(changes or loose),
        "stale": older(bool(changes)),
        "astray": own_clock and astray(module),
        "installed": installed,
        "rivals": rivals(module) if installed else [],
        "diff": diffs,
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C"}
    try:
        concerned, own_clock = subject(module)
        if not concerned:
            module.exit_json(
                changed=False, subject=False, installed=False, stale=False, astray=False, rivals=[]
            )
        result = keep(module, own_clock)
    except (TimeSyncError, OSError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(subject=True, **result)


if __name__ == "__main__":
    main()
