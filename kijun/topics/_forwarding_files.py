"""What the forwarding reads say beside the configuration: users' files, scripts, and what is out of date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_PLAIN_NSS = {"files", "systemd", "compat"}


class FilesError(ValueError):
    """What was read is cut off; the text says so."""


@dataclass(frozen=True, slots=True)
class UserFile:
    """One file that sends mail on, as far as it could be read."""

    kind: str  # forward, procmail, include or sieve
    user: str  # "-" for the host's
    path: str
    text: str
    whole: bool


@dataclass(frozen=True)
class Files:
    """Everything that stands behind the configuration in a forwarding read."""

    files: tuple[UserFile, ...]
    pipes: Mapping[str, str] = field(default_factory=dict)  # service of master.cf -> program
    origin: str = ""
    stale: tuple[str, ...] = ()  # tables whose text is newer than what the server reads
    listed_users: bool = False  # whether every user that can log in is in a list that can be walked

    def of(self, *kinds: str) -> list[UserFile]:
        """Return the files of these kinds."""
        return [file for file in self.files if file.kind in kinds]


def parse_files(lines: Iterable[str]) -> Files:
    """Return what the lines say. Raises FilesError where their end is missing."""
    files: list[UserFile] = []
    pipes: dict[str, str] = {}
    origin, stale, plain, odd, ended = "", [], False, False, False
    head, body, whole = [""], list[str](), False
    for line in lines:
        if line.startswith(">"):
            body.append(line[1:])
            continue
        if line == "@whole":
            whole = True
            continue
        if head[0]:
            files.append(UserFile(head[1], head[2], head[3], "\n".join(body), whole))
        head, body, whole = [""], [], False
        match line.split(" ", 3):
            case ["@file", *rest] if len(rest) == 3:
                head = ["@file", *rest]
            case ["pipe", name, program]:
                pipes[name] = program
            case ["origin", name]:
                origin = name.strip().lower()
            case ["nss", *sources]:
                plain = set(" ".join(sources).split()) <= _PLAIN_NSS and bool(sources)
            case ["odd"]:  # a name or a home that the reading did not dare to use
                odd = True
            case ["stale", *rest]:
                stale.append(" ".join(rest))
            case ["@end"]:
                ended = True
    if not ended:
        raise FilesError("the list of users' files is cut off")
    return Files(tuple(files), pipes, origin, tuple(stale), plain and not odd)
