"""Databases and shares: is each in a set and in its newest dump, and are updates between two backups kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kijun.model import HostState
from kijun.topics._backup_reads import DATABASES, SUBJECTS
from kijun.topics._backup_view import (
    Facts,
    Planned,
    Record,
    ago,
    every,
    not_running,
    number,
    records,
    subjects,
    text,
)
from kijun.topics._mail_said import Said, bad, beside, good, unsure
from kijun.topics._mail_view import listed

_SOURCE = "/etc/postgresql, /var/lib/postgresql, /var/lib/mysql, /etc/exports, /etc/samba/smb.conf"
_NAMES = {"elsewhere": "database server with its data in"}
_MARIADB_OWN = {"mysql", "performance_schema", "sys"}
_SETTLED = 60  # seconds: a database made while a dump began may not be in it
_ARCHIVE = '/usr/local/lib/kijun/kijun_backup/archive.sh "%p" "%f" {}'


@dataclass
class Server:
    """What a server says: settings of its log, what it last handed over of it, when databases were made."""

    settings: dict[str, str] = field(default_factory=dict)
    archived: float = 0
    refused: float = 0
    databases: dict[str, float] = field(default_factory=dict)


def servers(state: HostState) -> dict[str, Server] | None:
    """Return the servers by engine and name (postgresql 15/main); None where that was not read to its end."""
    lines = state.command(DATABASES.name).text.splitlines()
    if not lines or lines[-1] != "@end":
        return None
    found: dict[str, Server] = {}
    server = Server()
    for line in lines[:-1]:
        if line.startswith("@"):
            what, _, label = line.partition(" ")
            server = found.setdefault(
                f"postgresql {label}" if what == "@cluster" else "mariadb mariadb", Server()
            )
            continue
        match line.split("\t"):
            case ["setting", name, value]:
                server.settings[name] = value
            case ["archived", _, moment] if _is_moment(moment):
                server.archived = float(moment)
            case ["refused", _, moment] if _is_moment(moment):
                server.refused = float(moment)
            case ["database", name, moment] if _is_moment(moment):
                server.databases[name] = float(moment)
    if own := found.get("mariadb mariadb"):
        own.databases = {
            re.sub("@([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), name): made
            for name, made in own.databases.items()
            if name not in _MARIADB_OWN
        }
    return found


def _is_moment(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


def all_covered(state: HostState, sets: Mapping[str, Planned]) -> Said:
    """Judge whether every database and share is in a set, and every database in the newest dump."""
    there = subjects(state)
    if there is None:
        return unsure("what this host has to back up could not be listed.", SUBJECTS.name)
    missing = [
        f"the {_NAMES.get(kind, kind)} {name}" for kind, name in there if not _in_set(kind, name, sets)
    ]
    if missing:
        return bad(f"in no set: {listed(missing)}", _SOURCE)
    if not sets:
        return beside("no database and no file share was found, and backup_sets declares no set.", _SOURCE)
    if any(one.of("databases") for one in sets.values()):
        answered = servers(state)
        if answered is None:
            return unsure("which databases there are could not be read.", DATABASES.name)
        known = records(state)
        left = [name for one in sets.values() for name in _left_out(one, answered, known.get(one.name, {}))]
        if left:
            return bad(f"older than the newest dump, and not in it: {listed(sorted(set(left)))}", _SOURCE)
    return good(f"{len(there)} databases and shares are in {listed(sorted(sets))}", _SOURCE)


def _in_set(kind: str, name: str, sets: Mapping[str, Planned]) -> bool:
    if kind != "share":
        return any(kind in one.of("databases") for one in sets.values())
    inside = [path for one in sets.values() for path in one.of("paths")]
    outside = [path for one in sets.values() for path in one.of("exclude")]
    return any(_within(name, path) for path in inside) and not any(_within(name, path) for path in outside)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _left_out(one: Planned, answered: Mapping[str, Server], record: Record) -> list[str]:
    """Return the databases that were there before the newest dump of a set and are not in it."""
    taken, dumped = number(record, "snapshot", "time"), record.get("databases")
    if taken is None or not isinstance(dumped, list):
        return []  # then there is no dump, of which other controls tell
    names = {re.sub("[\n\r\t]", "?", str(name)) for name in dumped}
    return [
        f"{server} {name}"
        for server, said in answered.items()
        if server.partition(" ")[0] in one.of("databases")
        for name, made in said.databases.items()
        if made + _SETTLED < taken and f"{server} {name}" not in names
    ]


def journal(facts: Facts) -> Said:
    """Judge whether PostgreSQL's updates between two backups are stored (S-10.1.1.d)."""
    holding = {name for name, one in facts.sets.items() if "postgresql" in one.of("databases")}
    wanted = {name: facts.sets[name].journal for name in holding if facts.sets[name].journal}
    if not wanted:
        why = "journal_minutes is 0" if holding else "no set holds databases of PostgreSQL"
        return beside(f"{why}{_of_mariadb(facts)}.", "inventory")
    there, answered = subjects(facts.state), servers(facts.state)
    if there is None or answered is None:
        return unsure("what PostgreSQL does with its log could not be read.", DATABASES.name)
    for label in sorted({name for kind, name in there if kind == "postgresql"}):
        if problem := _kept_by(label, answered.get(f"postgresql {label}", Server())):
            return bad(problem, f"pg_settings, pg_stat_archiver of {label}")
    shown = []
    for name, minutes in sorted(wanted.items()):
        said = _stored(facts, name, minutes)
        if isinstance(said, Said):
            return said
        shown.append(f"{name} {said:.0f} minutes ago")
    return good(
        listed(shown) + _of_mariadb(facts), f"/var/lib/kijun/backup/journal.{listed(sorted(wanted))}.json"
    )


