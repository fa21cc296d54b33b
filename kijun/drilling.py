"""`kijun drill`: restore every set of the chosen hosts into isolation on them, and say what came of it.

The restoring and comparing is the host's own (`kijun-backup drill`, installed by the role backup), in a unit
that can write to nothing but its own folder. The records that it leaves are what `kijun check` judges later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from kijun.checking import Options
from kijun.inventory import load_inventory
from kijun.model import CommandRead, HostState, Outcome, Topic
from kijun.reading.client import Reader
from kijun.terminal import printable
from kijun.topics._backup_reads import RECORDS
from kijun.topics._backup_view import Record, number, records, text

FORMATS = ("text", "json")
SCHEMA = 1
_NOW = CommandRead(
    "backup_drill",
    r"""
if [ ! -x /usr/local/sbin/kijun-backup ]; then echo absent; exit 0; fi
date +'began %s'
systemd-run --wait --collect --quiet --unit=kijun-backup-drill-now --property=ProtectSystem=strict \
--property=PrivateTmp=yes --property='ReadWritePaths=/var/lib/kijun/backup /var/cache/kijun-backup' \
--property=Nice=10 /usr/local/sbin/kijun-backup drill
echo "ended $?"
""",
    volatile=True,
)

_NONE = "no set could be drilled; see journalctl -u kijun-backup-drill-now on the host"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The databases of one server, as they came up in a server made for the trial."""

    server: str
    databases: int
    tables: int
    rows: int
    seconds: float
    reached: str = ""  # the last segment of the log between two backups that was followed


@dataclass(frozen=True, slots=True)
class Drilled:
    """How restoring one set went."""

    set: str
    problem: str = ""  # "" where it went well
    files: int = 0
    bytes: int = 0
    compared: int = 0  # files, folders and links that are as they were
    changed: int = 0  # those that the host changed since, and that cannot tell
    seconds: float = 0.0
    databases: tuple[Loaded, ...] = ()


@dataclass(frozen=True, slots=True)
class HostDrill:
    """What came of one host. Without sets where it has none, or where `outcome` is not collected."""

    name: str
    outcome: Outcome
    reason: str = ""
    sets: tuple[Drilled, ...] = ()
    deletion: str = ""  # what an attempt to delete a backup came to: refused, allowed, unknown

    @property
    def failed(self) -> bool:
        """Whether a set could not be restored as it was, or backups can be deleted from here."""
        return any(one.problem for one in self.sets) or self.deletion == "allowed"


def drill(options: Options) -> list[HostDrill]:
    """Drill the chosen hosts, in the inventory's order; a problem of one host is in its result.

    Raises KijunError where nothing can be read at all.
    """
    topic = Topic("drill", (_NOW, RECORDS), lambda _state, _params: ())
    with Reader() as reader:
        hosts = load_inventory(
            options.sources, limit=options.limit, vault_password_files=options.vault_password_files
        )
        found = {
            host.name: HostDrill(host.name, Outcome.MALFORMED, host.problem) for host in hosts if host.problem
        }
        connections = [host.connection for host in hosts if not host.problem]
        for read in reader.read(connections, [topic], forks=options.forks, timeout=options.timeout):
            if read.state is None:
                found[read.name] = HostDrill(read.name, read.outcome, read.reason)
            else:
                found[read.name] = of_host(read.name, read.state)
    return [found[host.name] for host in hosts]


def of_host(name: str, state: HostState) -> HostDrill:
    """Return what a host's answer says: of its drills those that began after it was asked to."""
    said = state.command(_NOW.name).text.split()
    if said == ["absent"]:
        return HostDrill(name, Outcome.COLLECTED, "nothing is backed up here")
    if said[:1] != ["began"] or len(said) < 4 or not said[1].isdecimal():
        return HostDrill(name, Outcome.MALFORMED, "the drill did not come to its end")
    began, seen = int(said[1]), records(state)
    sets = []
    for key, record in sorted(seen.items()):
        if not key.startswith("drill-") or (number(record, "at") or 0) < began:
            continue
        counted = {what: int(number(record, what) or 0) for what in ("files", "bytes", "changed")}
        sets.append(
            Drilled(
                key.removeprefix("drill-"),
                text(record, "problem"),
                compared=int(number(record, "same") or 0),
                seconds=number(record, "seconds") or 0.0,
                databases=_loaded(record),
                **counted,
            )
        )
    if not sets:
        return HostDrill(
            name, Outcome.MALFORMED, "no set could be drilled: journalctl -u kijun-backup-drill-now"
        )
    return HostDrill(name, Outcome.COLLECTED, "", tuple(sets), text(seen.get("deletion", {}), "answer"))


def _loaded(record: Record) -> tuple[Loaded, ...]:
    rows = record.get("databases")
    found = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            counted = {what: int(number(row, what) or 0) for what in ("databases", "tables", "rows")}
            name = " ".join(dict.fromkeys((text(row, "engine"), text(row, "server"))))
            reached = text(row, "reached")
            found.append(Loaded(name, seconds=number(row, "seconds") or 0.0, reached=reached, **counted))
    return tuple(found)


def exit_code(hosts: Iterable[HostDrill]) -> int:
    """Return 1 where a set could not be restored as it was, 2 where a host did not answer, else 0."""
    found = list(hosts)
    if any(host.failed for host in found):
        return 1
    return 2 if any(host.outcome is not Outcome.COLLECTED for host in found) else 0


def render(hosts: Sequence[HostDrill], form: str) -> str:
    """Return the report in one of FORMATS."""
    if form == "json":
        rows = {host.name: {**asdict(host), "outcome": host.outcome.value} for host in hosts}
        return json.dumps({"schema": SCHEMA, "hosts": rows}, ensure_ascii=False, indent=2) + "\n"
    lines = []
    for host in hosts:
        if host.outcome is not Outcome.COLLECTED:
            lines.append(f"{host.name}: {host.outcome}: {host.reason}")
        elif not host.sets:
            lines.append(f"{host.name}: {host.reason}")
        for one in host.sets:
            lines.append(f"{host.name}: {_line(one)}")
            lines += [f"{host.name}: {one.set}: {_server(loaded)}" for loaded in one.databases]
        if host.deletion:
            lines.append(f"{host.name}: deleting a backup with this host's credential: {host.deletion}")
    return "".join(f"{printable(line)}\n" for line in lines)


def _line(one: Drilled) -> str:
    if one.problem:
        return f"{one.set}: NOT RESTORED as it was: {one.problem} ({one.seconds:g} s)"
    since = f", {one.changed} changed since" if one.changed else ""
    same = f", {one.compared} entries identical{since}" if one.compared or not one.databases else ""
    what = f"{one.files} files with {one.bytes} bytes{same}"
    return f"{one.set}: restored: {what} ({one.seconds:g} s)"


def _server(one: Loaded) -> str:
    what = f"{one.rows} rows in {one.tables} tables of {one.databases} databases"
    updates = f", and its log followed up to {one.reached}" if one.reached else ""
    return f"{one.server}: {what} loaded{updates} ({one.seconds:g} s)"
