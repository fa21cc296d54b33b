"""What the mail topics' reads say, put in order: which server there is, and what of it runs."""

from __future__ import annotations

from dataclasses import dataclass

from kijun.model import HostState
from kijun.topics._mail_reads import DOVECOT_SINCE, MAIL_PORTS, RUNNING
from kijun.topics._mail_said import Said, bad, good, unsure

_ANSWERS = {"master": "Postfix", "exim4": "Exim", "smtpd": "Postfix"}
RESTARTING = 2  # seconds by which an age from /proc may be rounded


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a mail server."""

    name: str
    age: int  # seconds


@dataclass(frozen=True)
class Running:
    """What runs of the mail servers, who has the mail ports, and when the configuration was written."""

    processes: tuple[Process, ...]
    sockets: tuple[tuple[str, str], ...]  # (address:port, program)
    written: tuple[tuple[str, int], ...]  # (path, seconds since the epoch)
    exim_loaded: int  # when Exim read its configuration, by its log; 0 where it does not say
    read_at: int
    started: tuple[str, ...] = ()  # what a listening Exim was started with that changes its configuration

    def ages(self, name: str) -> list[int]:
        """Return the ages of the processes called `name`, in seconds."""
        return [process.age for process in self.processes if process.name == name]

    def newer(self, path: str, age: int) -> bool:
        """Whether the file at `path` was written after a process of that age began."""
        began = self.read_at - age + RESTARTING
        return any(written > began for name, written in self.written if name == path)

    def time_of(self, path: str) -> int:
        """Return when `path` was written; 0 where it does not exist."""
        return dict(self.written).get(path, 0)

    def strangers(self) -> list[str]:
        """Return the programs on a mail port that are neither Postfix nor Exim."""
        found = {
            f"{program or 'a program that could not be read'} on {address}"
            for address, program in self.sockets
            if address.rpartition(":")[2] in {str(port) for port in MAIL_PORTS} and program not in _ANSWERS
        }
        return sorted(found)


def running(state: HostState) -> Running:
    """Return what runs; a line that is not understood is left out."""
    processes, sockets, written, started, loaded = [], [], [], [], 0
    for line in state.command(RUNNING.name).text.splitlines():
        match line.split():
            case ["process", name, _, _, age] if age.isdecimal():
                processes.append(Process(name, int(age)))
            case ["socket", address, *program]:
                sockets.append((address, " ".join(program)))
            case ["mtime", when, path] if when.isdecimal():
                written.append((path, int(when)))
            case ["started", *options] if options:
                started.append(" ".join(options))
            case ["loaded", when] if when.isdecimal():
                loaded = int(when)
    return Running(
        tuple(processes), tuple(sockets), tuple(written), loaded, state.read_at, tuple(dict.fromkeys(started))
    )


def listed(found: list[str], limit: int = 6) -> str:
    """Return the different items of `found` in a sentence's form, the first `limit` of them."""
    unique = list(dict.fromkeys(found))
    more = f" and {len(unique) - limit} more" if len(unique) > limit else ""
    return ", ".join(unique[:limit]) + more


def dovecot_in_force(state: HostState) -> Said:
    """Judge whether Dovecot runs, and has read its configuration."""
    lines = state.command(DOVECOT_SINCE.name).text.splitlines()
    shown = dict(line.partition("=")[::2] for line in lines if "=" in line)
    since = shown.get("StateChangeTimestamp", "").removeprefix("@")
    if shown.get("MainPID") == "0":
        return bad(
            "Dovecot does not run, and nothing is put into the mailboxes", "systemctl show dovecot.service"
        )
    if not since.isdecimal() or not shown.get("MainPID", "").isdecimal():
        return unsure("since when Dovecot runs could not be read.", "systemctl show dovecot.service")
    times = (
        words for words in (line.split(" ", 2) for line in lines) if words[0] == "mtime" and len(words) == 3
    )
    newer = [path for _, when, path in times if when.isdecimal() and int(when) > int(since) + 1]
    if newer:
        return bad(f"the running Dovecot is older than {listed(newer)}", "systemctl show dovecot.service")
    return good("Dovecot is younger than its configuration", "/proc, systemctl show")
