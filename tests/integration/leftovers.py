"""What a state directory left behind on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from kijun.paths import state_dir
from kijun.targets import cgroups, images, network
from kijun.targets.naming import Realm

NOTHING: dict[str, list[str]] = {
    kind: []
    for kind in (
        "processes",
        "mounts",
        "links",
        "tables",
        "cgroups",
        "runtime",
        "folders",
        "inventory",
        "images",
    )
}


def left_behind() -> dict[str, list[str]]:
    """Return everything on this machine that bears the names of this state directory."""
    realm, state = Realm.of(state_dir()), str(state_dir())
    processes = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            line = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            cwd = str((proc / "cwd").readlink())
        except OSError:
            continue  # it ended, or is a kernel thread
        if realm.machine_prefix in line or (cwd.startswith(state) and int(proc.name) != os.getpid()):
            processes.append(f"{proc.name} {line}")
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    runtime = Path("/run/systemd/nspawn")
    return {
        "processes": processes,
        "mounts": [line for line in mounts if state in line or realm.machine_prefix in line],
        "links": network.links((realm.bridge, *realm.link_prefixes)),
        "tables": [table for table in network.nft_tables() if table == realm.nft_table],
        "cgroups": [group.name for group in cgroups.named(realm.cgroup_prefix)],
        "runtime": [str(p) for p in runtime.rglob(f"*{realm.machine_prefix}*")],
        "folders": [p.name for p in (state_dir() / "targets").glob("*") if p.name[0] not in ".i"],
        "inventory": [str(p) for p in (state_dir() / "targets").glob("inventory*")],
        "images": [p.name for p in images.folder().glob("*.partial")],
    }
