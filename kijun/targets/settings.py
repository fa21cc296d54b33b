"""Kernel settings of this machine that targets need, and putting them back when the last target is gone.

They belong to the whole machine, so what they were is noted once for all state directories, in /run:
the note goes when the machine boots again, and so do the settings.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PROC_SYS = Path("/proc/sys")
_RUN = Path("/run/kijun")
_NOTE = "settings.json"

# Every container's systemd opens some ten inotify instances, and all count as root's: with the kernel's
# limit of 128 the thirteenth target does not boot (inotify(7)).
AT_LEAST = {"net/ipv4/ip_forward": 1, "fs/inotify/max_user_instances": 2048}


@contextmanager
def _locked(run: Path) -> Iterator[None]:
    run.mkdir(mode=0o755, exist_ok=True)
    with (run / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _noted(run: Path) -> dict[str, int]:
    """Return what was noted; a note that a crash left half-written restores nothing."""
    try:
        noted = json.loads((run / _NOTE).read_bytes())
    except (OSError, ValueError):
        return {}
    known = noted.items() if isinstance(noted, dict) else ()
    return {key: value for key, value in known if key in AT_LEAST and isinstance(value, int)}


def ensure(proc_sys: Path = _PROC_SYS, run: Path = _RUN) -> None:
    """Raise the settings that are too low, having noted what they were."""
    with _locked(run):
        noted = _noted(run)
        for key, least in AT_LEAST.items():
            now = int((proc_sys / key).read_text())
            if now < least:
                noted.setdefault(key, now)
                fresh = run / f".{_NOTE}.new"
                fresh.write_text(json.dumps(noted))
                fresh.rename(run / _NOTE)
                (proc_sys / key).write_text(f"{least}\n")


def restore(needed: Callable[[], bool], proc_sys: Path = _PROC_SYS, run: Path = _RUN) -> None:
    """Put back what `ensure` changed, where it still has the value that `ensure` gave it.

    `needed` is asked under the lock whether another state directory's targets still need it: those have
    made their network before they call `ensure`, so either they are seen or they raise it again.
    """
    if not run.is_dir():
        return
    with _locked(run):
        if needed():
            return
        for key, before in _noted(run).items():
            if int((proc_sys / key).read_text()) == AT_LEAST[key]:
                (proc_sys / key).write_text(f"{before}\n")
        (run / _NOTE).unlink(missing_ok=True)
