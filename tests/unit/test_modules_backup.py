"""The Ansible module that forgets old backups: which of them it takes, and what it refuses."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.modules import load

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_795_600_000.0
DAY = 86400


PRUNE = load("library/kijun_backup_prune.py")
AGES = st.floats(-200 * DAY, 400 * DAY)
SNAPSHOTS = st.lists(
    st.builds(
        lambda name, taken, arrived: (name, NOW - taken, NOW - arrived),
        st.sampled_from(["files", "programs", "journal.files"]),
        st.floats(0, 400 * DAY),
        AGES,
    ),
    max_size=12,
)


def made(rows: list[tuple[str, float, float]]) -> list[Any]:
    return [PRUNE.Snapshot(f"{n:064x}", *row) for n, row in enumerate(rows)]


def days(name: str, taken: float, arrived: float | None = None) -> tuple[str, float, float]:
    return name, NOW - taken * DAY, NOW - (taken if arrived is None else arrived) * DAY


def test_documentation_and_argument_spec_agree() -> None:
    documented = yaml.safe_load(PRUNE.DOCUMENTATION)["options"]
    assert documented.keys() == PRUNE.ARGUMENT_SPEC.keys()
    for name, spec in PRUNE.ARGUMENT_SPEC.items():
        said = {k: documented[name].get(k) for k in ("type", "required")}
        assert said == {k: spec.get(k) for k in ("type", "required")}, name


def test_what_is_older_goes_and_the_newest_of_each_set_stays() -> None:
    found = made([days("files", 40), days("files", 31), days("files", 29), days("programs", 300)])
    assert [int(one.id, 16) for one in PRUNE.old(found, 30, NOW)] == [0, 1]


def test_what_arrived_lately_is_not_old_whatever_its_client_says_of_its_time() -> None:
    found = made([days("files", 9000, 5), days("files", 9001, 31), days("files", 1)])
    assert [int(one.id, 16) for one in PRUNE.old(found, 30, NOW)] == [1]


def test_a_snapshot_from_the_future_stops_all_of_it() -> None:
    found = made([days("files", 40), days("files", -1), days("files", 3)])
    with pytest.raises(PRUNE.PruneError, match=r"'files .* 00000000' is dated in the future.*clocks"):
        PRUNE.old(found, 30, NOW)
    PRUNE.old(made([days("files", 40), days("files", -100 / DAY)]), 30, NOW)


@given(SNAPSHOTS, st.integers(1, 300))
def test_nothing_younger_and_no_newest_is_ever_taken(rows: list[tuple[str, float, float]], keep: int) -> None:
    found = made(rows)
    gone = {one.id for one in PRUNE.old(found, keep, NOW)}
    for one in found:
        if one.taken >= NOW - keep * DAY or one.arrived >= NOW - keep * DAY:
            assert one.id not in gone
    for name in {one.set for one in found}:
        own = [one for one in found if one.set == name]
        assert max(own, key=lambda one: one.taken).id not in gone
        assert max(own, key=lambda one: (one.arrived, one.taken)).id not in gone


LISTED = [
    {"id": "a" * 64, "time": "2026-11-25T09:13:04.123456789+09:00", "tags": ["kijun-set=files", "kijun"]},
    {"id": "b" * 64, "time": "2026-11-25T00:13:04Z", "tags": ["kijun-probe"]},
    {"id": "c" * 64, "time": "2026-11-25T00:13:04Z", "tags": None},
    {"id": "d" * 64, "time": "2026-11-25T00:13:04Z"},
]


def test_only_snapshots_of_kijuns_sets_are_looked_at() -> None:
    (one,) = PRUNE.snapshots(json.dumps(LISTED), {"a" * 64: 5.0})
    assert (one.set, one.arrived, str(one)) == ("files", 5.0, "files 2026-11-25T00:13 aaaaaaaa")
    assert PRUNE.snapshots("null", {}) == []
    (one,) = PRUNE.snapshots(json.dumps(LISTED), {})
    assert one.arrived > NOW + 10**9, "what came while it was looked is not old"


@given(st.text(max_size=200))
def test_what_is_not_understood_is_refused(printed: str) -> None:
    with contextlib.suppress(PRUNE.PruneError):
        assert PRUNE.snapshots(printed, {}) == []


@pytest.mark.parametrize("row", [{"id": 1}, {"id": "a", "time": "now", "tags": ["kijun-set=x"]}, 7])
def test_a_snapshot_that_is_not_understood_is_refused(row: object) -> None:
    with pytest.raises(PRUNE.PruneError):
        PRUNE.snapshots(json.dumps([row | {"tags": ["kijun-set=x"]} if isinstance(row, dict) else row]), {})


RESTIC = """#!/bin/sh
read -r key; echo "$key $*" >>"{log}"
case "$*" in
*snapshots*) cat "{listed}" ;;
*"{fails}"*) echo "Fatal: {said}" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a repository with an old and a new snapshot, and a restic that takes notes."""
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "config").touch()
    rows = []
    for name, at in (("1" * 64, 1_700_000_000), ("2" * 64, 1_750_000_000)):
        (tmp_path / "snapshots" / name).touch()
        os.utime(tmp_path / "snapshots" / name, (at, at))
        time = "2023-11-14T22:13:20Z" if at < 1_750_000_000 else "2025-06-15T15:06:40Z"
        rows.append({"id": name, "time": time, "tags": ["kijun-set=files"]})
    (tmp_path / "listed").write_text(json.dumps(rows))
    says(tmp_path, monkeypatch)
    return tmp_path


def says(folder: Path, monkeypatch: pytest.MonkeyPatch, fails: str = "(none)", said: str = "") -> None:
    (folder / "bin").mkdir(exist_ok=True)
    fake = folder / "bin/restic"
    fake.write_text(RESTIC.format(log=folder / "log", listed=folder / "listed", fails=fails, said=said))
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    real = PRUNE.subprocess.run
    monkeypatch.setattr(
        PRUNE.subprocess, "run", lambda command, **more: real([str(fake), *command[1:]], **more)
    )


def run(capsys: pytest.CaptureFixture[str], folder: Path, check: bool = False, keep: int = 30) -> Any:
    arguments = {"repository": str(folder), "password": "a-key-of-tests", "keep_days": keep}
    with patch_module_args(arguments | {"_ansible_check_mode": check}), pytest.raises(SystemExit):
        PRUNE.main()
    printed = capsys.readouterr().out
    assert "a-key-of-tests" not in printed
    return json.loads(printed)


def calls(folder: Path) -> list[str]:
    return [line.split(" --quiet ")[1] for line in (folder / "log").read_text().splitlines()]


def test_it_forgets_by_id_frees_the_space_and_checks(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run(capsys, repository)
    assert (answer["changed"], answer["kept"]) == (True, 1)
    assert answer["forgotten"] == ["files 2023-11-14T22:13 11111111"]
    assert calls(repository) == [
        "unlock",
        "snapshots --json --no-lock",
        f"forget {'1' * 64}",
        "prune",
        "check",
    ]
    assert all(line.startswith("a-key-of-tests ") for line in (repository / "log").read_text().splitlines())


def test_a_dry_run_only_looks(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(capsys, repository, check=True)
    assert answer["changed"]
    assert answer["diff"]["before"] == "files 2023-11-14T22:13 11111111\n"
    assert calls(repository) == ["snapshots --json --no-lock"]


def test_where_nothing_is_old_nothing_changes(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(capsys, repository, keep=100_000)
    assert (answer["changed"], answer["forgotten"], answer["kept"]) == (False, [], 2)
    assert calls(repository) == ["unlock", "snapshots --json --no-lock", "check"]


@pytest.mark.parametrize(
    ("fails", "said", "sentence"),
    [
        (
            "forget",
            "unable to create lock in backend: repository is already locked by PID 7",
            "try again later",
        ),
        ("unlock", "wrong password or no key found", "backup_password does not open it."),
        ("check", "repository contains errors", "restic check: Fatal: repository contains errors."),
    ],
)
def test_what_restic_refuses_is_one_sentence(
    repository: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fails: str,
    said: str,
    sentence: str,
) -> None:
    says(repository, monkeypatch, fails, said)
    answer = run(capsys, repository)
    assert answer["failed"]
    assert sentence in answer["msg"]
    assert answer["msg"].startswith(f"{repository}: ")


def test_a_folder_without_a_repository_is_refused(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "config").unlink()
    assert "is its disk mounted" in run(capsys, repository)["msg"]


def test_it_runs_as_the_owner_only(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PRUNE.os, "geteuid", lambda: 4711)
    assert "this runs as 4711" in run(capsys, repository)["msg"]
    assert not (repository / "log").exists()


def test_less_than_a_day_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "less than 1" in run(capsys, repository, keep=0)["msg"]
