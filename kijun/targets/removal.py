"""Taking targets down: a clean shutdown within a bounded time, then everything that bears their names."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from kijun.targets import cgroups, images, naming, network, nspawn, settings, store
from kijun.targets.cgroups import Group
from kijun.targets.naming import Realm
from kijun.targets.supervisor import GRACE, KEEPER
from kijun.targets.tools import require_root, run


def down(name: str) -> bool:
    """Take the target `name` down and remove all of it; return False if there was nothing to remove."""
    naming.checked(name)
    group = Group(Realm.here().cgroup(name))
    if name not in store.names() and not group.exists():
        return False
    require_root("taking a target down")
    _shut_down([name])
    remove([name])
    return True


def down_all() -> list[str]:
    """Take every target of this state directory down, and sweep what any crash left; return the names."""
    found = store.names()
    if os.geteuid() != 0 and not found:
        return []
    require_root("taking targets down")
    _shut_down(found)
    remove(found)
    with store.locked():
        _sweep()
    images.sweep()
    return found


def _shut_down(names: Iterable[str]) -> None:
    """Ask the supervisors of targets that had come up for a clean shutdown, and wait a bounded time."""
    keepers = []
    for name in names:
        journal = store.read(name)
        if journal is not None and journal.ready:
            group = Group(Realm.here().cgroup(name))
            for pid in Group(f"{group.name}/{KEEPER}").pids():
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    continue
                keepers.append(group)
    end = time.monotonic() + GRACE + 3
    while any(group.pids() for group in keepers) and time.monotonic() < end:
        time.sleep(0.05)


def remove(names: Iterable[str]) -> None:
    """Kill what is left of the targets `names` and remove all their resources; absent ones are no error."""
    realm = Realm.here()
    with store.locked():
        for name in names:
            release(realm, name)
            _delete_tree(store.target_dir(name))
        store.publish()
        if not store.names():
            _sweep()


def release(realm: Realm, name: str) -> None:
    """Kill the processes that bear the target's name and remove its kernel resources, under the lock."""
    group = Group(realm.cgroup(name))
    group.kill()
    group.remove()
    machine = realm.machine(name)
    network.delete_links((f"vb-{machine}", realm.tap(name)))
    nspawn.sweep(machine)


def _sweep() -> None:
    """Remove everything that bears this realm's names and belongs to no target any more."""
    realm = Realm.here()
    kept = {realm.cgroup(name) for name in store.names()}
    for group in cgroups.named(realm.cgroup_prefix):
        if group.name not in kept:
            group.kill()
            group.remove()
    # Networks of state directories that somebody deleted; never where something still runs.
    for orphan in network.orphans():
        if orphan != realm and not any(group.pids() for group in cgroups.named(orphan.cgroup_prefix)):
            network.remove(orphan)
            nspawn.sweep(orphan.machine_prefix)
    if not kept:
        network.remove(realm)
        settings.restore(needed=network.any_left)
        nspawn.sweep(realm.machine_prefix)
        for name in (store.INVENTORY, store.KNOWN_HOSTS):
            (store.folder() / name).unlink(missing_ok=True)


def _delete_tree(tree: Path) -> None:
    if not tree.exists():
        return
    try:
        shutil.rmtree(tree)
    except OSError:  # a target may have made files immutable (chattr(1))
        run(["chattr", "-R", "-f", "-i", "-a", str(tree)])
        shutil.rmtree(tree)
