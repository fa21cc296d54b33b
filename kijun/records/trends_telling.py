"""Trends as text and as JSON: `kijun history`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kijun.model import Status
from kijun.records.moments import shown
from kijun.records.telling import counted
from kijun.records.trends import RANK, WORST, History, Point, Trend

_WIDTH = 40  # columns of a strip
_MARKS = {
    Status.FAIL.value: "F",
    Status.UNKNOWN.value: "?",
    Status.EXCEPTED.value: "e",
    Status.PASS.value: ".",
    Status.NOT_APPLICABLE.value: "-",
}


def told(found: History, *, everything: bool) -> Iterator[str]:
    """Yield a line for each clause of each host that did not pass throughout, or for all."""
    if not found.checks:
        yield "No check was recorded in that time."
        return
    times = list(found.checks.values())
    yield f"{counted(len(times), 'check')} from {shown(times[0])} to {shown(times[-1])}:"
    yield "F fail, ? unknown, e excepted, . pass, - not applicable; several checks in one column: the worst"
    for name, trends in sorted(found.hosts.items()):
        yield ""
        yield name
        yield from _host(found, trends, everything=everything)
    for seq, name in found.damaged:
        yield f"NOT WHOLE: what event {seq} recorded of host {name} is damaged; see 'kijun record verify'"


def _host(found: History, trends: Mapping[str, Trend], *, everything: bool) -> Iterator[str]:
    chosen = {clause: trend for clause, trend in sorted(trends.items()) if everything or not trend.steady}
    width = max((len(clause) for clause in chosen), default=0)
    for clause, trend in chosen.items():
        yield f"  {clause:<{width}}  {_strip(found, trend)}  {_changes(trend)}"
    steady = sum(trend.steady for trend in trends.values())
    if steady and not everything:
        yield f"  {counted(steady, 'clause')} passed or did not apply throughout (--all shows them)"
    first, last = _counts(trends, 0), _counts(trends, -1)
    yield f"  at first {first}; at last {last}"


def _strip(found: History, trend: Trend) -> str:
    """Return one character for each check, or for each of as many slices of them as there is room for."""
    checks = list(found.checks)
    size = -(-len(checks) // _WIDTH)
    slices = [checks[start : start + size] for start in range(0, len(checks), size)]
    marks = []
    for part in slices:
        before = [point.status for point in trend.points if point.seq < part[0]][-1:]
        within = [point.status for point in trend.points if part[0] <= point.seq <= part[-1]]
        starts = any(point.seq == part[0] for point in trend.points)
        said = within if starts else before + within
        marks.append(_MARKS[min(said, key=RANK.__getitem__)] if said else " ")
    return "".join(marks)


def _changes(trend: Trend) -> str:
    first, *rest = trend.points
    said = f"{first.status} at {shown(first.time)} (event {first.seq})"
    if len(rest) > 2:
        said += f", changed {len(rest) - 1} times"
        rest = rest[-1:]
    return ", ".join([said, *(f"{p.status} since {shown(p.time)} (event {p.seq})" for p in rest)])


def _counts(trends: Mapping[str, Trend], place: int) -> str:
    counts = Counter(trend.points[place].status for trend in trends.values())
    return ", ".join(f"{counts[status.value]} {status.value}" for status in WORST if counts[status.value])


def document(found: History) -> dict[str, Any]:
    """Return all trends for JSON: of each host and clause the first state and every change."""
    return {
        "checks": [{"event": seq, "time": time} for seq, time in found.checks.items()],
        "hosts": {
            name: {
                clause: [_point(point) for point in trend.points] for clause, trend in sorted(trends.items())
            }
            for name, trends in sorted(found.hosts.items())
        },
        "damaged": [{"event": seq, "host": name} for seq, name in found.damaged],
    }


def _point(point: Point) -> dict[str, Any]:
    return {"event": point.seq, "time": point.time, "status": point.status}
