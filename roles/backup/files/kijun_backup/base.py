"""Base backups of PostgreSQL, to which the write-ahead log is added: made, and recovered for trial."""

from __future__ import annotations

import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

from kijun_backup import journal
from kijun_backup.postgresql import Cluster, Trial
from kijun_backup.running import scratch
from kijun_backup.settings import BackupError

_SETTINGS = """# A recovery for trial.
listen_addresses = ''
hot_standby = off
archive_mode = off
max_prepared_transactions = 100
restore_command = 'cp "{wal}/%f" "%p"'
recovery_target_timeline = 'latest'
"""


def make(cluster: Cluster, folder: Path) -> dict[str, Any]:
    """Make a base backup of a cluster in `folder`; return its row of the manifest.

    BackupError where it fails, or where the cluster has tablespaces, which one file does not hold.
    """
    what = f"the base backup of PostgreSQL {cluster.label}"
    if cluster.ask("select 1 from pg_tablespace where spcname not in ('pg_default', 'pg_global')"):
        raise BackupError(f"{what}: it has tablespaces, which kijun does not copy; set journal_minutes to 0")
    size = int(cluster.ask("select setting from pg_settings where name = 'wal_segment_size'")[0][0])
    with (folder / "base.tar").open("wb") as out:
        command = ["pg_basebackup", "-w", "-D", "-", "-Ft", "-X", "fetch", "--checkpoint=fast"]
        cluster.call(command, what, write=out)
    start = _start(folder / "base.tar", what)
    about = {"engine": "postgresql", "server": cluster.label, "user": cluster.owner}
    return {**about, "kind": "base", "file": "base.tar", "start": start, "size": size}


def _start(file: Path, what: str) -> str:
    try:
        with tarfile.open(file) as archive:
            for member in archive:
                if member.name == "backup_label":
                    label = archive.extractfile(member)
                    said = label.read().decode("utf-8", "replace") if label else ""
                    if found := re.search(r"START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)", said):
                        return found[1]
    except tarfile.TarError as bad:
        raise BackupError(f"{what}: {bad}") from bad
    raise BackupError(f"{what}: it does not say where it begins")


def recover(row: dict[str, Any], folder: Path, log: Path) -> str:
    """Recover a base backup in a server of its own with the segments in `log`; return the last of these.

    BackupError where the server does not come up, or not up to the end of the log.
    """
    found = journal.segments(log) if log.is_dir() else []
    journal.unbroken(found, row, str(row["server"]))
    version = str(row["server"]).partition("/")[0]
    with scratch(str(row["user"])) as place:
        trial = Trial(place, version)
        data, wal = place.folder / "data", place.folder / "wal"
        data.mkdir(mode=0o700)
        wal.mkdir(mode=0o700)
        place.own(data)
        place.own(wal)
        with (folder / str(row["file"])).open("rb") as file:
            unpack = ["tar", "-xf", "-", "-C", str(data)]
            place.call(unpack, "the base backup could not be unpacked", read=file)
        for name in sorted(path.name for path in log.iterdir()) if log.is_dir() else []:
            shutil.copyfile(log / name, wal / name)
            place.own(wal / name)
        for name, text in (
            ("postgresql.conf", _SETTINGS.format(wal=wal)), ("postgresql.auto.conf", ""),
            ("pg_hba.conf", "local all all trust\n"), ("pg_ident.conf", ""), ("recovery.signal", ""),
        ):  # fmt: skip
            (data / name).write_text(text, encoding="utf-8")
            place.own(data / name)
        return _recovered(trial, row, found)


def _recovered(trial: Trial, row: dict[str, Any], found: list[str]) -> str:
    role = str(row["user"])
    with trial.server(role, patience=6 * 3600):
        said = trial.ask("select coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0)", "postgres", role)
    size = int(row["size"])
    if found and int(said) <= journal.number(found[-1], size) * size:
        raise BackupError(f"the journal of {row['server']} could not be followed up to {found[-1]}")
    return found[-1] if found else ""
