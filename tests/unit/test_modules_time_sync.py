"""The Ansible module of time_sync: which lines it makes comments, and what it refuses."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.modules import load

ROOT = Path(__file__).resolve().parents[2]
TIME = importlib.import_module("ansible.module_utils.kijun_time")
DEBIAN = """\
# Use Debian vendor zone.
pool 2.debian.pool.ntp.org iburst
sourcedir /run/chrony-dhcp
keyfile /etc/chrony/chrony.keys
makestep 1 3
"""


CHRONY = load("library/kijun_chrony.py")


def test_documentation_and_argument_spec_agree() -> None:
    documented = yaml.safe_load(CHRONY.DOCUMENTATION)["options"]
    assert documented.keys() == CHRONY.ARGUMENT_SPEC.keys()
    for name, spec in CHRONY.ARGUMENT_SPEC.items():
        said = {k: documented[name].get(k) for k in ("type", "required", "default", "elements")}
        assert said == {k: spec.get(k) for k in ("type", "required", "default", "elements")}, name


def test_other_sources_become_comments_and_ours_come_last() -> None:
    made = TIME.configuration(DEBIAN, ["ntp.example"], ["10.0.0.0/8"])
    assert made == (
        "# Use Debian vendor zone.\n"
        "#kijun# pool 2.debian.pool.ntp.org iburst\n"
        "#kijun# sourcedir /run/chrony-dhcp\n"
        "keyfile /etc/chrony/chrony.keys\n"
        "makestep 1 3\n"
        "\n# BEGIN kijun\nserver ntp.example iburst\nallow 10.0.0.0/8\n# END kijun\n"
    )
    assert TIME.configuration(made, ["ntp.example"], ["10.0.0.0/8"]) == made
    other = TIME.configuration(made, ["other.example"], [])
    assert "ntp.example iburst" not in other
    assert other.count("BEGIN kijun") == 1


@given(st.text(), st.booleans())
def test_writing_it_again_changes_nothing(text: str, alone: bool) -> None:
    servers = [] if alone else ["a.example"]
    made = TIME.configuration(text, servers, ["10.0.0.0/8"])
    assert TIME.configuration(made, servers, ["10.0.0.0/8"]) == made


def test_a_master_without_sources_serves_its_own_clock_and_keeps_its_radio() -> None:
    made = TIME.configuration("refclock PPS /dev/pps0\nserver x\n", [], ["10.0.0.0/8"])
    assert "\nlocal stratum 10\n" in made
    assert made.startswith("refclock PPS /dev/pps0\n#kijun# server x\n")
    assert "#kijun# refclock" in TIME.configuration("refclock PPS /dev/pps0\n", ["x"], [])


@pytest.mark.parametrize(
    "line", ["ALLOW all", "\tallow", "Peer x", "deny 10.0.0.0/8", "local stratum 1", "manual"]
)
def test_who_else_is_served_or_followed_becomes_a_comment(line: str) -> None:
    assert TIME.silenced(f"{line}\n", keep_refclocks=False).strip().startswith("#kijun# ")


@pytest.mark.parametrize("line", ["# allow all", "allowed 1", "cmdallow 10.0.0.0/8", "localx", "serverstats"])
def test_other_lines_stay(line: str) -> None:
    assert TIME.silenced(f"{line}\n", keep_refclocks=False) == f"{line}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('DAEMON_OPTS="-x -F 1"', 'DAEMON_OPTS="-F 1"'),
        ('DAEMON_OPTS="-F 1 -x"', 'DAEMON_OPTS="-F 1 "'),
        ("DAEMON_OPTS=-x", "DAEMON_OPTS="),
        ('DAEMON_OPTS="-F 1"', 'DAEMON_OPTS="-F 1"'),
        ('#DAEMON_OPTS="-x"', '#DAEMON_OPTS="-x"'),
    ],
)
def test_a_chronyd_that_may_set_the_clock_shall(before: str, after: str) -> None:
    assert TIME.measured_only(before + "\n") == after + "\n"


REFUSED = [
    ({"servers": []}, "only a master"),
    ({"servers": ["a b"]}, "no name of a server"),
    ({"servers": ["a"], "networks": ["all"]}, "time_sync_serve_networks"),
]


@pytest.mark.parametrize(("arguments", "why"), REFUSED)
def test_what_cannot_be_is_refused(
    arguments: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CHRONY, "subject", lambda _module: (True, True))
    monkeypatch.setattr(CHRONY, "write", lambda *_: pytest.fail("it wrote"))
    with patch_module_args({**arguments, "_ansible_check_mode": False}), pytest.raises(SystemExit):
        CHRONY.main()
    said = json.loads(capsys.readouterr().out)
    assert said["failed"]
    assert why in said["msg"]


def run(capsys: pytest.CaptureFixture[str], *, check: bool) -> dict[str, Any]:
    with (
        patch_module_args({"servers": ["a.example"], "_ansible_check_mode": check}),
        pytest.raises(SystemExit),
    ):
        CHRONY.main()
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert not said.get("failed"), said
    return said


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host without chrony, in a folder."""
    places = {
        "CONF": "chrony/chrony.conf",
        "CONF_D": "chrony/conf.d",
        "DEFAULTS": "default",
        "PID_FILE": "pid",
    }
    for name, place in places.items():
        monkeypatch.setattr(CHRONY, name, str(tmp_path / place))
    monkeypatch.setattr(CHRONY, "CHRONYD", str(tmp_path / "chronyd"))
    monkeypatch.setattr(CHRONY, "SOCKET", str(tmp_path / "socket"))
    monkeypatch.setattr(CHRONY, "open_files", lambda: [])
    monkeypatch.setattr(CHRONY, "subject", lambda _module: (True, True))
    return tmp_path


