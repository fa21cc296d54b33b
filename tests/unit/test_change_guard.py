"""The guard's module, its action plugin, and what every role says it may touch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from kijun.topics import all_topics
from tests.unit.modules import load

ROOT = Path(__file__).resolve().parents[2]


MODULE = load("library/kijun_change_guard.py")
PLUGIN = load("playbooks/action_plugins/kijun_change_guard.py")


def run(capsys: pytest.CaptureFixture[str], *, check: bool = False, **args: Any) -> dict[str, Any]:
    given = {"state": "armed", "run": "20261125-101500-1", "_ansible_remote_tmp": "/tmp", **args}
    with patch_module_args({**given, "_ansible_check_mode": check}), pytest.raises(SystemExit):
        MODULE.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_documentation_and_argument_spec_agree() -> None:
    documented = yaml.safe_load(MODULE.DOCUMENTATION)["options"]
    assert documented.keys() == MODULE.ARGUMENT_SPEC.keys()
    for name, spec in MODULE.ARGUMENT_SPEC.items():
        for key in ("type", "required", "default", "elements", "choices"):
            assert documented[name].get(key) == spec.get(key), (name, key)
    assert yaml.safe_load(MODULE.EXAMPLES)
    assert set(yaml.safe_load(MODULE.RETURN)) == {"run", "armed", "took_over", "kept", "paths"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"minutes": 0}, "change_guard_minutes must be more than 0"),
        ({"minutes": -3}, "change_guard_minutes must be more than 0"),
        ({"keep": 0}, "change_guard_keep must be at least 1"),
    ],
)
def test_bad_values_are_refused_before_anything_is_written(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: dict[str, Any],
    said: str,
) -> None:
    monkeypatch.setattr(MODULE, "ROOT", f"{tmp_path}/kijun/guard")
    result = run(capsys, program={"__main__.py": "raise SystemExit"}, **args)
    assert result["failed"]
    assert said in result["msg"]
    assert not list(tmp_path.iterdir())


def test_a_dry_run_writes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "ROOT", f"{tmp_path}/kijun/guard")
    result = run(capsys, check=True, program={"__main__.py": "raise SystemExit"})
    assert (result["changed"], result["armed"]) == (False, False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ('print(\'{"refused": "no"}\')', "no."),
        ("raise ValueError('broken')", "the guard on this host fails: Traceback"),
    ],
)
def test_what_the_program_refuses_is_the_failure(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    said: str,
) -> None:
    monkeypatch.setattr(MODULE, "ROOT", f"{tmp_path}/kijun/guard")
    result = run(capsys, program={"__main__.py": program})
    assert result["failed"]
    assert result["msg"].startswith(said)
    assert (tmp_path / "kijun/guard").stat().st_mode & 0o777 == 0o700


def test_a_host_without_the_program_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "ROOT", f"{tmp_path}/kijun/guard")
    assert "nothing is armed on this host" in run(capsys, state="confirmed")["msg"]


@pytest.mark.parametrize(
    ("asked", "skipped", "chosen"),
    [
        (["all"], [], ["a", "b", "c"]),
        (["b"], [], ["b"]),
        (["b", "c"], ["c"], ["b"]),
        (["all"], ["a"], ["b", "c"]),
        (["tagged"], [], ["a", "b", "c"]),
        (["other"], [], []),
    ],
)
def test_the_topics_of_a_run_are_those_of_its_tags(
    asked: list[str], skipped: list[str], chosen: list[str]
) -> None:
    variables = {"ansible_run_tags": asked, "ansible_skip_tags": skipped}
    assert PLUGIN._chosen(["a", "b", "c"], variables) == chosen


def test_all_hosts_of_a_run_know_it_by_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PLUGIN.C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    names = set()
    for _ in range(3):
        names.add(PLUGIN._name(4242))
        monkeypatch.setattr(PLUGIN.time, "gmtime", lambda: (2030, 1, 1, 0, 0, 0, 0, 1, 0))
    assert len(names) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["kijun-run"]


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    assert PLUGIN._started(os.getpid()).isdigit()
    assert PLUGIN._started(2**22 + 1) == ""


@pytest.mark.parametrize("slug", sorted(all_topics()))
def test_every_role_names_what_it_may_touch(slug: str) -> None:
    said = yaml.safe_load((ROOT / f"roles/{slug}/vars/main.yml").read_text("utf-8"))[f"__{slug}_touches"]
    assert said
    assert said.keys() <= {"files", "modes", "units", "tables", "reload", "leaves"}
    for path in [*said.get("files", []), *said.get("modes", [])]:
        assert path.startswith("/")
        assert path not in ("/", "/etc/", "/var/lib/kijun/")
        assert not any(word in ("", ".", "..") for word in path.strip("/").split("/"))


def test_what_holds_secrets_of_users_is_never_kept_in_a_snapshot() -> None:
    for path in ROOT.glob("roles/*/vars/main.yml"):
        said = yaml.safe_load(path.read_text("utf-8"))
        files = said.get(f"__{path.parent.parent.name}_touches", {}).get("files", [])
        assert not [one for one in files if "shadow" in one or "opasswd" in one]
