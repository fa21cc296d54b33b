"""Hosts that have a topic's subject: a mail server, a radio, something to back up.

`tests/subjects/<topic>/prepare.sh` makes one of a bare target (POSIX sh, as root, repeatable);
`vars.yml` beside it, where there is one, holds the host's variables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from kijun.errors import KijunError
from kijun.paths import data_root
from kijun.targets import Target

TIME_LIMIT = 600  # installing packages, in seconds


@dataclass(frozen=True, slots=True)
class Subject:
    """What makes a bare target a host of some topic; the plain one makes nothing of it."""

    topic: str = ""
    folder: Path | None = None

    @property
    def label(self) -> str:
        """How a progress line names such a host."""
        return f"{self.topic} host" if self.topic else "host"

    def prepare(self, target: Target) -> None:
        """Run `prepare.sh` on `target`; KijunError with its last words where it fails."""
        script = self.folder / "prepare.sh" if self.folder else None
        if script is None or not script.exists():
            return
        done = target.run("sh -s", stdin=script.read_text(encoding="utf-8"), timeout=TIME_LIMIT, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise KijunError(f"{script}: could not prepare {target.name}: {said[-1][:300]}.")

    def sources(self, target: Target, folder: Path) -> tuple[str, ...]:
        """Return the inventory sources for `target`; `vars.yml` is written below `folder` as one of them.

        Raises KijunError where `vars.yml` is not a mapping.
        """
        path = self.folder / "vars.yml" if self.folder else None
        if path is None or not path.exists():
            return (str(target.inventory),)
        variables = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(variables, dict):
            raise KijunError(f"{path}: expected a mapping of variables.")
        extra = folder / f"vars-{target.name}.json"
        extra.write_text(json.dumps({"all": {"hosts": {target.name: variables}}}), encoding="utf-8")
        return (str(target.inventory), str(extra))


def hosts_for(topics: Iterable[str]) -> dict[Subject, set[str]]:
    """Return the kinds of host that `topics` need, each with the topics that are tried on it."""
    found: dict[Subject, set[str]] = {}
    for topic in topics:
        folder = data_root() / "tests" / "subjects" / topic
        subject = Subject(topic, folder) if folder.is_dir() else Subject()
        found.setdefault(subject, set()).add(topic)
    return found
