"""The guard on booted hosts: what a run touches is declared, and nobody's confirmation puts the host back."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kijun.targets import Target, disposable
from tests.chaos import harness

pytestmark = pytest.mark.booted
ROOT = Path(__file__).parents[2]
QUICK = ("--tags", "account_lockout")  # the topic that needs no package: a host as it was is quite as it was
FULL_WAY = 14  # a boundary in the midst of QUICK: the stacks have been changed


@pytest.fixture(scope="module", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A state directory of our own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "KIJUN_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield


# In CI one release: the same on both takes a quarter of an hour.
@pytest.fixture(scope="module", params=[pytest.param("bookworm", marks=pytest.mark.long), "trixie"])
def host(request: pytest.FixtureRequest, state: None) -> Iterator[Target]:
    """A fresh host."""
    with disposable(f"guard-{request.param}", release=request.param) as target:
        yield target


@pytest.fixture(scope="module")
def fresh(host: Target) -> dict[str, str]:
    """What the host was at first."""
    return harness.fingerprint(host)


def declared() -> list[str]:
    """Return the patterns of what all roles say they touch, with the default parameters."""
    found: list[str] = []
    for path in ROOT.glob("roles/*/vars/main.yml"):
        slug = path.parent.parent.name
        said: dict[str, Any] = yaml.safe_load(path.read_text("utf-8")).get(f"__{slug}_touches", {})
        units = said.get("units", [])
        units = ["nftables.service"] if isinstance(units, str) else units
        found += [*said.get("files", []), *said.get("modes", []), *said.get("leaves", [])]
        for unit in units:
            place = "/etc/systemd/system"
            found += [f"{place}/{unit}", f"{place}/{unit}.d/", f"{place}/*.wants/{unit}"]
            found += [f"unit {unit}", f"unit file {unit}"]
    return found


def is_declared(name: str, patterns: list[str]) -> bool:
    """Say whether one of the patterns covers what changed."""
    return any(
        fnmatch.fnmatch(name, pattern.rstrip("/"))
        or (pattern.endswith("/") and fnmatch.fnmatch(name, f"{pattern}*"))
        for pattern in patterns
    )


def cut_short(host: Target, tmp_path: Path, fresh: dict[str, str], name: str) -> None:
    """Assert that the host is reachable and as it was, and that it says why."""
    harness.wait_until_calm(host)
    assert host.run("id -un", user=host.operator).stdout.strip() == host.operator, name
    assert harness.differences(host, fresh, harness.packages(host)) == {}
    assert "The host put itself back to before run" in harness.journal(host)


def test_a_killed_run_is_put_back(host: Target, tmp_path: Path, fresh: dict[str, str]) -> None:
    run = harness.Run(host, tmp_path / "run", QUICK, at=FULL_WAY, do="kill").start()
    assert run.ended() == -9
    run.die()
    assert harness.differences(host, fresh, harness.packages(host))  # it had done something
    assert harness.is_armed(host)
    cut_short(host, tmp_path, fresh, "killed")


def test_a_cut_link_puts_the_host_back(host: Target, tmp_path: Path, fresh: dict[str, str]) -> None:
    link = harness.cable(host)
    run = harness.Run(host, tmp_path / "run", QUICK, at=FULL_WAY).start()
    assert run.until_reached()
    harness.plug(link, "down")
    try:
        run.go_on()
        assert run.ended() == 4, run.log  # unreachable
    finally:
        harness.plug(link, "up")
    cut_short(host, tmp_path, fresh, "cut")


def test_a_restart_puts_the_host_back_at_once(host: Target, tmp_path: Path, fresh: dict[str, str]) -> None:
    run = harness.Run(host, tmp_path / "run", QUICK, at=FULL_WAY, minutes=30).start()
    assert run.until_reached()
    host.reboot()
    run.die()
    cut_short(host, tmp_path, fresh, "restarted")
    assert "because the host was restarted" in harness.journal(host)
    assert host.run("systemctl is-system-running", check=False).stdout.strip() == "running"


def test_where_no_new_login_succeeds_the_host_is_put_back(
    host: Target, tmp_path: Path, fresh: dict[str, str]
) -> None:
    """The connection that the run has still works; a new one does not."""
    run = harness.Run(host, tmp_path / "run", QUICK, at=FULL_WAY).start()
    assert run.until_reached()
    drop_in, reload = "/etc/ssh/sshd_config.d/00-a-test.conf", "systemctl reload ssh"
    host.run(
        f"echo PermitRootLogin no >{drop_in} && {reload} &&"
        f" systemd-run --quiet --on-active=60 sh -c 'rm {drop_in}; {reload}'"
    )
    run.go_on()
    assert run.ended() == 2, run.log
    assert "No new login succeeds after the run, so the host puts itself back" in run.log
    cut_short(host, tmp_path, fresh, "shut out")


def test_a_role_that_fails_leaves_a_host_that_is_confirmed(
    host: Target, tmp_path: Path, fresh: dict[str, str]
) -> None:
    stack = "/etc/pam.d/common-auth"
    host.run(f"cp -a {stack} /root/kept && sed -i '1i auth optional pam_warn.so' {stack}")
    run = harness.Run(host, tmp_path / "run", QUICK).start()
    assert run.ended() == 2, run.log
    assert "PAM was edited by hand" in run.log
    assert not harness.is_armed(host)
    host.run(f"mv /root/kept {stack}")
    assert harness.differences(host, fresh, harness.packages(host)) == {}
    assert host.run("ls /var/lib/kijun/guard").stdout.split().count("armed.json") == 0


def test_a_run_that_is_repeated_takes_over_and_is_confirmed(
    host: Target, tmp_path: Path, fresh: dict[str, str]
) -> None:
    killed = harness.Run(host, tmp_path / "killed", QUICK, at=FULL_WAY, do="kill", minutes=30).start()
    assert killed.ended() == -9
    killed.die()
    again = harness.Run(host, tmp_path / "again", QUICK).start()
    assert again.ended() == 0, again.log
    assert "was not confirmed. This one goes on from there" in again.log.replace("\n", " ").replace("  ", " ")
    assert not harness.is_armed(host)
    assert "faillock" in host.run("cat /etc/pam.d/common-auth").stdout
    rolled_back(host, fresh)


def rolled_back(host: Target, fresh: dict[str, str]) -> None:
    """Assert that the last run of the host can be undone by its name."""
    name = host.run("ls /var/lib/kijun/guard | grep ^20 | tail -n 1").stdout.strip()
    words = ["rollback", name, "-i", str(host.inventory), "--limit", host.name]
    asked = subprocess.run(
        [sys.executable, "-m", "kijun", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 3
    assert "-auth   required    pam_faillock.so preauth" in asked.stdout
    done = subprocess.run(
        [sys.executable, "-m", "kijun", *words, "--yes"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert harness.differences(host, fresh, harness.packages(host)) == {}


def changed_tasks(log: str) -> list[str]:
    """Return the tasks that changed something, or would, in a log of Ansible."""
    task, found = "", []
    for line in log.splitlines():
        if header := re.match(r"TASK \[(.+)\] \*", line):
            task = header[1]
        elif line.startswith("changed:") and task not in found:
            found.append(task)
    return found


def test_what_a_run_changes_is_predicted_declared_and_not_done_twice(host: Target, tmp_path: Path) -> None:
    before, installed = harness.fingerprint(host), harness.packages(host)
    predicted = harness.Run(host, tmp_path / "check", ("--check",)).start()
    assert predicted.ended() == 0, predicted.log
    assert harness.differences(host, before, installed) == {}
    run = harness.Run(host, tmp_path / "run", minutes=10).start()
    assert run.ended() == 0, run.log
    assert changed_tasks(run.log) == changed_tasks(predicted.log) != []
    changed = harness.differences(host, before, installed)
    undeclared = {
        name: what
        for name, what in changed.items()
        if not name.startswith("nft ") and not is_declared(name, declared())
    }
    assert undeclared == {}
    kept = host.run("find /var/lib/kijun/guard -maxdepth 2 | sort").stdout
    again = harness.Run(host, tmp_path / "again").start()
    assert again.ended() == 0, again.log
    assert "changed=0 " in again.log
    assert host.run("find /var/lib/kijun/guard -maxdepth 2 | sort").stdout == kept
    left = host.run("find /etc/systemd/system /run -name '*kijun-guard*' ! -name '*.lock'").stdout
    assert left == ""
