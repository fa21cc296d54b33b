"""MariaDB: dumps by mariadb-dump over its socket, as root without a password, and loading these for trial."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kijun_backup.running import Scratch, call, environment, file_name, scratch
from kijun_backup.settings import BackupError

SOCKET, DATA = "/run/mysqld/mysqld.sock", Path("/var/lib/mysql")
_NAMES = (
    "select schema_name from information_schema.schemata"
    " where schema_name not in ('information_schema', 'performance_schema', 'sys', 'mysql')"
)
# One statement for each table of a database.
_COUNTING = (
    "select concat('select count(*) from `', replace(table_schema, '`', '``'), '`.`',"
    " replace(table_name, '`', '``'), '`;') from information_schema.tables"
    " where table_type in ('BASE TABLE', 'SYSTEM VERSIONED') and table_schema = {}"
)
_TABLES = (
    "select count(*), coalesce(sum(engine <> 'InnoDB'), 0) from information_schema.tables"
    " where table_type in ('BASE TABLE', 'SYSTEM VERSIONED') and table_schema = {}"
)
_WAY = ["--no-defaults", "--protocol=socket", f"--socket={SOCKET}", "--user=root"]


def _ask(sql: str) -> list[list[str]]:
    command = ["mariadb", *_WAY, "--batch", "--skip-column-names", "--raw", "-e", sql]
    said = call(command, "MariaDB does not answer root over its socket", env=environment())
    return [line.split("\t") for line in said.splitlines()]


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def databases() -> list[str]:
    """Return the databases to dump; BackupError where the server does not answer."""
    if not Path(SOCKET).is_socket():
        raise BackupError(f"MariaDB does not run: there is no {SOCKET}")
    return sorted(row[0] for row in _ask(_NAMES))


def _tables(database: str) -> tuple[int, bool]:
    """Return how many tables a database has, and whether all of them know transactions."""
    number, others = _ask(_TABLES.format(_quoted(database)))[0]
    return int(number), int(float(others)) == 0


def dump(folder: Path) -> Iterator[dict[str, Any]]:
    """Dump every database and the accounts into `folder`; yield what was made, for the manifest.

    BackupError where a dump fails, does not end as a whole one does, or
    lacks tables. Tables that know no transactions are locked meanwhile: else they would not be consistent.
    """
    about = {"engine": "mariadb", "server": "mariadb", "user": DATA.owner()}
    names = databases()
    with (folder / "users.sql").open("wb") as out:
        what = "the accounts of MariaDB"
        call(["mariadb-dump", *_WAY, "--system=users", "--insert-ignore"], what, write=out)
    _whole(folder / "users.sql", what, 0)
    yield {**about, "kind": "users", "file": "users.sql"}
    for name in names:
        what, file = f"the database {name} of MariaDB", file_name(name, ".sql")
        tables, transactional = _tables(name)
        how = ["--single-transaction"] if transactional else ["--lock-tables"]
        how += ["--quick", "--routines", "--events", "--triggers", "--hex-blob", "--databases", "--", name]
        with (folder / file).open("wb") as out:
            call(["mariadb-dump", *_WAY, *how], what, write=out)
        tables = min(tables, _tables(name)[0])
        _whole(folder / file, what, tables)
        yield {**about, "kind": "database", "name": name, "file": file, "tables": tables}


def _whole(file: Path, what: str, tables: int) -> None:
    """BackupError where a dump is cut, or lacks the rows of tables (each stands between locks)."""
    locked, last = 0, b""
    with file.open("rb") as dumped:
        for line in dumped:
            locked += line.startswith(b"LOCK TABLES ")
            last = line if line.strip() else last
    if not last.startswith(b"-- Dump completed"):
        raise BackupError(f"{what}: what was dumped is no whole dump")
    if locked < tables:
        raise BackupError(f"{what}: the dump holds the rows of {locked} tables, there are {tables}")


def rehearse(rows: list[dict[str, Any]], folder: Path) -> tuple[int, int]:
    """Load the dumps into a server of its own; return how many tables and rows were there then.

    BackupError where something is not loaded, or tables are missing.
    """
    if not Path("/usr/sbin/mariadbd").exists():
        raise BackupError("MariaDB is not installed, so that its dump cannot be tried")
    with scratch(str(rows[0]["user"])) as place:
        data, socket = str(place.folder / "data"), str(place.folder / "socket")
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db"]
        place.call([*install, "--auth-root-authentication-method=normal"], "a server for the trial")
        server = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking"]
        server += [f"--pid-file={place.folder}/pid", "--innodb-flush-log-at-trx-commit=0"]
        way = ["mariadb", "--no-defaults", "--protocol=socket", f"--socket={socket}", "--user=root"]
        way += ["--batch", "--skip-column-names", "--raw"]
        ask = [*way, "-e", "select 1"]
        with place.server(server, lambda: place.call(ask, "MariaDB"), "MariaDB for the trial"):
            return _loaded(place, way, rows, folder)


def _loaded(place: Scratch, way: list[str], rows: list[dict[str, Any]], folder: Path) -> tuple[int, int]:
    tables = found = 0
    for row in sorted(rows, key=lambda row: row["kind"] == "users"):
        name = str(row.get("name", "the accounts"))
        with (folder / str(row["file"])).open("rb") as file:
            place.call(way, f"{name} of MariaDB could not be loaded", read=file)
        if row["kind"] != "database":
            continue
        sql = _TABLES.format(_quoted(name))
        here = int(place.call([*way, "-e", sql], name).split()[0])
        if here < int(row["tables"]):
            raise BackupError(f"of {row['tables']} tables of the database {name} {here} came back")
        tables, found = tables + here, found + _rows(place, way, name)
    return tables, found


def _rows(place: Scratch, way: list[str], database: str) -> int:
    sql = place.call([*way, "-e", _COUNTING.format(_quoted(database))], database)
    return sum(int(line) for line in place.call([*way, "-e", sql], database).split()) if sql.strip() else 0
