"""Names: what a target may be called, and what its kernel resources are called.

Every resource name follows from the state directory and the target's name alone, so that a target can
be swept away even when nothing that was written about it survives.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from kijun.paths import state_dir
from kijun.targets.errors import TargetError

NFT_PREFIX = "kijun_"
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123, section 2.1, in lower case
_TAKEN = frozenset({"all", "ungrouped", "targets", "localhost"})  # these mean something else to Ansible


def checked(name: str) -> str:
    """Return `name` if it may name a target; raise `TargetError` saying what a name must look like."""
    if not _LABEL.fullmatch(name):
        raise TargetError(
            f"{name!r} cannot name a target: use 1 to 63 lower-case letters, digits and hyphens, "
            "with a letter or digit at both ends."
        )
    if name in _TAKEN:
        raise TargetError(f"{name!r} cannot name a target: it means something else in an Ansible inventory.")
    return name


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


@dataclass(frozen=True, slots=True)
class Realm:
    """All resources of one state directory share a tag, so two state directories never meet."""

    tag: str

    @classmethod
    def of(cls, state: Path) -> Realm:
        """Return the realm of the state directory `state`."""
        return cls(_digest(str(state.resolve()), 5))

    @classmethod
    def here(cls) -> Realm:
        """Return the realm of this process's state directory."""
        return cls.of(state_dir())

    @property
    def machine_prefix(self) -> str:
        """What every machine name of this realm begins with."""
        return f"k{self.tag}"

    @property
    def bridge(self) -> str:
        """The bridge that all targets of this realm are on."""
        return f"kj-{self.tag}"

    @property
    def nft_table(self) -> str:
        """The nftables table that holds this realm's masquerade rule."""
        return f"{NFT_PREFIX}{self.tag}"

    @property
    def link_prefixes(self) -> tuple[str, str]:
        """What the names of this realm's veth and tap links begin with."""
        return f"vb-{self.machine_prefix}", f"tp-{self.machine_prefix}"

    @property
    def cgroup_prefix(self) -> str:
        """What the names of this realm's control groups begin with."""
        return f"kijun-{self.machine_prefix}"

    def machine(self, name: str) -> str:
        """Return the machine name of target `name`: 12 characters, as `vb-` and it must fit 15."""
        return f"{self.machine_prefix}{_digest(name, 6)}"

    def tap(self, name: str) -> str:
        """Return the tap link of the virtual machine `name`."""
        return f"tp-{self.machine(name)}"

    def cgroup(self, name: str) -> str:
        """Return the control group that holds every process of target `name`."""
        return f"kijun-{self.machine(name)}"
