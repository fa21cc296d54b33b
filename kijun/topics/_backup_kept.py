"""A host that keeps the backups of others: who stores them may add, and nothing else."""

from __future__ import annotations

import re

from kijun.topics._mail_said import Said, bad, beside, good, unsure
from kijun.topics._mail_view import listed

_KEYS = "/var/lib/kijun-backup/.ssh/authorized_keys"
_FORCED = re.compile(
    r'restrict,command="(?:exec )?/usr/bin/rclone --config /dev/null serve restic --stdio --append-only'
    r' (/srv/kijun-backup/[A-Za-z0-9][A-Za-z0-9._-]*)" [a-z0-9-]+ …(?: .*)?'
)


def kept(text: str) -> Said:
    """Judge what the read KEPT printed."""
    lines = text.splitlines()
    if lines == ["absent"]:
        return beside("no host stores its backups here.", "/srv/kijun-backup")
    if not lines or lines[-1] != "end":
        return unsure("what the account kijun-backup may do could not be read.", _KEYS)
    rest: dict[str, list[str]] = {}
    for line in lines[:-1]:
        kind, _, what = line.partition(" ")
        rest.setdefault(kind, []).append(what)
    if "account" not in rest or rest.get("password") != ["none"]:
        return bad("the account kijun-backup has a password, or does not exist", "/etc/passwd, /etc/shadow")
    return _keys(rest.get("key", []), rest.get("file", []))


def _keys(keys: list[str], files: list[str]) -> Said:
    folders = []
    for key in keys:
        found = _FORCED.fullmatch(key)
        if not found:
            return bad(f"a key may do more than append: {key[:120]}", _KEYS)
        folders.append(found[1])
    if doubled := sorted({folder for folder in folders if folders.count(folder) > 1}):
        return bad(f"several keys share {listed(doubled)}", _KEYS)
    return _files(files, folders)


def _files(lines: list[str], folders: list[str]) -> Said:
    for line in lines:
        words = line.split(" ", 2)
        if len(words) != 3 or not re.fullmatch(r"[0-7]{1,6}", words[0]):
            return unsure("a file of the account kijun-backup could not be read.", _KEYS)
        mode, owner, path = int(words[0], 8), words[1], words[2]
        own = path.startswith("/srv/kijun-backup/")
        if owner not in (("kijun-backup", "root") if own else ("root",)) or mode & (0o077 if own else 0o022):
            return bad(f"{path} has mode {mode:04o} and belongs to {owner}", path)
    return good(f"{len(folders)} keys, each bound to appending to a repository of its own", _KEYS)
