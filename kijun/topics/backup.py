"""Backup (clauses S-10.1.1.a to d): to another host, by plan, with databases and their updates, restorable.

Freshness is judged from what the repository said it holds (time, files and bytes of the newest snapshot,
noted by kijun-backup when it asked), never from a unit's exit. What stays out of sight until the next one:
a repository that was lost since the last one (every six hours). A proof asks at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator

from kijun.model import HostState, Params, Topic, Verdict
from kijun.topics._backup_databases import all_covered, journal
from kijun.topics._backup_kept import kept
from kijun.topics._backup_reads import KEPT, READS, RECORDS, SETS, SETUP
from kijun.topics._backup_view import (
    PROGRAMS,
    DeclarationError,
    Facts,
    ago,
    declared,
    every,
    not_running,
    number,
    on_host,
    packages_changed,
    records,
    setup,
    text,
    troubled_sources,
)
from kijun.topics._mail_said import Said, bad, beside, good, unsure
from kijun.topics._mail_view import listed

PROGRAM_SHA256 = "3f002464539252e552110ee79f2cedc61d4ec7c7417c9934e8db3c9aee11394e"
_EXPECTED = {
    "covered": "every database and file share of this host belongs to a set",
    "as_planned": "the host's list of sets says what backup_sets says",
    "scheduled": "a timer backs up every set as often as declared",
    "fresh": "the repository holds a snapshot of every set that is not older than declared",
    "complete": "the newest snapshot holds what the source holds, and nothing went wrong",
    "journal": "PostgreSQL's updates between two backups are stored as often as declared",
    "program_copy": "programs are copied within an hour of every change by dpkg or apt",
    "off_host": "backups are kept on another host",
    "append_only": "this host's credential cannot delete backups",
    "key_protected": "only root can read or replace the key and the program",
    "key_escrowed": "the key is the one that the organisation's inventory holds as well",
    "restorable": "every set was restored for trial within {backup_drill_days} days, and was as it should be",
    "in_force": "the program is kijun's, and systemd runs it as written",
    "repository_guarded": "who stores backups here can only add to the own repository",
}
_RECORDS = "/var/lib/kijun/backup"
_ASKED_EVERY = 24  # hours; the timer asks every six
_WHOLE = 0.98
_HOOK = re.compile(
    r"post-invoke=systemctl start --no-block kijun-backup@programs\.service"
    r"( >/dev/null 2>&1)?( \|\| true)?"
)
_COMMAND = "/usr/local/sbin/kijun-backup"


def judge(state: HostState, params: Params) -> Iterator[Verdict]:
    """Yield one verdict for each control of backup."""
    said = _judged(state, params)
    for name, expected in _EXPECTED.items():
        found = said[name]
        shown = expected.format(**params)
        yield Verdict(f"backup.{name}", found.status, shown, found.actual, found.source, found.reason)


def _judged(state: HostState, params: Params) -> dict[str, Said]:
    guarded = {"repository_guarded": kept(state.command(KEPT.name).text)}
    try:
        sets = declared(params)
    except DeclarationError as why:
        return dict.fromkeys(_EXPECTED, unsure(f"{why}.", "inventory")) | guarded
    covered = {"covered": all_covered(state, sets)}
    if not sets:
        return (
            dict.fromkeys(_EXPECTED, beside("backup_sets declares no set.", "inventory")) | covered | guarded
        )
    found = setup(state)
    if found is None:
        nothing = bad("nothing is set up to back this host up", "/etc/kijun/backup")
        return dict.fromkeys(_EXPECTED, nothing) | covered | guarded
    facts = Facts(state, params, sets, on_host(state), found, records(state))
    return {name: control(facts) for name, control in _CONTROLS.items()} | covered | guarded


def _as_planned(facts: Facts) -> Said:
    for name, one in facts.sets.items():
        there = facts.here.get(name)
        if there is None:
            return bad(f"the set {name} is not in the host's list", SETS.pattern)
        if lacking := sorted(what for kind, what in one.items - there.items if kind != "exclude"):
            return bad(f"{listed(lacking)} is not in the set {name}", SETS.pattern)
        if more := sorted(what for kind, what in there.items - one.items if kind == "exclude"):
            return bad(f"{listed(more)} is left out of the set {name}", SETS.pattern)
        if there.journal != one.journal:
            minutes = f"{there.journal} minutes; declared are {one.journal}"
            return bad(f"updates of the databases of {name} are stored within {minutes}", SETS.pattern)
    if strange := sorted(set(facts.here) - set(facts.sets)):
        return bad(f"the host's list has {listed(strange)}, which is not declared", SETS.pattern)
    return good(listed(sorted(facts.sets)), SETS.pattern)


def _scheduled(facts: Facts) -> Said:
    shown = []
    for name, one in facts.sets.items():
        timer, service = f"kijun-backup@{name}.timer", f"kijun-backup@{name}.service"
        source = f"systemctl show {timer}"
        if how := not_running(facts.setup, timer):
            return bad(f"{timer} is {how}", source)
        if facts.setup.unit(timer, "Unit") not in ("", service):
            return bad(f"{timer} starts {facts.setup.unit(timer, 'Unit')}", source)
        if facts.setup.unit(service, "ExecStart") != f"{_COMMAND} run {name}":
            return bad(f"{service} does not back up", f"systemctl show {service}")
        hours = every(facts.setup, timer)
        if not 0 < hours <= one.hours:
            return bad(f"{name} is backed up every {hours:g} hours; declared are {one.hours}", source)
        shown.append(f"{name} every {hours:g} hours")
    return good(listed(shown), "systemctl show kijun-backup@*")


def _fresh(facts: Facts) -> Said:
    shown = []
    for name, one in facts.sets.items():
        record, source = facts.records.get(name, {}), f"{_RECORDS}/{name}.json"
        taken = number(record, "snapshot", "time")
        if taken is None:
            why = facts.problem(name) or "nobody asked the repository"
            return bad(f"there is no snapshot of {name}: {why}", source)
        age, asked = facts.age(taken), facts.age(number(record, "verified_at"))
        if age > one.hours * 1.25 + 1:
            return bad(ago(f"the newest snapshot of {name}", age), source)
        if asked > _ASKED_EVERY:
            return bad(ago(f"the repository was asked for {name}", asked), source)
        shown.append(f"{name} {age:.0f} hours ago")
    return good(listed(shown), _RECORDS)


def _complete(facts: Facts) -> Said:
    shown = []
    for name in facts.sets:
        record, source = facts.records.get(name, {}), f"{_RECORDS}/{name}.json"
        if facts.problem(name) or not record:
            return bad(f"{name}: {facts.problem(name) or 'was never backed up'}", source)
        stored = [number(record, "snapshot", key) for key in ("files", "bytes")]
        meant = [number(record, "source", key) for key in ("files", "bytes")]
        if None in stored or None in meant:
            return unsure(f"the record of {name} does not say how much it holds.", source)
        if any((s or 0) < (m or 0) * _WHOLE for s, m in zip(stored, meant, strict=True)) or not stored[0]:
            return bad(f"{name}: {stored[0]:.0f} files stored, {meant[0]:.0f} in the source", source)
        shown.append(f"{name}: {stored[0]:.0f} files with {stored[1]:.0f} bytes")
    troubles = troubled_sources(facts.state)
    if troubles is None:
        return unsure("whether the sources are there could not be read.", RECORDS.name)
    if troubles:
        return bad(listed(troubles), "/etc/fstab, /proc/mounts")
    return good(listed(shown), _RECORDS)


def _program_copy(facts: Facts) -> Said:
    source = "/etc/dpkg/dpkg.cfg.d, /var/lib/dpkg/status"
    if PROGRAMS not in facts.sets:
        return bad("backup_program_paths names nothing to copy", "inventory")
    if not any(_HOOK.fullmatch(hook) for hook in facts.setup.hooks):
        return bad("dpkg does not ask for a copy after a change", source)
    return _copied(facts, source)


def _copied(facts: Facts, source: str) -> Said:
    changed = packages_changed(facts.state)
    taken = number(facts.records.get(PROGRAMS, {}), "snapshot", "time")
    if changed is None:
        return unsure("when packages last changed could not be read.", source)
    if taken is None:
        return bad("there is no copy of the programs", f"{_RECORDS}/{PROGRAMS}.json")
    if taken >= changed:
        return good("the newest copy is younger than the last change of packages", source)
    if (age := facts.age(changed)) > 1:
        return bad(f"packages changed {age:.0f} hours ago, after the newest copy", source)
    return good("packages changed within the last hour, and dpkg asked for a copy", source)


def _off_host(facts: Facts) -> Said:
    source = "ssh -G -F /etc/kijun/backup/ssh_config backup"
    address = facts.setup.ssh.get("hostname", "")
    if not address or address == "backup":
        return unsure("where backups go could not be read.", source)
    own = {*facts.setup.own, "localhost", "127.0.0.1", "::1"}
    if address in own or address.startswith("127."):
        return bad(f"{address} is this host itself", source)
    if facts.setup.ssh.get("stricthostkeychecking", "") not in ("true", "yes"):
        return bad("any host that answers is taken for the repository host", source)
    return good(address, source)


def _append_only(facts: Facts) -> Said:
    record, source = facts.records.get("deletion", {}), f"{_RECORDS}/deletion.json"
    answer = text(record, "answer")
    if answer == "allowed":
        return bad("a snapshot was deleted with this host's credential", source)
    if answer != "refused":
        return unsure(f"it was not tried, or not to its end ({answer or 'no record'}).", source)
    if facts.age(number(record, "at")) > _days(facts) * 24 + 24:
        return bad("the last attempt to delete is too long ago", source)
    return good("an attempt to delete was refused", source)


def _days(facts: Facts) -> int:
    days = facts.params["backup_drill_days"]
    if not isinstance(days, int):
        raise TypeError("backup_drill_days is not a number")
    return days


def _key_protected(facts: Facts) -> Said:
    paths = {path for _, _, path in facts.setup.files}
    for needed in (
        "/etc/kijun/backup",
        "/etc/kijun/backup/password",
        "/etc/kijun/backup/ssh_key",
        _RECORDS,
        _COMMAND,
    ):
        if needed not in paths:
            return bad(f"{needed} is not there", needed)
    for mode, uid, path in facts.setup.files:
        private = path.startswith(("/etc/kijun/backup", _RECORDS)) and not path.endswith(".pub")
        if uid != "0" or mode & (0o077 if private else 0o022):
            return bad(f"{path} has mode {mode:04o} and belongs to user {uid}", path)
    return good(f"{len(paths)} files and folders are root's", "/etc/kijun/backup")


def _key_escrowed(facts: Facts) -> Said:
    source, password = "/etc/kijun/backup/password", facts.params["backup_password"]
    if not password:
        return bad("backup_password is not set, so that the host alone has the key", "inventory")
    known = hashlib.sha256(f"{password}\n".encode()).hexdigest()[:4]
    if not facts.setup.key:
        return unsure("the key could not be read.", source)
    if facts.setup.key != known:
        return bad("the host has another key than the inventory", source)
    return good("the inventory holds the same", source)


def _restorable(facts: Facts) -> Said:
    shown, limit = [], _days(facts) * 24
    for name in facts.sets:
        record, source = facts.records.get(f"drill-{name}", {}), f"{_RECORDS}/drill-{name}.json"
        if not record:
            return bad(f"{name} was never restored for trial", source)
        if problem := text(record, "problem"):
            return bad(f"{name}: {problem}", source)
        if (age := facts.age(number(record, "at"))) > limit:
            return bad(ago(f"the last drill of {name}", age), source)
        files, seconds = number(record, "files"), number(record, "seconds")
        if not files or seconds is None:
            return bad(f"nothing of {name} was restored", source)
        shown.append(f"{name}: {files:.0f} files in {seconds:g} s, {age / 24:.0f} days ago")
    return good(listed(shown), _RECORDS)


def _in_force(facts: Facts) -> Said:
    if facts.setup.program != PROGRAM_SHA256:
        return bad("the program is not the one that kijun installs", "/usr/local/lib/kijun/kijun_backup")
    for verb, unit in (("verify", "kijun-backup-verify"), ("rehearse", "kijun-backup-drill")):
        timer = f"{unit}.timer"
        if how := not_running(facts.setup, timer):
            return bad(f"{timer} is {how}", f"systemctl show {timer}")
        if facts.setup.unit(f"{unit}.service", "ExecStart") != f"{_COMMAND} {verb}":
            return bad(f"{unit}.service does something else", f"systemctl show {unit}.service")
    stale = [name for name, unit in facts.setup.units.items() if unit.get("NeedDaemonReload") == "yes"]
    if stale:
        return bad(f"systemd has not read {listed(stale)} since it changed", "systemctl show")
    return good("its digest, and the units as loaded", SETUP.name)


_CONTROLS: dict[str, Callable[[Facts], Said]] = {
    "as_planned": _as_planned,
    "scheduled": _scheduled,
    "fresh": _fresh,
    "complete": _complete,
    "journal": journal,
    "program_copy": _program_copy,
    "off_host": _off_host,
    "append_only": _append_only,
    "key_protected": _key_protected,
    "key_escrowed": _key_escrowed,
    "restorable": _restorable,
    "in_force": _in_force,
}

TOPIC = Topic(slug="backup", reads=READS, judge=judge)
