"""The settings pam_pwquality really uses: defaults, then drop-ins, then pwquality.conf, then PAM arguments.

    settings = read_settings({"/etc/security/pwquality.conf": b"minlen = 10\\n"}, ["minlen=14", "dcredit=1"])
    settings.shortest()  # 13: what passes with a digit in it

Two traps. The main file is read *after* its drop-ins, so it wins over them. And reading stops at the first
line that is not understood: what stands after it, in all files, counts for nothing (arguments still do).

Source: libpwquality 1.4.5, `src/settings.c`, `src/check.c`, `src/pam_pwquality.c`; seen on Debian 12 and 13.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

MAIN = "/etc/security/pwquality.conf"
DROP_INS = MAIN + ".d/"
_BLANK = " \t\n\v\f\r"
_LEAST = 6  # PWQ_BASE_MIN_LENGTH: a smaller minlen is raised to it
_LINE = 1023  # PWQSETTINGS_MAX_LINELEN
_INT_MAX = 2**31 - 1
_NUMBER = re.compile(rf"[{_BLANK}]*([+-]?[0-9]+)")
_FLAGS = ("enforce_for_root", "local_users_only")
_IGNORED = ("reject_username", "authtok_type", "use_authtok", "use_first_pass", "try_first_pass")


@dataclass(frozen=True, slots=True)
class Settings:
    """One set of settings, with libpwquality's own defaults."""

    difok: int = 1
    minlen: int = 8
    dcredit: int = 0
    ucredit: int = 0
    lcredit: int = 0
    ocredit: int = 0
    minclass: int = 0
    maxrepeat: int = 0
    maxclassrepeat: int = 0
    maxsequence: int = 0
    gecoscheck: int = 0
    dictcheck: int = 1
    usercheck: int = 1
    usersubstr: int = 0
    enforcing: int = 1
    retry: int = 1
    enforce_for_root: int = 0
    local_users_only: int = 0
    badwords: str = ""
    dictpath: str = ""
    unread: str = ""  # where and why reading the files stopped

    def shortest(self) -> int:
        """Return the length of the shortest password that passes.

        Each character of a kind with a positive credit takes one off `minlen`, up to that credit.
        """
        credits = [c for c in (self.dcredit, self.ucredit, self.lcredit, self.ocredit) if c > 0]
        return next(n for n in range(self.minlen + 1) if n + min(n, sum(credits)) >= self.minlen)


def read_settings(files: Mapping[str, bytes], arguments: Iterable[str] = ()) -> Settings:
    """Return what pam_pwquality uses with these configuration files (by path) and PAM arguments."""
    settings = Settings()
    drop_ins = sorted(filter(_is_drop_in, files), key=lambda path: path.encode("utf-8", "surrogateescape"))
    for path in [*drop_ins, *([MAIN] if MAIN in files else [])]:
        settings = _read_file(settings, path, files[path])
        if settings.unread:
            break
    for argument in arguments:
        settings = _argument(settings, argument)
    return settings


def _is_drop_in(path: str) -> bool:
    name = path.removeprefix(DROP_INS)
    return name != path and "/" not in name and name.find(".conf") == len(name) - len(".conf")


def _read_file(settings: Settings, path: str, content: bytes) -> Settings:
    for number, line in enumerate(content.decode("latin-1").split("\n"), 1):
        if len(line) > _LINE - 1 or "\0" in line:
            return replace(settings, unread=f"{path}:{number}: the line is too long or no text")
        body = line.partition("#")[0].strip(_BLANK)
        if not body:
            continue
        name = re.split(f"[{_BLANK}=]", body, maxsplit=1)[0]
        value = body[len(name) :].lstrip(_BLANK).removeprefix("=").lstrip(_BLANK)
        changed = _set(settings, name, value)
        if changed is None:
            return replace(settings, unread=f"{path}:{number}: '{body[:60]}' is not understood")
        settings = changed
    return settings


def _argument(settings: Settings, argument: str) -> Settings:
    if argument == "debug" or argument.startswith(("type=", "difignore=", *_IGNORED)):
        return settings
    name, _, value = argument.partition("=")
    return (_set(settings, name, value) if len(name) < 80 else None) or settings


def _set(settings: Settings, name: str, value: str) -> Settings | None:
    """Return the settings with one more, or None where libpwquality does not understand it."""
    name = name.lower()
    change: dict[str, Any] = {}
    if name in _FLAGS:
        change[name] = 1
    elif name in {"badwords", "dictpath"}:
        change[name] = value
    elif name in _NUMBERS and (number := _number(value)) is not None:
        change[name] = max(number, _LEAST) if name == "minlen" else number
    return replace(settings, **change) if change else None


def _number(text: str) -> int | None:
    """Return a number as strtol(3) and libpwquality take it; None for what they refuse."""
    match = _NUMBER.fullmatch(text)
    if not match or len(match[1]) > 15 or not -_INT_MAX - 1 < int(match[1]) < _INT_MAX:
        return None
    return int(match[1])


_NUMBERS = frozenset(f.name for f in fields(Settings)) - {*_FLAGS, "badwords", "dictpath", "unread"}
