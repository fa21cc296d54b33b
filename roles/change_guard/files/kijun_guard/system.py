"""What of a host is no file: what runs, the packet filter's tables, packages, and who is connected."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from typing import Any, Optional

UNITS = "/etc/systemd/system/"
SIGN_OF_LIFE = 30.0  # seconds; ansible.cfg has ssh send something every ten


def run(*argv: str, stdin: Optional[str] = None) -> "subprocess.CompletedProcess[str]":
    """Run a command and return how it ended; one that does not end counts as failed."""
    try:
        return subprocess.run(
            argv, input=stdin, capture_output=True, text=True, errors="replace", timeout=90, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return subprocess.CompletedProcess(argv, 127, "", str(problem))


def now() -> float:
    """Return seconds since this boot: no change of the clock disturbs them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def unit_files(units: list[str]) -> list[str]:
    """Return where it is written whether units start at boot, are masked, or are altered."""
    return [
        UNITS + place.format(unit)
        for unit in units
        for place in ("{}", "{}.d/", "*.wants/{}", "*.requires/{}")
    ]


def unit_states(units: list[str]) -> dict[str, str]:
    """Return which of the units run: active or inactive; what is on its way counts as active."""
    if not units:
        return {}
    said = run("systemctl", "show", "--property=ActiveState", "--value", "--", *units).stdout
    states = [line for line in said.splitlines() if line]
    active = ("active", "activating", "reloading")
    return {unit: "active" if state in active else "inactive" for unit, state in zip(units, states)}  # noqa: B905 - Python 3.9


def tables(names: list[str]) -> dict[str, Optional[str]]:
    """Return the text of the packet filter's tables; None where there is no such table."""
    found: dict[str, Optional[str]] = {}
    for name in names:
        done = run("nft", "-s", "list", "table", *name.split()) if shutil.which("nft") else None
        found[name] = done.stdout if done and done.returncode == 0 else None
    return found


def load_table(name: str, text: Optional[str]) -> str:
    """Put a table back in one transaction; return what went wrong, or nothing."""
    rules = f"table {name}\ndelete table {name}\n{text or ''}"
    done = run("nft", "-f", "-", stdin=rules)
    return "" if done.returncode == 0 else f"nft: {' '.join(done.stderr.split())[:200]}"


def packages() -> dict[str, str]:
    """Return the installed packages and their versions."""
    said = run("dpkg-query", "-W", "-f", "${binary:Package} ${Version} ${db:Status-Abbrev}\n").stdout
    lines = (line.split() for line in said.splitlines())
    return {words[0]: words[1] for words in lines if len(words) == 3 and words[2].startswith("ii")}


def own_connection() -> str:
    """Return SSH_CONNECTION of the login this process belongs to, past sudo; empty where it is none."""
    pid = os.getpid()
    while pid > 1:
        try:
            with open(f"/proc/{pid}/environ", "rb") as handle:
                found = re.search(rb"(?:^|\0)SSH_CONNECTION=([^\0]*)", handle.read())
            if found:
                return found[1].decode("ascii", "replace")
            with open(f"/proc/{pid}/stat", "rb") as handle:
                pid = int(handle.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return ""
    return ""


def is_alive(connection: str) -> bool:
    """Say whether the peer of `connection` (as SSH_CONNECTION) has sent something over SSH a moment ago.

    An established connection is no sign: one whose cable was cut stays so for hours. Not the very connection
    is asked for, because a run may have closed it and logged in anew.
    """
    words = connection.split()
    if words[:1] == ["local"]:
        return len(words) == 4 and words[3] == started(words[2])
    if len(words) != 4 or not words[3].isdecimal():
        return False
    said = run("ss", "-Htni", "state", "established", "sport", "=", f":{words[3]}").stdout
    return any(age < SIGN_OF_LIFE for address, age in peers(said) if address == words[0].split("%")[0])


def started(pid: str) -> str:
    """Return what tells a process of this machine from a later one with its number; empty once it ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            return handle.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def peers(said: str) -> list[tuple[str, float]]:
    """Return the peers in what `ss -Htni` said, and since how many seconds each is silent."""
    found = []
    for entry in re.split(r"\n(?=\S)", said):
        words, silent = entry.split(), re.search(r"\blastrcv:(\d+)", entry)
        if len(words) > 3:
            address = words[3].rpartition(":")[0].strip("[]").split("%")[0].removeprefix("::ffff:")
            found.append((address, int(silent[1]) / 1000 if silent else 0.0))
    return found


def reload_systemd() -> None:
    """Have systemd read its units again."""
    run("systemctl", "daemon-reload")


def settle(states: dict[str, str], reloads: list[str], *, booting: bool) -> list[str]:
    """Start, stop and reload units; return what went wrong. While booting nothing is waited for."""
    problems, wait = [], ["--no-block"] if booting else []
    current = unit_states(sorted(states))
    jobs = [
        ("start" if wanted == "active" else "stop", unit)
        for unit, wanted in sorted(states.items())
        if booting or current.get(unit) != wanted
    ]
    jobs += [] if booting else [("try-reload-or-restart", unit) for unit in reloads]
    for verb, unit in jobs:
        done = run("systemctl", *wait, verb, unit)
        if done.returncode != 0 and not (verb == "stop" and "not loaded" in done.stderr):
            problems.append(f"systemctl {verb} {unit}: {' '.join(done.stderr.split())[:200]}")
    return problems


def shipped(names: list[str]) -> dict[str, str]:
    """Return the configuration files that packages brought, and the MD5 sums they brought them with."""
    if not names:
        return {}
    said = run("dpkg-query", "-W", "-f", "${Conffiles}\n", *names).stdout
    lines = (line.split() for line in said.splitlines())
    return {words[0]: words[1] for words in lines if len(words) == 2}


def parted(before: dict[str, str], after: dict[str, str]) -> dict[str, Any]:
    """Return the packages that came, went, and changed between two lists."""
    return {
        "came": sorted(set(after) - set(before)),
        "went": sorted(set(before) - set(after)),
        "changed": sorted(name for name in before if after.get(name, before[name]) != before[name]),
    }
