"""`kijun doctor`: names what lacks with the command that mends it, and never raises."""

import json
import locale
import os
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from kijun import doctor
from kijun.cli import run
from kijun.doctor import Check, Purpose, as_json, as_text, examine, exit_code
from kijun.targets.errors import TargetError
from kijun.targets.tools import PACKAGE_OF

TABLE = Path(doctor.__file__).with_name("system_packages.tsv")


def named(part):
    """Return the one check whose name has `part` in it."""
    (found,) = [check for check in examine() if part in check.name]
    return found


def test_every_check_that_fails_says_how_to_mend_it_and_no_other_does(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for check in examine():
        assert bool(check.mend) is not check.ok, check


@pytest.mark.parametrize(
    ("lacking", "code"),
    [
        ([], 0),
        ([Purpose.TARGETS], 2),
        ([Purpose.LINT], 2),
        ([Purpose.HOSTS], 1),
        ([Purpose.LINT, Purpose.HOSTS], 1),
    ],
)
def test_exit_code(lacking, code):
    checks = [Check(purpose, "thing", purpose not in lacking, "found") for purpose in Purpose]
    assert exit_code(checks) == code


def test_a_missing_program_names_its_package(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    check = named("openssh-client")
    assert (check.purpose, check.ok) == (Purpose.HOSTS, False)
    assert check.mend == "sudo apt-get install --no-install-recommends openssh-client"
    assert exit_code(examine()) == 1


def test_programs_of_the_administrator_are_found_with_a_users_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not named("openssh-client").ok
    assert named("e2fsprogs").ok is Path("/usr/sbin/mke2fs").exists()


def test_an_unsupported_ansible_is_lacking(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "2.17.1" if name == "ansible-core" else "99")
    check = named("ansible-core")
    assert (check.ok, check.found) == (False, "2.17.1")
    assert check.mend


@pytest.mark.parametrize("torn", [None, "not a version"])
def test_torn_package_metadata_is_lacking(monkeypatch, torn):
    monkeypatch.setattr(metadata, "version", lambda _: torn)
    assert not named("ansible-core").ok


def test_kijun_itself_not_installed(monkeypatch):
    def missing(_):
        raise metadata.PackageNotFoundError("kijun")

    monkeypatch.setattr(metadata, "requires", missing)
    assert not named("kijun's own package").ok


@pytest.mark.parametrize("name", ["no_SUCH.locale", "tlh_KX.UTF-8"])
def test_a_locale_that_does_not_exist_is_lacking_and_nothing_is_changed(monkeypatch, name):
    before = locale.setlocale(locale.LC_ALL)
    monkeypatch.setenv("LC_ALL", name)
    check = named("UTF-8 locale")
    assert (check.ok, check.mend) == (False, "export LC_ALL=C.UTF-8")
    assert locale.setlocale(locale.LC_ALL) == before


def test_a_locale_that_is_not_utf8_is_lacking(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    assert not named("UTF-8 locale").ok


def test_no_home_folder_is_lacking_not_a_crash(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    for variable in ("KIJUN_STATE_DIR", "KIJUN_CACHE_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert not named("state folder").ok
    assert not named("disk space").ok


def test_a_state_folder_that_is_a_file_is_lacking(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KIJUN_STATE_DIR", str(tmp_path / "file"))
    check = named("state folder")
    assert (check.ok, check.mend) == (False, "export KIJUN_STATE_DIR=/a/folder/of/yours")


def test_a_full_disk_is_lacking(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    assert not named("disk space").ok


def test_an_install_without_its_data_is_lacking(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "data_root", lambda: tmp_path)
    check = named("rulebook, roles and proofs")
    assert not check.ok
    assert "roles" in check.found


def test_the_report_for_a_person():
    checks = [
        Check(Purpose.HOSTS, "ssh", True, "/usr/bin/ssh"),
        Check(Purpose.LINT, "shellcheck", False, "not found", "apt-get install shellcheck"),
    ]
    text = as_text(checks)
    assert "  ok    ssh: /usr/bin/ssh" in text
    assert "  LACKS shellcheck: not found\n        mend it: apt-get install shellcheck" in text
    assert text.endswith("1 of 2 are lacking.")
    assert as_text(checks[:1]).endswith("Nothing is lacking.")


def test_the_report_for_a_program():
    check = Check(Purpose.HOSTS, "ssh", False, "見つかりません", "apt-get install openssh-client")
    report = json.loads(as_json([check]))
    assert (report["schema"], report["exit_code"]) == (1, 1)
    assert report["checks"] == [
        {"purpose": "hosts", "name": "ssh", "ok": False, "found": "見つかりません", "mend": check.mend}
    ]


def test_the_command(capsys):
    code = run(["doctor", "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert report["exit_code"] == code
    assert {check["purpose"] for check in report["checks"]} == {"hosts", "targets", "lint"}


def test_the_command_refuses_another_format(capsys):
    assert run(["doctor", "--format", "xml"]) == 3
    assert "text or json" in capsys.readouterr().err


def test_control_groups_that_cannot_be_made_are_lacking(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(doctor, "hierarchies", lambda: [tmp_path / "read-only"])
    check = named("control groups")
    assert not check.ok
    assert "read-only" in check.found


def test_control_groups_that_can_be_made_are_tried_and_removed(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(doctor, "hierarchies", lambda: [tmp_path])
    assert named("control groups").ok
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_control_groups_is_lacking(monkeypatch):
    def none():
        raise TargetError("no control group hierarchy is mounted.")

    monkeypatch.setattr(doctor, "hierarchies", none)
    check = named("control groups")
    assert (check.ok, check.found) == (False, "no control group hierarchy is mounted.")


def test_what_targets_need_is_in_the_table_or_on_every_debian():
    essential = {"coreutils", "mount", "tar", "util-linux"}
    packages = {
        line.split("\t")[2] for line in TABLE.read_text(encoding="utf-8").splitlines() if line[0] != "#"
    }
    assert set(PACKAGE_OF.values()) - essential <= packages


def test_the_table_of_system_packages_has_four_columns_and_known_groups():
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        group, shows, package, reason = line.split("\t")
        assert group in {"base", "targets", "vm", "browser", "lint"}
        assert all((shows, package, reason))
