"""Molecule's scenarios on hosts of their own: reached once, kept by a second run and a reboot, and proven."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.leftovers import NOTHING, left_behind

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
EVERY_TIME = {"accounts"}  # the others are `make molecule`: they take a quarter of an hour each
# A scenario with a virtual machine makes one, of one release.
RELEASES = {"wireless": ("bookworm", "trixie")}
STEPS = ("prepare", "converge", "idempotence", "side_effect", "verify")
TIME_LIMIT = 60 * 60


@pytest.mark.booted
@pytest.mark.parametrize(
    ("scenario", "release"),
    [
        pytest.param(
            name,
            release,
            marks=[] if name in EVERY_TIME else [pytest.mark.long],
            id=f"{name}-{release}".strip("-"),
        )
        for name in SCENARIOS
        for release in RELEASES.get(name, ("",))
        if name != "default"  # only makes and removes the hosts of the others
    ],
)
def test_scenario(scenario: str, release: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`molecule test -s SCENARIO`: the hosts are made, every step is gone through, the hosts are removed."""
    tools, log = Path(sys.executable).parent, tmp_path / "molecule.log"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)]),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
        **({"KIJUN_MOLECULE_RELEASE": release} if release else {}),
        "ANSIBLE_FORCE_COLOR": "0",
        "NO_COLOR": "1",
    }
    command = [str(tools / "molecule"), "test", "--scenario-name", scenario, "--report"]
    try:
        with log.open("wb") as output:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=TIME_LIMIT,
                check=False,
            )
    finally:
        said = log.read_text(encoding="utf-8", errors="replace")
        print(said)  # pytest shows it where the test fails, also by the time limit
    assert done.returncode == 0
    # Molecule warns where a playbook or the tests are missing, and is content: look that they ran.
    for step in STEPS:
        assert re.search(rf"{scenario} .*{step}", said), f"{scenario} did not run {step}"
    passed = re.findall(r"(\d+) passed", said)
    assert sum(map(int, passed)) > 0, "no proof ran"
    if scenario in RELEASES:  # nothing is missing that a proof could ask for (Ansible writes `skipped=1`)
        assert not re.findall(r"\d+ skipped", said), "a proof was skipped"
    monkeypatch.setenv("KIJUN_STATE_DIR", str(tmp_path / "molecule" / "kijun"))
    assert left_behind() == NOTHING
