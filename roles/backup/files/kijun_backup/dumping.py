"""The databases of a set: dumped before it is backed up, with a list of them, and loaded for trial."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kijun_backup import base, journal, mariadb, postgresql
from kijun_backup.comparing import digest
from kijun_backup.settings import STATE, BackupError, BackupSet

MANIFEST = "manifest.json"


def folder_of(one: BackupSet) -> Path:
    """Return where the databases of a set are dumped to; the snapshot has them there."""
    return STATE / "dumps" / one.name


@contextlib.contextmanager
def dumped(one: BackupSet) -> Iterator[list[dict[str, Any]]]:
    """Dump the databases of a set for the block; yield the list of what was made, which is stored as well.

    BackupError where a database is not dumped whole. The dumps are removed afterwards.
    """
    folder = folder_of(one)
    shutil.rmtree(folder, ignore_errors=True)
    if not one.databases:
        yield []
        return
    try:
        folder.mkdir(mode=0o700, parents=True)
        rows = [row for engine in one.databases for row in _dump(engine, folder, one.journal > 0)]
        for row in rows:
            row["sha256"] = digest(str(folder / row["file"])).hex()
        (folder / MANIFEST).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        yield rows
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _dump(engine: str, folder: Path, updates: bool) -> Iterator[dict[str, Any]]:
    if engine == "mariadb":
        yield from _below(folder, "mariadb", mariadb.dump)
        return
    found = postgresql.clusters()
    if not found:
        raise BackupError("there is no PostgreSQL cluster on this host")
    for cluster in found:
        place = f"postgresql/{cluster.version}-{cluster.name}"
        yield from _below(folder, place, functools.partial(_cluster, cluster, updates))


def _cluster(cluster: postgresql.Cluster, updates: bool, folder: Path) -> Iterator[dict[str, Any]]:
    yield from postgresql.dump(cluster, folder)
    if updates:
        yield base.make(cluster, folder)


def _below(
    folder: Path, place: str, dump: Callable[[Path], Iterator[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    (folder / place).mkdir(mode=0o700, parents=True)
    for row in dump(folder / place):
        yield {**row, "file": f"{place}/{row['file']}"}


def rehearse(one: BackupSet, restored: str) -> list[dict[str, Any]]:
    """Load what a drill restored below `restored`, in servers of their own; return what came of each.

    BackupError where a dump is not what was stored, cannot be loaded, or lacks tables.
    """
    folder = Path(restored + str(folder_of(one)))
    try:
        rows = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        servers = sorted({(row["engine"], row["server"]) for row in rows})
    except (OSError, ValueError, KeyError, TypeError) as bad:
        raise BackupError("the list of its databases was not restored") from bad
    for row in rows:
        if digest(str(folder / row["file"])).hex() != row["sha256"]:
            raise BackupError(f"{row['file']} is not what was dumped")
    if missing := set(one.databases) - {engine for engine, _ in servers}:
        raise BackupError(f"it holds no database of {sorted(missing)[0]}")
    return [_loaded(engine, server, rows, restored, folder) for engine, server in servers]


def _loaded(
    engine: str, server: str, rows: list[dict[str, Any]], restored: str, folder: Path
) -> dict[str, Any]:
    began = time.monotonic()
    own = [row for row in rows if (row["engine"], row["server"]) == (engine, server)]
    if engine == "mariadb":
        tables, found = mariadb.rehearse(own, folder)
    else:
        tables, found = postgresql.rehearse(server, own, folder)
    reached = ""
    for row in (row for row in own if row["kind"] == "base"):
        log = Path(restored + str(journal.SPOOL)) / server.replace("/", "-")
        reached = base.recover(row, folder, log)
    databases = sum(row["kind"] == "database" for row in own)
    took = round(time.monotonic() - began, 1)
    about = {"databases": databases, "tables": tables, "rows": found, "seconds": took}
    return {"engine": engine, "server": server, **about, "reached": reached}
