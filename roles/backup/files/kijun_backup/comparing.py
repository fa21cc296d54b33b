"""Whether what was restored is what the host has: content, kind, owner, mode, times, ACLs, attributes."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field

from kijun_backup.settings import BackupSet
from kijun_backup.sources import entries

SLACK = 2.0  # seconds between the clock of files and ours
_OURS_ALONE = ("security.selinux", "security.evm", "security.ima")  # made by the kernel for each file


@dataclass
class Comparison:
    """How many entries were alike, how many changed since and cannot tell, and what differs."""

    same: int = 0
    changed: int = 0
    different: list[str] = field(default_factory=list)

    def differs(self, path: str, what: str) -> None:
        """Note a difference."""
        if len(self.different) < 100:
            self.different.append(f"{path}: {what}")


def compare(one: BackupSet, restored: str, taken: float, root: str = "") -> Comparison:
    """Compare what was restored below the folder `restored` with the host's own files below `root`.

    `taken` is when the snapshot was begun: what changed on the host since then is counted, not compared.
    """
    found = Comparison()
    paths = [restored + path for path in one.paths]
    seen = {path for path in paths if os.path.lexists(path)}
    seen.update(entry.path for entry in entries(paths, []))
    for path in one.paths:
        if restored + path not in seen:
            found.differs(path, "was not restored")
    for path in sorted(seen):
        _one(found, path, root + path[len(restored) :], path[len(restored) :], taken)
    live = [root + path for path in one.paths]
    for entry in entries(live, [root + path for path in one.excludes]):
        name = entry.path[len(root) :]
        if restored + name in seen or _changed(entry.path, taken):
            continue
        if not stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode):
            found.differs(name, "is not in the backup")
    return found


def _changed(path: str, taken: float) -> bool:
    try:
        return os.lstat(path).st_ctime > taken - SLACK
    except FileNotFoundError:
        return True


def _one(found: Comparison, restored: str, live: str, name: str, taken: float) -> None:
    try:
        before = os.lstat(live)
    except FileNotFoundError:
        parent = os.path.dirname(live)
        if os.path.isdir(parent) and not _changed(parent, taken):
            found.differs(name, "is in the backup and not on the host")
        else:
            found.changed += 1
        return
    if before.st_ctime > taken - SLACK:
        found.changed += 1
        return
    what = difference(restored, live)
    if what and not _changed(live, taken):
        found.differs(name, what)
    else:
        found.same += 1


def difference(restored: str, live: str) -> str:
    """Return in what two files, folders or links differ; "" where they are alike."""
    one, other = os.lstat(restored), os.lstat(live)
    if stat.S_IFMT(one.st_mode) != stat.S_IFMT(other.st_mode):
        return "another kind of file"
    if (one.st_uid, one.st_gid) != (other.st_uid, other.st_gid):
        return f"owner {one.st_uid}:{one.st_gid} for {other.st_uid}:{other.st_gid}"
    if stat.S_IMODE(one.st_mode) != stat.S_IMODE(other.st_mode) and not stat.S_ISLNK(one.st_mode):
        return f"mode {stat.S_IMODE(one.st_mode):04o} for {stat.S_IMODE(other.st_mode):04o}"
    if attributes(restored) != attributes(live):
        return "other extended attributes or access control lists"
    return _other_content(restored, live, one, other)


def _other_content(restored: str, live: str, one: os.stat_result, other: os.stat_result) -> str:
    if stat.S_ISLNK(one.st_mode):
        return "" if os.readlink(restored) == os.readlink(live) else "another target of a link"
    if stat.S_ISCHR(one.st_mode) or stat.S_ISBLK(one.st_mode):
        return "" if one.st_rdev == other.st_rdev else "another device"
    if not stat.S_ISREG(one.st_mode):
        return ""
    if one.st_size != other.st_size or digest(restored) != digest(live):
        return "other content"
    return "" if int(one.st_mtime) == int(other.st_mtime) else "another time of modification"


def attributes(path: str) -> dict[str, bytes]:
    """Return the extended attributes, among them the access control lists, of a file or link."""
    names = os.listxattr(path, follow_symlinks=False)
    return {n: os.getxattr(path, n, follow_symlinks=False) for n in names if n not in _OURS_ALONE}


def digest(path: str) -> bytes:
    """Return the SHA-256 of a file's content."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1024 * 1024):
            found.update(block)
    return found.digest()
