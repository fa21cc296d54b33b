"""The switch itself: armed before a run, taken off by a new login, and if nobody comes the host goes back."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sys
import syslog
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional

from kijun_guard import entries, snapshots, system
from kijun_guard.entries import GuardError

ROOT = "/var/lib/kijun/guard"
THIS_BOOT = "/run/kijun-guard.json"  # gone after a restart, and that is how one is noticed
LOCK = "/run/kijun-guard.lock"
LONGEST = 4 * 3600.0  # seconds that a run which shows signs of life may take
NAME = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]+")
PROGRAM = ROOT + "/program"
SERVICE = """\
[Unit]
Description=Put back what a run of kijun changed and nobody confirmed

[Service]
Type=oneshot
ExecStart={python} -I -B {program} expire
TimeoutStartSec=180
"""
# A unit of its own: a timer comes after the beginning of the system, and before what it starts.
AT_BOOT = SERVICE.replace(
    "\n\n",
    """
DefaultDependencies=no
RequiresMountsFor={root}
After=local-fs.target
Before=sysinit.target nftables.service shutdown.target
Conflicts=shutdown.target

""",
    1,
)
TIMER = """\
[Unit]
Description=Look whether a run of kijun was confirmed

[Timer]
OnActiveSec={seconds}
OnUnitInactiveSec=10
AccuracySec=1
"""
UNITS = {  # with the targets that start them
    "kijun-guard.service": (SERVICE, ""),
    "kijun-guard-boot.service": (AT_BOOT, "sysinit.target.wants"),
    "kijun-guard.timer": (TIMER, "timers.target.wants"),
}


def say(text: str) -> None:
    """Say something in the host's journal."""
    syslog.openlog("kijun-guard", 0, syslog.LOG_AUTHPRIV)
    syslog.syslog(syslog.LOG_WARNING, text)


