"""What kijun notes on a host about its passwords, and /etc/shadow as far as that needs it.

Two small root-only files, one record a line, written only by Ansible modules and read by `kijun check`:

    /var/lib/kijun/password_policy      since 1795558000
                                        min_length 12
                                        older hanako j9T$LtsO7G9hMcKwJAcDqD71d0
    /var/lib/kijun/issued_accounts      hanako 1795558000 rounds=656000$t4zKc0x2

A password is recognised by its hash's parameters and salt (its "mark"): a new password always has a new salt,
and a salt says nothing about the password. No hash is copied.
"""

from __future__ import annotations

import os
from typing import Any

DIRECTORY = "/var/lib/kijun"
POLICY = DIRECTORY + "/password_policy"
ISSUED = DIRECTORY + "/issued_accounts"
SHADOW = "/etc/shadow"


def mark(field: str) -> str | None:
    """Return what identifies the password behind a hash field of /etc/shadow; None where no password works.

    `$id$params$salt$hash` gives `params$salt`, bcrypt's `$2b$cost$salthash` gives `cost$salt`, and DES
    its two characters of salt.
    """
    if not field or field[0] in "!*" or any(c.isspace() for c in field):
        return None
    if not field.startswith("$"):
        return field[:2]
    _, scheme, *rest = field.split("$")
    if scheme in {"2", "2a", "2b", "2x", "2y"}:  # bcrypt: cost, then salt and hash in one
        return "$".join([*rest[:-1], rest[-1][:22]]) if len(rest) > 1 else None
    return "$".join(rest[:-1]) or None


def parse_shadow(text: str) -> dict[str, list[str]]:
    """Return the fields of each account; of two lines with one name the first counts, as in getspnam(3)."""
    accounts: dict[str, list[str]] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 3 and fields[0]:
            accounts.setdefault(fields[0], fields)
    return accounts


def read(path: str) -> str:
    """Return a file's text, or "" where there is none."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="surrogateescape") as handle:
        return handle.read()


def write(module: Any, path: str, text: str) -> None:
    """Put `text` in place atomically, readable by root only."""
    if not os.path.isdir(DIRECTORY):
        os.mkdir(DIRECTORY, 0o700)
    # Made beside the file, so that the move is one rename.
    temporary = path + ".new"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    module.atomic_move(temporary, path)
    os.chmod(path, 0o600)
