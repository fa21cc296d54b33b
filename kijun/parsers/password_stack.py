"""What a new password must pass before a PAM stack stores it, found by walking the stack as libpam would.

    pam = PamConfig(files)
    ways = stored(pam, "passwd", Person(), {"/etc/security/pwquality.conf": b"..."})
    min(way.shortest for way in ways)     # 0 where one way checks nothing

pam_chauthtok walks a stack twice: first every module says whether it could, then it does. Every way is
followed with pam_pwquality both content and refusing, and what counts is whose password pam_unix has in its
hands when it is called; what PAM then tells the program comes too late.

Source: Linux-PAM 1.5.2 and 1.7.0, `libpam/pam_password.c`, `libpam/pam_dispatch.c` (the second walk is not
bound to the first one's way, unlike pam_setcred's) and `modules/pam_unix/pam_unix_passwd.c`; seen on Debian
12 and 13.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kijun.parsers.pam import Handler, PamConfig, Walk
from kijun.parsers.pwquality import Settings, read_settings

SETTER = "pam_unix.so"
CHECKER = "pam_pwquality.so"
_ASKERS = ("pam_cracklib.so", "pam_passwdqc.so", "pam_pwhistory.so")  # may ask for a password of their own
_HASHES = {
    "yescrypt": "y", "gost_yescrypt": "gy", "blowfish": "2b", "sha512": "6", "sha256": "5", "md5": "1",
    "bigcrypt": "des", "des": "des",
}  # fmt: skip
_EITHER = ("success", "auth_err")


@dataclass(frozen=True, slots=True)
class Person:
    """Whose password is changed: an ordinary user, root, or a member of one privileged group."""

    root: bool = False
    group: str = ""
    privileged_groups: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def privileged(self) -> bool:
        """Whether the greater length is theirs."""
        return self.root or bool(self.group)

    @property
    def label(self) -> str:
        """How messages call them."""
        return "root" if self.root else f"members of {self.group}" if self.group else "ordinary users"

    def succeed_if(self, arguments: Sequence[str]) -> str | Sequence[str]:
        """Return what pam_succeed_if answers for them; both answers where that is not known."""
        words = [a for a in arguments if a not in {"debug", "audit", "quiet", "quiet_fail", "quiet_success"}]
        if "use_uid" in words or not words or len(words) % 3:
            return _EITHER
        known = [self._holds(*words[i : i + 3]) for i in range(0, len(words), 3)]
        if False in known:
            return "auth_err"
        return _EITHER if None in known else "success"

    def _holds(self, attribute: str, operator: str, value: str) -> bool | None:
        if attribute == "uid" and operator in {"eq", "ne"} and value == "0":
            return self.root == (operator == "eq")
        if attribute == "user" and operator in {"ingroup", "notingroup"}:
            groups = value.split(":")
            if self.group in groups:  # an ordinary user has no group: "" is not in the list
                return operator == "ingroup"
            if not self.root and not self.group and set(groups) <= set(self.privileged_groups):
                return operator == "notingroup"
        return None


@dataclass(frozen=True, slots=True)
class Way:
    """One way a new password is stored."""

    checks: Settings | None  # None: nothing checks it
    setter: tuple[str, ...]  # the arguments of the pam_unix that stores it
    where: str  # the line that decides
    why: str = ""  # where nothing checks it
    asks_again: bool = False  # where pam_unix is not content, it asks for another one and stores that

    @property
    def shortest(self) -> int:
        """The length of the shortest password that is stored; 0 where nothing checks it."""
        return self.checks.shortest() if self.checks else 0

    def scheme(self, login_defs: Mapping[str, str]) -> str:
        """Return the id of the hash pam_unix writes: its last such argument, else ENCRYPT_METHOD, DES."""
        named = [_HASHES[a.lower()] for a in self.setter if a.lower() in _HASHES]
        return named[-1] if named else _HASHES.get(login_defs.get("ENCRYPT_METHOD", "").lower(), "des")

    def rounds(self) -> int | None:
        """Return the `rounds=` of the line; None where it has none."""
        given = [a.partition("=")[2] for a in self.setter if a.startswith("rounds=")]
        return int(given[-1]) if given and given[-1].isdecimal() and len(given[-1]) < 12 else None


def stored(pam: PamConfig, service: str, who: Person, files: Mapping[str, bytes]) -> list[Way] | None:
    """Return every way `service` stores a new password of `who`; `files` are pwquality's configuration.

    None where the stack has more ways than can be followed.
    """
    first = pam.walk(service, "password", lambda h: _first_pass(h, who))
    if not any(walk.granted for walk in first):
        return [] if first else None
    second = pam.walk(service, "password", lambda h: _second_pass(h, who))
    ways: list[Way] = []
    for walk in second:
        ways.extend(way for way in _stores(walk, files) if way not in ways)
    return ways if second else None


def _first_pass(handler: Handler, who: Person) -> str | Sequence[str]:
    if handler.module in {SETTER, CHECKER, "pam_permit.so", *_ASKERS}:
        return "success"
    return _other(handler, who)


def _second_pass(handler: Handler, who: Person) -> str | Sequence[str]:
    if handler.module in {CHECKER, *_ASKERS}:
        return ("success", "maxtries")
    if handler.module in {SETTER, "pam_permit.so"}:
        return "success"
    return _other(handler, who)


def _other(handler: Handler, who: Person) -> str | Sequence[str]:
    if handler.module == "pam_deny.so":
        return "authtok_err"
    if handler.module == "pam_succeed_if.so":
        return who.succeed_if(handler.args)
    return ("success", "ignore", "authtok_err")


@dataclass(frozen=True, slots=True)
class _Token:
    """The new password as modules hand it on, and what checked it last."""

    checks: Settings | None
    where: str
    why: str = ""


def _stores(walk: Walk, files: Mapping[str, bytes]) -> Iterator[Way]:
    token: _Token | None = None
    for handler, code in ((step.handler, step.code) for step in walk.steps):
        bound = "use_authtok" in handler.args
        if handler.module == CHECKER:
            token = _checked(handler, files, token) if code == "success" else None
        elif handler.module in _ASKERS and not bound:
            token = _Token(None, handler.where, f"{handler.module} takes a password of its own")
        elif handler.module == SETTER and token:
            yield Way(token.checks, handler.args, token.where, token.why, asks_again=not bound)
        elif handler.module == SETTER and not bound:
            yield Way(None, handler.args, handler.where, "pam_unix.so asks for a password and checks nothing")


def _checked(handler: Handler, files: Mapping[str, bytes], token: _Token | None) -> _Token:
    """Return the password after pam_pwquality is content with it.

    A second pam_pwquality that refuses asks again, so what it lets pass was checked by it alone; bound by
    `use_authtok` it cannot, and then the stricter length of both holds.
    """
    if "/" in handler.module_path and not handler.module_path.startswith(("/lib/", "/usr/lib/")):
        return _Token(None, handler.where, f"{handler.module_path} is not Debian's module")
    settings = read_settings(files, handler.args)
    if not settings.enforcing:
        return _Token(None, handler.where, "pam_pwquality.so only warns (enforcing=0)")
    before = token.checks if token else None
    if "use_authtok" in handler.args and before and before.shortest() > settings.shortest():
        settings = before
    return _Token(settings, handler.where)


def forces_change(pam: PamConfig, service: str) -> bool:
    """Whether `service` makes an account change its password that must (pam_acct_mgmt: NEW_AUTHTOK_REQD)."""
    answers = {"pam_unix.so": "new_authtok_reqd", "pam_deny.so": "acct_expired", "pam_permit.so": "success"}
    walks = pam.walk(service, "account", lambda h: answers.get(h.module, ("success", "ignore")))
    return bool(walks) and not any(walk.granted for walk in walks)
