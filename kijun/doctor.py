"""What this control node lacks, and the command that mends it.

Every examination answers with a `Check`; none raises, whatever the machine is like. Nothing is changed.
"""

from __future__ import annotations

import json
import locale
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion

from kijun.errors import KijunError
from kijun.paths import cache_dir, data_root, state_dir
from kijun.targets.cgroups import hierarchies
from kijun.targets.tools import search_path

IMAGE_SPACE_GIB = 4  # two releases' images, unpacked, and the overlays of a handful of targets
DATA_FOLDERS = ("playbooks", "roles", "library", "module_utils", "standards", "tests/proofs")


class Purpose(StrEnum):
    """What a check is needed for."""

    HOSTS = "hosts"
    TARGETS = "targets"
    LINT = "lint"


PURPOSE_TITLES = {
    Purpose.HOSTS: "To read, enforce and prove (kijun check, enforce, prove)",
    Purpose.TARGETS: "For disposable hosts (make demo, test, sabotage, bench; kijun target)",
    Purpose.LINT: "To work on kijun itself (make lint, browser)",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and the command that mends it where it is lacking."""

    purpose: Purpose
    name: str
    ok: bool
    found: str
    mend: str = ""


def examine() -> list[Check]:
    """Return everything that was looked at on this control node, grouped by purpose; never raises."""
    checks = [
        _python(),
        *_python_packages(),
        _locale(),
        _data(),
        _writable("state folder", state_dir, "KIJUN_STATE_DIR", Purpose.HOSTS),
        *_system_packages(),
        _root(),
        _cgroups(),
        _overlay(),
        _writable("cache folder", cache_dir, "KIJUN_CACHE_DIR", Purpose.TARGETS),
        _image_space(),
        _kvm(),
    ]
    order = list(Purpose)
    return sorted(checks, key=lambda check: order.index(check.purpose))


def exit_code(checks: list[Check]) -> int:
    """Return 0 where nothing lacks, 1 where `check` or `enforce` would suffer, 2 where only others would."""
    lacking = {check.purpose for check in checks if not check.ok}
    if Purpose.HOSTS in lacking:
        return 1
    return 2 if lacking else 0


def as_text(checks: list[Check]) -> str:
    """Return the report for a person: what was found, and under what lacks the command that mends it."""
    lines = []
    for purpose, title in PURPOSE_TITLES.items():
        lines.append(title)
        for check in (one for one in checks if one.purpose == purpose):
            lines.append(f"  {'ok   ' if check.ok else 'LACKS'} {check.name}: {check.found}")
            if check.mend:
                lines.append(f"        mend it: {check.mend}")
        lines.append("")
    lacking = sum(not check.ok for check in checks)
    lines.append("Nothing is lacking." if not lacking else f"{lacking} of {len(checks)} are lacking.")
    return "\n".join(lines)


def as_json(checks: list[Check]) -> str:
    """Return the report for a program: `{"schema": 1, "exit_code": …, "checks": [{"purpose", …}]}`."""
    report = {"schema": 1, "exit_code": exit_code(checks), "checks": [asdict(check) for check in checks]}
    return json.dumps(report, ensure_ascii=False, indent=2)


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 12)
    return Check(Purpose.HOSTS, "Python 3.12 or newer", ok, found, "" if ok else "pyenv install 3.13")


def _python_packages() -> Iterator[Check]:
    """Compare what kijun's own metadata asks for with what is installed (names, supported ranges)."""
    mend = "bin/setup" if (data_root() / "bin" / "setup").exists() else "pip install --force-reinstall kijun"
    try:
        wanted = metadata.requires("kijun") or []
    except metadata.PackageNotFoundError:
        yield Check(Purpose.HOSTS, "kijun's own package", False, "not installed", mend)
        return
    for line in wanted:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            yield Check(Purpose.HOSTS, line, False, "not understood", mend)
            continue
        development = requirement.marker is not None and "extra" in str(requirement.marker)
        name = f"{requirement.name} {requirement.specifier}".strip()
        purpose = Purpose.LINT if development else Purpose.HOSTS
        try:
            installed = metadata.version(requirement.name)
            ok = requirement.specifier.contains(installed, prereleases=True)
        except (metadata.PackageNotFoundError, InvalidVersion, TypeError):  # TypeError: its metadata is torn
            yield Check(purpose, name, False, "not installed", mend)
            continue
        yield Check(purpose, name, ok, installed, "" if ok else mend)


def _locale() -> Check:
    """Ansible refuses to run where the locale's encoding is not UTF-8 (ansible/cli/__init__.py)."""
    name, mend = "UTF-8 locale", "export LC_ALL=C.UTF-8"
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "")
        encoding = locale.getlocale()[1] or "none"
    except (locale.Error, ValueError) as bad:
        return Check(Purpose.HOSTS, name, False, str(bad), mend)
    finally:
        locale.setlocale(locale.LC_ALL, before)
    ok = encoding.lower().replace("-", "") == "utf8"
    return Check(Purpose.HOSTS, name, ok, encoding, "" if ok else mend)


