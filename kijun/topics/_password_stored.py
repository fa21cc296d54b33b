"""The controls of password_policy on what is stored: hashes, their files, and passwords nothing has checked.

The length of a password cannot be read from its hash. So a password counts as checked when it was set after
the policy began to be enforced, with the hash that the stacks write. What stays possible: root stores a hash
of that same kind (`usermod -p` with one made elsewhere).
"""

from __future__ import annotations

from collections.abc import Callable

from kijun.parsers.shadow import Account, weakness
from kijun.topics._access_lists import UNREAD, with_access_lists
from kijun.topics._password_view import (
    ACCOUNTS,
    LISTS,
    READERS,
    STORES,
    Said,
    View,
    day,
    grouped,
    named,
    said,
)


def _unread(seen: View) -> list[str]:
    whole = seen.accounts.complete and seen.commands[ACCOUNTS.name].rc == 0
    return [] if whole else ["/etc/passwd and /etc/shadow could not be read whole"]


def _hash_strength(seen: View) -> Said:
    written, held = [], []
    for service, way in seen.all_ways():
        scheme, rounds = way.scheme(seen.login_defs), way.rounds()
        cost = f"rounds={rounds}" if scheme == "6" and rounds is not None else None
        if weak := weakness(scheme, cost):
            written.append((service, f"new passwords are stored as {weak}"))
    for account in seen.accounts.accounts:
        if account.scheme != "empty" and (weak := weakness(account.scheme, account.cost)):
            held.append((account.name, weak))
    return said(
        grouped(written) + grouped(held),
        "yescrypt, scrypt, SHA-512 or bcrypt, of a sufficient cost",
        f"{len(seen.accounts.accounts)} passwords, all strongly hashed",
        f"/etc/shadow ({ACCOUNTS.name})",
        _unread(seen),
    )


def _no_empty_password(seen: View) -> Said:
    empty = [account for account in seen.accounts.accounts if account.scheme == "empty"]
    wrong = [f"{named(empty)}: no password in /etc/shadow"] if empty else []
    wrong += [f"{name}: no password in /etc/passwd" for name, what in seen.accounts.plain if what == "empty"]
    return said(
        wrong,
        "no account can be entered without a password",
        "none can",
        f"/etc/passwd, /etc/shadow ({ACCOUNTS.name})",
        _unread(seen),
    )


def _credential_files(seen: View) -> Said:
    result = seen.commands[STORES.name]
    lines = [line.split(" ", 3) for line in result.text.splitlines()]
    unclear = [] if result.rc == 0 and all(len(line) == 4 for line in lines) else ["modes could not be read"]
    paths = [line[-1] for line in lines]
    wrong = [f"{path} is missing" for path in ("/etc/passwd", "/etc/shadow") if path not in paths]
    for mode, owner, group, path in (line for line in lines if len(line) == 4):
        if fault := _fault(path, mode, owner, group):
            wrong.append(f"{path}: {fault}")
    opened = with_access_lists(seen.commands[LISTS.name])
    unclear += [UNREAD] if opened is None else []
    wrong += [f"{path}: an access control list lets others in" for path in opened or ()]
    said_of_group, _, members = seen.commands[READERS.name].text.partition(" ")
    unclear += [] if said_of_group == "members" else ["who is in group shadow could not be read"]
    wrong += [f"{name} is in group shadow" for name in members.strip().split(",") if name]
    wrong += [
        f"{name}: a password hash in /etc/passwd, which everybody may read"
        for name, what in seen.accounts.plain
        if what == "hash"
    ]
    return said(
        wrong if not unclear else [],
        "password hashes are readable by root and group shadow only, and only root may write them",
        f"{len(lines)} files, all protected",
        STORES.name,
        unclear + _unread(seen),
    )


def _fault(path: str, mode: str, owner: str, group: str) -> str:
    """Return what is wrong with the protection of one file, "" where nothing is."""
    if not mode.isdecimal() or set(mode) & set("89"):
        return f"mode {mode[:8]}"
    bits = int(mode, 8)
    public = path.startswith("/etc/passwd")
    if owner != "0":
        return f"owned by user {owner}"
    if bits & (0o022 if public else 0o037):
        return f"mode {mode}"
    if not public and group not in {"root", "shadow"} and bits & 0o040:
        return f"readable by group {group}"
    return ""


def _predates_enforcement(seen: View) -> Said:
    real = [account for account in seen.accounts.accounts if account.scheme != "empty"]
    settled = [account for account in real if not account.must_change and account.issued_at is None]
    since = seen.since_day
    older = [a for a in settled if since is None or _is_older(a, since)]
    around = [a for a in settled if a not in older and seen.schemes() and a.scheme not in seen.schemes()]
    wrong = []
    if older:
        began = "never was" if since is None else f"is since {day(since)}"
        wrong.append(
            f"{named(older)}: set before the policy was enforced (it {began});"
            f" 'chage -d 0 NAME' has a new one chosen at the next login"
        )
    if around:
        wrong.append(f"{named(around)}: set around PAM, so nothing has checked it (usermod -p, chpasswd -e)")
    return said(
        wrong,
        "every password was set under the policy, or is to be changed at the next login",
        f"{len(settled)} passwords set under the policy, {len(real) - len(settled)} to be changed",
        f"/etc/shadow ({ACCOUNTS.name})",
        _unread(seen),
    )


def _is_older(account: Account, since: int) -> bool:
    return account.older or account.last_change is None or account.last_change < since


def _changeable(seen: View) -> Said:
    held = [account for account in seen.accounts.accounts if account.min_age > 0]
    wrong = [f"{a.name}: must wait {a.min_age} days before changing it again" for a in held]
    least = seen.login_defs.get("PASS_MIN_DAYS", "0")
    if least not in {"0", "-1", ""}:
        wrong.append(f"new accounts must wait {least[:12]} days (PASS_MIN_DAYS in /etc/login.defs)")
    if "passwd" not in seen.too_many:
        wrong += [
            f"{who.label} cannot change a password (the stack of passwd)"
            for who, ways in seen.ways.get("passwd", {}).items()
            if not ways
        ]
    return said(
        wrong,
        "a password that may have leaked can be changed at once",
        "nobody has to wait",
        f"/etc/shadow ({ACCOUNTS.name}), /etc/login.defs",
        _unread(seen),
    )


STORED_CONTROLS: dict[str, Callable[[View], Said]] = {
    "hash_strength": _hash_strength,
    "no_empty_password": _no_empty_password,
    "credential_files": _credential_files,
    "predates_enforcement": _predates_enforcement,
    "changeable": _changeable,
}
