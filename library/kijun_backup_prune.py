#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: forget the backups of one host that are older than so many days, where they are kept."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_backup_prune
short_description: Forget old backups on the host that keeps them
description:
  - Forgets, by its id, each snapshot of a kijun set that is older than O(keep_days) both by its own time and
    by the time at which its file arrived, by the clock of this host. A client cannot set the latter.
  - The newest snapshot of each set stays, however old it is. Snapshots of others than kijun stay as well.
  - Nothing is forgotten where a snapshot is dated in the future, because then one of two clocks is wrong.
  - Afterwards the space is freed, and the repository is checked.
  - To be run as the user that the repository belongs to. The key reaches restic on its standard input.
options:
  repository:
    description: Folder of the repository.
    type: path
    required: true
  password:
    description: Key of the repository.
    type: str
    required: true
  keep_days:
    description: Age in days up to which every snapshot stays.
    type: int
    required: true
attributes:
  check_mode:
    description: Says what would be forgotten.
    support: full
  diff_mode:
    description: Shows the snapshots that are forgotten.
    support: full
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: Forget what is older than a quarter of a year
  kijun_backup_prune:
    repository: /srv/kijun-backup/files-1
    password: "{{ vault_backup_password }}"
    keep_days: 92
  become: true
  become_user: kijun-backup
"""

RETURN = r"""
forgotten:
  description: Set, time and id of each snapshot that was (with --check, would be) forgotten.
  returned: success
  type: list
  elements: str
  sample: ["files 2026-01-05T03:00 963d11b0"]
kept:
  description: How many snapshots there are then.
  returned: success
  type: int
  sample: 92
"""

import datetime
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC: dict[str, Any] = {
    "repository": {"type": "path", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "keep_days": {"type": "int", "required": True},
}
TAG = "kijun-set="
DAY = 86400
TOLERANCE = 300  # seconds by which two clocks may differ
_MEANINGS = (
    (r"wrong password or no key found", "backup_password does not open it"),
    (r"already locked", "a backup is being made, so try again later"),
)


class PruneError(Exception):
    """What keeps backups from being forgotten, as a sentence without its full stop."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of a set: when it was taken, by the client's clock, and when its file arrived, by ours."""

    id: str
    set: str
    taken: float
    arrived: float

    @property
    def age_from(self) -> float:
        """The later of the two."""
        return max(self.taken, self.arrived)

    def __str__(self) -> str:
        at = datetime.datetime.fromtimestamp(self.taken, datetime.timezone.utc)
        return f"{self.set} {at:%Y-%m-%dT%H:%M} {self.id[:8]}"