def _data() -> Check:
    """Look for the rulebook, roles and proofs (kijun/paths.py)."""
    root = data_root()
    missing = [name for name in DATA_FOLDERS if not (root / name).is_dir()]
    found = f"no {', '.join(missing)} in {root}" if missing else str(root)
    return Check(
        Purpose.HOSTS, "rulebook, roles and proofs", not missing, found, "reinstall kijun" if missing else ""
    )


def _writable(name: str, place: Callable[[], Path], variable: str, purpose: Purpose) -> Check:
    """Look whether the folder, or the nearest folder above it that exists, can be written."""
    mend = f"export {variable}=/a/folder/of/yours"
    try:
        nearest = _nearest(place())
    except (OSError, RuntimeError) as bad:  # RuntimeError: there is no home folder to be had (pathlib)
        return Check(purpose, name, False, str(bad), mend)
    ok = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return Check(purpose, name, ok, f"{place()}{'' if ok else ' cannot be written'}", "" if ok else mend)


def _nearest(folder: Path) -> Path:
    """Return `folder`, or the nearest folder above it that exists."""
    return next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))


def _system_packages() -> Iterator[Check]:
    """Look for the programs and files of `system_packages.tsv`, the table that bin/setup installs from."""
    purposes = {
        "base": Purpose.HOSTS,
        "targets": Purpose.TARGETS,
        "vm": Purpose.TARGETS,
        "browser": Purpose.LINT,
        "lint": Purpose.LINT,
    }
    path = search_path()
    sudo = "" if os.geteuid() == 0 else "sudo "
    try:
        table = Path(__file__).with_name("system_packages.tsv").read_text(encoding="utf-8")
    except OSError as bad:
        yield Check(Purpose.HOSTS, "list of system packages", False, str(bad), "reinstall kijun")
        return
    for line in table.splitlines():
        if not line or line.startswith("#"):
            continue
        group, shows, package, reason = line.split("\t")
        there = shows if shows.startswith("/") and Path(shows).exists() else shutil.which(shows, path=path)
        mend = "" if there else f"{sudo}apt-get install --no-install-recommends {package}"
        yield Check(purposes[group], f"{package} ({reason})", bool(there), there or "not found", mend)


def _root() -> Check:
    ok = os.geteuid() == 0
    mend = "" if ok else "run those commands with sudo"
    return Check(Purpose.TARGETS, "root", ok, "yes" if ok else f"uid {os.geteuid()}", mend)


def _cgroups() -> Check:
    """systemd in a container needs control groups that root here may make (cgroups(7)); root tries it."""
    name, mend = "control groups", "run on a machine or virtual machine of your own, not in a container"
    try:
        roots = hierarchies()
        for root in roots if os.geteuid() == 0 else ():
            trial = root / f"kijun-doctor-{os.getpid()}"
            trial.mkdir()
            trial.rmdir()
    except (KijunError, OSError) as bad:
        return Check(Purpose.TARGETS, name, False, str(bad), mend)
    return Check(Purpose.TARGETS, name, True, " and ".join(map(str, roots)))


def _overlay() -> Check:
    """A target is an overlay over its image, or, where the kernel has none, a copy of it: only slower."""
    module = Path("/lib/modules", platform.release(), "kernel/fs/overlayfs")
    try:
        listed = Path("/proc/filesystems").read_text(encoding="ascii", errors="replace").split()
    except OSError as bad:
        return Check(Purpose.TARGETS, "overlay file system (optional)", True, f"not known: {bad}")
    known = "overlay" in listed or module.exists()
    found = "known to the kernel" if known else "not known to the kernel: each target is a copy of its image"
    return Check(Purpose.TARGETS, "overlay file system (optional)", True, found)


def _image_space() -> Check:
    name, mend = "disk space for images", "export KIJUN_CACHE_DIR=/a/larger/disk"
    try:
        nearest = _nearest(cache_dir())
        free = shutil.disk_usage(nearest).free / 2**30
    except (OSError, RuntimeError) as bad:
        return Check(Purpose.TARGETS, name, False, str(bad), mend)
    ok = free >= IMAGE_SPACE_GIB
    found = f"{free:.1f} GiB free at {nearest} ({IMAGE_SPACE_GIB} wanted)"
    return Check(Purpose.TARGETS, name, ok, found, "" if ok else mend)


def _kvm() -> Check:
    """Hardware acceleration is never required; QEMU targets boot without it, only slower."""
    machine = platform.machine()
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        found = "/dev/kvm can be opened (used once a probe boot with it has succeeded)"
    else:
        found = f"no /dev/kvm on this {machine} machine: virtual machines work, but boot in 20 to 60 s"
    return Check(Purpose.TARGETS, "hardware acceleration (optional)", True, found)
