"""Backing up a set, and asking the repository what it holds of it."""

from __future__ import annotations

import os
import time
from typing import Any

from kijun_backup import dumping, journal, repository
from kijun_backup.records import alone, read, tell, write
from kijun_backup.settings import BackupError, BackupSet
from kijun_backup.sources import Amount, amount, holds_files, require_present

WHOLE = 0.98  # of what the source holds; the rest may come and go while it is read
PROGRAMS = "programs"  # the set of that name
PACKAGES = "/var/lib/dpkg/status"
AGAIN = 10  # times at most that it is copied in one go
SHRUNK = 0.5  # of what it held when it was last accepted: less than that is nobody's daily business


def back_up(one: BackupSet) -> bool:
    """Back up a set; the programs again where packages changed meanwhile. True where all is well."""
    for _ in range(AGAIN):
        began = time.time()
        well = run_set(one)
        if one.name != PROGRAMS or not well or not _packages_changed(began):
            break
    return well


def _packages_changed(since: float) -> bool:
    try:
        return os.stat(PACKAGES).st_mtime > since - 1
    except FileNotFoundError:
        return False


def run_set(one: BackupSet) -> bool:
    """Back up a set, then ask the repository for it and record what came of it; True where all is well."""
    with alone(one.name):
        record = read(one.name)
        record["ran_at"] = time.time()
        try:
            _back_up(one, record)
            verify(one, record, repository.snapshots())
            journal.tidy(one, record["bases"])
        except BackupError as problem:
            record["problem"] = str(problem)
        write(one.name, record)
    return _told(one, record) and (not one.journal or journal.store(one))


def _back_up(one: BackupSet, record: dict[str, Any]) -> None:
    remembered = [str(point) for point in record.get("mounts", ())]
    record["mounts"] = remembered
    mounts = require_present(one, remembered)
    with dumping.dumped(one) as made:
        _store(one, record, [*one.paths, *([str(dumping.folder_of(one))] if made else [])])
    record["databases"] = [
        f"{row['engine']} {row['server']} {row['name']}" for row in made if row["kind"] == "database"
    ]
    record["bases"] = {
        row["server"]: {"start": row["start"], "size": row["size"]} for row in made if row["kind"] == "base"
    }
    record["mounts"] = mounts


def _store(one: BackupSet, record: dict[str, Any], paths: list[str]) -> None:
    before = amount(paths, one.excludes)
    full = [path for path in paths if holds_files(path, one.excludes)]
    emptied = [path for path in record.get("full", ()) if path in paths and path not in full]
    if not full or emptied:
        record["source"] = {"files": before.files, "bytes": before.bytes}
        if not full:
            raise BackupError(f"there is nothing in {', '.join(paths)}")
        gone = ", ".join(emptied)
        raise BackupError(
            f"there is nothing in {gone} any more; if that is right: kijun-backup accept {one.name}"
        )
    arguments = ["backup", "--json", "--quiet", "--tag", repository.TAG + one.name, "--tag", "kijun"]
    for exclude in one.excludes:
        arguments += ["--exclude", exclude]
    repository.begin()
    status, printed, said = repository.run([*arguments, "--", *paths])
    if status not in (0, 3):
        raise BackupError(repository.meaning(f"{printed[-2000:]}\n{said}"))
    after = amount(paths, one.excludes)
    least = Amount(min(before.files, after.files), min(before.bytes, after.bytes))
    record["source"] = {"files": least.files, "bytes": least.bytes}
    record["unread"] = status == 3
    record["full"] = full


def verify(one: BackupSet, record: dict[str, Any], held: list[repository.Snapshot]) -> None:
    """Note what the repository holds of a set; BackupError where that is not what it should be."""
    now = time.time()
    own = [snapshot for snapshot in held if snapshot.set == one.name]
    if not own:
        record.pop("snapshot", None)
        record["verified_at"] = now
        raise BackupError("the repository holds no snapshot of it")
    newest = own[-1]
    if newest.time > now + 300:
        raise BackupError("the newest snapshot is from the future")
    known = record.get("snapshot", {})
    if known.get("id") != newest.id:
        files, size = repository.content(newest.id)
        known = {"id": newest.id, "time": newest.time, "files": files, "bytes": size}
    record["snapshot"] = known
    record["verified_at"] = now
    record["count"] = len(own)
    stored = Amount(int(known["files"]), int(known["bytes"]))
    source = Amount(**record.get("source", {"files": stored.files, "bytes": stored.bytes}))
    if record.get("unread"):
        raise BackupError("some of its files could not be read")
    if stored.short_of(source, WHOLE):
        raise BackupError(
            f"the snapshot holds {stored.files} files with {stored.bytes} bytes, the source "
            f"{source.files} with {source.bytes}"
        )
    accepted = Amount(**record.setdefault("accepted", {"files": stored.files, "bytes": stored.bytes}))
    if stored.short_of(accepted, SHRUNK):
        raise BackupError(
            f"it shrank from {accepted.files} files with {accepted.bytes} bytes to {stored.files} with "
            f"{stored.bytes}; if that is right: kijun-backup accept {one.name}"
        )
    record["accepted"] = {"files": stored.files, "bytes": stored.bytes}
    record["problem"] = ""


def verify_all(chosen: list[BackupSet]) -> bool:
    """Ask the repository for every set; the records say what it holds. True where all is well."""
    problem, held = "", []
    try:
        held = repository.snapshots()
    except BackupError as bad:
        problem = str(bad)
    well = True
    for one in chosen:
        with alone(one.name):
            record = read(one.name)
            before = record.get("problem", "")
            try:
                if problem:
                    if problem == repository.NONE:
                        record.pop("snapshot", None)
                    raise BackupError(problem)
                verify(one, record, held)
                if before and record.get("ran_at", 0) > record["snapshot"]["time"] + 3600:
                    record["problem"] = before  # a backup that was tried later went wrong
            except BackupError as bad:
                record["problem"] = str(bad)
            write(one.name, record)
        well = _told(one, record) and well
    return well


def accept(one: BackupSet) -> None:
    """Take the size that a set has now for the right one; BackupError where it was never backed up."""
    with alone(one.name):
        record = read(one.name)
        if "snapshot" not in record:
            raise BackupError(f"there is no backup of {one.name}")
        record["accepted"] = {key: record["snapshot"][key] for key in ("files", "bytes")}
        record["problem"] = ""
        record.pop("full", None)  # what is empty now may be
        write(one.name, record)


def due(chosen: list[BackupSet]) -> list[str]:
    """Return the names of the sets that want a backup now: none yet, a failed one, or one too old."""
    found = []
    for one in chosen:
        record = read(one.name)
        age = time.time() - float(record.get("snapshot", {}).get("time", 0))
        if record.get("problem", "never") or age > one.hours * 3600 or _lacks(one, record):
            found.append(one.name)
    return found


def _lacks(one: BackupSet, record: dict[str, Any]) -> bool:
    """Whether databases belong to a set now and not to its last backup, or their updates are not kept."""
    engines = {str(label).partition(" ")[0] for label in record.get("databases", ())}
    kept = not one.journal or (record.get("bases") and not read(journal.name_of(one)).get("problem", "never"))
    return not kept or bool(set(one.databases) - engines)


def _told(one: BackupSet, record: dict[str, Any]) -> bool:
    if record.get("problem"):
        tell(f"The backup {one.name} of {os.uname().nodename} is not good: {record['problem']}", alert=True)
        return False
    held = record["snapshot"]
    tell(f"{one.name}: {held['files']} files with {held['bytes']} bytes are in the repository")
    return True
