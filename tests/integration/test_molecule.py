"""Molecule's scenarios on hosts of their own: reached once, kept by a second run and a reboot, and proven."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
EVERY_TIME = {"accounts"}  # the others are `make molecule`: they take a quarter of an hour each
STEPS = ("prepare", "converge", "idempotence", "side_effect", "verify")
TIME_LIMIT = 60 * 60


@pytest.mark.booted
@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(name, marks=[] if name in EVERY_TIME else [pytest.mark.long])
        for name in SCENARIOS
        if name != "default"  # only makes and removes the hosts of the others
    ],
)
def test_scenario(scenario: str, tmp_path: Path) -> None:
    """`molecule test -s SCENARIO`: the hosts are made, every step is gone through, the hosts are removed."""
    tools, log = Path(sys.executable).parent, tmp_path / "molecule.log"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)]),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
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
