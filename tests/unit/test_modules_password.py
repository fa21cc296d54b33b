"""The Ansible modules of password_policy: what they would do, what they do, and what they refuse."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from passlib.hash import sha512_crypt

from tests.unit.modules import load

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_795_558_000
SHADOW = (
    "root:*:20781:0:99999:7:::\nhanako:$6$saltsalt$hash:20781:0:99999:7:::\ntaro:!:20781:0:99999:7:::\n"
    "jiro:$6$othersalt$hash:0:0:99999:7:::\n"
)


STAMP = load("library/kijun_password_stamp.py")
ACCOUNT = load("library/kijun_temporary_account.py")
FILTERS = load("playbooks/filter_plugins/kijun_passwords.py")
RECORDS = importlib.import_module("ansible.module_utils.kijun_password_records")


@pytest.mark.parametrize("module", [STAMP, ACCOUNT], ids=lambda m: m.__name__)
def test_documentation_and_argument_spec_agree(module: ModuleType) -> None:
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert documented.keys() == module.ARGUMENT_SPEC.keys()
    for name, spec in module.ARGUMENT_SPEC.items():
        said = {k: documented[name].get(k) for k in ("type", "required", "default", "elements")}
        assert said == {k: spec.get(k) for k in ("type", "required", "default", "elements")}, name


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host of files only."""
    (tmp_path / "shadow").write_text(SHADOW)
    for module in (STAMP, ACCOUNT):
        monkeypatch.setattr(module, "SHADOW", str(tmp_path / "shadow"))
    monkeypatch.setattr(STAMP, "POLICY", str(tmp_path / "kijun" / "policy"))
    monkeypatch.setattr(ACCOUNT, "ISSUED", str(tmp_path / "kijun" / "issued"))
    monkeypatch.setattr(RECORDS, "DIRECTORY", str(tmp_path / "kijun"))
    monkeypatch.setattr(STAMP.time, "time", lambda: NOW)
    return tmp_path


def run(
    module: ModuleType, capsys: pytest.CaptureFixture[str], *, check: bool = False, **args: Any
) -> dict[str, Any]:
    arguments = {"_ansible_check_mode": check, "_ansible_remote_tmp": "/tmp", **args}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_stamp_notes_once_and_only_what_is_older(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strength = {"min_length": 12}
    assert run(STAMP, capsys, strength=strength, check=True)["changed"]
    assert not (host / "kijun").exists()
    assert run(STAMP, capsys, strength=strength)["older"] == ["hanako", "jiro"]
    note = host / "kijun" / "policy"
    assert note.read_text() == f"since {NOW}\nmin_length 12\nolder hanako saltsalt\nolder jiro othersalt\n"
    assert note.stat().st_mode & 0o777 == 0o600
    assert not run(STAMP, capsys, strength=strength)["changed"]


@pytest.mark.parametrize(("before", "wanted", "renewed"), [(12, 12, False), (12, 10, False), (12, 14, True)])
def test_only_a_stronger_policy_renews_the_time(before: int, wanted: int, renewed: bool) -> None:
    text = STAMP.render(5, {"min_length": before}, {"old": "mark"})
    since, older, new = STAMP.after(text, {"min_length": wanted}, SHADOW, NOW)
    assert (since == NOW, "old" not in older) == (renewed, renewed)
    assert STAMP.parse(new)[1] == {"min_length": wanted}


def test_lowered_and_raised_again_is_stronger() -> None:
    low = STAMP.after(STAMP.render(5, {"m": 14}, {}), {"m": 12}, SHADOW, NOW)[2]
    assert STAMP.after(low, {"m": 14}, SHADOW, NOW)[0] == NOW


@pytest.mark.parametrize("text", ["", "nonsense\n", "since x\n", "since\n", "min_length 99\n"])
def test_a_note_that_is_none_is_written_anew(text: str) -> None:
    assert STAMP.after(text, {"min_length": 12}, SHADOW, NOW)[0] == NOW


def test_stamp_refuses_what_is_no_number(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(STAMP, capsys, strength={"min_length": "long"})["failed"]
    assert not (host / "kijun").exists()


@pytest.mark.parametrize(
    ("field", "mark"),
    [
        ("$y$j9T$salt$hash", "j9T$salt"), ("$6$salt$hash", "salt"), ("$6$rounds=9$s$hash", "rounds=9$s"),
        ("$2b$12$abcdefghijklmnopqrstuuHASH", "12$abcdefghijklmnopqrstuu"), ("abHASHHASHHAS", "ab"),
        ("", None), ("!", None), ("*", None), ("!$6$salt$hash", None), ("$", None), ("$6", None),
    ],
)  # fmt: skip
def test_marks(field: str, mark: str | None) -> None:
    assert RECORDS.mark(field) == mark


HASH = "$6$saltsalt$" + "h" * 86


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Hanako"}, "small letters"), ({"name": "a;rm"}, "small letters"), ({"name": "-x"}, "small"),
        ({"password_hash": "plain"}, "not a strong hash"), ({"password_hash": "$1$salt$hashhash"}, "strong"),
        ({"password_hash": HASH + "\nroot:x"}, "strong"), ({"comment": "a:b"}, "no ':'"),
        ({"comment": "a\nb"}, "no ':'"), ({"groups": ["no-such-group-here"]}, "there is no group"),
        ({"reissue": True}, "no such account"),
    ],
)  # fmt: skip
def test_account_refuses_before_it_does_anything(
    host: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], words: str
) -> None:
    result = run(ACCOUNT, capsys, **{"name": "kpnobody", "password_hash": HASH, **change})
    assert result["failed"]
    assert words in result["msg"]
    assert not (host / "kijun").exists()