def _of_mariadb(facts: Facts) -> str:
    there = any("mariadb" in one.of("databases") for one in facts.sets.values())
    return "; what MariaDB takes in between two dumps is not stored" if there else ""


def _kept_by(label: str, server: Server) -> str:
    """Return why a cluster's updates are not kept; "" where they are."""
    if "archive_mode" not in server.settings:
        return f"PostgreSQL {label} does not answer, so that nobody knows of its updates"
    if server.settings["archive_mode"] not in ("on", "always"):
        return f"archive_mode of {label} is {server.settings['archive_mode']}"
    command = server.settings.get("archive_command", "")
    if server.settings.get("archive_library") or command != _ARCHIVE.format(label.replace("/", "-")):
        return f"{label} hands its log to {server.settings.get('archive_library') or command or 'nobody'}"
    if server.refused > server.archived:
        return f"{label} could not hand over its log the last time it tried"
    return ""


def _stored(facts: Facts, name: str, minutes: int) -> float | Said:
    """Return how many minutes ago the updates of a set were stored; what is wrong where they are not."""
    timer, service = f"kijun-backup-journal@{name}.timer", f"kijun-backup-journal@{name}.service"
    source = f"systemctl show {timer}"
    if how := not_running(facts.setup, timer):
        return bad(f"{timer} is {how}", source)
    started = facts.setup.unit(timer, "Unit") in ("", service)
    if (
        not started
        or facts.setup.unit(service, "ExecStart") != f"/usr/local/sbin/kijun-backup journal {name}"
    ):
        return bad(f"{service} does not store them", f"systemctl show {service}")
    if not 0 < every(facts.setup, timer) * 60 <= minutes + 0.01:
        span = f"every {every(facts.setup, timer) * 60:.0f} minutes; declared are {minutes}"
        return bad(f"updates of {name} are stored {span}", source)
    return _in_repository(facts, name, minutes)


def _in_repository(facts: Facts, name: str, minutes: int) -> float | Said:
    record, source = facts.records.get(f"journal.{name}", {}), f"/var/lib/kijun/backup/journal.{name}.json"
    if problem := text(record, "problem"):
        return bad(f"{name}: {problem}", source)
    age = facts.age(number(record, "snapshot", "time"))
    if age > minutes / 60 * 1.25 + 0.25:
        return bad(ago(f"what was stored of the updates of {name}", age), source)
    return age * 60
