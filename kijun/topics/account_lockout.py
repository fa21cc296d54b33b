"""Account lockout (clause S-10.2.7.b): repeated wrong passwords lock an account, whatever way they come in.

What counts is what PAM would do, so the stacks are walked (`_lockout_paths`) and pam_faillock's settings are
taken as the module itself takes them (`kijun.parsers.faillock`). Logins by SSH key ask for no password and
are no part of this. What stays possible: a process of the user can try that user's own password through
unix_chkpwd(8) or passwd(1), which pam_faillock does not see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kijun.model import (
    FileEntry,
    HostState,
    Params,
    Status,
    Topic,
    UnreadError,
    Verdict,
)
from kijun.parsers.faillock import CONF, NEVER, FaillockSettings, UnusableError, faillock_settings
from kijun.parsers.pam import Handler, PamConfig
from kijun.topics._access_lists import UNREAD, with_access_lists
from kijun.topics._lockout_paths import (
    LOGIN_SERVICES,
    PathReport,
    examine,
    faillock_lines,
    resets_outside_auth,
)
from kijun.topics._lockout_reads import (
    GENUINE,
    LISTS,
    MODULES,
    PAM_FILES,
    PROTECTED,
    READS,
    SSHD,
    SSHD_FILES,
    SSHD_SINCE,
    TALLY,
    TALLY_DIR,
)
from kijun.topics._lockout_resets import clears, given_to_everybody, run_by_pam

# As stat(1) names them; overlayfs is what containers and live systems keep their changes in.
_LASTING = frozenset(("ext2/ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "overlayfs"))
_VOLATILE = frozenset(("tmpfs", "ramfs"))
_SHIPPED = ("pam_deny.so", "pam_faillock.so", "pam_permit.so", "pam_unix.so")


@dataclass(frozen=True)
class _Facts:
    """What all controls are judged from."""

    state: HostState
    params: Params
    reports: tuple[PathReport, ...]
    resets: tuple[str, ...]
    lines: tuple[Handler, ...]
    programs: tuple[Handler, ...]
    settings: tuple[FaillockSettings, ...]
    unusable: str  # why pam_faillock refuses its configuration, or empty

    def number(self, name: str) -> int:
        value = self.params[f"account_lockout_{name}"]
        if not isinstance(value, int):
            raise TypeError(f"account_lockout_{name} is not a number")
        return value


def _facts(state: HostState, params: Params) -> _Facts:
    folders = ("/etc/pam.d/", "/usr/lib/pam.d/", "/etc/pam.conf")
    for path, why in state.unread.items():
        if path.startswith(folders):
            raise UnreadError(f"{path}: {why}")
    files = [entry for pattern in PAM_FILES for entry in state.glob(pattern) if entry.kind == "file"]
    pam = PamConfig({entry.path: entry.content for entry in files})
    services = [*dict.fromkeys([*pam.services(), "other", *_pam_service(state)])]
    installed = frozenset(state.command(MODULES.name).text.split())
    lines = faillock_lines(pam, services)
    conf = state.file(CONF)
    settings, unusable = [], ""
    for line in lines:
        try:
            settings.append(faillock_settings(conf.content if conf else None, line.args))
        except UnusableError as why:
            unusable = f"{line.where}: {why}"
    reports = tuple(examine(pam, service, installed) for service in services)
    resets = tuple(resets_outside_auth(pam, services))
    programs = tuple(run_by_pam(pam, services))
    return _Facts(state, params, reports, resets, tuple(lines), programs, tuple(settings), unusable)


def _pam_service(state: HostState) -> list[str]:
    """Return the PAM service name that sshd uses, where it says one (OpenSSH 10, PAMServiceName)."""
    words = state.command(SSHD.name).text.split()
    return [words[words.index("pamservicename") + 1]] if "pamservicename" in words[:-1] else []


def judge(state: HostState, params: Params) -> Iterator[Verdict]:
    """Yield one verdict for each control of account_lockout."""
    facts = _facts(state, params)
    for control in (
        _threshold, _window, _lock_time, _root, _every_path, _not_resettable, _tally_protected, _stack_sound,
        _module_genuine, _configuration_protected, _logged, _in_force,
    ):  # fmt: skip
        yield control(facts)


def _verdict(name: str, passed: bool, expected: str, actual: str, source: str) -> Verdict:
    status = Status.PASS if passed else Status.FAIL
    return Verdict(f"account_lockout.{name}", status, expected, actual, source)


def _unknown(name: str, expected: str, source: str, reason: str) -> Verdict:
    return Verdict(f"account_lockout.{name}", Status.UNKNOWN, expected, "", source, reason)


def _listed(items: Iterable[object], limit: int = 8) -> str:
    words = [str(item) for item in dict.fromkeys(items)]
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more


def _setting(
    facts: _Facts,
    name: str,
    expected: str,
    show: Callable[[FaillockSettings], str],
    good: Callable[[FaillockSettings], bool],
) -> Verdict:
    """Judge one setting over all lines that call pam_faillock: each has its own arguments."""
    if facts.unusable:
        return _verdict(name, False, expected, "pam_faillock refuses its configuration", facts.unusable)
    if not facts.lines:
        return _verdict(name, False, expected, "no PAM stack calls pam_faillock", "/etc/pam.d")
    bad = [(line, s) for line, s in zip(facts.lines, facts.settings, strict=True) if not good(s)]
    shown = [show(s) for _, s in bad] or [show(s) for s in facts.settings]
    by_argument = [f"{line.where} ({' '.join(line.args)})" for line, _ in bad if len(line.args) > 1]
    return _verdict(name, not bad, expected, _listed(shown), _listed(by_argument) or CONF)


def _threshold(facts: _Facts) -> Verdict:
    most = facts.number("deny")
    return _setting(
        facts, "threshold", f"deny between 1 and {most}",
        lambda s: f"deny {s.deny}" + (" (never locks)" if s.deny == 0 else ""),
        lambda s: 1 <= s.deny <= most,
    )  # fmt: skip


def _window(facts: _Facts) -> Verdict:
    least = facts.number("fail_interval")
    return _setting(
        facts, "window", f"fail_interval of {least} s or more",
        lambda s: f"fail_interval {s.fail_interval} s", lambda s: s.fail_interval >= least,
    )  # fmt: skip


def _lock_time(facts: _Facts) -> Verdict:
    least = facts.number("unlock_time")
    return _setting(
        facts, "lock_time", f"unlock_time of {least} s or more (or never)",
        lambda s: "unlock_time never" if s.unlock_time == NEVER else f"unlock_time {s.unlock_time} s",
        lambda s: s.unlock_time == NEVER or s.unlock_time >= least,
    )  # fmt: skip


def _root(facts: _Facts) -> Verdict:
    seconds = facts.number("root_unlock_time")

    def show(s: FaillockSettings) -> str:
        who = f"members of {s.admin_group} are treated as root, " if s.admin_group else ""
        if "even_deny_root" not in s.flags:
            return who + "root is never locked (no even_deny_root)"
        time = "never" if s.root_unlock_time == NEVER else f"{s.root_unlock_time} s"
        return f"{who}root is locked, root_unlock_time {time}"

    return _setting(
        facts, "root", f"root alone has its own lock time, of {seconds} s", show,
        lambda s: "even_deny_root" in s.flags and s.root_unlock_time == seconds and not s.admin_group,
    )  # fmt: skip


def _every_path(facts: _Facts) -> Verdict:
    name, expected = (
        "every_path",
        "every service that asks for a password counts wrong ones and refuses locked accounts",
    )
    asking = [r for r in facts.reports if r.asks_password or r.service in LOGIN_SERVICES]
    troubles = [
        f"{phrase}: {_listed(bad, 40)}"
        for phrase, bad in (
            ("a wrong password gets in by", [r.service for r in asking if r.wrong_gets_in]),
            ("wrong passwords are not counted by", [r.service for r in asking if r.uncounted]),
            (
                "a locked account gets in by",
                [r.service for r in asking if r.locked_gets_in and not (r.uncounted or r.wrong_gets_in)],
            ),
            (
                "users of a directory are not counted",
                ["local_users_only"] if _has(facts, "local_users_only") else [],
            ),
        )
        if bad
    ]
    places = _listed([w for r in asking for w in (*r.wrong_gets_in, *r.uncounted, *r.locked_gets_in)], 4)
    if troubles:
        return _verdict(name, False, expected, "; ".join(troubles), places or CONF)
    if not asking:
        return _unknown(name, expected, "/etc/pam.d", "no service file that asks for a password was found")
    undecided = [f"{r.service}: {why}" for r in asking for why in r.undecided]
    if undecided:
        return _unknown(name, expected, "/etc/pam.d", _listed(undecided, 3))
    return _verdict(name, True, expected, f"so do {_listed([r.service for r in asking], 40)}", "/etc/pam.d")


def _has(facts: _Facts, flag: str) -> bool:
    return any(flag in s.flags for s in facts.settings)


def _not_resettable(facts: _Facts) -> Verdict:
    name, expected = "not_resettable", "pam_faillock clears the count after a right password only"
    try:
        cleared = next(_cleared(facts), None)
    except UnreadError as why:
        return _unknown(name, expected, "/usr/sbin/faillock, /etc/sudoers", str(why))
    if cleared:
        return _verdict(name, False, expected, *cleared)
    if facts.programs:
        run = [f"{line.where} runs {' '.join(line.args)[:60]}" for line in facts.programs]
        return _unknown(name, expected, "/etc/pam.d", f"what a program does is not read: {_listed(run)}")
    return _verdict(name, True, expected, "as expected in every service", "/etc/pam.d")


def _cleared(facts: _Facts) -> Iterator[tuple[str, str]]:
    """Yield how counts are cleared without a right password, and where that stands."""
    without = [f"{place} (in {r.service})" for r in facts.reports for place in r.cleared_without]
    if facts.resets:
        yield f"cleared by every account check or session: {_listed(facts.resets)}", facts.resets[0]
    if without:
        yield f"cleared without a right password: {_listed(without)}", without[0]
    if not facts.lines:
        yield "no PAM stack calls pam_faillock", "/etc/pam.d"
    if run := [line.where for line in facts.programs if clears(line)]:
        yield f"PAM runs faillock as root: {_listed(run)}", run[0]
    if given := given_to_everybody(facts.state):
        yield _listed(given), "/usr/sbin/faillock, /etc/sudoers"


def _tally_protected(facts: _Facts) -> Verdict:
    name, expected = "tally_protected", f"counts in {TALLY_DIR}, on disk, which only root can enter"
    if facts.unusable or not facts.lines:
        actual = facts.unusable or "no PAM stack calls pam_faillock"
        return _verdict(name, False, expected, actual, "/etc/pam.d")
    elsewhere = {s.dir for s in facts.settings if s.dir.rstrip("/") != TALLY_DIR}
    if elsewhere:
        return _verdict(name, False, expected, f"counts in {_listed(sorted(elsewhere))}", CONF)
    kind = facts.state.command(TALLY.name).text.strip()
    folder = facts.state.file(TALLY_DIR)
    if folder is None or kind == "absent":
        return _verdict(name, False, expected, f"{TALLY_DIR} does not exist", TALLY_DIR)
    if kind not in _VOLATILE | _LASTING:
        why = f"whether its file system ({kind[:20]!a}) outlives a restart is not known"
        return _unknown(name, expected, TALLY_DIR, why)
    lists = with_access_lists(facts.state.command(LISTS.name))
    if lists is None:
        return _unknown(name, expected, TALLY_DIR, UNREAD)
    opened = TALLY_DIR in lists
    private = folder.kind == "dir" and folder.uid == 0 and not folder.mode & 0o077 and not opened
    beside = " and an access control list" if opened else ""
    actual = f"{folder.kind} owned by {folder.uid}, mode {folder.mode:04o}{beside}, on {kind}"
    return _verdict(name, private and kind in _LASTING, expected, actual, TALLY_DIR)


def _stack_sound(facts: _Facts) -> Verdict:
    name, expected = "stack_sound", "a right password gets in, and clears the count"
    refused = [
        f"{r.service} refuses a right password ({_listed(r.right_refused, 2)})"
        for r in facts.reports
        if r.right_refused
    ]
    kept = [
        f"{r.service} does not clear the count ({_listed(r.not_cleared, 2)})"
        for r in facts.reports
        if r.not_cleared
    ]
    if refused or kept:
        return _verdict(name, False, expected, _listed(refused + kept), "/etc/pam.d")
    if not any(r.asks_password for r in facts.reports):
        return _unknown(name, expected, "/etc/pam.d", "no service file that asks for a password was found")
    return _verdict(name, True, expected, "as expected in every service", "/etc/pam.d")


def _module_genuine(facts: _Facts) -> Verdict:
    name, expected = "module_genuine", f"{_listed(_SHIPPED)} as Debian's package has them"
    source = "md5sum -c /var/lib/dpkg/info/libpam-modules:*.md5sums"
    outside = [f"{line.where} calls {line.module_path}" for line in facts.lines if "/" in line.module_path]
    if outside:
        return _verdict(name, False, expected, _listed(outside), outside[0].split()[0])
    answers = [line.rpartition(": ") for line in facts.state.command(GENUINE.name).text.splitlines()]
    states = {path.rpartition("/")[2]: state for path, _, state in answers if path.endswith(".so")}
    bad = [f"{module}: {state}" for module, state in states.items() if state != "OK"]
    if bad:
        return _verdict(name, False, expected, _listed(bad), source)
    if set(states) != set(_SHIPPED):
        return _unknown(name, expected, source, "dpkg has no checksums of the modules")
    return _verdict(name, True, expected, "checksums match", source)


def _configuration_protected(facts: _Facts) -> Verdict:
    entries = [entry for pattern in PROTECTED for entry in facts.state.glob(pattern)]
    open_to = [f"{e.path} (owner {e.uid}, mode {e.mode:04o})" for e in entries if _writable(e)]
    lists = with_access_lists(facts.state.command(LISTS.name))
    open_to += [f"{path} (by an access control list)" for path in lists or () if path != TALLY_DIR]
    expected = "owned by root, and nobody else can write"
    if not entries or (lists is None and not open_to):
        why = UNREAD if entries else "none of the files was found"
        return _unknown("configuration_protected", expected, "/etc/pam.d", why)
    actual = _listed(open_to) or f"{len(entries)} files and directories are"
    return _verdict(
        "configuration_protected", not open_to, expected, actual, "/etc/pam.d, /etc/security, /etc/ssh"
    )


def _writable(entry: FileEntry) -> bool:
    return entry.uid != 0 or bool(entry.mode & 0o002) or (bool(entry.mode & 0o020) and entry.gid != 0)


def _logged(facts: _Facts) -> Verdict:
    return _setting(
        facts, "logged", "locks are logged",
        lambda s: "no_log_info" if "no_log_info" in s.flags else "logged",
        lambda s: "no_log_info" not in s.flags,
    )  # fmt: skip


def _in_force(facts: _Facts) -> Verdict:
    name, expected, source = (
        "in_force",
        "UsePAM yes, in a server that loaded its configuration since",
        "sshd -T",
    )
    said = facts.state.command(SSHD.name).text.split()
    if said == ["absent"]:
        control, reason = f"account_lockout.{name}", "no SSH server is installed"
        return Verdict(control, Status.NOT_APPLICABLE, expected, "", source, reason)
    if "usepam" not in said[:-1]:
        return _unknown(name, expected, source, "sshd -T did not say whether it uses PAM")
    if said[said.index("usepam") + 1] != "yes":
        return _verdict(name, False, expected, "UsePAM no: sshd checks passwords by itself", source)
    return _loaded(facts, name, expected)


def _loaded(facts: _Facts, name: str, expected: str) -> Verdict:
    """Judge whether the running sshd is younger than its configuration (a reload counts as a start)."""
    source = "systemctl show ssh.service"
    lines = facts.state.command(SSHD_SINCE.name).text.splitlines()
    shown = dict(line.partition("=")[::2] for line in lines if "=" in line)
    since = shown.get("StateChangeTimestamp", "").removeprefix("@")
    if shown.get("MainPID") == "0":
        return _verdict(name, True, expected, "UsePAM yes, read anew at each connection", source)
    if not re.fullmatch("[0-9]{1,12}", since) or not shown.get("MainPID", "").isdecimal():
        return _unknown(name, expected, source, "since when sshd runs could not be read")
    newer = [e.path for p in SSHD_FILES for e in facts.state.glob(p) if e.mtime > int(since)]
    if newer:
        return _verdict(name, False, expected, f"the running sshd is older than {_listed(newer)}", source)
    return _verdict(name, True, expected, "UsePAM yes, and loaded", source)


TOPIC = Topic(slug="account_lockout", reads=READS, judge=judge)
