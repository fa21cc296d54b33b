"""What time daemons say of the clock: chronyc(1), ntpq(1) and systemd-timesyncd's bus, in one form.

Every parser takes arbitrary text, raises `TimeError` where it is not what the program prints, and returns a
`Clock`: which sources there are, which of them answer, and how far the clock may be off.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field

DRIFT = 15e-6  # seconds that an ordinary clock may lose in a second, as RFC 5905 has it (PHI)
_POLLS = 8  # a source is dead after so many polls without an answer (RFC 5905, the reach register)


class TimeError(ValueError):
    """A daemon's answer that cannot be understood; the text is a clause that says which."""


@dataclass(frozen=True, slots=True)
class Source:
    """A time source as its daemon calls it, and whether one of its last polls was answered."""

    name: str
    answers: bool


@dataclass(frozen=True, slots=True)
class Clock:
    """What a daemon knows; times in seconds. Without a `reference` the clock follows nothing."""

    sources: tuple[Source, ...]
    reference: str = ""  # the source that is followed
    offset: float = math.inf  # how far the clock is off by the last measurement
    distance: float = math.inf  # how far that measurement itself may be off (root distance)
    allowed: tuple[str, ...] = field(default=())  # of the strangers asked for, those who would get the time

    @property
    def error(self) -> float:
        """How far the clock may be off altogether."""
        return abs(self.offset) + self.distance


def chrony_clock(text: str, strangers: Iterable[str], *, only_measures: bool = False) -> Clock:
    """Return what `chronyc -c -N` printed of tracking, of all sources, and of access for `strangers`.

    The fields are those of chronyc(1), in its order. Without an answer for each stranger it is no answer.
    A chronyd that only measures (-x) keeps its corrections to itself and says in `tracking` that nothing is
    left to correct: then the last measurement of the source that it follows tells.
    """
    rows = [line.split(",") for line in text.splitlines() if line.strip()]
    tracking = [row for row in rows if len(row) == 14]
    sources = [row for row in rows if len(row) == 10]
    access = [row[0][:3] for row in rows if len(row) == 1]
    asked = tuple(strangers)
    if len(tracking) != 1 or len(rows) != 1 + len(sources) + len(access) or len(access) != len(asked):
        raise TimeError("chronyc gave no answer that can be understood")
    if set(access) - {"208", "209"}:
        raise TimeError("chronyc does not say who is given the time")
    found = tuple(Source(row[2], _number(row[5], base=8) != 0) for row in sources)
    allowed = tuple(name for name, code in zip(asked, access, strict=True) if code == "208")
    followed = [row for row in sources if row[1] == "*"]
    row = tracking[0]
    if row[13] == "Not synchronised" or not followed:
        return Clock(found, allowed=allowed)
    distance = _decimal(row[10]) / 2 + _decimal(row[11])
    offset = _decimal(followed[0][7] if only_measures else row[4])
    return Clock(found, followed[0][2], offset, distance, allowed)


def timesyncd_clock(text: str, now: float) -> Clock:
    """Return what the bus properties ServerName, NTPMessage and so on said; `now` is the host's.

    The offset was corrected after it was measured, so what is left of it is not more; since then the clock
    may have drifted.
    """
    lines = [line.split(" ", 1) for line in text.splitlines() if line.strip()]
    if len(lines) < 3 or [line[0] for line in lines[:3]] != ["s", "(uuuuittayttttbtt)", "t"]:
        raise TimeError("systemd-timesyncd gave no answer that can be understood")
    name, values = lines[0][1].strip('" '), lines[1][1].split()
    try:
        leap, stratum = int(values[0]), int(values[3])
        delay, dispersion = int(values[5]) / 1e6, int(values[6]) / 1e6
        rest = values[8 + int(values[7]) :]
        sent, received, answered, arrived = (int(value) / 1e6 for value in rest[:4])
        jitter, poll = int(rest[6]) / 1e6, int(lines[2][1]) / 1e6
    except (IndexError, ValueError) as bad:
        raise TimeError("systemd-timesyncd's last message cannot be understood") from bad
    if not name:
        return Clock(())
    age = max(0.0, now - arrived)
    answers = arrived > 0 and age <= _POLLS * max(poll, 32.0)
    if not answers or leap == 3 or not 0 < stratum < 16:
        return Clock((Source(name, answers),))
    offset = ((received - sent) + (answered - arrived)) / 2
    way = max(0.0, (arrived - sent) - (answered - received))
    distance = (delay + way) / 2 + dispersion + jitter + age * DRIFT
    return Clock((Source(name, answers=True),), name, offset, distance)


def timesyncd_servers(text: str) -> list[str]:
    """Return the servers that systemd-timesyncd is told to use (not its fallbacks, used only without)."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("as "):
            try:
                found += shlex.split(line)[2:]
            except ValueError as bad:
                raise TimeError("systemd-timesyncd's servers cannot be understood") from bad
    return found


_VARIABLE = re.compile(r"\b(leap|stratum|offset|rootdelay|rootdisp)=([^\s,]+)")
_TALLY = re.compile(r"[ x.\-+#*o](\S+)\s+\S+\s+\d+\s+\S\s+\S+\s+\S+\s+([0-7]+)\s")


def ntpq_clock(text: str) -> Clock:
    """Return what `ntpq -n -c 'rv 0 …' -c peers` printed; its times are in milliseconds."""
    said = dict(_VARIABLE.findall(text))
    if {"stratum", "offset", "rootdelay", "rootdisp"} - said.keys():
        raise TimeError("ntpq gave no answer that can be understood")
    sources, followed = [], ""
    for line in text.splitlines():
        if match := _TALLY.match(line):
            sources.append(Source(match[1], _number(match[2], base=8) != 0))
            followed = match[1] if line[0] in "*o" else followed
    if not followed or said.get("leap") in ("3", "11") or said["stratum"] in ("0", "16"):
        return Clock(tuple(sources))
    distance = (_decimal(said["rootdelay"]) / 2 + _decimal(said["rootdisp"])) / 1000
    return Clock(tuple(sources), followed, _decimal(said["offset"]) / 1000, distance)


def _decimal(text: str) -> float:
    try:
        value = float(text)
    except ValueError as bad:
        raise TimeError("a number in the daemon's answer cannot be understood") from bad
    if not math.isfinite(value):
        raise TimeError("a number in the daemon's answer is none")
    return value


def _number(text: str, *, base: int) -> int:
    try:
        return int(text, base)
    except ValueError as bad:
        raise TimeError("a number in the daemon's answer cannot be understood") from bad
