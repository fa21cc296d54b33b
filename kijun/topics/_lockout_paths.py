"""What happens to wrong, right and locked logins in each service, found by walking its PAM stack.

Three situations are walked, each with every result that the modules in the way could give: a wrong password
must end in a refusal that pam_faillock counted; a locked account must be refused even with the right one; a
right password must get in and clear the count. Nothing else may clear it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kijun.parsers.faillock import action
from kijun.parsers.pam import Handler, PamConfig, Walk

FAILLOCK = "pam_faillock.so"
LOGIN_SERVICES = frozenset({"sshd", "login", "su", "su-l", "sudo", "sudo-i"})


def _modules(names: str) -> frozenset[str]:
    return frozenset(f"pam_{name}.so" for name in names.split())


# Modules that check a password.
_PASSWORD = _modules(
    "unix sss ldap krb5 winbind pwdfile userdb mysql pgsql sqlite radius_auth tacplus systemd_home extrausers"
    " ccreds smbpass pwdb"
)
# Modules that check something else than a password of the host: they neither count nor need to.
_OTHER_FACTOR = _modules("fprintd u2f google_authenticator yubico oath pkcs11 p11 ssh_agent_auth howdy poldi")
# Modules that let pass or turn away by circumstances: who, where, when.
_GATE = _modules(
    "nologin shells securetty succeed_if access time wheel listfile localuser usertype sepermit ftp rhosts"
    " timestamp filter lastlog lastlog2"
)
# Modules that only prepare something, and succeed.
_NEUTRAL = _modules(
    "env faildelay group permit echo warn cap keyinit gnome_keyring kwallet kwallet5 selinux umask motd mail"
    " loginuid limits systemd mkhomedir tty_audit issue xauth namespace setquota ecryptfs mount"
)
_SURE_SUCCESS = frozenset({"pam_permit.so"})


@dataclass
class PathReport:
    """What was found out about one service; each list has places or phrases, empty where all is well."""

    service: str
    asks_password: bool = False
    uncounted: list[str] = field(default_factory=list)  # a wrong password is refused and not counted
    wrong_gets_in: list[str] = field(default_factory=list)  # a wrong password, or none, is let in
    locked_gets_in: list[str] = field(
        default_factory=list
    )  # a locked account is let in with the right password
    right_refused: list[str] = field(
        default_factory=list
    )  # the right password of an account that is not locked
    not_cleared: list[str] = field(default_factory=list)  # a right password leaves the count as it is
    cleared_without: list[str] = field(default_factory=list)  # the count is cleared without a right password
    undecided: list[str] = field(default_factory=list)  # depends on a module that kijun does not know


def examine(pam: PamConfig, service: str, installed: frozenset[str]) -> PathReport:
    """Walk the auth phase of `service` in all situations; `installed` are the PAM modules the host has."""
    report = PathReport(service)
    stack = pam.stack(service, "auth")
    if stack is None:
        report.right_refused.append("libpam cannot load the configuration")
        return report
    report.asks_password = any(h.module in _PASSWORD for h in stack)
    report.right_refused += [
        f"{h.where} is a line that libpam cannot use" for h in stack if h.kind == "broken"
    ]
    if report.asks_password or service in LOGIN_SERVICES:
        _wrong(report, _walks(pam, service, report, _outcomes(installed, password=False, locked=False)))
        _locked(report, _walks(pam, service, report, _outcomes(installed, password=True, locked=True)))
        counts = any(h.module == FAILLOCK and action(h.args) == "authfail" for h in stack)
        _right(
            report,
            _walks(pam, service, report, _outcomes(installed, password=True, locked=False)),
            counts=counts,
        )
    return report


def resets_outside_auth(pam: PamConfig, services: Iterable[str]) -> list[str]:
    """Return where pam_faillock is called outside the auth phase: there it clears anybody's count."""
    found = {
        handler.where
        for service in services
        for phase in ("account", "password", "session")
        for handler in pam.stack(service, phase) or ()
        if handler.module == FAILLOCK
    }
    return sorted(found)


def faillock_lines(pam: PamConfig, services: Iterable[str]) -> list[Handler]:
    """Return every line of an auth stack that calls pam_faillock, each once."""
    lines = {h.where: h for s in services for h in pam.stack(s, "auth") or () if h.module == FAILLOCK}
    return [lines[where] for where in sorted(lines)]


