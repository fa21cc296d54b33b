"""What rolling back would change, for people's eyes: only what everybody on the host may read is shown."""

from __future__ import annotations

import base64
import difflib
import re
from typing import Any

from kijun_guard import entries, snapshots, switch

MOST_LINES = 200  # of one file's difference
POLICIES = ("/pam.d/", "/pam-configs/", "/var/lib/pam/")
SECRET = re.compile(
    r"shadow|opasswd|passw(or)?d|secret|private|psk|credential|[._-]key\b|\bkey[._-]", re.IGNORECASE
)


def find(run: str) -> dict[str, Any]:
    """Return the snapshot of a run; GuardError where this host has none."""
    for row in switch.listing():
        if run in row["runs"]:
            return {**snapshots.load(switch.snapshot_of(row["folder"])), "folder": row["folder"]}
    raise entries.GuardError(f"there is no snapshot of run {run} here")


def show(order: dict[str, Any]) -> dict[str, Any]:
    """Return the runs of this host, and, for one of them, what putting it back would change."""
    if not order.get("run"):
        return {"runs": switch.listing()}
    snapshot = find(order["run"])
    difference = snapshots.Difference(snapshot, switch.ROOT)
    later = [row["run"] for row in switch.listing() if row["folder"] > snapshot["folder"]]
    return {
        "runs": switch.listing(),
        "later": later,
        "touches": snapshot["touches"],
        "topics": snapshot["topics"],
        "changes": [change(path, entry) for path, entry in sorted(difference.files.items())]
        + [change(path, entry) for path, entry in sorted(difference.modes.items())],
        "units": difference.units,
        "tables": {name: text or "" for name, text in difference.tables.items()},
        "packages": difference.packages,
    }


def change(path: str, entry: entries.Entry) -> dict[str, Any]:
    """Return what putting `path` back does: what, and for a file that everybody may read, the lines."""
    now = entries.record(path, content="content" in entry)
    verbs = {"absent": "remove", "folder": "folder"}
    what = "bring back" if now["kind"] == "absent" else verbs.get(entry["kind"], "change")
    found: dict[str, Any] = {"path": path, "what": what, "from": about(now), "to": about(entry), "lines": []}
    texts = [text_of(one) for one in (now, entry)]
    if texts[0] != texts[1]:
        if is_secret(path) or any(is_closed(one) for one in (now, entry)):
            found["hidden"] = True
        else:
            lines = difflib.unified_diff(
                texts[0].splitlines(), texts[1].splitlines(), f"{path} now", f"{path} then", lineterm=""
            )
            found["lines"] = list(lines)[:MOST_LINES]
    return found


def is_secret(path: str) -> bool:
    """Say whether its name tells of secrets; what is named after the passwords it judges has none."""
    return bool(SECRET.search(path)) and not any(place in path for place in POLICIES)


def is_closed(entry: entries.Entry) -> bool:
    """Say whether not everybody may read it."""
    return entry["kind"] == "file" and not entry["mode"] & 0o004


def about(entry: entries.Entry) -> str:
    """Return kind, mode and owner in words."""
    if entry["kind"] == "link":
        return f"link to {entry['target']}"
    if "mode" not in entry:
        return str(entry["kind"])
    extra = f" {','.join(entry['attributes'])}" if entry.get("attributes") else ""
    return f"{entry['kind']} {entry['mode']:04o} {entry['uid']}:{entry['gid']}{extra}"


def text_of(entry: entries.Entry) -> str:
    """Return a file's text; what cannot be read as text is replaced."""
    return base64.b64decode(entry.get("content", "")).decode("utf-8", "replace")


def restore(order: dict[str, Any]) -> dict[str, Any]:
    """Put the host back to before a run, under the switch that was armed for it."""
    if not switch.armed():
        raise entries.GuardError("nothing is armed, so nothing would put the host back if this goes wrong")
    paths, problems, unsettled = snapshots.restore(find(order["source"]), switch.ROOT)
    if problems or unsettled:
        raise entries.GuardError(f"not all could be put back: {'; '.join(problems + unsettled)}")
    switch.say(f"Run {order['run']} put the host back to before run {order['source']}: {len(paths)} paths.")
    return {"paths": paths}
