"""The container backend: a full Debian booted by systemd-nspawn(1) on an overlay of the cached image."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from kijun.targets import network
from kijun.targets.plans import Plan
from kijun.targets.seed import Link
from kijun.targets.tools import run, search_path

TOOLS = ("systemd-nspawn", "mount", "tar", "chroot", "ip", "nft", "ssh", "ssh-keygen")
# With --keep-unit, systemd-nspawn leaves a reboot to whoever started it and ends so (its EXIT STATUS).
REBOOT_STATUS = 133
_RUNTIME = Path("/run/systemd/nspawn")


def argv(name: str, machine: str, bridge: str) -> tuple[str, ...]:
    """Return the command that boots the tree in `root` as `machine`, without help from any service.

    Nothing is registered and no unit made, so that no systemd has to run on this machine; the journal
    is not linked, or a folder in this machine's /var/log/journal would be left behind.
    """
    return (
        *("systemd-nspawn", "--quiet", "--settings=no", "--boot", "--register=no", "--keep-unit"),
        *("--directory=root", f"--machine={machine}", f"--hostname={name}", f"--network-bridge={bridge}"),
        *("--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=read-only"),
    )


def links(address: str, prefix_length: int, gateway: str) -> list[Link]:
    """Return the container's one interface."""
    lines = (f"Address={address}/{prefix_length}", f"Gateway={gateway}", *network.six_lines(address))
    return [Link("Name=host0", lines)]


def prepare(plan: Plan) -> None:
    """Lay the target's own layer over the image and plant its seed.

    In a mount namespace of its own: the overlay is gone when the last process of the target is, however
    that ended. Changes made to this machine's mounts still propagate into it, so nothing is kept busy.
    """
    os.unshare(os.CLONE_NEWNS)
    run(["mount", "--make-rslave", "/"])
    folder = Path(plan.folder)
    root = folder / "root"
    _overlay_or_copy(Path(plan.image) / "rootfs", folder, root)
    seed = folder / "seed.tar"
    run(["tar", "-C", str(root), "-xpf", str(seed)])
    seed.unlink()


def _overlay_or_copy(lower: Path, folder: Path, root: Path) -> None:
    for part in ("root", "upper", "work"):
        (folder / part).mkdir(exist_ok=True)
        (folder / part).chmod(0o755)
    layers = f"lowerdir={lower},upperdir={folder / 'upper'},workdir={folder / 'work'}"
    for options in (f"{layers},volatile", layers):  # volatile: no syncing of what is thrown away anyway
        done = subprocess.run(
            ["mount", "-t", "overlay", "kijun-target", "-o", options, str(root)],
            capture_output=True,
            check=False,
            env={**os.environ, "PATH": search_path()},
        )
        if done.returncode == 0:
            return
    root.rmdir()  # overlayfs on overlayfs, or none in the kernel: a copy does as well, only slower
    run(["cp", "-a", "--reflink=auto", str(lower), str(root)], timeout=300)


def sweep(machine_prefix: str) -> None:
    """Remove what systemd-nspawn leaves in /run of machines that no longer run."""
    for part in ("propagate", "unix-export", "locks"):
        for left in (_RUNTIME / part).glob(f"*{machine_prefix}*"):
            if left.is_dir():
                if os.path.ismount(left):
                    run(["umount", str(left)])
                left.rmdir()
            else:
                left.unlink()
