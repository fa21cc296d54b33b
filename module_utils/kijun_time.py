# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the module for chrony decides: which lines stay, and whether the clock is the host's to keep."""

from __future__ import annotations

import re
from typing import Any

CONF, CONF_D, DEFAULTS = "/etc/chrony/chrony.conf", "/etc/chrony/conf.d", "/etc/default/chrony"
PID_FILE = "/run/chrony/chronyd.pid"
BEGIN, END = "# BEGIN kijun", "# END kijun"
RIVALS = ("systemd-timesyncd.service", "ntpsec.service", "ntp.service", "openntpd.service")

# For a host that has no chrony.conf yet; chrony.conf(5).
BASE = """\
# Where chrony keeps what it knows.
driftfile /var/lib/chrony/chrony.drift
ntsdumpdir /var/lib/chrony
keyfile /etc/chrony/chrony.keys
logdir /var/log/chrony

# Stop bad estimates upsetting the clock.
maxupdateskew 100.0

# Keep the clock of the board right too.
rtcsync

# Jump only at the start: a jump later would harm databases.
makestep 1 3

confdir /etc/chrony/conf.d
"""
# Where the time comes from and who gets it is said in one place. Directives are not case-sensitive.
_OTHERS = r"server|pool|peer|sourcedir|allow|deny|local|manual"
_SYS_TIME = 1 << 25  # CAP_SYS_TIME, capabilities(7)


class TimeSyncError(Exception):
    """Something that only the administrator can mend."""


def silenced(text: str, keep_refclocks: bool) -> str:
    """Return `text` with every source and every allowed client made a comment; a radio clock may stay."""
    others = _OTHERS if keep_refclocks else _OTHERS + "|refclock"
    return re.sub(rf"(?im)^([ \t]*)(?=(?:{others})(?:[ \t]|$))", r"\1#kijun# ", text)


def configuration(text: str, servers: list[str], networks: list[str]) -> str:
    """Return chrony.conf with our part at its end; `text` is what it was, "" where there was none."""
    rest = re.sub(rf"(?ms)^{BEGIN}$.*?^{END}$\n?", "", text or BASE)
    rest = silenced(rest, keep_refclocks=not servers).rstrip("\n") + "\n"
    lines = [f"server {name} iburst" for name in servers]
    lines += [f"allow {network}" for network in networks]
    if not servers:
        lines.append("local stratum 10")
    return "\n".join([rest, BEGIN, *lines, END, ""])


def measured_only(text: str) -> str:
    """Return /etc/default/chrony without the option that keeps chronyd from setting the clock."""
    return re.sub(
        r"(?m)^(\s*DAEMON_OPTS=.*)$",
        lambda line: re.sub(r"(?<=[\s\"'=])-x(\s+|(?=[\"']|$))", "", line[1]),
        text,
    )


def subject(module: Any) -> tuple[bool, bool]:
    """Return whether keeping time is the host's own matter, and whether it may set its clock.

    In a container without that capability it is, where a time daemon was set up to start all the same.
    """
    with open("/proc/1/status", encoding="utf-8") as file:
        found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", file.read(), re.MULTILINE)
    with open("/proc/1/uid_map", encoding="utf-8") as file:
        users = file.read().split()
    if found is None:
        raise TimeSyncError("whether the host may set its clock cannot be read from /proc/1/status.")
    own_clock = bool(int(found[1], 16) & _SYS_TIME) and users == ["0", "0", "4294967295"]
    return own_clock or bool(_units(module, "ConditionResult", "yes")), own_clock


def rivals(module: Any) -> list[str]:
    """Return the units of other daemons that run or come at boot."""
    active = _units(module, "ActiveState", "active")
    at_boot = _units(module, "UnitFileState", "enabled") + _units(module, "UnitFileState", "enabled-runtime")
    return [name for name in RIVALS if name in active or name in at_boot]


def _units(module: Any, prop: str, value: str) -> list[str]:
    names = ["chrony.service", *RIVALS]
    rc, said, problem = module.run_command(["systemctl", "show", f"--property=Id,LoadState,{prop}", *names])
    if rc != 0:
        raise TimeSyncError(f"systemctl show: {problem.strip()[:300]}")
    blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in said.split("\n\n")]
    # What was removed is remembered by systemd, but not loaded.
    return [
        b["Id"] for b in blocks if b.get("Id") and b.get(prop) == value and b.get("LoadState") == "loaded"
    ]
