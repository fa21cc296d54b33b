"""A sample of `make sabotage`: hosts broken on purpose are caught, and by whom their scripts say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = 8  # a fresh host each; `make sabotage` tries them all


@pytest.mark.booted
@pytest.mark.parametrize(("release", "seed"), [("bookworm", 1), ("trixie", 2)])
def test_a_sample_of_broken_hosts_is_caught(
    release: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another sample on each release, the same in every run."""
    monkeypatch.setenv("KIJUN_STATE_DIR", str(tmp_path))
    words = ["sabotage", "--release", release, "--sample", str(SAMPLE), "--seed", str(seed)]
    command = [sys.executable, "-c", "from kijun.cli import main; main()", *words, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["trials"]) == SAMPLE
