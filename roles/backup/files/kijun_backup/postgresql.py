"""PostgreSQL: its clusters as Debian makes them, dumps by pg_dump, and loading these for trial."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kijun_backup.running import START, Scratch, as_user, call, environment, file_name, scratch
from kijun_backup.settings import BackupError

SETTINGS, DATA, PROGRAMS = Path("/etc/postgresql"), Path("/var/lib/postgresql"), Path("/usr/lib/postgresql")
_FOLDER = re.compile(r"^\s*data_directory\s*=?\s*'([^']+)'", re.MULTILINE)
_DATABASES = "select datname, datallowconn from pg_database where datname not in ('template0', 'template1')"
# Tables whose rows pg_dump writes: no temporary ones, and none that CREATE EXTENSION makes.
_TABLES = """select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname <> 'information_schema'
and n.nspname !~ '^pg_' and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
and d.objid = c.oid and d.deptype = 'e')"""
_ROWS = """select coalesce(sum((xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I.%I',
n.nspname, c.relname), false, true, '')))[1]::text::bigint), 0)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'"""


@dataclass(frozen=True)
class Cluster:
    """One cluster: 15/main, its data, and the socket of its server, "" where that does not run."""

    version: str
    name: str
    data: Path
    port: str = ""
    socket: str = ""

    @property
    def label(self) -> str:
        """How it is called in messages and records."""
        return f"{self.version}/{self.name}"

    @property
    def owner(self) -> str:
        """The user that it runs as."""
        return self.data.owner()

    def program(self, name: str) -> str:
        """Return the path of one of its version's programs."""
        return program(self.version, name)

    def call(self, command: list[str], what: str, database: str = "postgres", **files: Any) -> str:
        """Run a program of its version as its owner over its socket; BackupError where it fails."""
        if not self.socket:
            raise BackupError(f"PostgreSQL {self.label} does not run: start it, or pg_dropcluster it")
        where = environment(
            PGHOST=self.socket, PGPORT=self.port, PGUSER=self.owner, PGDATABASE=database,
            PGAPPNAME="kijun-backup", PGCONNECT_TIMEOUT="20",
        )  # fmt: skip
        return call([*as_user(self.owner), self.program(command[0]), *command[1:]], what, env=where, **files)

    def ask(self, sql: str, database: str = "postgres") -> list[list[str]]:
        """Return the rows that a query gives; BackupError as `call`."""
        command = ["psql", "-wXAtq", "-v", "ON_ERROR_STOP=1", "-F", "\t", "-c", sql]
        said = self.call(command, f"PostgreSQL {self.label} does not answer", database)
        return [line.split("\t") for line in said.splitlines()]


def program(version: str, name: str) -> str:
    """Return the path of a program of one version."""
    return str(PROGRAMS / version / "bin" / name)


def clusters() -> list[Cluster]:
    """Return the clusters that are set up on this host or have data on it."""
    found: dict[Path, Cluster] = {}
    for settings in sorted(SETTINGS.glob("*/*/postgresql.conf")):
        version, name = settings.parts[-3:-1]
        named = _FOLDER.findall(settings.read_text(encoding="utf-8", errors="replace"))
        data = Path(named[-1]) if named else DATA / version / name
        if data.is_dir():
            found[data] = _running(Cluster(version, name, data))
    for base in sorted(DATA.glob("*/*/base")):
        data = base.parent
        found.setdefault(data, _running(Cluster(data.parts[-2], data.parts[-1], data)))
    return list(found.values())


