"""Disposable targets: real, booted Debian hosts for the demo, for Molecule and for tests.

from kijun.targets import disposable, up, down

with disposable("web1", release="trixie") as target:
    target.run("systemctl is-system-running")
"""

from kijun.targets.errors import TargetError
from kijun.targets.lifecycle import disposable, up
from kijun.targets.listing import Listed, get, listed, running
from kijun.targets.removal import down, down_all
from kijun.targets.target import Target

__all__ = [
    "Listed",
    "Target",
    "TargetError",
    "disposable",
    "down",
    "down_all",
    "get",
    "listed",
    "running",
    "up",
]
