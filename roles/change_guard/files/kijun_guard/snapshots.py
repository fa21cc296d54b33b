"""A snapshot: everything that a run may touch, in one file that is either whole or not there."""

from __future__ import annotations

import json
import os
from typing import Any, Optional

from kijun_guard import entries, system

FORMAT = 1
LARGEST = 128 * 1024 * 1024  # bytes of all files of a snapshot
PROFILES, STACKS = "/usr/share/pam-configs/", "/etc/pam.d/"
Snapshot = dict[str, Any]


def patterns(snapshot: Snapshot) -> list[str]:
    """Return the patterns of the files that are put back, those of units among them."""
    touches = snapshot["touches"]
    return [*touches.get("files", []), *system.unit_files(touches.get("units", []))]


def take(touches: dict[str, Any], excluded: str, old: Optional[Snapshot] = None) -> Snapshot:
    """Return a snapshot of what `touches` names, outside the folder `excluded`.

    With `old`, what that one has is kept as it is there: how the host was before the first of several runs.
    """
    merged = merge(old["touches"] if old else {}, touches)
    snapshot: Snapshot = {"format": FORMAT, "touches": merged}
    paths = [path for path in entries.expand(patterns(snapshot)) if not _within(path, excluded)]
    known = old or {"files": {}, "modes": {}, "units": {}, "tables": {}, "packages": None}
    covered = set(entries.expand(patterns(old))) if old else set()
    snapshot["files"] = {
        path: known["files"].get(path) or (dict(entries.ABSENT) if path in covered else entries.record(path))
        for path in sorted({*paths, *known["files"]})
    }
    snapshot["modes"] = {
        path: known["modes"].get(path) or entries.record(path, content=False)
        for path in entries.expand(merged.get("modes", []))
    }
    snapshot["units"] = {**system.unit_states(merged.get("units", [])), **known["units"]}
    snapshot["tables"] = {**system.tables(merged.get("tables", [])), **known["tables"]}
    snapshot["packages"] = system.packages() if known["packages"] is None else known["packages"]
    size = sum(len(entry.get("content", "")) for entry in snapshot["files"].values()) * 3 // 4
    if size > LARGEST:
        raise entries.GuardError(f"what the run may touch has {size} bytes, too many for a snapshot")
    return snapshot


def merge(*touches: dict[str, Any]) -> dict[str, Any]:
    """Return what all of `touches` name: lists united, `reload` by unit."""
    found: dict[str, Any] = {"reload": {}}
    for one in touches:
        for key, value in one.items():
            if key == "reload":
                found["reload"].update(value)
            else:
                found[key] = sorted({*found.get(key, []), *value})
    return found


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


class Difference:
    """What of a host is not as in a snapshot."""

    def __init__(self, snapshot: Snapshot, excluded: str) -> None:
        files, modes = snapshot["files"], snapshot["modes"]
        now = [path for path in entries.expand(patterns(snapshot)) if not _within(path, excluded)]
        wanted = {**{path: dict(entries.ABSENT) for path in now}, **files}
        self.packages = system.parted(snapshot["packages"], system.packages())
        came = system.shipped(self.packages["came"])  # they stay, and so does what is theirs and untouched
        self.files = {
            path: entry
            for path, entry in wanted.items()
            if entries.differs(path, entry) and not entries.is_as_shipped(path, came)
        }
        self.modes = {
            path: entry
            for path, entry in modes.items()
            if entry["kind"] == "file" and os.path.isfile(path) and entries.differs(path, entry)
        }
        running = system.unit_states(sorted(snapshot["units"]))
        self.units = {unit: state for unit, state in snapshot["units"].items() if running.get(unit) != state}
        loaded = system.tables(sorted(snapshot["tables"]))
        self.tables = {name: text for name, text in snapshot["tables"].items() if loaded[name] != text}

    @property
    def paths(self) -> list[str]:
        """The paths that differ."""
        return sorted({*self.files, *self.modes})

    def __bool__(self) -> bool:
        return bool(self.files or self.modes or self.units or self.tables or any(self.packages.values()))


def restore(
    snapshot: Snapshot, excluded: str, *, booting: bool = False
) -> tuple[list[str], list[str], list[str]]:
    """Make the host what `snapshot` says; return the paths that were put back, and what went wrong.

    The latter in two lists: what must be tried again, and units that did not start or stop. One thing that
    cannot be put back keeps none of the others from it. Packages stay as they are.
    """
    difference, problems = Difference(snapshot, excluded), []
    for path, entry in [*sorted(difference.files.items(), key=_order), *sorted(difference.modes.items())]:
        try:
            entries.put_back(path, entry)
        except OSError as bad:
            problems.append(f"{path}: {bad.strerror or bad}")
    if any(path.startswith(system.UNITS) for path in difference.files):
        system.reload_systemd()
    if not booting:  # nothing is loaded yet then, and what is put back is what will be
        problems += [
            said for name, text in difference.tables.items() if (said := system.load_table(name, text))
        ]
    reloads = [
        unit
        for unit, place in snapshot["touches"].get("reload", {}).items()
        if any(path.startswith(place) for path in difference.files)
    ]
    units = snapshot["units"] if booting and difference.files else difference.units
    return difference.paths, problems, system.settle(units, reloads, booting=booting)


def _order(item: tuple[str, entries.Entry]) -> tuple[int, tuple[int, ...], str]:
    """Folders, profiles of PAM, its stacks, other files; what was not there goes last, from the inside out.

    So no stack is ever without a file that it names.
    """
    path, entry = item
    if entry["kind"] == "absent":
        return (9, (not path.startswith("/etc/"), -path.count("/")), path)
    ranks = ((entry["kind"] == "folder", 0), (path.startswith(PROFILES), 1), (path.startswith(STACKS), 2))
    return (next((rank for holds, rank in ranks if holds), 3), (path.count("/"),), path)


def load(path: str) -> Snapshot:
    """Return the snapshot in a file; GuardError where there is none that this version understands."""
    try:
        with open(path, encoding="utf-8") as handle:
            found = json.load(handle)
    except FileNotFoundError:
        raise entries.GuardError(f"there is no snapshot {path}") from None
    except ValueError as bad:
        raise entries.GuardError(f"{path} is no snapshot: {bad}") from bad
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise entries.GuardError(f"{path} is no snapshot of this version of kijun (format {FORMAT})")
    return found  # type: ignore[no-any-return]


def save(path: str, snapshot: Snapshot) -> None:
    """Write a snapshot: it is whole on the disk, or not there."""
    entries.replace(path, json.dumps(snapshot).encode())
