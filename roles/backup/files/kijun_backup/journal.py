"""PostgreSQL's updates between two backups: its write-ahead log, from the spool into the repository.

Each snapshot of a journal holds every segment since the newest base backup: the two together are enough.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from kijun_backup import repository
from kijun_backup.postgresql import Cluster, clusters
from kijun_backup.records import alone, read, tell, write
from kijun_backup.settings import BackupError, BackupSet

SPOOL = Path("/var/lib/kijun-journal")
COMMAND = '/usr/local/lib/kijun/kijun_backup/archive.sh "%p" "%f" {}'
SEGMENT = re.compile(r"[0-9A-F]{24}")
SETTLE = 90.0  # seconds within which PostgreSQL has to hand over what it finished


def name_of(one: BackupSet) -> str:
    """Return what a set's journal is called in the repository and in the records; no set has such a name."""
    return f"journal.{one.name}"


def folder_of(cluster: Cluster) -> Path:
    """Return where a cluster's finished segments wait."""
    return SPOOL / f"{cluster.version}-{cluster.name}"


def number(segment: str, size: int) -> int:
    """Return the place of a segment in the log, by its name and the size of segments."""
    return int(segment[8:16], 16) * (2**32 // size) + int(segment[16:24], 16)


def segments(folder: Path) -> list[str]:
    """Return the names of the segments in a folder, oldest first; BackupError where it cannot be read."""
    try:
        return sorted(name for name in os.listdir(folder) if SEGMENT.fullmatch(name))
    except OSError as bad:
        raise BackupError(f"{folder} cannot be read ({bad.strerror})") from bad


def unbroken(found: list[str], base: dict[str, Any], label: str) -> None:
    """BackupError where a segment between the base backup and the newest one is missing."""
    size = int(base["size"])
    have = {number(name, size) for name in found}
    first = number(str(base["start"]), size)
    wanted = range(first, max(have, default=first) + 1)
    if missing := [place for place in wanted if place not in have]:
        where = f"{missing[0] // (2**32 // size):X}/{missing[0] % (2**32 // size):02X}"
        raise BackupError(f"the journal of {label} has a gap: segment {where} was not kept")


def store(one: BackupSet) -> bool:
    """Have PostgreSQL finish its segment, and store what is in the spool; True where all is well."""
    with alone(name_of(one)):
        record = read(name_of(one))
        record["at"] = time.time()
        try:
            _store(one, record)
            record["problem"] = ""
        except BackupError as problem:
            record["problem"] = str(problem)
        write(name_of(one), record)
    if record["problem"]:
        what = f"{one.name} of {os.uname().nodename} are not kept: {record['problem']}"
        tell(f"The updates between two backups of {what}", alert=True)
        return False
    tell(f"{one.name}: the updates until now are in the repository")
    return True


def _store(one: BackupSet, record: dict[str, Any]) -> None:
    bases = read(one.name).get("bases", {})
    kept = {}
    for cluster in clusters():
        _finished(cluster)
        found = segments(folder_of(cluster))
        if cluster.label not in bases:
            raise BackupError(f"there is no base backup of {cluster.label} yet to add updates to")
        unbroken(found, bases[cluster.label], cluster.label)
        kept[cluster.label] = {"segments": len(found), "newest": found[-1] if found else ""}
    began = time.time()
    tags = ["--tag", repository.TAG + name_of(one), "--tag", "kijun"]
    exclude = ["--exclude", f"{SPOOL}/*/.*.part"]
    repository.ask(["backup", "--quiet", *tags, *exclude, "--", *(str(folder_of(c)) for c in clusters())])
    own = [snapshot for snapshot in repository.snapshots() if snapshot.set == name_of(one)]
    if not own or own[-1].time < began - 300:
        raise BackupError("the repository did not keep them")
    files, size = repository.content(own[-1].id)
    if files < sum(row["segments"] for row in kept.values()):
        raise BackupError(f"of the segments {files} are in the repository")
    record["snapshot"] = {"id": own[-1].id, "time": own[-1].time, "files": files, "bytes": size}
    record["clusters"] = kept


def _finished(cluster: Cluster) -> None:
    """Have a cluster hand over all it wrote until now; BackupError where it does not."""
    asked = "select name, setting from pg_settings where name in ('archive_mode', 'archive_command')"
    rows = cluster.ask(asked)
    settings = {row[0]: row[-1] for row in rows}
    if settings.get("archive_mode") not in ("on", "always"):
        raise BackupError(f"archive_mode of {cluster.label} is {settings.get('archive_mode')}")
    if settings.get("archive_command") != COMMAND.format(folder_of(cluster).name):
        raise BackupError(f"archive_command of {cluster.label} is {settings.get('archive_command')}")
    cluster.ask("select pg_switch_wal()")
    end = time.monotonic() + SETTLE
    waiting = "select count(*) from pg_ls_archive_statusdir() where name like '%.ready'"
    while int(cluster.ask(waiting)[0][0]):
        if time.monotonic() > end:
            raise BackupError(f"{cluster.label} cannot hand over what it wrote; see its log for archive.sh")
        time.sleep(0.5)
    last = cluster.ask("select coalesce(last_archived_wal, '') from pg_stat_archiver")[0][0]
    if last and not (folder_of(cluster) / last).exists():
        raise BackupError(f"{cluster.label} says that it handed over {last}, and it is not there")


def tidy(one: BackupSet, bases: dict[str, Any]) -> None:
    """Remove the segments from before the base backups that are in the repository."""
    for cluster in clusters():
        if one.journal and cluster.label in bases:
            base = bases[cluster.label]
            first = number(str(base["start"]), int(base["size"]))
            for name in os.listdir(folder_of(cluster)):
                if SEGMENT.match(name) and number(name, int(base["size"])) < first:
                    (folder_of(cluster) / name).unlink()