def moment(text: str) -> float:
    """Return restic's time (RFC 3339, with up to nine decimals) in seconds; ValueError where it is none."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if not found:
        raise ValueError(text)
    zone = "+00:00" if found[3] == "Z" else found[3]
    return datetime.datetime.fromisoformat(found[1] + zone).timestamp() + float(found[2] or 0)


def snapshots(printed: str, arrivals: dict[str, float]) -> list[Snapshot]:
    """Return the snapshots of kijun's sets that restic printed; PruneError where it is not understood."""
    try:
        return [
            Snapshot(
                str(row["id"]),
                tag[len(TAG) :],
                moment(row["time"]),
                arrivals.get(str(row["id"]), float("inf")),
            )
            for row in json.loads(printed or "null") or []
            for tag in row.get("tags") or ()
            if tag.startswith(TAG)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as bad:
        raise PruneError("what restic says of the snapshots is not understood") from bad


def old(found: list[Snapshot], keep_days: int, now: float) -> list[Snapshot]:
    """Return what is to be forgotten, oldest first; PruneError where a snapshot is dated in the future."""
    if future := [one for one in found if one.taken > now + TOLERANCE]:
        more = f" (and {len(future) - 1} more)" if len(future) > 1 else ""
        raise PruneError(
            f"the snapshot '{future[0]}'{more} is dated in the future, so that no age can be trusted: set the"
            f" clocks of both hosts right, look at it, and take it away by 'restic forget {future[0].id[:8]}'"
        )
    stay = set()
    for name in {one.set for one in found}:
        own = [one for one in found if one.set == name]
        stay |= {
            max(own, key=lambda one: one.taken).id,
            max(own, key=lambda one: (one.arrived, one.taken)).id,
        }
    gone = [one for one in found if one.age_from < now - keep_days * DAY and one.id not in stay]
    return sorted(gone, key=lambda one: one.taken)


class Repository:
    """A repository in a folder of this host."""

    def __init__(self, folder: str, password: str) -> None:
        self.folder, self.password = folder, password

    def look(self) -> None:
        """PruneError where it is not there, or is not this user's."""
        try:
            owner = os.stat(os.path.join(self.folder, "config")).st_uid
        except OSError as bad:
            raise PruneError(f"there is no repository ({bad.strerror}): is its disk mounted") from bad
        if owner != os.geteuid():
            raise PruneError(f"it belongs to user {owner}, and this runs as {os.geteuid()}")

    def arrivals(self) -> dict[str, float]:
        """Return when the file of each snapshot arrived; PruneError where that cannot be read."""
        try:
            with os.scandir(os.path.join(self.folder, "snapshots")) as entries:
                return {entry.name: entry.stat().st_mtime for entry in entries}
        except OSError as bad:
            raise PruneError(f"its snapshots cannot be read ({bad.strerror})") from bad

    def restic(self, *arguments: str) -> str:
        """Run restic with the key on its standard input; PruneError where it fails."""
        command = ["restic", "--repo", self.folder, "--no-cache", "--quiet", *arguments]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/nonexistent"}
        try:
            done = subprocess.run(
                command, input=f"{self.password}\n", env=environment, cwd="/", capture_output=True,
                encoding="utf-8", errors="replace", check=False,
            )  # fmt: skip
        except FileNotFoundError as bad:
            raise PruneError("restic is not installed on this host; the role backup does it") from bad
        except OSError as bad:
            raise PruneError(f"restic cannot be started ({bad.strerror})") from bad
        if done.returncode != 0:
            raise PruneError(f"restic {arguments[0]}: {meaning(done.stderr + done.stdout)}")
        return done.stdout


def meaning(said: str) -> str:
    """Return what restic complained of, in a sentence without its full stop."""
    for pattern, sentence in _MEANINGS:
        if re.search(pattern, said, re.IGNORECASE):
            return sentence
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(fatal|error)\b", line, re.IGNORECASE)]
    return (telling or lines or ["it failed and gave no reason"])[0][:200]


def prune(store: Repository, keep_days: int, dry: bool) -> tuple[list[Snapshot], int]:
    """Forget what is old; return that, and how many are left; PruneError where anything is amiss."""
    if keep_days < 1:
        raise PruneError("backup_keep_days is less than 1")
    store.look()
    if not dry:
        store.restic("unlock")  # of runs that died; a lock that is in use stays
    printed = store.restic("snapshots", "--json", "--no-lock")
    found = snapshots(printed, store.arrivals())
    gone = old(found, keep_days, time.time())
    if not dry:
        if gone:
            store.restic("forget", *(one.id for one in gone))
            store.restic("prune")
        store.restic("check")
    return gone, len(found) - len(gone)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    folder = module.params["repository"]
    try:
        gone, kept = prune(
            Repository(folder, module.params["password"]), module.params["keep_days"], module.check_mode
        )
    except PruneError as problem:
        module.fail_json(msg=f"{folder}: {problem}.")
    listed = [str(one) for one in gone]
    before = "".join(f"{one}\n" for one in listed)
    module.exit_json(changed=bool(gone), forgotten=listed, kept=kept, diff={"before": before, "after": ""})


if __name__ == "__main__":
    main()
