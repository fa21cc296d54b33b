"""One trial: a run on a fresh host is cut short at a boundary between two tasks, and then it is repeated."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from kijun.targets import Target, disposable
from tests.chaos import harness

WAYS = ("kill", "cut", "restart")


@dataclass(frozen=True)
class Trial:
    """What is tried: on which release, before which task, how the run ends."""

    release: str
    way: str  # kill: SIGKILL to the controller; cut: the link is dropped; restart: the host reboots
    at: int

    def __str__(self) -> str:
        """Return it as one word."""
        return f"{self.release}-{self.way}-{self.at}"


@dataclass(frozen=True)
class Result:
    """What came of it: `problem` is empty where the host was reachable, and as before or as wanted."""

    trial: Trial
    task: str
    left: str  # as before, or as wanted
    problem: str
    seconds: float


def count(release: str, folder: Path, arguments: tuple[str, ...]) -> list[str]:
    """Return the tasks of a whole run on a fresh host: before each of them is a boundary."""
    with disposable(f"chaos-{release}-count", release=release) as target:
        run = harness.Run(target, folder / f"count-{release}", arguments, minutes=10).start()
        if run.ended() != 0:
            raise RuntimeError(run.log[-3000:])
        return run.tasks


def attempt(trial: Trial, folder: Path, arguments: tuple[str, ...]) -> Result:
    """Try it on a fresh host of its own."""
    began = time.monotonic()
    with disposable(f"chaos-{trial}", release=trial.release) as target:
        before, installed = harness.fingerprint(target), harness.packages(target)
        run = harness.Run(
            target, folder / str(trial), arguments, at=trial.at, do="kill" if trial.way == "kill" else "wait"
        ).start()
        interrupt(run, trial.way)
        harness.wait_until_calm(target)
        left, problem = judged(target, before, installed)
        again = harness.Run(target, folder / f"{trial}-again", arguments, minutes=10).start()
        if again.ended() != 0:
            problem = problem or f"the repeated run failed: {again.log[-600:]}"
        problem = problem or unwanted(target, arguments)
        return Result(trial, run.tasks[-1], left, problem, time.monotonic() - began)


def interrupt(run: harness.Run, way: str) -> None:
    """Cut a run short where it has come to its boundary; it and all it started have ended then."""
    if way == "kill":
        run.ended()
        run.die()
        return
    if not run.until_reached():
        raise RuntimeError(f"the run ended before its boundary: {run.log[-2000:]}")
    if way == "restart":
        run.target.reboot()
        run.die()
        return
    link = harness.cable(run.target)
    harness.plug(link, "down")
    try:
        time.sleep(1)
        run.die()
        time.sleep(harness.SILENCE + harness.MINUTES * 60)  # cut for as long as the host may wait
    finally:
        harness.plug(link, "up")


def judged(target: Target, before: dict[str, str], installed: set[str]) -> tuple[str, str]:
    """Return how the host was left, and what is wrong with that."""
    came_in = target.run("id -un", user=target.operator, check=False).stdout.strip() == target.operator
    if not came_in:
        return "unreachable", "the operator cannot log in"
    found = harness.differences(target, before, installed)
    if not found:
        return "as before", ""
    confirmed = "put itself back" not in harness.journal(target)
    return ("as wanted", "") if confirmed else ("in between", f"put back, but not wholly: {found}")


def unwanted(target: Target, arguments: tuple[str, ...]) -> str:
    """Return what of the standard the host does not keep after the run was repeated."""
    topics = [f"--topic={tag}" for tag in arguments[1:2]]
    command = [
        sys.executable,
        "-m",
        "kijun",
        "check",
        "-i",
        str(target.inventory),
        "-l",
        target.name,
        *topics,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"not as wanted after the repeated run: {done.stdout[-600:]}"
