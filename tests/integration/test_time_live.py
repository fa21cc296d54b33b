"""Time on a virtual machine, whose clock is its own: proven, and compared with other hosts of the same check.

The source is a chrony server in a container, which passes on what it is told of the time, and sets no clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kijun.targets import Target, disposable

pytestmark = [pytest.mark.booted, pytest.mark.long]
ROOT = Path(__file__).parents[2]
SERVER = """
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -q && apt-get install -qy --no-install-recommends chrony
mkdir -p /etc/systemd/system/chrony.service.d
printf '[Unit]\\nConditionCapability=\\n' >/etc/systemd/system/chrony.service.d/measure.conf
echo 'DAEMON_OPTS="-x -F 1"' >/etc/default/chrony
printf 'local stratum 8\\nallow all\\nmanual\\n' >/etc/chrony/chrony.conf
systemctl daemon-reload && systemctl restart chrony.service
"""
TELL = "chronyc settime \"$(date -d '+@SECONDS@ seconds' '+%b %d, %Y %H:%M:%S')\""


@pytest.fixture(params=["bookworm", "trixie"])
def fleet(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Target, Target, str]]:
    """A virtual machine that keeps time by a server, the server, and the inventory with a third host."""
    monkeypatch.setenv("KIJUN_STATE_DIR", str(tmp_path / "state"))
    with (
        disposable("time-server") as server,
        disposable("time-third"),
        disposable("time-vm", backend="qemu", release=request.param) as machine,
    ):
        server.run("sh -s", stdin=SERVER, timeout=300)
        listed = tmp_path / "vars.json"
        listed.write_text(json.dumps({"all": {"vars": {"time_sync_servers": [server.network_address]}}}))
        sources = f"{machine.inventory},{listed}"
        kijun(
            "enforce",
            "-i",
            machine.inventory,
            "-i",
            listed,
            "-l",
            machine.name,
            "--topic",
            "time_sync",
            code=0,
        )
        yield machine, server, sources


def kijun(*words: object, code: int) -> str:
    """Run the command, which has to end with `code`; return what it printed."""
    argv = [sys.executable, "-m", "kijun", *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, env=os.environ, check=False)
    assert done.returncode == code, f"{argv[3:]}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def status(sources: str, code: int) -> dict[str, dict[str, str]]:
    """Check all hosts together; return by host the status of each control of time_sync."""
    words = [word for source in sources.split(",") for word in ("-i", source)]
    report = json.loads(kijun("check", *words, "--topic", "time_sync", "--format", "json", code=code))
    return {
        name: {f["control"].partition(".")[2]: f["status"] for f in host["findings"]}
        for name, host in report["hosts"].items()
    }


def test_the_proofs_hold_on_a_machine_with_a_clock_of_its_own(fleet: tuple[Target, Target, str]) -> None:
    """Every proof of time_sync runs and holds; none is left out, as in a container."""
    machine, _, sources = fleet
    words = [word for source in sources.split(",") for word in ("-i", source)]
    said = kijun("prove", *words, "-l", machine.name, "--topic", "time_sync", "--intrusive", code=0)
    for control in ("accuracy", "reachable", "serving", "one_daemon"):
        assert f"time_sync.{control}" in said, said
    assert "not run" not in said, said


def test_a_clock_apart_from_the_others_is_found(fleet: tuple[Target, Target, str]) -> None:
    """The machine's clock is put wrong with chrony stopped, then by a server that is wrong itself."""
    machine, server, sources = fleet
    agreed = status(sources, 1)  # the server obeys no source, so not everything of it passes
    assert [host["skew"] for host in agreed.values()] == ["pass"] * 3

    machine.run("systemctl stop chrony.service && date --set '+10 seconds'")
    stopped = status(sources, 1)
    assert stopped["time-vm"]["skew"] == "fail"
    assert [stopped[name]["skew"] for name in ("time-server", "time-third")] == ["pass", "pass"]

    server.run(TELL.replace("@SECONDS@", "20"))
    machine.run("systemctl start chrony.service")
    fooled = wait_until_measured(sources)
    assert fooled["time-vm"]["accuracy"] == "pass"  # by its own source, it is right
    assert fooled["time-vm"]["skew"] == "fail"

    server.run(TELL.replace("@SECONDS@", "0"))
    machine.run("systemctl restart chrony.service")
    assert wait_until_measured(sources)["time-vm"]["skew"] == "pass"


def wait_until_measured(sources: str) -> dict[str, dict[str, str]]:
    """Check until the machine's daemon has measured its source."""
    end = time.monotonic() + 120
    while True:
        found = status(sources, 1)
        if found["time-vm"]["accuracy"] == "pass" or time.monotonic() > end:
            return found
        time.sleep(5)
