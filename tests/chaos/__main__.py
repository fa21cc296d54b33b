"""`make chaos`: cut runs of the site playbook short before every task, in every way, and count.

Each trial has a fresh host. Afterwards the operator must be able to log in, and the host must be as before or
as wanted, and as wanted once the run was repeated.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.chaos.trials import WAYS, Result, Trial, attempt, count


def main() -> int:
    """Return 0 where every trial ended well."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--release", action="append", choices=["bookworm", "trixie"], help="default: both")
    parser.add_argument("--way", action="append", choices=WAYS, help="default: all")
    parser.add_argument("--sample", type=int, help="only so many trials, chosen at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", action="append", type=int, help="only before this task; may be given again")
    parser.add_argument("--topic", help="only this topic's role, instead of all")
    parser.add_argument("--forks", type=int, default=2, help="trials at the same time")
    options = parser.parse_args()
    arguments = ("--tags", options.topic) if options.topic else ()
    with tempfile.TemporaryDirectory(prefix="kijun-chaos-") as name:
        trials = chosen(options, Path(name), arguments)
        ended = []
        with ThreadPoolExecutor(options.forks) as pool:
            for future in as_completed([pool.submit(tried, one, Path(name), arguments) for one in trials]):
                ended.append(future.result())
                print(line(ended[-1], len(ended), len(trials)), flush=True)
    left = Counter(result.left for result in ended)
    bad = [result for result in ended if result.problem]
    print(f"{len(ended)} trials: {', '.join(f'{number} {what}' for what, number in sorted(left.items()))};")
    print(f"{len(ended) - len(bad)} reachable and as wanted once repeated, {len(bad)} not.")
    return 1 if bad else 0


def chosen(options: argparse.Namespace, folder: Path, arguments: tuple[str, ...]) -> list[Trial]:
    """Return the trials: every boundary of a whole run, which is counted first, in every way."""
    trials = []
    for release in options.release or ["bookworm", "trixie"]:
        tasks = count(release, folder, arguments)
        print(f"{release}: {len(tasks)} boundaries", flush=True)
        places = [at for at in options.at or range(1, len(tasks) + 1) if at <= len(tasks)]
        trials += [Trial(release, way, at) for way in options.way or WAYS for at in places]
    if options.sample and options.sample < len(trials):
        return random.Random(options.seed).sample(trials, options.sample)
    return trials


def tried(trial: Trial, folder: Path, arguments: tuple[str, ...]) -> Result:
    """Return what came of a trial; one that could not be made has a problem, too."""
    try:
        return attempt(trial, folder, arguments)
    except Exception as bad:  # noqa: BLE001 - one trial's end is not that of the others
        return Result(trial, "?", "unknown", f"{type(bad).__name__}: {bad}", 0.0)


def line(result: Result, number: int, of: int) -> str:
    """Return one trial in a line."""
    said = f"PROBLEM: {result.problem}" if result.problem else result.left
    return f"[{number}/{of}] {result.trial} before '{result.task}': {said} ({result.seconds:.0f} s)"


if __name__ == "__main__":
    sys.exit(main())
