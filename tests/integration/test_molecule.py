"""Molecule's scenarios on hosts of their own: reached once, kept by a second run and a reboot, and proven."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
TIME_LIMIT = 90 * 60


@pytest.mark.booted
def test_every_scenario(tmp_path: Path) -> None:
    """Run all of them as `molecule test --all` does; the hosts are made once and removed at the end."""
    tools, log = Path(sys.executable).parent, tmp_path / "molecule.log"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)]),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
        "ANSIBLE_FORCE_COLOR": "0",
        "NO_COLOR": "1",
    }
    command = [str(tools / "molecule"), "test", "--all", "--report"]
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
    assert {"default", "accounts"} <= set(SCENARIOS)
    for step in ("converge", "idempotence", "side_effect", "verify"):
        assert re.search(rf"accounts .*{step}", said), f"accounts did not run {step}"
    passed = re.findall(r"(\d+) passed", said)
    assert sum(map(int, passed)) > 0, "no proof ran"
