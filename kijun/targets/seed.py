"""What makes one target differ from its image, as a tar archive that both backends unpack before boot."""

from __future__ import annotations

import io
import secrets
import stat
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

from kijun.targets.keys import HostKey

OPERATOR = "operator"
OPERATOR_UID = 1000
USERS_GID = 100  # Debian's group `users`, fixed by base-passwd
_HOOK = "scripts/local-bottom/kijun-seed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder of a seed."""

    path: str
    content: bytes | None  # None: a folder
    mode: int
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface as systemd.network(5) is told about it."""

    match: str  # a line of its [Match] section
    lines: tuple[str, ...]  # lines of its [Network] section

    def unit(self) -> bytes:
        """Return the text of the .network file."""
        return "\n".join(["[Match]", self.match, "", "[Network]", *self.lines, ""]).encode()


def entries(
    name: str, client_key: bytes, host_keys: list[HostKey], links: list[Link], nameservers: list[str]
) -> list[Entry]:
    """Return the files of target `name`: its name, identity, keys, who may log in, and its network."""
    hosts = (
        f"127.0.0.1\tlocalhost\n127.0.1.1\t{name}\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
    )
    home = f"home/{OPERATOR}/.ssh"
    files = [
        Entry("etc/hostname", f"{name}\n".encode(), 0o644),
        Entry("etc/hosts", hosts.encode(), 0o644),
        Entry("etc/machine-id", f"{secrets.token_hex(16)}\n".encode(), 0o444),
        Entry("etc/resolv.conf", "".join(f"nameserver {n}\n" for n in nameservers).encode(), 0o644),
        Entry("root/.ssh", None, 0o700),
        Entry("root/.ssh/authorized_keys", client_key, 0o600),
        Entry(home, None, 0o700, OPERATOR_UID, USERS_GID),
        Entry(f"{home}/authorized_keys", client_key, 0o600, OPERATOR_UID, USERS_GID),
    ]
    for key in host_keys:
        files.append(Entry(f"etc/ssh/ssh_host_{key.kind}_key", key.private, 0o600))
        files.append(Entry(f"etc/ssh/ssh_host_{key.kind}_key.pub", key.public, 0o644))
    for number, link in enumerate(links):
        files.append(Entry(f"etc/systemd/network/1{number}-target.network", link.unit(), 0o644))
    return files


def archive(files: list[Entry]) -> bytes:
    """Return `files` as an uncompressed tar archive."""
    buffer, now = io.BytesIO(), int(time.time())
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for entry in files:
            info = tarfile.TarInfo(entry.path)
            info.mode, info.uid, info.gid = entry.mode, entry.uid, entry.gid
            info.mtime = now
            if entry.content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(entry.content)
                tar.addfile(info, io.BytesIO(entry.content))
    return buffer.getvalue()


def initramfs(seed: bytes) -> bytes:
    """Return a cpio archive which, appended to Debian's initrd, plants `seed` in the root file system.

    It adds a local-bottom script (initramfs-tools(7)), which runs once the root is mounted and before
    its init starts, and does nothing on later boots.
    """
    script = """#!/bin/sh
[ "$1" = prereqs ] && exit 0
done="${rootmnt:?}/var/lib/misc/kijun-seeded"
[ -e "$done" ] && exit 0
chroot "$rootmnt" tar -C / -xpf - </kijun-seed.tar || exit 1
: >"$done"
"""
    folders = [
        Entry("scripts", None, stat.S_IFDIR | 0o755),
        Entry("scripts/local-bottom", None, stat.S_IFDIR | 0o755),
    ]
    files = [
        Entry(_HOOK, script.encode(), stat.S_IFREG | 0o755),
        Entry("scripts/local-bottom/ORDER", f'/{_HOOK} "$@"\n'.encode(), stat.S_IFREG | 0o644),
        Entry("kijun-seed.tar", seed, stat.S_IFREG | 0o600),
    ]
    return b"".join(
        [_newc(entry, number) for number, entry in enumerate(folders + files, 1)]
        + [_newc(Entry("TRAILER!!!", b"", 0), 0)]
    )


def _newc(entry: Entry, inode: int) -> bytes:
    """Return one member in the "new ASCII" cpio format (cpio(5)); the kernel wants each padded to 4 bytes."""
    content = entry.content or b""
    name = entry.path.encode() + b"\0"
    fields = (inode, entry.mode, entry.uid, entry.gid, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def write(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read: it holds private host keys."""
    path.touch(mode=0o600)
    path.write_bytes(data)
