"""Throw-away users: made with a strong random password, and removed with everything they left."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from passlib.hash import sha512_crypt

MARK = "kijun-proof"  # in the GECOS field, so that a forgotten user is recognised and swept
STALE_AFTER = 2 * 3600  # seconds; no proof takes that long
_SYMBOLS = "-_.+@="
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SYMBOLS)


class Runner(Protocol):
    """The part of testinfra's host that is used here: commands run as root."""

    def run(self, command: str, *args: str) -> object:
        """Run one shell command and return its result."""

    def check_output(self, command: str, *args: str) -> str:
        """Run one shell command and return its output; AssertionError where it fails."""


class Secret(str):
    """A string that a failure message, a log or an assertion never shows."""

    _known: ClassVar[set[str]] = set()

    def __new__(cls, value: str) -> Self:
        """Remember `value`, so that `hide` finds it."""
        cls._known.add(value)
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return "'***'"

    @classmethod
    def hide(cls, text: str) -> str:
        """Return `text` with every secret of this process replaced by ***."""
        for value in sorted(cls._known, key=len, reverse=True):
            text = text.replace(value, "***")
        return text


@dataclass(frozen=True)
class ThrowawayUser:
    """A user that exists for one proof only."""

    name: str
    password: Secret
    home: str
    uid: int
    privileged: bool = False


def strong_password(length: int = 24) -> Secret:
    """Return a random password of `length` characters that any sane policy accepts.

    All four classes in turn, so no run of one class, no repetition, no keyboard or alphabet sequence.
    """
    chosen = "".join(secrets.choice(_CLASSES[i % len(_CLASSES)]) for i in range(length))
    return Secret(chosen)


def new_name() -> str:
    """Return a name for a throw-away user, so that it can be noted before the user exists."""
    return "kp" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))


def create(
    host: Runner, name: str, *, privileged: bool = False, length: int = 24, shell: str = "/bin/bash"
) -> ThrowawayUser:
    """Create the user `name` on `host` and return it; a `privileged` one is a member of the group sudo.

    Only a hash of the password travels: command lines can be read by every user of a host.
    AssertionError where the host refuses.
    """
    password = strong_password(length)
    groups = "-G sudo " if privileged else ""
    host.check_output(
        f"useradd -m -s %s {groups}-c %s -p %s %s",
        shell, f"{MARK} {int(time.time())}", sha512_crypt.hash(password), name,
    )  # fmt: skip
    uid = int(host.check_output("id -u %s", name))
    home = host.check_output("getent passwd %s", name).split(":")[5]
    return ThrowawayUser(name, password, home, uid, privileged)


# What a user can leave behind outside the home: processes, a crontab, lingering, sudo's time stamp and
# lecture mark, the tally of pam_faillock, the mail spool, old passwords, files in /tmp.
_REMOVE = r"""
user=$1
uid=$(id -u "$user" 2>/dev/null) || exit 0
[ "$uid" -ge 1000 ] || { echo "$user is not a throw-away user" >&2; exit 1; }
crontab -r -u "$user" 2>/dev/null
rm -f "/var/spool/cron/crontabs/$user" "/var/lib/systemd/linger/$user"
usermod -L -s /usr/sbin/nologin "$user" 2>/dev/null
command -v systemctl >/dev/null && systemctl stop "user@$uid.service" "user-$uid.slice" 2>/dev/null
for round in 1 2 3; do
    left=
    for proc in /proc/[0-9]*; do
        [ "$(stat -c %u "$proc" 2>/dev/null)" = "$uid" ] && { kill -9 "${proc#/proc/}" 2>/dev/null; left=1; }
    done
    [ -z "$left" ] && break
    sleep 0.2
done
command -v faillock >/dev/null && faillock --user "$user" --reset 2>/dev/null
rm -f "/run/faillock/$user" "/var/lib/faillock/$user" "/run/sudo/ts/$user" "/run/sudo/ts/$uid" \
    "/var/lib/sudo/lectured/$user" "/var/lib/sudo/lectured/$uid" "/var/mail/$user" "/var/spool/mail/$user"
old=/etc/security/opasswd
[ -f "$old" ] && grep -q "^$user:" "$old" && sed -i "/^$user:/d" "$old"
find /tmp /var/tmp -xdev -mindepth 1 -uid "$uid" -delete 2>/dev/null
userdel -r -f "$user" >/dev/null 2>&1
! getent passwd "$user" >/dev/null
"""

_SWEEP = r"""
getent passwd | awk -F: -v now="$(date +%s)" -v mark="$1" -v age="$2" \
    '{ n = split($5, g, /[ ,]/) } n >= 2 && g[1] == mark && now - g[2] > age { print $1 }'
"""


def remove(host: Runner, name: str) -> None:
    """Remove the throw-away user `name` and everything it left; AssertionError where it is still there."""
    host.check_output("sh -c %s kijun %s", _REMOVE, name)


def sweep(host: Runner, older_than: int = STALE_AFTER) -> list[str]:
    """Remove throw-away users that an interrupted session left on `host`; return their names."""
    listed = host.check_output("sh -c %s kijun %s %s", _SWEEP, MARK, str(older_than)).split()
    for name in listed:
        remove(host, name)
    return listed
