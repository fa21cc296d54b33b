"""What a target's image is made of; the hash of all of it is the image's name in the cache."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass

from kijun.targets.errors import TargetError
from kijun.targets.seed import OPERATOR, OPERATOR_UID

RELEASES = ("bookworm", "trixie", "bullseye")
BACKENDS = ("nspawn", "qemu")

# A small server as Debian's installer leaves it: logins, sudo, cron, a resolver, and what Ansible needs.
_SERVER = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "libpam-systemd",
    "openssh-server",
    "login",
    "passwd",
    "sudo",
    "cron",
    "python3",
    "python3-apt",  # as with Debian's standard tasks; Ansible's apt module wants it even for a dry run
    "iproute2",
    "iputils-ping",
    "netbase",
    "procps",
    "ca-certificates",
    "tzdata",
    "less",
)
_MACHINE = ("linux-image-amd64", "initramfs-tools", "e2fsprogs", "kmod", "udev")

# apt's timers would take the package lock, or upgrade, in the middle of a test.
_HOOKS = (
    f'chroot "$1" useradd --uid {OPERATOR_UID} --gid users --groups sudo,adm --create-home '
    f"--shell /bin/bash --comment Operator {OPERATOR}",
    f'install -m 440 /dev/null "$1"/etc/sudoers.d/{OPERATOR} && '
    f"echo '{OPERATOR} ALL=(ALL:ALL) NOPASSWD: ALL' >>\"$1\"/etc/sudoers.d/{OPERATOR}",
    'chroot "$1" systemctl enable systemd-networkd.service ssh.service',
    'chroot "$1" systemctl disable apt-daily.timer apt-daily-upgrade.timer',
    'rm -f "$1"/etc/ssh/ssh_host_*_key* "$1"/etc/hostname "$1"/etc/resolv.conf',
    ': >"$1"/etc/machine-id',
)
_MACHINE_HOOKS = (
    "printf '/dev/vda / ext4 errors=remount-ro 0 1\\n' >\"$1\"/etc/fstab",
    "printf 'virtio_blk\\nvirtio_pci\\nvirtio_net\\next4\\n' >>\"$1\"/etc/initramfs-tools/modules",
    'chroot "$1" update-initramfs -u',
)
# An archived release's index files are past their date, and a mirror that is a snapshot has old ones too.
_APT_OPTIONS = ('Acquire::Check-Valid-Until "false";',)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything an image depends on."""

    release: str
    backend: str
    packages: tuple[str, ...]
    hooks: tuple[str, ...]
    apt_options: tuple[str, ...]
    mirror: str  # empty: mmdebstrap's own choice, or this machine's apt configuration

    @property
    def key(self) -> str:
        """The image's name in the cache: readable, and different for every different recipe."""
        parts = [self.release, self.backend, self.packages, self.hooks, self.apt_options, self.mirror]
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
        return f"{self.release}-{self.backend}-{digest}"

    def argv(self, folder: str) -> list[str]:
        """Return the mmdebstrap(1) command that makes the tree in `folder`."""
        return [
            "mmdebstrap",
            "--mode=root",
            "--variant=minbase",
            "--format=directory",
            f"--include={','.join(self.packages)}",
            *[f"--aptopt={option}" for option in self.apt_options],
            *[f"--customize-hook={hook}" for hook in self.hooks],
            self.release,
            folder,
            *([self.mirror] if self.mirror else []),
        ]


def recipe(release: str, backend: str) -> Recipe:
    """Return the recipe of `release` for `backend`; raise `TargetError` for one that is not offered.

    `$KIJUN_TARGET_MIRROR` names a mirror where neither mmdebstrap's default nor this machine's apt
    configuration has the release (an archived one, say).
    """
    if release not in RELEASES:
        raise TargetError(f"no release {release!r}: choose one of {', '.join(RELEASES)}.")
    if backend not in BACKENDS:
        raise TargetError(f"no backend {backend!r}: choose one of {', '.join(BACKENDS)}.")
    machine = backend == "qemu"
    return Recipe(
        release=release,
        backend=backend,
        packages=_SERVER + _MACHINE if machine else _SERVER,
        hooks=_HOOKS + _MACHINE_HOOKS if machine else _HOOKS,
        apt_options=_APT_OPTIONS,
        mirror=os.environ.get("KIJUN_TARGET_MIRROR", ""),
    )
