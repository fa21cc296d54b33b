"""Bringing targets up and taking them down, so that nothing stays behind whatever happens in between."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import random
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kijun.paths import state_dir
from kijun.targets import cgroups, images, keys, naming, network, nspawn, qemu, seed, settings, store
from kijun.targets.cgroups import Group
from kijun.targets.errors import TargetError
from kijun.targets.images import Say
from kijun.targets.naming import Realm
from kijun.targets.plans import Plan
from kijun.targets.recipes import recipe
from kijun.targets.store import Journal
from kijun.targets.supervisor import GRACE, KEEPER, MACHINE
from kijun.targets.target import Target
from kijun.targets.tools import last_line, require, require_root, run

BOOT_SECONDS = {"nspawn": 90.0, "qemu": 300.0}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of `kijun target list`."""

    name: str
    state: str  # running, starting, stopped, or broken (left half-made)
    backend: str
    release: str
    address: str
    port: int


def _quiet(_message: str) -> None:
    return None


def _realm() -> Realm:
    return Realm.of(state_dir())


def up(
    name: str,
    *,
    backend: str = "nspawn",
    release: str = "bookworm",
    image: Path | None = None,
    say: Say = _quiet,
) -> Target:
    """Make the target `name`, boot it, and return it when it answers SSH.

    Raises `TargetError` with one sentence, having removed what it had made, if that is not possible;
    an interrupt removes it too. `say` is told what takes long. `image` is a folder as `images.ensure`
    returns one, to boot from instead of the cached image of `release`.
    """
    naming.checked(name)
    made_of = recipe(release, backend)
    require_root("making a target")
    require(nspawn.TOOLS if backend == "nspawn" else qemu.TOOLS)
    cgroups.hierarchies()
    password = secrets.token_urlsafe(15)
    journal = Journal(name, backend, release, secrets.token_hex(8), operator_password=password)
    with store.locked():
        store.claim(journal)
        handle = (store.target_dir(name) / "up.lock").open("w")
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        journal = _start(journal, image or images.ensure(made_of, say))
        return _wait(journal)
    except BaseException:
        _take_down_own(journal)
        raise
    finally:
        handle.close()


def _start(journal: Journal, image: Path) -> Journal:
    """Make the target's resources and hand it to its supervisor; each is in the journal before it is made."""
    name, realm, folder = journal.name, _realm(), store.target_dir(journal.name)
    accel = qemu.accelerator(image) if journal.backend == "qemu" else ""
    with store.locked():
        _still_ours(journal)
        client = keys.client_key(store.folder())
        hostkeys = keys.host_keys(name, folder)
        net = network.ensure(realm)
        settings.ensure()
        used = [other.network_address for other in store.journals()]
        address = net.pick(used, random.SystemRandom())
        journal = dataclasses.replace(
            journal,
            address=address if journal.backend == "nspawn" else "127.0.0.1",
            port=22 if journal.backend == "nspawn" else qemu.free_port(),
            network_address=address,
            pins=tuple(key.pin for key in hostkeys),
        )
        store.write(journal)
        store.publish()
        machine = realm.machine(name)
        if journal.backend == "nspawn":
            argv = nspawn.argv(name, machine, net.bridge)
            interfaces = nspawn.links(address, net.subnet.prefixlen, net.gateway)
            resolvers = network.nameservers(_RESOLVERS)
        else:
            tap = network.add_tap(realm, name)
            argv = qemu.argv(machine, image, journal.port, tap, accel)
            interfaces = qemu.links(machine, address, net.subnet.prefixlen)
            resolvers = qemu.nameservers()
        public = client.with_suffix(".pub").read_bytes()
        files = seed.entries(name, public, hostkeys, interfaces, resolvers)
        seed.write(folder / "seed.tar", seed.archive(files))
        plan = Plan(
            backend=journal.backend,
            name=name,
            folder=str(folder),
            image=str(image),
            cgroup=realm.cgroup(name),
            argv=argv,
            password=journal.operator_password,
        )
        _launch(plan)
    return journal


