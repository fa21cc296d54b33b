"""Running the system's tools: needing them, running them, and saying in one sentence what went wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence

from kijun.targets.errors import TargetError

PACKAGE_OF = {
    "chroot": "coreutils",
    "ip": "iproute2",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "mount": "mount",
    "nft": "nftables",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "setpriv": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "systemd-nspawn": "systemd-container",
    "tar": "tar",
    "unshare": "util-linux",
}
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def search_path() -> str:
    """Return `$PATH` with the system directories that an unprivileged shell's path often lacks."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *_SBIN])


def require_root(deed: str) -> None:
    """Raise `TargetError` unless this process is root; `deed` says what was to be done."""
    if os.geteuid() != 0:
        raise TargetError(
            f"{deed} needs root (mounts, a bridge, control groups): run the same command with sudo."
        )


def require(tools: Iterable[str]) -> None:
    """Raise `TargetError` naming every tool that is not installed, with the command that installs it."""
    missing = sorted(tool for tool in tools if shutil.which(tool, path=search_path()) is None)
    if missing:
        packages = sorted({PACKAGE_OF[tool] for tool in missing})
        raise TargetError(
            f"{', '.join(missing)} not found: run `apt-get install {' '.join(packages)}` as root."
        )


def run(argv: Sequence[str], *, stdin: str = "", timeout: float = 60) -> str:
    """Run `argv` and return its standard output; raise `TargetError` if it fails or takes too long."""
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            env={**os.environ, "PATH": search_path(), "LC_ALL": "C"},
        )
    except FileNotFoundError:
        require([argv[0]])
        raise
    except subprocess.TimeoutExpired:
        raise TargetError(f"`{argv[0]}` did not end within {timeout:.0f} s.") from None
    if done.returncode != 0:
        raise TargetError(f"`{' '.join(argv[:6])}` failed: {last_line(done.stderr) or done.returncode}.")
    return done.stdout


def last_line(text: str) -> str:
    """Return the last line of `text` that holds anything, without its end punctuation."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""
