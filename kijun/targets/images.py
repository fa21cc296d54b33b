"""The cache of images: each built once, beside its final place, and renamed into it when complete."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kijun.paths import cache_dir
from kijun.targets.errors import TargetError
from kijun.targets.recipes import Recipe
from kijun.targets.tools import last_line, require, run, search_path

Say = Callable[[str], None]
DISK_SIZE = "4G"  # sparse: costs what is in it
_PARTIAL = ".partial"


def folder() -> Path:
    """Return the image cache, made on demand; closed to others, since it holds set-uid programs."""
    images = cache_dir() / "images"
    images.mkdir(parents=True, exist_ok=True)
    images.chmod(0o700)
    return images


@contextmanager
def _building(key: str) -> Iterator[None]:
    """Hold the lock of one image; it falls with the process, however that ends."""
    with (folder() / f"{key}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure(recipe: Recipe, say: Say) -> Path:
    """Return the folder of the image of `recipe`, building it first if it is not cached.

    It holds `rootfs/` (nspawn), or `root.ext4`, `vmlinuz` and `initrd.img` (qemu). Two callers at once
    build it once. Raises `TargetError` when it cannot be built; nothing half-built is ever returned.
    """
    final = folder() / recipe.key
    if final.is_dir():
        return final
    with _building(recipe.key):
        if final.is_dir():
            return final
        require(["mmdebstrap", "setpriv", "unshare"])
        say(f"building the {recipe.release} image for {recipe.backend} (once; about a minute) …")
        partial = folder() / (recipe.key + _PARTIAL)
        _discard(partial)
        partial.mkdir(mode=0o700)
        try:
            _bootstrap(recipe, partial)
            if recipe.backend == "qemu":
                _make_disk(partial)
            partial.rename(final)
        finally:
            if partial.exists():
                _discard(partial)
    return final


def _bootstrap(recipe: Recipe, partial: Path) -> None:
    """Run mmdebstrap so that it, all it starts and all it mounts end with this process, even by SIGKILL."""
    argv = [
        *("setpriv", "--pdeathsig", "KILL"),
        *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"),
        *recipe.argv(str(partial / "rootfs")),
    ]
    scratch = partial / "tmp"
    scratch.mkdir(mode=0o1777)
    scratch.chmod(0o1777)
    log = folder() / f"{recipe.key}.log"
    env = {**os.environ, "PATH": search_path(), "LC_ALL": "C.UTF-8", "TMPDIR": str(scratch)}
    with log.open("w") as out:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env, check=False
        )
    if done.returncode != 0:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("E:")]
        reason = lines[0] if lines else last_line(log.read_text(errors="replace"))
        raise TargetError(
            f"the {recipe.release} image could not be built ({reason}); the whole story is in {log}."
        )
    shutil.rmtree(scratch)


def _make_disk(partial: Path) -> None:
    """Turn the tree into an ext4 file system, its kernel and its initrd beside it."""
    rootfs = partial / "rootfs"
    for link, name in (("vmlinuz", "vmlinuz"), ("initrd.img", "initrd.img")):
        shutil.copyfile((rootfs / "boot").joinpath(_newest(rootfs, link)), partial / name)
    disk = partial / "root.ext4"
    run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", str(rootfs), str(disk), DISK_SIZE], timeout=300)
    _discard(rootfs)


def _newest(rootfs: Path, kind: str) -> str:
    found = sorted(path.name for path in (rootfs / "boot").glob(f"{kind}-*"))
    if not found:
        raise TargetError(f"the image has no {kind} in /boot: linux-image-amd64 was not installed.")
    return found[-1]


def sweep() -> list[str]:
    """Discard what interrupted builds left behind, and return its names; builds under way are left alone."""
    images = cache_dir() / "images"
    swept = []
    for partial in sorted(images.glob(f"*{_PARTIAL}")):
        with (images / f"{partial.name.removesuffix(_PARTIAL)}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            _discard(partial)
            swept.append(partial.name)
    return swept


def _discard(tree: Path) -> None:
    if tree.exists():
        shutil.rmtree(tree)
