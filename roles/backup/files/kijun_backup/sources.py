"""The files of a set on the host itself: are they there, and how many are they."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kijun_backup.settings import BackupError, BackupSet


@dataclass(frozen=True)
class Amount:
    """How many files, and their bytes."""

    files: int
    bytes: int

    def short_of(self, other: Amount, share: float) -> bool:
        """Whether this is less than `share` of the other, in files or in bytes."""
        return self.files < other.files * share or self.bytes < other.bytes * share


def entries(paths: list[str], excludes: list[str]) -> Iterator[os.DirEntry[str]]:
    """Yield everything below `paths` but what is excluded; what vanishes meanwhile is left out."""
    left_out = set(excludes)
    waiting = [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listing:
                found = [entry for entry in listing if entry.path not in left_out]
        except FileNotFoundError:
            continue
        yield from found
        waiting += [entry.path for entry in found if entry.is_dir(follow_symlinks=False)]


def holds_files(path: str, excludes: list[str]) -> bool:
    """Say whether `path` is a regular file, or a folder with one somewhere below it."""
    if os.path.islink(path):
        return False
    return os.path.isfile(path) or any(
        one.is_file(follow_symlinks=False) for one in entries([path], excludes)
    )


def amount(paths: list[str], excludes: list[str]) -> Amount:
    """Return how many regular files there are below `paths`; BackupError where a folder cannot be read."""
    files = size = 0
    try:
        for path in paths:
            if os.path.isfile(path) and not os.path.islink(path):
                files, size = files + 1, size + os.stat(path).st_size
        for entry in entries(paths, excludes):
            if entry.is_file(follow_symlinks=False):
                try:
                    size += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
                files += 1
    except OSError as bad:
        raise BackupError(f"{bad.filename} cannot be read ({bad.strerror})") from bad
    return Amount(files, size)


def mount_points(table: str) -> set[str]:
    """Return the mount points of a table in the format of fstab(5), but those of swap and noauto."""
    found = set()
    for line in table.splitlines():
        words = line.split()
        if len(words) < 4 or words[0].startswith("#") or not words[1].startswith("/"):
            continue
        if "noauto" not in words[3].split(",") and words[2] != "swap":
            found.add(os.path.normpath(_unescaped(words[1])))
    return found


def _unescaped(text: str) -> str:
    for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, letter)
    return text


def touching(paths: list[str], points: set[str]) -> list[str]:
    """Return the mount points that hold some of `paths` or lie below one, but the root."""
    return sorted(
        point
        for point in points
        if point != "/"
        and any(_within(path, point) or _within(point, path) for path in map(os.path.normpath, paths))
    )


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def mounted_now() -> set[str]:
    """Return what is mounted on the host: our own unit's view has mounts of its own."""
    return mount_points(Path("/proc/1/mounts").read_text(encoding="utf-8", errors="replace"))


def require_present(one: BackupSet, remembered: list[str]) -> list[str]:
    """Return the mount points that the set lies on; BackupError where a path or a disk is missing.

    `remembered` are those of its last good backup: a disk that fstab does not name is missed as well.
    """
    for path in one.paths:
        if not os.path.lexists(path):
            raise BackupError(f"{path} does not exist")
        if os.path.islink(path):
            raise BackupError(f"{path} is a symbolic link; name the folder that it leads to")
    try:
        wanted = mount_points(Path("/etc/fstab").read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        wanted = set()
    here = mounted_now()
    missing = [point for point in touching(one.paths, wanted | set(remembered)) if point not in here]
    if missing:
        raise BackupError(f"nothing is mounted at {missing[0]}")
    return touching(one.paths, here)
