"""Hosts that have a topic's subject: a mail server, a radio, something to back up.

`tests/subjects/<topic>/prepare.sh` makes one of a bare target (POSIX sh, as root, repeatable), with the
functions of `tests/subjects/*.sh`, which are read before it; `vars.yml` beside it, where there is one, holds
the host's variables. A topic with several kinds of host has the further ones below it
(`tests/subjects/mail_relay/exim/`, with the topic's `vars.yml` where it has none), and a script says in its
header that it is for one of them: `# subject: exim`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from kijun.errors import KijunError
from kijun.paths import data_root
from kijun.sabotaging.scripts import Sabotage
from kijun.targets import Target

TIME_LIMIT = 600  # installing packages, in seconds


@dataclass(frozen=True, slots=True)
class Subject:
    """What makes a bare target a host of some topic; the plain one makes nothing of it."""

    topic: str = ""
    folder: Path | None = None
    kind: str = ""

    @property
    def label(self) -> str:
        """How a progress line names such a host."""
        return " ".join(word for word in (self.topic, self.kind, "host") if word)

    def prepare(self, target: Target) -> None:
        """Run `prepare.sh` on `target`; KijunError with its last words where it fails."""
        script = self.folder / "prepare.sh" if self.folder else None
        if script is None or not script.exists():
            return
        shared = sorted((data_root() / "tests" / "subjects").glob("*.sh"))
        text = "\n".join(path.read_text(encoding="utf-8") for path in [*shared, script])
        done = target.run("sh -s", stdin=text, timeout=TIME_LIMIT, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise KijunError(f"{script}: could not prepare {target.name}: {said[-1][:300]}.")

    def sources(self, target: Target, folder: Path) -> tuple[str, ...]:
        """Return the inventory sources for `target`; `vars.yml` is written below `folder` as one of them.

        Raises KijunError where `vars.yml` is not a mapping.
        """
        path = self._variables()
        if path is None:
            return (str(target.inventory),)
        variables = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(variables, dict):
            raise KijunError(f"{path}: expected a mapping of variables.")
        extra = folder / f"vars-{target.name}.json"
        extra.write_text(json.dumps({"all": {"hosts": {target.name: variables}}}), encoding="utf-8")
        return (str(target.inventory), str(extra))

    def _variables(self) -> Path | None:
        folders = [self.folder, self.folder.parent if self.kind else None] if self.folder else []
        paths = [folder / "vars.yml" for folder in folders if folder]
        return next((path for path in paths if path.exists()), None)


def hosts_for(scripts: Iterable[Sabotage]) -> dict[Subject, list[Sabotage]]:
    """Return the kinds of host that `scripts` need, each with the scripts that are tried on it.

    Raises KijunError where a script names a kind of host that its topic does not have.
    """
    found: dict[Subject, list[Sabotage]] = {}
    for script in scripts:
        folder = data_root() / "tests" / "subjects" / script.topic
        if script.subject:
            folder = folder / script.subject
            if not folder.is_dir():
                raise KijunError(f"{script.path}: '# subject: {script.subject}' needs a folder {folder}.")
            subject = Subject(script.topic, folder, script.subject)
        else:
            subject = Subject(script.topic, folder) if folder.is_dir() else Subject()
        found.setdefault(subject, []).append(script)
    return found
