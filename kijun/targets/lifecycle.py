"""Bringing targets up and taking them down, so that nothing stays behind whatever happens in between."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import random
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kijun.targets import cgroups, images, keys, naming, network, nspawn, qemu, removal, seed, settings, store
from kijun.targets.cgroups import Group
from kijun.targets.errors import TargetError
from kijun.targets.images import Say
from kijun.targets.naming import Realm
from kijun.targets.plans import Plan
from kijun.targets.recipes import recipe
from kijun.targets.store import Journal
from kijun.targets.supervisor import KEEPER
from kijun.targets.target import Target
from kijun.targets.tools import last_line, require, require_root

BOOT_SECONDS = {"nspawn": 90.0, "qemu": 600.0}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def _quiet(_message: str) -> None:
    return None


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
    journal = Journal(name, backend, release, secrets.token_hex(8))
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
    name, realm, folder = journal.name, Realm.here(), store.target_dir(journal.name)
    accel = qemu.accelerator(image) if journal.backend == "qemu" else ""
    with store.locked():
        _still_ours(journal)
        removal.release(realm, name)  # of an earlier target whose folder was removed by hand
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
    target, group = Target.of(journal), Group(Realm.here().cgroup(journal.name))
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
        removal.remove([journal.name])


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
        removal.down(name)
