"""The restore drill: the newest snapshot of a set is restored into isolation and looked at."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from kijun_backup import dumping, journal, repository
from kijun_backup.comparing import compare
from kijun_backup.records import alone, read, tell, write
from kijun_backup.settings import STATE, BackupError, BackupSet, drill_days
from kijun_backup.sources import amount

ROOM = 1.1  # of what the snapshot holds has to be free


def due(chosen: list[BackupSet]) -> list[BackupSet]:
    """Return the sets that were not restored for trial, or not well, or too long ago."""
    oldest = time.time() - (drill_days() - 1) * 86400
    found = []
    for one in chosen:
        record = read(f"drill-{one.name}")
        if record.get("problem", "never") or float(record.get("at", 0)) < oldest:
            found.append(one)
    if not found and read("deletion").get("answer") != "refused":
        return chosen[:1]
    return found


def drill(one: BackupSet, held: list[repository.Snapshot]) -> bool:
    """Try to restore a set; the record `drill-<set>` says what came of it. True where all is well."""
    began = time.time()
    record: dict[str, Any] = {"at": began, "problem": ""}
    with alone("drill"):
        folder = STATE / "drill" / one.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        try:
            _restore(one, held, str(folder), record)
            _restore_journal(one, held, str(folder))
            _look(one, str(folder), record)
        except (BackupError, OSError) as problem:
            record["problem"] = str(problem)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    record["seconds"] = round(time.time() - began, 1)
    write(f"drill-{one.name}", record)
    if record["problem"]:
        what = f"{one.name} of {os.uname().nodename} could not be restored as it was: {record['problem']}"
        tell(f"The backup {what}", alert=True)
        return False
    tell(f"{one.name}: {record['files']} files restored and {record['same']} entries compared")
    for row in record.get("databases", ()):
        what = f"{row['rows']} rows in {row['tables']} tables of {row['databases']} databases"
        updates = f", and its updates up to {row['reached']} followed," if row["reached"] else ""
        tell(f"{one.name}: {what} of {row['server']} loaded{updates} in {row['seconds']} s")
    return True


def _restore(one: BackupSet, held: list[repository.Snapshot], folder: str, record: dict[str, Any]) -> None:
    own = [snapshot for snapshot in held if snapshot.set == one.name]
    if not own:
        raise BackupError("the repository holds no snapshot of it")
    newest = own[-1]
    record.update(snapshot=newest.id, taken=newest.time)
    files, size = repository.content(newest.id)
    room = os.statvfs(folder)
    if room.f_bavail * room.f_frsize < size * ROOM:
        raise BackupError(f"there is no room for {size} bytes in {folder}")
    repository.ask(["restore", newest.id, "--target", folder, "--verify"])
    restored = amount([folder], [])
    record.update(files=restored.files, bytes=restored.bytes)
    if restored.files == 0:
        raise BackupError("nothing was restored")
    if restored.files < files:
        raise BackupError(f"of {files} files {restored.files} were restored")


def _restore_journal(one: BackupSet, held: list[repository.Snapshot], folder: str) -> None:
    own = [snapshot for snapshot in held if snapshot.set == journal.name_of(one)]
    if own:
        repository.ask(["restore", own[-1].id, "--target", folder, "--verify"])


def _look(one: BackupSet, folder: str, record: dict[str, Any]) -> None:
    record["same"] = record["changed"] = 0
    if one.paths:
        found = compare(one, folder, float(record["taken"]))
        record.update(same=found.same, changed=found.changed, different=found.different[:5])
        if found.different:
            more = f" and {len(found.different) - 1} more" if len(found.different) > 1 else ""
            raise BackupError(f"differs: {found.different[0]}{more}")
        if not found.same:
            raise BackupError("nothing on the host is as it was then, so nothing could be compared")
    if one.databases:
        record["databases"] = dumping.rehearse(one, folder)


def deletion() -> bool:
    """Try to delete a snapshot, made for that, with this host's credential. True where that is refused.

    The record `deletion` says what came of it. Where it is refused the snapshot stays for the next time.
    """
    answer = "unknown"
    try:
        probe = repository.probe()
        status, _, said = repository.run(["forget", probe], stop_at="403", limit=60)
        if probe not in repository.probes():
            answer = "allowed"
        elif "403" in said or status != 0:
            answer = "refused"
    except BackupError as problem:
        answer = f"unknown: {problem}"
    write("deletion", {"at": time.time(), "answer": answer})
    if answer != "refused":
        tell(f"Whether the credential of {os.uname().nodename} can delete backups: {answer}", alert=True)
    return answer == "refused"