def _running(cluster: Cluster) -> Cluster:
    try:
        lines = (cluster.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        alive = Path(f"/proc/{int(lines[0])}").is_dir()
        return Cluster(cluster.version, cluster.name, cluster.data, lines[3], lines[4]) if alive else cluster
    except (OSError, ValueError, IndexError):
        return cluster


def databases(cluster: Cluster) -> list[str]:
    """Return the databases to dump; BackupError where one of them lets nobody in."""
    rows = cluster.ask(_DATABASES)
    if closed := [row[0] for row in rows if row[-1] != "t"]:
        raise BackupError(f"the database {closed[0]} of PostgreSQL {cluster.label} accepts no connections")
    return sorted(row[0] for row in rows)


def dump(cluster: Cluster, folder: Path) -> Iterator[dict[str, Any]]:
    """Dump every database and the roles of a cluster into `folder`; yield what was made, for the manifest.

    BackupError where a dump fails, is empty, or lacks the rows of tables.
    """
    about = {"engine": "postgresql", "server": cluster.label, "user": cluster.owner}
    for kind in ("roles", "tablespaces"):
        with (folder / f"{kind}.sql").open("wb") as file:
            cluster.call(["pg_dumpall", "-w", f"--{kind}-only"], f"the {kind} of {cluster.label}", write=file)
        yield {**about, "kind": kind, "file": f"{kind}.sql"}
    for name in databases(cluster):
        what, file = f"the database {name} of PostgreSQL {cluster.label}", file_name(name, ".dump")
        tables = _tables(cluster, name)
        with (folder / file).open("wb") as out:
            cluster.call(["pg_dump", "-w", "-Fc", "-Z0", "--lock-wait-timeout=10min"], what, name, write=out)
        tables = min(tables, _tables(cluster, name))
        stored = contents(cluster, folder / file, what)
        if stored < tables:
            raise BackupError(f"{what}: the dump holds the rows of {stored} tables, there are {tables}")
        yield {**about, "kind": "database", "name": name, "file": file, "tables": tables}


def _tables(cluster: Cluster, database: str) -> int:
    return int(cluster.ask(_TABLES, database)[0][0])


def contents(cluster: Cluster, file: Path, what: str) -> int:
    """Return of how many tables a dump holds the rows; BackupError where it is no dump."""
    with file.open("rb") as dumped:
        listed = cluster.call(["pg_restore", "--list"], f"{what}: what was dumped is no dump", read=dumped)
    return sum(1 for line in listed.splitlines() if re.match(r"\d+; \d+ \d+ TABLE DATA ", line))


def rehearse(label: str, rows: list[dict[str, Any]], folder: Path) -> tuple[int, int]:
    """Load the dumps of a cluster into a server of its own; return how many tables and rows were there then.

    BackupError where something is not loaded, or tables are missing.
    """
    version = label.partition("/")[0]
    if not Path(program(version, "initdb")).exists():
        raise BackupError(f"PostgreSQL {version} is not installed, so that its dump cannot be tried")
    with scratch(str(rows[0]["user"])) as place:
        trial = Trial(place, version)
        trial.call(
            ["initdb", "-D", str(place.folder / "data"), "-U", Trial.ROLE, "-E", "UTF8", "--locale=C.UTF-8",
             "--auth-local=trust", "--auth-host=reject", "--no-sync"], "a server for the trial",
        )  # fmt: skip
        with trial.server(Trial.ROLE, "-c", "fsync=off"):
            return _loaded(trial, rows, folder)


def _loaded(trial: Trial, rows: list[dict[str, Any]], folder: Path) -> tuple[int, int]:
    for row in (row for row in rows if row["kind"] == "roles"):
        with (folder / str(row["file"])).open("rb") as file:
            trial.call([*trial.psql("template1"), "-f", "-"], "the roles", read=file)
    trial.ask("drop database postgres", "template1")  # the dump brings it
    tables = found = 0
    for row in (row for row in rows if row["kind"] == "database"):
        name = str(row["name"])
        with (folder / str(row["file"])).open("rb") as file:
            command = ["pg_restore", "-w", "-h", str(trial.place.folder), "-U", Trial.ROLE, "-d", "template1"]
            command += ["--create", "--exit-on-error", "--no-tablespaces"]
            trial.call(command, f"the database {name} could not be loaded", read=file)
        here = int(trial.ask(_TABLES, name))
        if here < int(row["tables"]):
            raise BackupError(f"of {row['tables']} tables of the database {name} {here} came back")
        tables, found = tables + here, found + int(trial.ask(_ROWS, name))
    return tables, found


@dataclass
class Trial:
    """A server of one version in a scratch place."""

    place: Scratch
    version: str
    ROLE = "kijun_trial"  # so that every role of the dump can be made

    def call(self, command: list[str], what: str, **files: Any) -> str:
        """Run one of the version's programs there."""
        return self.place.call([program(self.version, command[0]), *command[1:]], what, **files)

    def psql(self, database: str, role: str = ROLE) -> list[str]:
        """The name of a database may be taken for settings of a connection, unless it is one of these."""
        quoted = database.replace("\\", "\\\\").replace("'", "\\'")
        where = f"host='{self.place.folder}' user='{role}' dbname='{quoted}'"
        return ["psql", "-wXAtq", "-v", "ON_ERROR_STOP=1", "-d", where]

    def ask(self, sql: str, database: str, role: str = ROLE) -> str:
        """Return what a query gives there."""
        return self.call([*self.psql(database, role), "-c", sql], "the server for the trial").strip()

    def server(self, role: str, *settings: str, patience: float = START) -> Any:
        """Run a server for a block, as `Scratch.server`."""
        folder = str(self.place.folder)
        command = [program(self.version, "postgres"), "-D", f"{folder}/data", "-c", "listen_addresses="]
        command += ["-c", f"unix_socket_directories={folder}", "-c", "archive_mode=off", *settings]
        what = f"PostgreSQL {self.version} for the trial"
        return self.place.server(
            command, lambda: self.ask("select 1", "template1", role), what, patience=patience
        )
