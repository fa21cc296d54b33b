"""The record of a booted host: what is in it, no secret, and what a kill or a full disk leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kijun.records.address import address
from kijun.records.querying import find_event, list_events
from kijun.records.store import Record
from kijun.records.verifying import verify
from kijun.targets import Target, disposable

pytestmark = pytest.mark.booted
TOPIC = ("-t", "account_lockout")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIJUN_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        with disposable("recorded-12", release="bookworm") as target:
            yield target


def argv(host: Target, verb: str, place: Path, *words: str) -> list[str]:
    named = ["-i", str(host.inventory), "--record", str(place), *words]
    return [sys.executable, "-m", "kijun", verb, *named]


def kijun(host: Target, verb: str, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv(host, verb, place, *words), capture_output=True, text=True, check=False)


def kinds(place: Path) -> list[str]:
    if not place.exists() or not place.stat().st_size:
        return []
    with Record(address(str(place))) as record:
        return [one.event.kind for one in list_events(record)]


def problems(place: Path) -> list[str]:
    with Record(address(str(place))) as record:
        return [str(problem) for problem in verify(record).problems]


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "kijun-test", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_killed_run_is_unfinished_and_the_next_one_is_not(host: Target, tmp_path: Path) -> None:
    place = tmp_path / "record.sqlite"
    run = subprocess.Popen(
        argv(host, "enforce", place, *TOPIC), stdout=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + 120
    while "enforce-begin" not in kinds(place):
        assert time.monotonic() < until
        time.sleep(0.2)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert kinds(place) == ["record", "check", "enforce-begin"]
    assert problems(place) == []
    listed = subprocess.run(
        [sys.executable, "-m", "kijun", "record", "list", "--record", str(place)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "NOT ENDED" in listed.stdout
    assert kijun(host, "enforce", place, *TOPIC).returncode == 0
    assert kinds(place)[3:] == ["check", "enforce-begin", "check", "enforce-end"]
    with Record(address(str(place))) as record:
        assert [one.event.seq for one in list_events(record) if not one.ended] == [3]
        (said,) = find_event(record, 7).lines.values()
        assert any("account_lockout" in str(line) for line in said[1:])


def test_no_secret_of_the_host_is_in_the_record(host: Target, tmp_path: Path) -> None:
    password = host.give_operator_password()
    shadow = host.run("cut -d: -f2 /etc/shadow").stdout.split()
    hashes = [word for word in shadow if word.startswith("$")]
    assert hashes
    place, inventory = tmp_path / "record.sqlite", tmp_path / "inventory.yml"
    secret_variables = {"ansible_password": password, "ansible_become_password": password}
    inventory.write_text(json.dumps({"all": {"vars": secret_variables}}))
    done = subprocess.run(
        [*argv(host, "check", place), "-i", str(inventory)], capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    with Record(address(str(place))) as record:
        said = [json.dumps(find_event(record, one.event.seq).lines) for one in list_events(record)]
        said += [str(one.event) for one in list_events(record)]
    assert any("password_policy" in text for text in said)
    for secret in (password, *hashes, host.key.read_text().splitlines()[1]):
        assert not any(secret in text for text in said)


def test_a_full_disk_loses_no_report(host: Target, tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "size=64k") as folder:
        place = folder / "record.sqlite"
        (folder / "filler").write_bytes(b"x" * 56 * 1024)
        done = kijun(host, "check", place, *TOPIC, "--format", "json")
        assert json.loads(done.stdout)["summary"]["hosts"]["collected"] == 1
        assert done.returncode == 2  # every control passes by now; what is not recorded is no success
        assert done.stderr.startswith("kijun: this check is not in the record: the record ")
        assert done.stderr.count("\n") == 1
        (folder / "filler").unlink()
        assert kijun(host, "check", place, *TOPIC).returncode == 0
        assert problems(place) == []
        assert kinds(place) == ["record", "check"]


def test_a_read_only_place_loses_no_report_and_touches_no_host(host: Target, tmp_path: Path) -> None:
    with mounted(tmp_path / "fixed", "size=1m,ro") as folder:
        place = folder / "record.sqlite"
        done = kijun(host, "check", place, *TOPIC)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "Read-only file system" in done.stderr
        assert "pass" in done.stdout
        host.run("rm -f /etc/security/faillock.conf")
        done = kijun(host, "enforce", place, *TOPIC)
        assert done.returncode == 3
        assert "no host was touched, for the run cannot be recorded" in done.stderr
        assert host.run("ls /etc/security/faillock.conf", check=False).returncode != 0
