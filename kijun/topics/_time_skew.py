"""Agreement between servers (clause S-11.1.5.b-1): the skew between every two hosts of one check.

Each host's clock was read between two moments of the control node's, so how far it is ahead of that one lies
between two bounds that no delay can break (kijun.model.ClockSample). Two such ranges bound the skew between
their hosts. What differs from host to host in the time between two reads (some seconds) is not counted: an
ordinary clock drifts by 15 microseconds in a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kijun.model import HostState, Params, Status, Verdict
from kijun.topics._mail_view import listed
from kijun.topics._time_keeping import milliseconds

CONTROL = "time_sync.skew"
_SOURCE = "the hosts' clocks, read by the control node"


@dataclass(frozen=True, slots=True)
class Noted:
    """How far a host's clock is ahead of the control node's, at least and at most, and the limit; seconds."""

    low: float
    high: float
    limit: float

    @property
    def middle(self) -> float:
        """The best guess."""
        return (self.low + self.high) / 2

    @property
    def error(self) -> float:
        """How far the guess may be off."""
        return (self.high - self.low) / 2


def note(state: HostState, params: Params) -> Noted | None:
    """Return what of one host is needed; None where its clock was not timed."""
    limit = milliseconds(params, "time_sync_max_skew_ms")
    if state.clock is None:
        return None
    low, high = state.clock.ahead
    # A host that set its clock during the read leaves no range: nothing is known of it then.
    return Noted(low, high, limit) if low <= high else None


def judge_skew(notes: Mapping[str, Noted | None], unread: Iterable[str]) -> dict[str, list[Verdict]]:
    """Return by host whether it agrees with the others.

    Where most hosts agree with each other, those that do not are at fault; where none are most, all are.
    """
    timed = {name: noted for name, noted in notes.items() if noted is not None}
    missing = len(list(unread)) + len(notes) - len(timed)
    agreed = _agreeing(timed)
    found: dict[str, list[Verdict]] = {}
    for name, noted in notes.items():
        found[name] = [_untimed() if noted is None else _judged(name, noted, timed, agreed, missing)]
    return found


def _agreeing(timed: Mapping[str, Noted]) -> list[str]:
    """Return the largest set of hosts whose best guesses are within the least limit of each other."""
    if not timed:
        return []
    limit = min(noted.limit for noted in timed.values())
    ordered = sorted(timed, key=lambda name: timed[name].middle)
    best: list[str] = []
    first = 0
    for last, name in enumerate(ordered):
        while timed[name].middle - timed[ordered[first]].middle > limit:
            first += 1
        if last - first + 1 > len(best):
            best = ordered[first : last + 1]
    return best if 2 * len(best) > len(timed) else []


def _judged(name: str, own: Noted, timed: Mapping[str, Noted], agreed: list[str], missing: int) -> Verdict:
    expected = f"within {own.limit * 1000:g} ms of every other server"
    if len(timed) < 2:
        reason = "the clock of no other host was read in this check: agreement needs two."
        return Verdict(CONTROL, Status.NOT_APPLICABLE, expected, "", _SOURCE, reason)
    others = [other for other in (agreed or timed) if other != name]
    apart = {other: abs(own.middle - timed[other].middle) for other in others}
    bound = {other: own.error + timed[other].error for other in others}
    far = [other for other in others if apart[other] - bound[other] > own.limit]
    unsure = [other for other in others if apart[other] + bound[other] > own.limit]
    worst = max(others, key=lambda other: apart[other] + bound[other])
    actual = f"{_seconds(apart[worst])} from {worst}, give or take {_seconds(bound[worst])}"
    if far:
        worst = max(far, key=lambda other: apart[other])
        actual = f"{_seconds(apart[worst])} from {worst}, give or take {_seconds(bound[worst])}"
        also = f" and {len(far) - 1} more" if len(far) > 1 else ""
        return Verdict(CONTROL, Status.FAIL, expected, actual + also, _SOURCE)
    if unsure:
        reason = f"the way to the hosts takes too long to tell: {actual}."
        return Verdict(CONTROL, Status.UNKNOWN, expected, actual, _SOURCE, reason)
    outside = sorted(set(timed) - set(agreed) - {name})
    if outside:
        actual += f"; without {listed(outside)}, found wrong"
    if missing:
        actual += f"; {missing} could not be timed"
    return Verdict(CONTROL, Status.PASS, expected, f"{len(others) + 1} hosts agree: {actual}", _SOURCE)


def _untimed() -> Verdict:
    reason = "the host's clock could not be timed, or was set during the reading."
    return Verdict(CONTROL, Status.UNKNOWN, "within the limit of every other server", "", _SOURCE, reason)


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