def _launch(plan: Plan) -> None:
    """Start the supervisor, put it into the target's control group, and only then tell it what to do."""
    keeper = Group(f"{plan.cgroup}/{KEEPER}")
    keeper.make()
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    with (Path(plan.folder) / "supervisor.log").open("wb") as log:
        starter = subprocess.Popen(
            [sys.executable, "-c", "from kijun.targets.supervisor import main; main()"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=plan.folder,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
    keeper.add(starter.pid)
    starter.communicate(plan.dumps().encode())


def _still_ours(journal: Journal) -> None:
    now = store.read(journal.name)
    if now is None or now.token != journal.token:
        raise TargetError(f"target {journal.name} was taken down while it was being made.")


def _wait(journal: Journal) -> Target:
    """Return the target once it answers; raise if it ends first, or takes too long."""
    target, group = Target.of(journal), Group(_realm().cgroup(journal.name))
    end = time.monotonic() + BOOT_SECONDS[journal.backend]
    while not target.answers():
        if not group.pids():
            _still_ours(journal)
            raise TargetError(
                f"target {journal.name} ended before it answered SSH ({_last_words(journal.name)})."
            )
        if time.monotonic() > end:
            raise TargetError(
                f"target {journal.name} did not answer SSH within {BOOT_SECONDS[journal.backend]:.0f} s "
                f"({_last_words(journal.name)})."
            )
        time.sleep(0.1)
    with store.locked():
        _still_ours(journal)
        store.write(dataclasses.replace(journal, ready=True))
        store.publish()
    return target


def _last_words(name: str) -> str:
    """Return what the target said last, an error if there is one, for the sentence that reports its end."""
    for log in ("supervisor.log", "monitor.log", "console.log"):
        path = store.target_dir(name) / log
        text = _ESCAPES.sub("", path.read_text(errors="replace")) if path.is_file() else ""
        errors = [
            line for line in text.splitlines() if re.search(r"\b(failed|cannot|error|panic)\b", line, re.I)
        ]
        if said := last_line(errors[-1] if errors else text):
            return f"its {log} says: {said}"
    return "it printed nothing"


def _take_down_own(journal: Journal) -> None:
    now = store.read(journal.name)
    if now is None or now.token == journal.token:  # not one that another command made in the meantime
        _remove([journal.name])


def down(name: str) -> bool:
    """Take the target `name` down and remove all of it; return False if there was nothing to remove."""
    naming.checked(name)
    group = Group(_realm().cgroup(name))
    if name not in store.names() and not group.exists():
        return False
    require_root("taking a target down")
    _shut_down([name])
    _remove([name])
    return True


def down_all() -> list[str]:
    """Take every target of this state directory down, and sweep what any crash left; return the names."""
    found = store.names()
    if os.geteuid() != 0 and not found:
        return []
    require_root("taking targets down")
    _shut_down(found)
    _remove(found)
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
            group = Group(_realm().cgroup(name))
            for pid in Group(f"{group.name}/{KEEPER}").pids():
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    continue
                keepers.append(group)
    end = time.monotonic() + GRACE + 3
    while any(group.pids() for group in keepers) and time.monotonic() < end:
        time.sleep(0.05)


def _remove(names: Iterable[str]) -> None:
    realm = _realm()
    with store.locked():
        for name in names:
            group = Group(realm.cgroup(name))
            group.kill()
            group.remove()
            machine = realm.machine(name)
            network.delete_links((f"vb-{machine}", realm.tap(name)))
            nspawn.sweep(machine)
            _delete_tree(store.target_dir(name))
        store.publish()
        if not store.names():
            _sweep()


def _sweep() -> None:
    """Remove everything that bears this realm's names and belongs to no target any more."""
    realm = _realm()
    kept = {realm.cgroup(name) for name in store.names()}
    for group in cgroups.named(realm.cgroup_prefix):
        if group.name not in kept:
            group.kill()
            group.remove()
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


def get(name: str) -> Target:
    """Return the running target `name`; raise `TargetError` if there is none."""
    naming.checked(name)
    for listed in listing():
        if listed.name == name:
            journal = store.read(name)
            if listed.state == "running" and journal is not None:
                return Target.of(journal)
            raise TargetError(
                f"target {name} is {listed.state}, not running; `kijun target down {name}` removes it."
            )
    raise TargetError(f"there is no target {name}: `kijun target up {name}` makes one.")


def running() -> list[Target]:
    """Return the targets that are running, by name."""
    return [get(listed.name) for listed in listing() if listed.state == "running"]


def listing() -> list[Listed]:
    """Return every target of this state directory, whole or not, by name."""
    realm, found = _realm(), []
    for name in store.names():
        journal = store.read(name)
        if journal is None:
            found.append(Listed(name, "broken", "?", "?", "?", 0))
            continue
        alive = bool(Group(f"{realm.cgroup(name)}/{MACHINE}").pids())
        if journal.ready:
            state = "running" if alive else "stopped"
        else:
            state = "starting" if _being_made(name) else "broken"
        found.append(Listed(name, state, journal.backend, journal.release, journal.address, journal.port))
    return found


def _being_made(name: str) -> bool:
    try:
        with (store.target_dir(name) / "up.lock").open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


@contextmanager
def disposable(
    name: str,
    *,
    backend: str = "nspawn",
    release: str = "bookworm",
    image: Path | None = None,
    say: Say = _quiet,
) -> Iterator[Target]:
    """Give a fresh target for the length of a `with` block."""
    target = up(name, backend=backend, release=release, image=image, say=say)
    try:
        yield target
    finally:
        down(name)
