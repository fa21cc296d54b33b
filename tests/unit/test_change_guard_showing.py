"""What the guard's program shows of a snapshot, and snapshots that are none."""

from __future__ import annotations

import base64
import importlib
import json
import sys
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[2] / "roles/change_guard/files"
sys.path.insert(0, str(FILES))
try:
    entries, snapshots, system, showing = (
        importlib.import_module(f"kijun_guard.{name}")
        for name in ("entries", "snapshots", "system", "showing")
    )
finally:
    sys.path.remove(str(FILES))


def file_of(text: str, mode: int) -> dict[str, object]:
    content = base64.b64encode(text.encode()).decode()
    return {"kind": "file", "content": content, "mode": mode, "uid": 0, "gid": 0, "attributes": {}}


@pytest.mark.parametrize(
    ("name", "mode", "shown"),
    [
        ("faillock.conf", 0o644, True),
        ("faillock.conf", 0o640, False),
        ("shadow", 0o644, False),
        ("ssh_key", 0o644, False),
        ("wifi.psk", 0o644, False),
        ("password", 0o644, False),
        ("pam.d/common-password", 0o644, True),
    ],
)
def test_a_difference_shows_only_what_everybody_may_read(tmp_path, name, mode, shown):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("now-SECRET-1\n")
    path.chmod(0o644)
    found = showing.change(str(path), file_of("then-SECRET-2\n", mode))
    assert ("SECRET" in json.dumps(found)) is shown
    assert bool(found.get("hidden")) is not shown


def test_packages_are_compared():
    before, after = {"a": "1", "b": "1", "c": "1"}, {"b": "2", "c": "1", "d": "1"}
    assert system.parted(before, after) == {"came": ["d"], "went": ["a"], "changed": ["b"]}


@pytest.mark.parametrize("text", ["", "{}", '{"format": 99}', "[", "null"])
def test_a_snapshot_that_is_none_is_said(tmp_path, text):
    path = tmp_path / "snapshot.json"
    path.write_text(text)
    with pytest.raises(entries.GuardError):
        snapshots.load(str(path))
