"""What is written about targets: a journal for each, and the inventory and known_hosts made from them."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from kijun.paths import state_dir
from kijun.targets.errors import TargetError

GROUP = "targets"
INVENTORY = "inventory.yml"
KNOWN_HOSTS = "known_hosts"
JOURNAL = "target.json"


@dataclass(frozen=True, slots=True)
class Journal:
    """What is known of one target; written before each of its resources is made."""

    name: str
    backend: str
    release: str
    token: str  # tells this target from a later one of the same name
    address: str = ""  # where SSH answers
    port: int = 22
    network_address: str = ""  # on the targets' bridge; empty for a virtual machine without one
    pins: tuple[str, ...] = field(default=())  # the public host keys
    ready: bool = False  # it has answered SSH


def folder() -> Path:
    """Return the folder of all targets, made on demand; closed to others, since it holds keys."""
    targets = state_dir() / "targets"
    targets.mkdir(parents=True, exist_ok=True)
    targets.chmod(0o700)
    return targets


def target_dir(name: str) -> Path:
    """Return the folder of target `name`."""
    return folder() / name


@contextmanager
def locked() -> Iterator[None]:
    """Hold the lock of this state directory; it falls with the process, however that ends."""
    with (folder() / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Write `text` to `path` so that a reader sees the old file or the new one, never a part."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w") as handle:
        os.fchmod(handle.fileno(), mode)
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.rename(path)


def write(journal: Journal) -> None:
    """Write the journal of a target into its folder."""
    replace(target_dir(journal.name) / JOURNAL, json.dumps(asdict(journal), indent=1) + "\n")


def read(name: str) -> Journal | None:
    """Return the journal of target `name`, or None if there is none or it cannot be understood."""
    try:
        loaded: Any = json.loads((target_dir(name) / JOURNAL).read_bytes())
        known = {f.name for f in fields(Journal)}
        found = {key: value for key, value in loaded.items() if key in known}
        journal = Journal(**{**found, "pins": tuple(found.get("pins", ()))})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return journal if journal.name == name and isinstance(journal.port, int) else None


def names() -> list[str]:
    """Return the names of all targets that have a folder, whole or not."""
    targets = state_dir() / "targets"
    return sorted(path.name for path in targets.iterdir() if path.is_dir()) if targets.is_dir() else []


def journals() -> list[Journal]:
    """Return the journals that can be read, by name."""
    return [journal for name in names() if (journal := read(name)) is not None]


def claim(journal: Journal) -> None:
    """Make the folder of a new target and its journal; raise `TargetError` if the name is taken."""
    path = target_dir(journal.name)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        raise TargetError(
            f"target {journal.name} exists already: use it, or run `kijun target down {journal.name}` first."
        ) from None
    write(journal)


def known_hosts_text(known: Iterable[Journal]) -> str:
    """Return the known_hosts lines (sshd(8)) that pin the host keys of `known`."""
    lines = []
    for journal in known:
        host = journal.address if journal.port == 22 else f"[{journal.address}]:{journal.port}"
        lines += [f"{host} {pin}\n" for pin in journal.pins]
    return "".join(lines)


def ssh_options(key: Path, known_hosts: Path) -> list[str]:
    """Return the ssh(1) options that use our key and trust the pinned host keys alone."""
    return [
        *("-F", "none", "-i", str(key)),
        *("-o", f'UserKnownHostsFile="{known_hosts}"', "-o", "GlobalKnownHostsFile=none"),
        *("-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"),
    ]


def inventory_text(known: Iterable[Journal], key: Path, known_hosts: Path) -> str:
    """Return an Ansible inventory (YAML) that reaches each of `known` as root, in the group `targets`."""
    common = ["-o", f'UserKnownHostsFile="{known_hosts}"', "-o", "StrictHostKeyChecking=yes"]
    common += ["-o", "IdentitiesOnly=yes"]
    hosts = {
        journal.name: {
            "ansible_host": journal.address,
            "ansible_port": journal.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": shlex.join(common),
        }
        for journal in known
    }
    head = "# Written anew by every `kijun target up` and `down`; keep variables of your own elsewhere.\n"
    return head + yaml.safe_dump({GROUP: {"hosts": hosts}}, sort_keys=True, width=1000)


def publish() -> None:
    """Rewrite known_hosts and the inventory from the journals; the caller holds the lock.

    A target's host key is pinned before its first boot; the inventory names it once it has answered.
    """
    known = journals()
    targets = folder()
    replace(targets / KNOWN_HOSTS, known_hosts_text(j for j in known if j.address))
    text = inventory_text((j for j in known if j.ready), targets / "id_ed25519", targets / KNOWN_HOSTS)
    replace(targets / INVENTORY, text)
