"""What is known of one host's forwarding: steps, doubts, programs, and what users may do themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from kijun.parsers.forwarding import Destination, Kind, destinations
from kijun.topics._forwarding_files import Files, UserFile
from kijun.topics._forwarding_graph import EVERYBODY, Addresses, Step

KEEPING = ("dovecot-lda", "deliver", "procmail", "vacation")  # put into a box, or answer; procmail is read
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Place:
    """How mail is sent on, where that was read, and the control that judges it."""

    via: str
    where: str
    control: str


@dataclass
class Found:
    """What is known of one host: steps, what could not be told, programs, and what users may do."""

    addresses: Addresses
    steps: list[Step] = field(default_factory=list)
    doubts: dict[str, tuple[str, str]] = field(default_factory=dict)  # control -> (reason, where)
    programs: list[tuple[str, str, str]] = field(default_factory=list)  # (whose mail, program, where)
    own_ways: list[tuple[str, str]] = field(default_factory=list)  # (what users may do, where)
    stale: tuple[str, ...] = ()

    def step(self, source: str, target: str, place: Place) -> None:
        """Add a step to an address or, in brackets, to a mail server."""
        outside = target.startswith("[") or not self.addresses.inside(target)
        if source == EVERYBODY or source.startswith("@") or self.addresses.inside(source):
            self.steps.append(Step(source, target, place.via, place.where, place.control, outside))

    def doubt(self, control: str, reason: str, where: str) -> None:
        """Note the first thing that could not be told."""
        self.doubts.setdefault(control, (reason, where))

    def send(self, source: str, wanted: Destination, place: Place) -> None:
        """Add what a destination means; an included file is the caller's."""
        if wanted.kind is Kind.ADDRESS:
            self.step(source, self.addresses.address(wanted.text), place)
        elif wanted.kind is Kind.PROGRAM:
            self.programs.append((source, wanted.text, place.where))
        elif wanted.kind is Kind.UNCLEAR:
            reason = f"where {wanted.text[:80]!r} sends the mail of {source} is not known."
            self.doubt(place.control, reason, place.where)

    def send_all(
        self, files: Files, source: str, listed: list[Destination], place: Place, depth: int = 0
    ) -> None:
        """Add what a list of destinations means, with the lists that it includes."""
        for wanted in listed:
            if wanted.kind is not Kind.INCLUDE:
                self.send(source, wanted, place)
                continue
            file = next((f for f in files.of("include") if f.path == wanted.text), None)
            if file is None or not file.whole or depth >= _DEPTH:
                self.doubt(place.control, f"what {wanted.text} includes could not be read.", place.where)
            else:
                inner = Place(f"{place.via}, :include:", file.path, place.control)
                self.send_all(files, source, destinations(file.text), inner, depth + 1)

    def user_file(self, files: Files, file: UserFile, listed: list[Destination], via: str) -> None:
        """Add what a user's own file says, where it could be read."""
        name = PurePosixPath(file.path).name
        user = file.user + (name.removeprefix(".forward") if name.startswith(".forward") else "")
        source = f"@{self.addresses.home}" if file.user == "-" else self.addresses.address(user)
        if file.whole:
            self.send_all(files, source, listed, Place(via, file.path, "user_files"))
        else:
            self.doubt("user_files", f"{file.path} could not be read as {file.user}.", file.path)

    def unlisted_users(self, files: Files, what: str) -> None:
        """Doubt users' files where not every user is in a list that can be walked."""
        if not files.listed_users:
            reason = f"not every user is in /etc/passwd, and whose {what} is followed is not known."
            self.doubt("user_files", reason, "/etc/nsswitch.conf: passwd")


def anybody(wanted: Destination) -> Destination:
    """Return a destination that stands for many (`@domain`, `$1@domain`) as one of them."""
    if not wanted.text.startswith("@") and "$" not in wanted.text:
        return wanted
    _, at, domain = wanted.text.rpartition("@")
    if at and "$" in domain:
        return wanted
    return Destination(Kind.ADDRESS, f"anybody@{domain}" if at else "anybody")
