"""The folder of a run of Ansible: for us alone, and never left behind for longer than to the next run."""

import os
import stat
import subprocess
import sys

import pytest

from kijun.enforcing.scratch import private_folder


def test_it_is_ours_alone_and_goes_with_the_run(tmp_path):
    with private_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "secret").write_text("s")
    assert list(tmp_path.iterdir()) == []


def test_it_goes_with_a_run_that_fails(tmp_path):
    with pytest.raises(RuntimeError), private_folder(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next_one(tmp_path):
    code = (
        "import os, pathlib, signal, sys; from kijun.enforcing.scratch import private_folder\n"
        "with private_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'secret').write_text('s'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    (left,) = tmp_path.iterdir()
    running = tmp_path / f"kijun-run-{os.getppid()}-abc"
    running.mkdir()
    others = tmp_path / "kijun-run-notes"
    others.mkdir()
    with private_folder(tmp_path):
        assert not left.exists()
    assert {running, others} == set(tmp_path.iterdir())


def test_a_link_is_not_followed(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("f")
    (tmp_path / "kijun-run-4194305-abc").symlink_to(kept)
    with private_folder(tmp_path):
        assert (kept / "file").exists()
