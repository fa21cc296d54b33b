"""The repository on the other host, through restic, and what restic's complaints mean."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from kijun_backup.records import alone, read, write
from kijun_backup.settings import CACHE, CONFIG, BackupError

TAG = "kijun-set="
PROBE = "kijun-probe"
NONE = "there is no repository"
PATIENCE = 90.0  # seconds for which restic may try again what the repository refuses
_RETRY = re.compile(r"returned error, retrying|operation .* failed, retrying", re.IGNORECASE)
_FULL = r"no space left|remaining disk space|disk quota|quota exceeded"
# In the order of looking: the first that is found tells most.
_MEANINGS = (
    (r"wrong password or no key found", "the key does not open the repository (wrong password)"),
    (_FULL, "the repository is full"),
    (r"host key verification failed|identification has changed", "the repository host has another host key"),
    (r"permission denied \(", "the repository host refuses the login"),
    (
        r"could not resolve|connection refused|timed out|no route|unreachable|connection closed|broken pipe",
        "the repository host does not answer",
    ),
    (
        r"is there a repository|unable to open config|config file does not exist|<config/",
        NONE,
    ),
    (
        r"ciphertext verification failed|hash does not match|invalid data returned",
        "what is stored is damaged",
    ),
    (r"repository is already locked", "the repository is locked by somebody else"),
    (r"no such file or directory.*restic|not found: restic", "restic is not installed"),
    (r"\b507\b|server response unexpected: 500|\b500 internal", "the repository cannot store (is it full?)"),
)


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as the repository has it; `time` in seconds since the epoch."""

    id: str
    time: float
    set: str


def meaning(said: str) -> str:
    """Return what restic's complaints come to, as a sentence without its full stop."""
    for pattern, sentence in _MEANINGS:
        if re.search(pattern, said, re.IGNORECASE):
            return sentence
    # Go's list of callers follows what went wrong; it tells an operator nothing.
    lines = [
        line
        for line in said.splitlines()
        if line.strip() and not re.search(r"\.(go|s):\d|^\w+\.\w+/|^main\.|^runtime\.|^goroutine \d", line)
    ]
    telling = [
        line for line in lines if re.match(r"(panic|fatal|error|SIG[A-Z]+:)", line.strip(), re.IGNORECASE)
    ]
    chosen = (telling or lines)[-1:]
    return f"restic failed: {chosen[0].strip()[:200]}" if chosen else "restic failed and gave no reason"


def run(arguments: list[str], *, stop_at: str = "", limit: float = 0.0) -> tuple[int, str, str]:
    """Run restic; return its status, what it printed and what it complained of.

    It is stopped where the repository has refused the same for PATIENCE seconds, where it complains of
    `stop_at`, or after `limit` seconds. BackupError where restic cannot be started.
    """
    command = ["restic", "-o", f"rclone.program=ssh -F {CONFIG}/ssh_config backup"]
    command += [
        "-o",
        "rclone.args=rclone",
        "--repo",
        "rclone:backup",
        "--password-file",
        f"{CONFIG}/password",
    ]
    environment = {**os.environ, "RESTIC_CACHE_DIR": str(CACHE), "LC_ALL": "C"}
    try:
        # In a session of its own, so that nothing but restic itself gets the signal that ends it.
        process = subprocess.Popen(
            command + arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as bad:
        raise BackupError(f"restic cannot be started ({bad.strerror})") from bad
    complaints: list[str] = []
    watcher = threading.Thread(target=_watch, args=(process, complaints, stop_at), daemon=True)
    watcher.start()
    timer = threading.Timer(limit, process.send_signal, [signal.SIGINT]) if limit else None
    if timer:
        timer.start()
    assert process.stdout is not None
    printed = process.stdout.read()
    status = process.wait()
    if timer:
        timer.cancel()
    watcher.join(timeout=5)
    return status, printed, "".join(complaints)


def _watch(process: subprocess.Popen[str], complaints: list[str], stop_at: str) -> None:
    refused_since = 0.0
    assert process.stderr is not None
    for line in process.stderr:
        if len(complaints) < 5000:
            complaints.append(line)
        if _RETRY.search(line):
            refused_since = refused_since or time.monotonic()
            if time.monotonic() - refused_since > PATIENCE and process.poll() is None:
                process.send_signal(signal.SIGINT)
        hopeless = re.search(_FULL, line, re.IGNORECASE) or (stop_at and stop_at in line)
        if hopeless and process.poll() is None:
            process.send_signal(signal.SIGINT)


def ask(arguments: list[str]) -> str:
    """Run restic and return what it printed; BackupError where it failed."""
    status, printed, said = run(arguments)
    if status != 0:
        raise BackupError(meaning(f"{printed[-2000:]}\n{said}"))
    return printed


def begin() -> None:
    """Make the repository at the very first backup; one that was lost is a problem, and never made anew."""
    with alone("repository"):
        if read("repository"):
            return
        status, printed, said = run(["cat", "config", "--no-lock"])
        why = "" if status == 0 else meaning(f"{printed}\n{said}")
        if why == NONE:
            ask(["init", "--quiet"])
        elif why:
            raise BackupError(why)
        write("repository", {"begun": time.time()})


def snapshots() -> list[Snapshot]:
    """Return the snapshots of the sets, oldest first; BackupError where the repository does not say."""
    try:
        rows = json.loads(ask(["snapshots", "--json", "--no-lock"]) or "null") or []
        found = [
            Snapshot(row["id"], moment(row["time"]), tag[len(TAG) :])
            for row in rows
            for tag in row.get("tags") or ()
            if tag.startswith(TAG)
        ]
    except (ValueError, KeyError, TypeError) as bad:
        raise BackupError("what restic says of the snapshots is not understood") from bad
    return sorted(found, key=lambda snapshot: snapshot.time)


def probes() -> list[str]:
    """Return the ids of the snapshots that are there only to be deleted in vain; BackupError as `ask`."""
    try:
        rows = json.loads(ask(["snapshots", "--json", "--no-lock", "--tag", PROBE]) or "null") or []
        return [str(row["id"]) for row in rows]
    except (ValueError, KeyError, TypeError) as bad:
        raise BackupError("what restic says of the snapshots is not understood") from bad


def probe() -> str:
    """Return the id of such a snapshot, made where there is none; BackupError as `ask`."""
    if not (found := probes()):
        ask(["backup", "--quiet", "--tag", PROBE, "--", "/etc/hostname"])
        found = probes()
    if not found:
        raise BackupError("the repository did not keep a snapshot")
    return found[0]


def moment(text: str) -> float:
    """Return restic's time (RFC 3339, with up to nine decimals) in seconds; ValueError where it is none."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if not found:
        raise ValueError(text)
    from datetime import datetime  # noqa: PLC0415 - needed here only

    zone = "+00:00" if found[3] == "Z" else found[3]
    return datetime.fromisoformat(found[1] + zone).timestamp() + float(found[2] or 0)


def content(snapshot: str) -> tuple[int, int]:
    """Return how many files a snapshot holds, and their bytes, by its own list; BackupError as `ask`."""
    files = size = 0
    for node in _nodes(ask(["ls", "--json", "--no-lock", snapshot])):
        if node.get("type") == "file":
            files += 1
            size += int(str(node.get("size", 0)))
    return files, size


def _nodes(text: str) -> Iterator[dict[str, object]]:
    for line in text.splitlines():
        try:
            node = json.loads(line)
        except ValueError:
            continue
        if isinstance(node, dict) and node.get("struct_type") in ("node", None):
            yield node