@contextmanager
def alone() -> Iterator[None]:
    """Keep the timer, a boot and a run from each other."""
    with open(LOCK, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def armed() -> Optional[dict[str, Any]]:
    """Return what is armed, or None."""
    return read(f"{ROOT}/armed.json")


def read(path: str) -> Optional[dict[str, Any]]:
    """Return what one of our own files says; None where there is none."""
    try:
        with open(path, encoding="utf-8") as handle:
            return json.load(handle)  # type: ignore[no-any-return]
    except FileNotFoundError:
        return None


def write(path: str, what: dict[str, Any]) -> None:
    """Write one of our own files."""
    entries.replace(path, json.dumps(what).encode())


def snapshot_of(folder: str) -> str:
    """Return the path of the snapshot in a run's folder."""
    return f"{ROOT}/{folder}/snapshot.json"


def connection_of(order: dict[str, Any]) -> str:
    """Return by what the run is here: SSH_CONNECTION, or, where it runs on this very machine, its process."""
    return f"local {order['controller']}" if order["local"] else system.own_connection()


def arm(order: dict[str, Any]) -> dict[str, Any]:
    """Take a snapshot and set the switch; take over where an earlier run was not confirmed.

    Raises GuardError where another run is at work at this moment: nothing is touched then.
    """
    run, now, connection = order["run"], system.now(), connection_of(order)
    if not NAME.fullmatch(run):
        raise GuardError(f"'{run}' is no name of a run")
    found = armed()
    if found and (found["phase"] != "armed" or read(THIS_BOOT) is None):
        revert(found, "it was not confirmed")  # what was begun is brought to its end first
        found = None
    if found and found["run"] != run:
        _refuse_if_at_work(found, connection, order["others"])
    folder = found["folder"] if found else run
    old = snapshots.load(snapshot_of(folder)) if found else None
    os.makedirs(f"{ROOT}/{folder}", mode=0o700, exist_ok=True)
    snapshot = snapshots.take(order["touches"], ROOT, old)
    earlier = old or {"runs": [], "topics": [], "taken": time.time()}
    snapshot["runs"] = [*(one for one in earlier["runs"] if one != run), run]
    snapshot["topics"] = sorted({*earlier["topics"], *order["topics"]})
    snapshot["taken"] = earlier["taken"]
    snapshots.save(snapshot_of(folder), snapshot)
    seconds = order["minutes"] * 60
    write(THIS_BOOT, {"deadline": now + seconds, "last": now + max(LONGEST, seconds)})
    state = {"run": run, "folder": folder, "phase": "armed", "connection": connection}
    state.update(controller=order["controller"], since=time.time(), until=time.time() + seconds)
    _install(seconds)
    write(f"{ROOT}/armed.json", state)
    started = system.run("systemctl", "restart", "kijun-guard.timer")
    if started.returncode != 0:
        disarm()
        raise GuardError(f"the timer does not start: {' '.join(started.stderr.split())[:200]}")
    return {"armed": True, "run": run, "took_over": found["run"] if found and found["run"] != run else ""}


def _refuse_if_at_work(found: dict[str, Any], connection: str, others: list[str]) -> None:
    """Refuse where the run that armed the switch is still there: one of this control node, or another's."""
    peer, theirs = connection.split()[:1], found["connection"].split()[:1]
    if found["controller"] in others or (peer != theirs and system.is_alive(found["connection"])):
        who = f"from {theirs[0]} " if theirs else ""
        raise GuardError(
            f"run {found['run']} {who}is changing this host at this moment; wait until it has ended, then "
            "run again (nothing was touched)"
        )


def _install(seconds: float) -> None:
    words = {"root": ROOT, "program": PROGRAM, "python": sys.executable, "seconds": f"{seconds:.0f}"}
    for name, (text, target) in UNITS.items():
        entries.replace(system.UNITS + name, text.format(**words).encode(), 0o644)
        if target:
            entries.put_back(system.UNITS + target, _folder(system.UNITS + target))
            link = {"kind": "link", "target": f"../{name}", "uid": 0, "gid": 0}
            entries.put_back(f"{system.UNITS}{target}/{name}", link)
    system.reload_systemd()


def _folder(path: str) -> entries.Entry:
    found = entries.record(path)
    return found if found["kind"] == "folder" else {"kind": "folder", "uid": 0, "gid": 0, "mode": 0o755}


def disarm() -> None:
    """Take the switch off, then away."""
    for path in (f"{ROOT}/armed.json", THIS_BOOT):
        if os.path.exists(path):
            os.unlink(path)
            entries.sync_folder(os.path.dirname(path))
    links = [f"{system.UNITS}{target}/{name}" for name, (_, target) in UNITS.items() if target]
    units = [*links, *(system.UNITS + name for name in UNITS)]
    present = [path for path in units if os.path.lexists(path)]
    system.run("systemctl", "stop", "kijun-guard.timer")
    for path in present:
        os.unlink(path)
    if present:
        system.reload_systemd()


def expire() -> None:
    """Put the host back where it is time to: what the timer and every boot call."""
    found, clock, now = armed(), read(THIS_BOOT), system.now()
    if found is None:
        disarm()
    elif clock is None:
        revert(found, "the host was restarted before it was confirmed", booting=True)
    elif found["phase"] != "armed":
        revert(found, "it was not confirmed")
    elif now >= clock["deadline"]:
        if now < clock["last"] and system.is_alive(found["connection"]):
            if not clock.get("postponed"):
                say(f"Run {found['run']} takes longer than planned and is still at work: not put back yet.")
                write(THIS_BOOT, {**clock, "postponed": True})
        else:
            revert(found, "no new login has confirmed it")


def revert(found: dict[str, Any], why: str, *, booting: bool = False) -> None:
    """Put the host back; where a part cannot be, say so, stay armed, and try again at the next call."""
    write(f"{ROOT}/armed.json", {**found, "phase": "reverting"})
    if not booting:
        write(THIS_BOOT, read(THIS_BOOT) or {"deadline": 0.0, "last": 0.0})
    snapshot = snapshots.load(snapshot_of(found["folder"]))
    system.run("systemctl", "stop", "kijun-filter-revert.timer")  # the packet filter's own way back
    paths, problems, unsettled = snapshots.restore(snapshot, ROOT, booting=booting)
    came = system.parted(snapshot["packages"], system.packages())["came"]
    stay = f" Packages that came since stay: {', '.join(came)}." if came else ""
    if problems:
        told = f"the host could not be put back wholly: {'; '.join(problems)}"
        if found.get("problems") != problems:
            say(f"Run {found['run']}: {told}. This is tried again every ten seconds.")
            write(f"{ROOT}/armed.json", {**found, "phase": "reverting", "problems": problems})
        raise GuardError(told)
    what = f"{len(paths)} paths put back ({', '.join(paths[:20])})" if paths else "nothing had to be put back"
    say(f"The host put itself back to before run {found['run']}, because {why}: {what}.{stay}")
    if unsettled:
        say(f"To be looked at: {'; '.join(unsettled)}")
    ended = {"outcome": "put itself back", "why": why, "at": time.time(), "paths": paths}
    write(f"{ROOT}/{found['folder']}/outcome.json", ended)
    disarm()


def confirm(order: dict[str, Any]) -> dict[str, Any]:
    """Take the switch off; GuardError where this login proves nothing, or comes too late."""
    found, run = armed(), order["run"]
    if found is None or found["run"] != run or found["phase"] != "armed":
        raise GuardError(_too_late(found, run))
    if read(THIS_BOOT) is None:
        revert(found, "the host was restarted before it was confirmed")
        raise GuardError(_too_late(None, run))
    connection = connection_of(order)
    if connection and connection == found["connection"] and not order["local"]:
        raise GuardError(
            f"the connection ({connection}) is the one that the run began with, so nothing shows that a new "
            "login works; the host puts itself back"
        )
    snapshot = snapshots.load(snapshot_of(found["folder"]))
    difference = snapshots.Difference(snapshot, ROOT)
    disarm()
    if difference:
        ended = {"outcome": "confirmed", "at": time.time(), "paths": difference.paths}
        write(f"{ROOT}/{found['folder']}/outcome.json", ended)
        prune(order["keep"])
    else:
        shutil.rmtree(f"{ROOT}/{found['folder']}")
    sweep()
    return {"kept": bool(difference), "run": run, "paths": difference.paths}


def _too_late(found: Optional[dict[str, Any]], run: str) -> str:
    if found and found["run"] != run:
        return f"run {found['run']} has taken this host over, and confirms or puts back what this run did"
    ended = next((one for one in listing() if run in one["runs"]), None)
    if ended and ended["outcome"] == "put itself back":
        return f"the host has put itself back to before this run, because {ended['why']}; run again"
    return f"nothing is armed for run {run}; somebody has taken the switch off"


def listing() -> list[dict[str, Any]]:
    """Return the runs that can be rolled back, the oldest first."""
    now, rows = armed(), []
    for folder in sorted(os.listdir(ROOT)) if os.path.isdir(ROOT) else []:
        if not NAME.fullmatch(folder) or not os.path.exists(snapshot_of(folder)):
            continue
        snapshot, ended = snapshots.load(snapshot_of(folder)), read(f"{ROOT}/{folder}/outcome.json") or {}
        outcome = "not confirmed yet" if now and now["folder"] == folder else ended.get("outcome", "unknown")
        row = {"run": snapshot["runs"][-1], "folder": folder, "outcome": outcome, "why": ended.get("why", "")}
        row.update({key: snapshot[key] for key in ("runs", "topics", "taken")}, paths=ended.get("paths", []))
        rows.append(row)
    return rows


def prune(keep: int) -> None:
    """Keep the newest snapshots, never fewer than one, and what is armed."""
    now = armed()
    for one in listing()[: -max(1, keep)]:
        if not now or now["folder"] != one["folder"]:
            shutil.rmtree(f"{ROOT}/{one['folder']}")


def sweep() -> None:
    """Remove what a killed run left without a snapshot, and, where no snapshot is left, all of ours."""
    for folder in os.listdir(ROOT):
        if NAME.fullmatch(folder) and not os.path.exists(snapshot_of(folder)):
            shutil.rmtree(f"{ROOT}/{folder}")
    if not listing() and not armed():
        shutil.rmtree(ROOT)
        if os.path.exists(LOCK):
            os.unlink(LOCK)