def _walks(
    pam: PamConfig, service: str, report: PathReport, outcomes: Callable[[Handler], str | tuple[str, ...]]
) -> list[Walk]:
    walks = pam.walk(service, "auth", outcomes)
    if not walks:
        report.undecided.append("the stack branches too often to be followed")
    return walks


def _outcomes(
    installed: frozenset[str], *, password: bool, locked: bool
) -> Callable[[Handler], str | tuple[str, ...]]:
    """Return what each module can answer, for an ordinary user whose password is right or not."""

    def answer(handler: Handler) -> str | tuple[str, ...]:
        name = handler.module
        if name not in installed and "/" not in handler.module_path:
            return "module_unknown"
        if name == FAILLOCK:
            return _faillock_answer(handler, locked=locked)
        if name in _PASSWORD:
            elsewhere = () if name == "pam_unix.so" else ("user_unknown", "authinfo_unavail")
            return ("success" if password else "auth_err", *elsewhere)
        if name in {"pam_deny.so", "pam_rootok.so"}:
            return "auth_err"
        if name in _NEUTRAL:
            return "success"
        return ("success", "auth_err") if name in _GATE else ("success", "auth_err", "ignore")

    return answer


def _faillock_answer(handler: Handler, *, locked: bool) -> str:
    if locked:
        return "auth_err"
    return "ignore" if action(handler.args) == "authfail" else "success"


def _did(walk: Walk, what: str) -> bool:
    return any(action(step.handler.args) == what for step in walk.called(FAILLOCK))


def _strangers(walk: Walk, *codes: str) -> list[str]:
    """Return modules on the way that kijun does not know and that gave one of `codes`."""
    known = _PASSWORD | _OTHER_FACTOR | _GATE | _NEUTRAL | {FAILLOCK, "pam_deny.so", "pam_rootok.so"}
    return [
        f"{step.handler.where} calls {step.handler.module}, which kijun does not know"
        for step in walk.steps
        if step.handler.kind == "module" and step.handler.module not in known and step.code in codes
    ]


def _other_factor(walk: Walk) -> bool:
    return any(step.handler.module in _OTHER_FACTOR and step.code == "success" for step in walk.steps)


def _refused_password(walk: Walk) -> Handler | None:
    for step in walk.steps:
        if step.handler.module in _PASSWORD and step.code != "success":
            return step.handler
    return None


def _last(walk: Walk) -> str:
    real = [step.handler for step in walk.steps if step.handler.module not in _SURE_SUCCESS] or [
        step.handler for step in walk.steps
    ]
    return real[-1].where if real else "an empty stack"


def _add(notes: list[str], *new: str) -> None:
    notes.extend(note for note in dict.fromkeys(new) if note not in notes)


def _wrong(report: PathReport, walks: list[Walk]) -> None:
    for walk in walks:
        strangers, refused_by = _strangers(walk, "success"), _refused_password(walk)
        if walk.granted:
            if strangers:
                _add(report.undecided, *strangers)
            elif not _other_factor(walk):
                _add(report.wrong_gets_in, _last(walk))
        elif not _did(walk, "authfail"):
            if refused_by:
                _add(report.uncounted, refused_by.where)
            else:
                _add(report.undecided, *_strangers(walk, "auth_err"))
        if _did(walk, "authsucc") and not strangers and not _other_factor(walk):
            _add(report.cleared_without, _where(walk, "authsucc"))


def _locked(report: PathReport, walks: list[Walk]) -> None:
    for walk in walks:
        if walk.granted and not _other_factor(walk):
            strangers = _strangers(walk, "success")
            checked = any(s.handler.module in _PASSWORD and s.code == "success" for s in walk.steps)
            if strangers and not checked:
                _add(report.undecided, *strangers)
            else:
                _add(report.locked_gets_in, _last(walk))


def _right(report: PathReport, walks: list[Walk], *, counts: bool) -> None:
    granted = [walk for walk in walks if walk.granted]
    if walks and not granted and report.service in LOGIN_SERVICES:
        jumps = any(walk.bad_jump for walk in walks)
        _add(
            report.right_refused, "a jump leaves the stack" if jumps else "no way through the stack succeeds"
        )
    for walk in granted:
        if counts and not _did(walk, "authsucc") and not _other_factor(walk):
            _add(report.not_cleared, _last(walk))
    if granted and any(walk.bad_jump for walk in walks):
        _add(report.right_refused, "a jump leaves the stack")


def _where(walk: Walk, what: str) -> str:
    return next(s.handler.where for s in walk.called(FAILLOCK) if action(s.handler.args) == what)
