"""An image of a host that was brought to the standard, for many hosts to boot from."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kijun.checking import Options
from kijun.enforcing import Request, enforcement_of
from kijun.errors import KijunError
from kijun.paths import state_dir
from kijun.sabotaging.subjects import Subject
from kijun.targets import Target, disposable

Say = Callable[[str], None]
TIME_LIMIT = 300


@contextmanager
def hardened_image(release: str, say: Say, subject: Subject) -> Iterator[Path]:
    """Boot a fresh host of `release` with `subject`, enforce everything, and yield an image of its disk.

    The image is removed at the end.

    Raises KijunError where the host does not come up to the standard.
    """
    state_dir().mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"image-{release}-", dir=state_dir()))
    try:
        with disposable(f"hard-{release}", release=release, say=say) as target:
            say(f"{release}: bringing a fresh {subject.label} to the standard.")
            subject.prepare(target)
            done = enforcement_of(
                Request(Options(sources=subject.sources(target, folder), limit=target.name))
            )
            if done.failures:
                raise KijunError(
                    f"the {release} {subject.label} could not be brought to the standard: {done.failures[0]}."
                )
            _copy_disk(target, folder / "rootfs")
        yield folder
    finally:
        shutil.rmtree(folder)


def _copy_disk(target: Target, rootfs: Path) -> None:
    """Copy the target's own file system, over the connection that every backend offers."""
    rootfs.mkdir(mode=0o755)
    target.run("sync")
    # `--warning=no-file-changed`: logs grow while they are copied; tar then ends with 1, not with 2.
    pack = "tar --one-file-system --numeric-owner --xattrs --acls --warning=no-file-changed -cf - -C / ."
    with subprocess.Popen(target.ssh_argv(pack), stdout=subprocess.PIPE) as sender:
        unpack = ["tar", "--numeric-owner", "--xattrs", "--acls", "-xpf", "-", "-C", str(rootfs)]
        done = subprocess.run(
            unpack, stdin=sender.stdout, capture_output=True, text=True, timeout=TIME_LIMIT, check=False
        )
        sent = sender.wait()
    if done.returncode != 0 or sent not in (0, 1):
        said = done.stderr.strip().splitlines() or [f"tar on the host ended with {sent}"]
        raise KijunError(f"the disk of {target.name} could not be copied: {said[-1]}.")