def test_accounts_of_the_system_are_not_issued(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "belongs to the system" in run(ACCOUNT, capsys, name="root", reissue=True)["msg"]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the module runs, instead of running it."""
    ran: list[list[str]] = []
    monkeypatch.setattr(
        ACCOUNT, "run", lambda _module, command, data=None: ran.append([*command, data or ""])
    )
    return ran


def test_a_new_account_is_issued(
    host: Path, capsys: pytest.CaptureFixture[str], commands: list[list[str]]
) -> None:
    assert run(ACCOUNT, capsys, name="kpnobody") | {"invocation": 0} == {
        "changed": False, "needed": True, "exists": False, "invocation": 0,
    }  # fmt: skip
    assert run(ACCOUNT, capsys, name="kpnobody", password_hash=HASH, check=True)["changed"]
    assert commands == []
    result = run(ACCOUNT, capsys, name="kpnobody", password_hash=HASH)
    assert result["changed"]
    assert HASH not in json.dumps(result)
    assert [command[0].rpartition("/")[2] for command in commands] == ["useradd", "chpasswd", "chage"]
    assert not [word for command in commands for word in command[:-1] if HASH in word], (
        "hash in a command line"
    )
    assert (host / "kijun" / "issued").read_text().startswith("kpnobody ")
    assert (host / "kijun" / "issued").read_text().endswith(" saltsalt\n")


@pytest.mark.parametrize(
    ("name", "mark", "forces"),
    [("hanako", "saltsalt", True), ("hanako", "another", False), ("jiro", "othersalt", False)],
)
def test_what_a_run_left_half_done_is_completed(
    host: Path, capsys: pytest.CaptureFixture[str], commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch, name: str, mark: str, forces: bool,
) -> None:  # fmt: skip
    (host / "kijun").mkdir()
    (host / "kijun" / "issued").write_text(f"{name} 5 {mark}\n")
    user = type("User", (), {"pw_uid": 1000})
    monkeypatch.setattr(ACCOUNT.pwd, "getpwnam", lambda _name: user)
    assert run(ACCOUNT, capsys, name=name, check=True)["changed"] is forces
    assert commands == []
    assert run(ACCOUNT, capsys, name=name)["changed"] is forces
    assert [command[:3] for command in commands] == ([["/usr/bin/chage", "-d", "0"]] if forces else [])


@pytest.mark.parametrize(("length", "least"), [(1, 20), (20, 20), (24, 24), (128, 128)])
def test_temporary_passwords(length: int, least: int) -> None:
    made = {FILTERS.temporary_password(length) for _ in range(50)}
    assert len(made) == 50
    assert all(len(password) >= least and not set("0O1Il") & set(password) for password in made)
    password = made.pop()
    assert sha512_crypt.verify(password, FILTERS.password_hash_for_shadow(password))
    assert ACCOUNT.HASH.fullmatch(FILTERS.password_hash_for_shadow(password))
