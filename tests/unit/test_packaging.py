"""A built wheel carries all that kijun needs, from any directory; the lock covers every dependency."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DATA = ("standards", "playbooks", "roles", "library", "module_utils", "tests/proofs")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE))


def committed(folder):
    """Return the files of `folder` that belong to the project (its own, no caches), relative to the root."""
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a folder with the source distribution and the wheel built from it, as a publisher makes them."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run([*build, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    (source,) = folder.glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", str(source), "-C", str(folder)], check=True)
    unpacked = folder / source.name.removesuffix(".tar.gz")
    subprocess.run([*build, "-t", "wheel"], cwd=unpacked, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Return what runs an installed kijun (only the wheel's files, from /), and where it is installed."""
    target = tmp_path_factory.mktemp("installed")
    (wheel,) = built.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(target)
    environment = {**os.environ, "PYTHONPATH": str(target), "KIJUN_STATE_DIR": str(target / "state")}

    def run(*arguments):
        command = [sys.executable, "-P", "-c", "from kijun.cli import main; main()", *arguments]
        return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)

    return run, target


def test_the_wheel_carries_every_file_of_every_data_folder(built):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in DATA:
        missing = {f"kijun/_data/{name}" for name in committed(folder)} - names
        assert not missing, f"not in the wheel: {sorted(missing)}"
    assert "kijun/_data/ansible.cfg" in names
    assert {name for name in committed("kijun") if name.endswith(".tsv")} <= names


def test_the_wheel_carries_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    for name in zipfile.ZipFile(wheel).namelist():
        assert name.startswith(("kijun/", "kijun-")), name
        assert "__pycache__" not in name


def test_installed_kijun_uses_its_own_data(installed):
    run, target = installed
    result = run("doctor", "--format", "json")
    assert f'"found": "{target}/kijun/_data"' in result.stdout, result.stderr


def test_installed_kijun_runs_from_any_directory(installed):
    run, _ = installed
    for arguments in (["--version"], ["--help"], ["standard", "coverage"], ["standard", "topics"]):
        result = run(*arguments)
        assert result.returncode == 0, (arguments, result.stderr)
        assert result.stdout


def test_the_lock_pins_every_dependency_within_its_range():
    extras = [line for lines in PYPROJECT["project"]["optional-dependencies"].values() for line in lines]
    for line in [*PYPROJECT["project"]["dependencies"], *extras, *PYPROJECT["build-system"]["requires"]]:
        requirement = Requirement(line)
        pinned = PINS.get(canonicalize_name(requirement.name))
        assert pinned, f"{requirement.name} is not in requirements.lock: run 'make lock'"
        assert requirement.specifier.contains(pinned), f"{line} against {pinned}: run 'make lock'"


def test_the_lock_has_hashes_and_names_no_index_and_no_path():
    entries = re.split(r"^(?=\S)", LOCK, flags=re.MULTILINE)
    for entry in filter(None, (one for one in entries if not one.startswith("#"))):
        assert re.fullmatch(
            r"[a-z0-9.-]+==[0-9A-Za-z.+]+ \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+", entry
        ), entry[:200]