def test_a_dry_run_predicts_and_writes_nothing(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, check=True)["changed"]
    assert not (fresh / "chrony").exists()
    made = run(capsys, check=False)
    assert made["changed"]
    assert not made["stale"]  # the package that comes next starts it with this file
    assert (fresh / "chrony/chrony.conf").read_text().endswith("server a.example iburst\n# END kijun\n")
    assert not run(capsys, check=False)["changed"]


def test_a_running_chrony_older_than_its_files_is_stale(
    fresh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, check=False)
    (fresh / "pid").write_text("1")
    assert not run(capsys, check=False)["stale"]
    (fresh / "default").write_text('DAEMON_OPTS="-x -F 1"\n')
    predicted = run(capsys, check=True)
    assert (predicted["changed"], predicted["stale"]) == (True, True)


@pytest.mark.parametrize(
    ("said", "astray"),
    [
        ("^,*,192.0.2.1,2,6,377,5,-3599.9,-3599.9,0.01\n", True),
        ("^,*,192.0.2.1,2,6,377,5,0.9,0.9,0.01\n", False),
        ("^,?,192.0.2.1,0,6,0,5,-3599.9,-3599.9,0.01\n", False),  # what no longer answers says nothing
        ("^,x,192.0.2.1,2,6,377,5,9.0,9.0,0.01\n^,*,192.0.2.2,2,6,377,5,0.0,0.0,0.01\n", False),
        # As a virtual machine said whose clock had been put forward by an hour: the correction is under way.
        (
            "0ACA0A6B,10.202.10.107,10,1795575439.168265649,-3585.166503906,-0.001232903,971.984069824,-0.069,1.492,"
            "0.806,0.010340809,0.003318567,64.5,Normal\n^,*,10.202.10.107,9,6,377,34,-0.0023,-0.0036,0.0054\n",
            True,
        ),
        ("506 Cannot talk to daemon\n", False),
    ],
)
def test_only_a_clock_that_every_source_finds_far_off_is_set(said: str, astray: bool, fresh: Path) -> None:
    class Module:
        @staticmethod
        def run_command(_command: list[str]) -> tuple[int, str, str]:
            return 0, said, ""

    assert CHRONY.astray(Module()) is False
    (fresh / "socket").touch()
    assert CHRONY.astray(Module()) is astray


def test_a_host_whose_clock_is_not_its_own_is_left_alone(
    fresh: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CHRONY, "subject", lambda _module: (False, False))
    said = run(capsys, check=False)
    assert (said["changed"], said["subject"]) == (False, False)
    assert not (fresh / "chrony").exists()
