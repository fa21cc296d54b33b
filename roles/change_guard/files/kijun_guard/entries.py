"""What is at a path, as data: recorded, compared, and put back so that a reader sees the old or the new.

Content, mode, owner, and every extended attribute (so also access control lists and capabilities) of files,
folders and symbolic links; and that nothing was there. The time of change is not put back: what was put back
has changed.
"""

from __future__ import annotations

import base64
import errno
import glob
import hashlib
import os
import shutil
import stat
from typing import Any

Entry = dict[str, Any]
ABSENT: Entry = {"kind": "absent"}
LARGEST = 32 * 1024 * 1024  # bytes of one file; configuration is never so large


class GuardError(Exception):
    """Why the guard cannot do what it is asked to; its text is one sentence for the operator."""


def expand(patterns: list[str]) -> list[str]:
    """Return the paths that patterns mean: a path, a path with * or ?, or, ending in /, a whole tree."""
    found: set[str] = set()
    for pattern in patterns:
        name = pattern.rstrip("/")
        for path in glob.glob(name) if glob.has_magic(name) else [name]:
            found.add(path)
            real = os.path.realpath(path)
            if (
                os.path.islink(path)
                and os.path.isfile(real)
                and not real.startswith(("/dev/", "/usr/", "/proc/"))
            ):
                found.add(real)  # what is written through the link
            if pattern.endswith("/") and os.path.isdir(path) and not os.path.islink(path):
                for folder, folders, files in os.walk(path):
                    found.update(os.path.join(folder, one) for one in folders + files)
    return sorted(found)


def record(path: str, *, content: bool = True) -> Entry:
    """Return what is at `path`; with `content=False` a file without what is in it."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return dict(ABSENT)
    entry: Entry = {"uid": found.st_uid, "gid": found.st_gid}
    if stat.S_ISLNK(found.st_mode):
        return {"kind": "link", "target": os.readlink(path), **entry}
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        return {"kind": "other"}  # a socket, a pipe: made by what runs, and left to it
    entry.update(mode=stat.S_IMODE(found.st_mode), attributes=_attributes(path))
    if stat.S_ISDIR(found.st_mode):
        return {"kind": "folder", **entry}
    if content:
        if found.st_size > LARGEST:
            raise GuardError(f"{path} has {found.st_size} bytes, too many to be kept in a snapshot")
        with open(path, "rb") as handle:
            entry["content"] = base64.b64encode(handle.read()).decode("ascii")
    return {"kind": "file", **entry}


def differs(path: str, entry: Entry) -> bool:
    """Say whether what is at `path` is not `entry`; an entry without content says nothing of it."""
    return bool(record(path, content="content" in entry) != entry)


def is_as_shipped(path: str, sums: dict[str, str]) -> bool:
    """Say whether a file is one that a package brought, as it brought it: MD5 is what dpkg keeps."""
    if path not in sums or not os.path.isfile(path):
        return False
    with open(path, "rb") as handle:
        return hashlib.md5(handle.read()).hexdigest() == sums[path]  # noqa: S324 - no secret rests on it


def put_back(path: str, entry: Entry) -> None:
    """Make `path` what `entry` says; may be repeated, and may be killed at any moment."""
    kind, now = entry["kind"], record(path, content="content" in entry)
    if kind == "other" or now["kind"] == "other" or now == entry:
        return
    if now["kind"] != "absent" and (kind == "absent" or (now["kind"] == "folder") != (kind == "folder")):
        _remove(path)
    if kind == "link":
        beside = _beside(path)
        os.symlink(entry["target"], beside)
        os.lchown(beside, entry["uid"], entry["gid"])
        os.rename(beside, path)
    elif kind == "folder":
        os.makedirs(path, mode=0o700, exist_ok=True)
        _dress(path, entry)
    elif kind == "file" and "content" in entry and now.get("content") != entry["content"]:
        _write(path, entry)
    elif kind == "file" and os.path.exists(path):
        _dress(path, entry)
    sync_folder(os.path.dirname(path))


def replace(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write a file of our own: beside, to the disk, and over the old one."""
    _write(path, {"content": base64.b64encode(content).decode("ascii"), "uid": 0, "gid": 0, "mode": mode})
    sync_folder(os.path.dirname(path))


def sync_folder(path: str) -> None:
    """Have the names in a folder on the disk; one that is gone needs no more."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: str, entry: Entry) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    beside = _beside(path)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64decode(entry["content"]))
        _dress(beside, entry)
        file.flush()
        os.fsync(file.fileno())
    os.rename(beside, path)


def _beside(path: str) -> str:
    """Return a name in the same folder, free: a killed run's is removed. No daemon reads a name like it."""
    beside = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.kijun-guard")
    if os.path.lexists(beside):
        os.unlink(beside)
    return beside


def _dress(path: str, entry: Entry) -> None:
    """Give owner, attributes and mode, in this order: a change of owner takes set-user-ID away."""
    found = os.lstat(path)
    if (found.st_uid, found.st_gid) != (entry["uid"], entry["gid"]):
        os.chown(path, entry["uid"], entry["gid"], follow_symlinks=False)
    wanted, now = entry.get("attributes", {}), _attributes(path)
    for name in now:
        if name not in wanted:
            os.removexattr(path, name, follow_symlinks=False)
    for name, value in wanted.items():
        if now.get(name) != value:
            os.setxattr(path, name, base64.b64decode(value), follow_symlinks=False)
    os.chmod(path, entry["mode"])


def _attributes(path: str) -> dict[str, str]:
    """Return the extended attributes; none where the file system has none."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {
            name: base64.b64encode(os.getxattr(path, name, follow_symlinks=False)).decode("ascii")
            for name in sorted(names)
        }
    except OSError as problem:
        if problem.errno in (errno.ENOTSUP, errno.ENODATA):
            return {}
        raise


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)
