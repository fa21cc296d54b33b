"""Filters on the control node: a random temporary password, and a hash of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from passlib.hash import sha512_crypt

# Nothing that is misread on paper or over the telephone: no 0 and O, no 1, I and l.
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUP = 5


def temporary_password(length: int) -> str:
    """Return a random password of at least `length` characters, in groups of five for the typist."""
    groups = max(4, -(-(int(length) + 1) // (_GROUP + 1)))
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(groups))


def password_hash_for_shadow(password: str) -> str:
    """Return a SHA-512 hash with a new salt, as crypt(5) has it."""
    if not password:
        raise AnsibleFilterError("there is no password to hash")
    return str(sha512_crypt.hash(password))


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters by name."""
        return {
            "kijun_temporary_password": temporary_password,
            "kijun_shadow_hash": password_hash_for_shadow,
        }
