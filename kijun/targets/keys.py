"""SSH keys: one client key per state directory, and host keys made here so that they can be pinned."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from kijun.targets.errors import TargetError
from kijun.targets.tools import run

HOST_KEY_TYPES = ("ed25519", "ecdsa", "rsa")  # what Debian's openssh-server makes when it is installed


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host key pair as OpenSSH stores it."""

    kind: str
    private: bytes
    public: bytes

    @property
    def pin(self) -> str:
        """The type and key of the public half, without the comment, as known_hosts wants it (sshd(8))."""
        return " ".join(self.public.decode("ascii").split()[:2])


def client_key(folder: Path) -> Path:
    """Return the client's private key in `folder`, making the pair (ed25519, mode 0600) the first time.

    The caller holds the lock of `folder`.
    """
    key = folder / "id_ed25519"
    if not (key.is_file() and key.with_suffix(".pub").is_file()):
        key.unlink(missing_ok=True)  # ssh-keygen asks before it overwrites half of an interrupted pair
        key.with_suffix(".pub").unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "kijun targets", "-f", str(key)])
    key.chmod(0o600)
    return key


def host_keys(name: str, folder: Path) -> list[HostKey]:
    """Make fresh host keys for target `name` in `folder`, side by side because RSA takes its time."""
    paths = {kind: folder / f"ssh_host_{kind}_key" for kind in HOST_KEY_TYPES}
    makers = {
        kind: subprocess.Popen(
            ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"root@{name}", "-f", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for kind, path in paths.items()
    }
    for kind, maker in makers.items():
        if maker.wait() != 0:
            raise TargetError(f"ssh-keygen could not make the {kind} host key of {name}.")
    made = []
    for kind, path in paths.items():
        public = path.with_suffix(".pub")
        made.append(HostKey(kind, path.read_bytes(), public.read_bytes()))
        path.unlink()  # the target alone keeps it
        public.unlink()
    return made
