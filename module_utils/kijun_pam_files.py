# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Several files changed as one: each by an atomic rename, and what a killed run left over by the next one.

A journal holds what was there and what is to come. A run that is killed between two renames leaves it; the
next run finds every file either old or new, and goes on from the new ones.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Mapping

JOURNAL = "/var/lib/kijun/pam-journal.json"


class Refusal(Exception):  # noqa: N818 - it is a refusal to go on, and its text is the message
    """What the operator must mend; its text is for the operator."""


class Files:
    """The files below `root` ("" is the host's own), named by their path without it."""

    def __init__(self, root: str) -> None:
        self.root = root

    def read(self, paths: list[str]) -> dict[str, bytes]:
        """Return the contents of those that are files; links are followed, as PAM does."""
        contents = {}
        for path in paths:
            if os.path.isfile(self.root + path):
                with open(self.root + path, "rb") as handle:
                    contents[path] = handle.read()
        return contents

    def pending(self, found: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return what a killed run still had to write; nothing where the files are not the ones it left."""
        try:
            with open(self.root + JOURNAL) as handle:
                journal = json.load(handle)
            entries = {path: (_decode(old), _decode(new)) for path, (old, new) in journal.items()}
        except (FileNotFoundError, ValueError, TypeError):
            return {}  # none, or one that was itself cut short before the first rename
        if all(found.get(path) in states for path, states in entries.items()):
            return {path: new for path, (_, new) in entries.items() if new is not None}
        return {}

    def swap(self, changes: Mapping[str, bytes | None], found: Mapping[str, bytes]) -> None:
        """Put new contents in place (None removes a file), new files and profiles first.

        Raises Refusal where a file is no longer what was `found`: somebody else changes PAM at this moment.
        """
        if self.read(list(found)) != dict(found):
            raise Refusal("somebody else (a package installation?) is changing PAM at this moment; try again")
        journal = {path: (_encode(found.get(path)), _encode(new)) for path, new in changes.items()}
        os.makedirs(self.root + os.path.dirname(JOURNAL), mode=0o700, exist_ok=True)
        self._replace(JOURNAL, json.dumps(journal).encode(), 0o600)
        # A profile must exist before a stack names it, and must not vanish before the stack is without it.
        for path in sorted((p for p, new in changes.items() if new is not None), key=_order):
            self._replace(path, changes[path] or b"", 0o644)
        for path in (p for p, new in changes.items() if new is None):
            if os.path.exists(self.root + path):
                os.unlink(self.root + path)
        self.forget()

    def forget(self) -> None:
        """Remove the journal: everything it names is in place."""
        if os.path.exists(self.root + JOURNAL):
            os.unlink(self.root + JOURNAL)

    def _replace(self, path: str, content: bytes, mode: int) -> None:
        """Write beside, flush to disk, rename over: readers see the old file or the new one, nothing else."""
        target = os.path.realpath(self.root + path)
        beside = os.path.join(os.path.dirname(target), "." + os.path.basename(target) + ".kijun-new")
        with open(beside, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fchmod(handle.fileno(), mode)
            os.fsync(handle.fileno())
        if os.path.exists(target):
            shutil.copystat(target, beside)
            os.utime(beside)
        os.rename(beside, target)
        folder = os.open(os.path.dirname(target), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _order(path: str) -> tuple[int, str]:
    if path.startswith("/usr/share/pam-configs/"):
        return (0, path)
    return (1 if path.startswith("/etc/") else 2, path)


def _encode(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode("ascii")


def _decode(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
