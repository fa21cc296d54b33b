"""The sabotage scripts: `tests/sabotage/<topic>/<name>.sh`, each with a header that says what it breaks.

# breaks: account_lockout.threshold, account_lockout.in_force
# caught-by: reading
# what: A later line raises the threshold.

Two further lines may say on what it can be tried: `releases`, and `subject` (a kind of host of the topic).
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kijun.errors import KijunError

WAYS = ("reading", "proof")
_HEADER = re.compile(r"#\s*(breaks|caught-by|what|releases|subject):\s*(.*?)\s*$")
_CONTROL = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One way to break a compliant host.

    `releases` are those it is for; empty for all. `subject` is the kind of host that it is for, where the
    topic has several (`tests/subjects/<topic>/<subject>`).
    """

    topic: str
    name: str
    path: Path
    breaks: tuple[str, ...]
    caught_by: str
    what: str
    releases: tuple[str, ...] = ()
    subject: str = ""


def parse(path: Path) -> Sabotage:
    """Return what the header of the script at `path` says; KijunError names the file and what is wrong."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if match := _HEADER.match(line):
            found[match[1]] = match[2]
    breaks = tuple(_words(found.get("breaks", "")))
    wrong = next((name for name in breaks if not _CONTROL.fullmatch(name)), None)
    if not breaks or wrong is not None:
        raise KijunError(f"{path}: '# breaks:' must name controls as topic.name; found '{wrong or ''}'.")
    if found.get("caught-by") not in WAYS:
        raise KijunError(
            f"{path}: '# caught-by:' must be {' or '.join(WAYS)}; found '{found.get('caught-by', '')}'."
        )
    if not found.get("what"):
        raise KijunError(f"{path}: '# what:' must say in one sentence what the script does.")
    releases = tuple(_words(found.get("releases", "")))
    return Sabotage(
        path.parent.name,
        path.stem,
        path,
        breaks,
        found["caught-by"],
        found["what"],
        releases,
        found.get("subject", ""),
    )


def collect(folder: Path, *, topics: Sequence[str] = (), only: Sequence[str] = ()) -> list[Sabotage]:
    """Return the scripts below `folder` by topic and name; KijunError where a chosen one does not exist."""
    paths = sorted(folder.glob("*/*.sh"))
    known = {path.parent.name for path in paths}
    if missing := [topic for topic in topics if topic not in known]:
        raise KijunError(
            f"there is no sabotage for {missing[0]}; there is for: {', '.join(sorted(known)) or 'nothing'}."
        )
    if missing := [name for name in only if name not in {path.stem for path in paths}]:
        raise KijunError(f"there is no sabotage script {missing[0]}.sh below {folder}.")
    chosen = [path for path in paths if not topics or path.parent.name in topics]
    return [parse(path) for path in chosen if not only or path.stem in only]


def sample(scripts: Sequence[Sabotage], number: int, seed: int) -> list[Sabotage]:
    """Return `number` of `scripts`, chosen by `seed`: of each topic at least one, where the number allows."""
    rest = random.Random(seed).sample(scripts, len(scripts))  # noqa: S311 - a choice of tests
    firsts = {script.topic: script for script in reversed(rest)}
    ordered = [*firsts.values(), *(script for script in rest if script not in firsts.values())]
    return sorted(ordered[:number], key=lambda script: (script.topic, script.name))


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text) if word]
