"""Files that an access control list opens to others than their mode says (acl(5)).

The bits for the group in such a file's mode are only the most that a list may give, so a mode of 0640 says
nothing about who else reads. ls(1) marks the files that have a list; its names need not be exact for that.
"""

from __future__ import annotations

from collections.abc import Iterable

from kijun.model import CommandRead, CommandResult

UNREAD = "whether files have access control lists could not be read"


def access_list_read(name: str, patterns: Iterable[str]) -> CommandRead:
    """Return a read that finds access control lists of the files that match shell `patterns`."""
    return CommandRead(
        name,
        f"ls -ldL -- {' '.join(patterns)} 2>/dev/null | "
        "awk '$1 ~ /[+]$/ { print $NF } END { print NR, \"looked at\" }'",
    )


def with_access_lists(result: CommandResult) -> list[str] | None:
    """Return the paths that have a list; None where the host did not say."""
    *paths, last = result.text.splitlines() or [""]
    count, _, words = last.partition(" ")
    if words != "looked at" or not count.isdecimal() or count == "0":
        return None
    return paths
