"""Passwords are long enough and hard to guess, whoever sets them and by whatever program.

Clauses S-9.4.2.3, S-9.4.2.6, S-10.2.1.b, S-10.2.3.c, S-10.2.8.a and S-10.2.8.b. They demand no expiry, no
history and no character classes, so nothing here misses them. What counts is what PAM would do: every stack
that stores a password is walked (`kijun.parsers.password_stack`), with pam_pwquality's settings as the module
takes them. This file judges how new passwords are checked, `_password_stored` what is stored already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kijun.model import HostState, Params, Topic, Verdict
from kijun.parsers.password_stack import Person, Way, forces_change
from kijun.parsers.pwquality import Settings
from kijun.topics._password_stored import STORED_CONTROLS
from kijun.topics._password_view import (
    DICTIONARY,
    GENUINE,
    LEAST_WORDS,
    READS,
    WORDS,
    Said,
    View,
    grouped,
    listed,
    named,
    said,
    view,
)

SLUG = "password_policy"
_RUN = 4  # the longest run of neighbouring or of equal characters that may pass
_LOGINS = ("sshd", "login", "su", "su-l")
_STACKS = "password stacks of /etc/pam.d"


def judge(state: HostState, params: Params) -> Iterator[Verdict]:
    """Yield one verdict for each control of password_policy."""
    seen = view(state, params)
    for name, control in {**_NEW_CONTROLS, **STORED_CONTROLS}.items():
        yield Verdict(f"{SLUG}.{name}", *control(seen))


def _unclear(seen: View) -> list[str]:
    """Return why nothing can be said of new passwords, if so."""
    if seen.too_many:
        return [f"the password stack of {', '.join(seen.too_many)} has too many ways to follow"]
    stored_for = {who.privileged for people in seen.ways.values() for who, ways in people.items() if ways}
    return [] if stored_for == {True, False} else ["there are users whose new password no service stores"]


def _length(seen: View) -> Said:
    found = [(s, way) for s, ways in seen.by_service(privileged=False).items() for _, way in ways]
    short = [(s, f"{_characters(way)} ({_why(way)})") for s, way in found if way.shortest < seen.minimum]
    return said(
        grouped(short),
        f"{seen.minimum} characters or more for ordinary users, in every service that stores a password",
        f"{min((way.shortest for _, way in found), default=0)} characters",
        _STACKS,
        _unclear(seen),
    )


def _privileged_stronger(seen: View) -> Said:
    ordinary, shortest = seen.by_service(privileged=False), []
    weak: dict[tuple[str, str], list[str]] = {}  # who, by service and by what is wrong
    for service, ways in seen.by_service(privileged=True).items():
        most = max((way.shortest for _, way in ordinary[service]), default=0)
        for who, way in ways:
            shortest.append(way.shortest)
            faults = _weaker_checks(way, ordinary[service])
            if way.shortest <= most or way.shortest < seen.privileged_minimum:
                beside = f", ordinary users {most}" if way.shortest <= most else ""
                faults.append(f"{_characters(way)}{beside} ({_why(way)})")
            for fault in faults:
                weak.setdefault((service, fault), []).append(who.label)
    return said(
        grouped((service, f"{fault}: {listed(who, 3)}") for (service, fault), who in weak.items()),
        f"{seen.privileged_minimum} characters or more for privileged users, and more than for ordinary ones",
        f"{min(shortest, default=0)} characters",
        _STACKS,
        _unclear(seen),
    )


def _characters(way: Way) -> str:
    return f"{way.shortest} characters" if way.shortest else "any length"


def _why(way: Way) -> str:
    return f"{way.where}: {way.why}" if way.why else way.where


def _weaker_checks(way: Way, ordinary: list[tuple[Person, Way]]) -> list[str]:
    """Return the checks that ordinary users must pass and this privileged way leaves out."""
    if not way.checks:
        return []
    theirs = [set(_guessable(other.checks)) for _, other in ordinary if other.checks]
    return [text for text in _guessable(way.checks) if theirs and all(text not in those for those in theirs)]


def _guessable(checks: Settings) -> list[str]:
    """Return what these settings let pass although it can be guessed."""
    found = []
    if not checks.dictcheck:
        found.append("words pass (dictcheck=0)")
    elif checks.dictpath:
        found.append(f"dictpath={checks.dictpath} is not the dictionary that was read")
    if not checks.usercheck:
        found.append("the user's name passes (usercheck=0)")
    if not checks.gecoscheck:
        found.append("the user's real name passes (gecoscheck=0)")
    if not 0 < checks.maxsequence <= _RUN:
        found.append(f"sequences pass (maxsequence={checks.maxsequence})")
    if not 0 < checks.maxrepeat <= _RUN:
        found.append(f"repeated characters pass (maxrepeat={checks.maxrepeat})")
    return found


def _hard_to_guess(seen: View) -> Said:
    lost = [f"the dictionary {DICTIONARY} is lost, damaged or nearly empty ({seen.words()} words)"]
    passing = [
        (service, f"{what} ({_why(way)})")
        for service, way in seen.all_ways()
        for what in (_guessable(way.checks) if way.checks else ["anything passes"])
    ]
    return said(
        (lost if seen.words() < LEAST_WORDS else []) + grouped(passing),
        "words of a dictionary, the user's names, sequences and repetitions are refused",
        f"refused, with {seen.words()} words in the dictionary",
        f"{_STACKS}; {WORDS.name}",
        _unclear(seen),
    )


def _every_path(seen: View) -> Said:
    wrong = [(service, fault) for service, way in seen.all_ways() for fault in _around(way)]
    return said(
        grouped(wrong),
        "every service that stores a password has pam_pwquality judge it, for root too",
        f"{len(seen.ways)} services judged alike",
        _STACKS,
        _unclear(seen),
    )


def _around(way: Way) -> Iterator[str]:
    """Yield how a password can get around the checks on this way."""
    if not way.checks:
        yield _why(way)
        return
    if way.asks_again:
        yield f"{way.where}: pam_unix.so without use_authtok asks again by itself where it is not content"
    if not way.checks.enforce_for_root:
        yield f"{way.where}: root may set any password (no enforce_for_root)"
    if way.checks.local_users_only:
        yield "accounts that are not in /etc/passwd are exempt (local_users_only)"


def _temporary_password(seen: View) -> Said:
    issued = [account for account in seen.accounts.accounts if account.issued_at is not None]
    free = [account for account in issued if not account.must_change]
    wrong = [f"{named(free)}: the temporary password still works and need not be changed"] if free else []
    logins = [name for name in _LOGINS if name in seen.ways]
    wrong += [
        f"{name} lets an account in that must change its password"
        for name in logins
        if not forces_change(seen.pam, name)
    ]
    waiting = [account for account in seen.accounts.accounts if account.must_change]
    ages = [
        f"{a.name} ({seen.today - a.issued_at // 86400} days)" if a.issued_at is not None else a.name
        for a in waiting
    ]
    return said(
        wrong,
        "a temporary password must be changed at the first login",
        f"forced; waiting for their first login: {', '.join(ages[:8]) or 'none'}",
        "account stacks of /etc/pam.d; /etc/shadow",
        [] if seen.accounts.complete else ["/etc/shadow could not be read whole"],
    )


def _in_force(seen: View) -> Said:
    result, wrong = seen.commands[GENUINE.name], []
    lines = [line.rpartition(": ") for line in result.text.splitlines() if not line.startswith("md5sum:")]
    whole = {path.rpartition("/")[2] for path, _, state in lines if state == "OK"}
    wrong += [f"{path} is not as its package brought it" for path, _, state in lines if state != "OK"]
    wrong += [
        f"{name} is not installed"
        for name in ("pam_pwquality.so", "pam_succeed_if.so", "pam_unix.so")
        if name not in {path.rpartition("/")[2] for path, _, _ in lines}
    ]
    noted = seen.accounts.note
    wanted = {"min_length": seen.minimum, "privileged_min_length": seen.privileged_minimum}
    if seen.since_day is None:
        wrong.append("the policy was never put in force on this host")
    wrong += [
        f"the policy in force has {name} {noted[name]}" for name, value in wanted.items()
        if name in noted and noted[name] < value
    ]  # fmt: skip
    return said(
        wrong,
        "the modules that judge passwords are as their packages brought them, and the policy is in force",
        f"{len(whole)} modules and libraries whole",
        GENUINE.name,
    )


_NEW_CONTROLS: dict[str, Callable[[View], Said]] = {
    "length": _length,
    "hard_to_guess": _hard_to_guess,
    "privileged_stronger": _privileged_stronger,
    "every_path": _every_path,
    "temporary_password": _temporary_password,
    "in_force": _in_force,
}

TOPIC = Topic(slug=SLUG, reads=READS, judge=judge)
