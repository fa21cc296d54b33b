"""pam_faillock's settings as the module itself reads them: faillock.conf first, then its arguments.

Source: Linux-PAM 1.5.2 `pam_faillock.c` and 1.7.0 `faillock_config.c` (read_config_file, set_conf_opt,
args_parse); faillock.conf(5). Two things there differ from the manual: `root_unlock_time` alone does not make
root lockable, and a number that is out of range is logged and the former value kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

CONF = "/etc/security/faillock.conf"
NEVER = 0  # unlock times: until an administrator unlocks
MAX_INTERVAL = 604_800  # MAX_TIME_INTERVAL, seven days
_MAX_LINE = 1022  # 1.5.2 refuses a file with a longer line; then every login fails
_ACTIONS = ("preauth", "authfail", "authsucc")
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_SPACES = " \t\n\v\f\r"


@dataclass
class FaillockSettings:
    """The settings in effect for one line that calls pam_faillock; times in seconds."""

    deny: int = 3
    fail_interval: int = 900
    unlock_time: int = 600
    own_root_unlock_time: int | None = None
    dir: str = "/var/run/faillock"
    admin_group: str = ""
    flags: set[str] = field(default_factory=set)  # even_deny_root, audit, silent, no_log_info, …
    ignored: list[str] = field(default_factory=list)  # what the module logs and does not use

    @property
    def root_unlock_time(self) -> int:
        """After how many seconds root may try again; that of the others where none is given."""
        return self.unlock_time if self.own_root_unlock_time is None else self.own_root_unlock_time


class UnusableError(ValueError):
    """The module refuses its configuration, so each line that calls it fails; the text says why."""


def faillock_settings(conf: bytes | None, args: Sequence[str] = ()) -> FaillockSettings:
    """Return the settings for a line with `args`, where faillock.conf has the content `conf` (None: no file).

    Raises UnusableError where the module would refuse to work, and where `conf=` names a file not at hand.
    """
    settings = FaillockSettings()
    if any(arg.startswith("conf=") for arg in args):
        raise UnusableError("conf= in the PAM line names another configuration file")
    for name, value in _pairs(conf or b""):
        _set(settings, name, value)
    for arg in args:
        if arg not in _ACTIONS:
            name, _, value = arg.partition("=")
            _set(settings, name, value)
    return settings


def action(args: Sequence[str]) -> str:
    """Return what a line with `args` does: preauth (which needs no word), authfail or authsucc."""
    named = [arg for arg in args if arg in _ACTIONS]
    return named[-1] if named else "preauth"


def _pairs(conf: bytes) -> list[tuple[str, str]]:
    pairs = []
    for number, raw in enumerate(conf.split(b"\n"), 1):
        if len(raw) > _MAX_LINE or b"\0" in raw:
            raise UnusableError(f"line {number} of {CONF} is longer than pam_faillock takes, or has a NUL")
        line = raw.decode("latin-1").partition("#")[0].strip(_SPACES)
        found = re.match(r"([^ \t\n\v\f\r=]*)[ \t\n\v\f\r]*=?[ \t\n\v\f\r]*(.*)", line, re.DOTALL)
        if line and found:
            pairs.append((found.group(1), found.group(2)))
    return pairs


def _set(settings: FaillockSettings, name: str, value: str) -> None:
    if name == "deny":
        number = _number(value, 16)
        settings.deny = settings.deny if number is None else number
    elif name == "fail_interval":
        number = _interval(value)
        settings.fail_interval = settings.fail_interval if number is None else number
    elif name == "unlock_time":
        number = NEVER if value == "never" else _interval(value)
        settings.unlock_time = settings.unlock_time if number is None else number
    elif name == "root_unlock_time":
        number = NEVER if value == "never" else _interval(value)
        settings.own_root_unlock_time = settings.own_root_unlock_time if number is None else number
    else:
        number = 0
        _set_word(settings, name, value)
    if number is None:
        settings.ignored.append(f"{name}={value}")


def _set_word(settings: FaillockSettings, name: str, value: str) -> None:
    if name == "dir" and value.startswith("/"):
        settings.dir = value
    elif name == "admin_group":
        settings.admin_group = value
    elif name in {"even_deny_root", "audit", "silent", "no_log_info", "local_users_only", "nodelay"}:
        settings.flags.add(name)
    else:
        settings.ignored.append(f"{name}={value}" if value else name)


def _number(value: str, bits: int) -> int | None:
    """As sscanf's %hu and %u read it: digits at the start, wrapped to `bits`."""
    found = _NUMBER.match(value)
    if found is None:
        return None
    digits = found.group(1)
    saturated = min(int(digits), 2**64 - 1) if len(digits) < 25 else 2**64 - 1
    return saturated % (1 << bits)


def _interval(value: str) -> int | None:
    number = _number(value, 32)
    return None if number is None or number > MAX_INTERVAL else number
