"""What `kijun mail-leaks` prints: text for people, JSON for programs, and DOT and SVG to look at.

The picture needs no other program: its layout is made here, in columns by the number of steps to the outside.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any

from kijun.leaks import Survey
from kijun.model import Outcome
from kijun.terminal import printable
from kijun.topics._forwarding_graph import EVERYBODY, Step, Way

FORMATS = ("text", "json", "dot", "svg")
SCHEMA = 1
_LEAK, _APPROVED, _INSIDE = "#b42318", "#067647", "#475467"
_WIDTH, _HEIGHT, _GAP, _ROW = 250, 30, 190, 52  # of a box, between columns, and from row to row


def render(found: Survey, form: str) -> str:
    """Return the report in one of `FORMATS`."""
    return {"text": as_text, "json": as_json, "dot": as_dot, "svg": as_svg}[form](found)


def as_text(found: Survey) -> str:
    """Return each way outside with its steps, and what could not be told."""
    lines = []
    for way in found.leaking:
        lines += [f"LEAK      {way.source}", *(_step(step) for step in way.steps)]
    for way, entry in found.approved:
        lines += [f"approved  {way.source}  (by {entry.approver}, until {entry.until})"]
        lines += [_step(step) for step in way.steps]
    for host in found.hosts:
        if host.outcome is not Outcome.COLLECTED:
            lines.append(f"not read  {host.name}: {host.outcome}: {host.reason}")
        elif host.reason:
            lines.append(f"no mail   {host.name}: {host.reason}")
        lines += [f"unknown   {host.name}: {doubt}" for doubt in host.doubts]
        lines += [
            f"program   {host.name}: mail of {whose} is handed to {program}"
            for whose, program in host.programs
        ]
    lines.append(
        f"{len(found.leaking)} ways outside without approval, {len(found.approved)} approved, "
        f"on {len(found.hosts)} hosts."
    )
    return "".join(f"{printable(line)}\n" for line in lines)


def _step(step: Step) -> str:
    return f"            > {step.target}  by {step.via} on {step.host} ({step.where})"


def as_json(found: Survey) -> str:
    """Return the report as one JSON object."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "hosts": {
            host.name: {
                "outcome": host.outcome.value,
                "reason": host.reason,
                "unknown": list(host.doubts),
                "programs": [{"from": whose, "program": program} for whose, program in host.programs],
            }
            for host in found.hosts
        },
        "leaks": [_way(way) for way in found.leaking],
        "approved": [
            _way(way) | {"approver": entry.approver, "until": entry.until} for way, entry in found.approved
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _way(way: Way) -> dict[str, Any]:
    steps = [
        {"from": s.source, "to": s.target, "via": s.via, "where": s.where, "host": s.host} for s in way.steps
    ]
    return {"from": way.source, "to": way.target, "steps": steps}


def _drawn(found: Survey) -> dict[Step, bool]:
    """Return the steps to draw, and whether each is part of a way that nobody approved."""
    steps = {step: False for way, _ in found.approved for step in way.steps}
    return steps | {step: True for way in found.leaking for step in way.steps}


def as_dot(found: Survey) -> str:
    """Return the graph in Graphviz's language."""
    steps = _drawn(found)
    lines = ["digraph mail_leaks {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for address, colour in _colours(steps).items():
        shape = ", style=bold" if colour != _INSIDE else ""
        lines.append(f'  {_quoted(address)} [color="{colour}"{shape}];')
    for step, leaking in steps.items():
        label = _quoted(f"{step.via} ({step.host})")
        colour = _LEAK if leaking else _APPROVED
        lines.append(f'  {_quoted(step.source)} -> {_quoted(step.target)} [label={label}, color="{colour}"];')
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _colours(steps: dict[Step, bool]) -> dict[str, str]:
    colours: dict[str, str] = {}
    for step, leaking in steps.items():
        colours.setdefault(step.source, _INSIDE)
        if step.outside:
            colours[step.target] = _LEAK if leaking else colours.get(step.target, _APPROVED)
        else:
            colours.setdefault(step.target, _INSIDE)
    return colours


def _columns(steps: Iterable[Step]) -> dict[str, int]:
    """Return how many steps each address is from the outside, by the longest way without a circle."""
    after: dict[str, set[str]] = {}
    outside = set()
    for step in steps:
        after.setdefault(step.source, set()).add(step.target)
        if step.outside:
            outside.add(step.target)
    columns = dict.fromkeys(outside, 0)
    for _ in range(len(after)):
        moved = False
        for source, targets in after.items():
            known = [columns[target] for target in targets if target in columns and target != source]
            if known and columns.get(source, -1) < (far := min(max(known) + 1, len(after))):
                columns[source], moved = far, True
        if not moved:
            break
    return columns


def as_svg(found: Survey) -> str:
    """Return the graph as a picture: the outside at the right, each inbox as far left as its way is long."""
    steps = _drawn(found)
    columns, colours = _columns(steps), _colours(steps)
    deepest = max(columns.values(), default=0)
    places: dict[str, tuple[int, int]] = {}
    for column in range(deepest + 1):
        names = sorted(name for name, found_in in columns.items() if found_in == column)
        for row, name in enumerate(names):
            places[name] = (20 + (deepest - column) * (_WIDTH + _GAP), 60 + row * _ROW)
    width = 40 + (deepest + 1) * _WIDTH + deepest * _GAP
    height = 90 + max((y for _, y in places.values()), default=0)
    title = f"{len(found.leaking)} ways outside without approval, {len(found.approved)} approved"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="20" y="30" font-size="15">{escape(title)}</text>',
    ]
    drawn = [step for step in steps if step.source in places and step.target in places]
    parts += [_line(step, places, _LEAK if steps[step] else _APPROVED) for step in drawn]
    parts += [_box(name, place, colours[name]) for name, place in places.items()]
    return "\n".join([*parts, "</svg>", ""])


def _line(step: Step, places: dict[str, tuple[int, int]], colour: str) -> str:
    (x1, y1), (x2, y2) = places[step.source], places[step.target]
    x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    bend = max(40, abs(x2 - x1) // 2)
    path = f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 8} {y2}"
    label = escape(_short(f"{step.via} ({step.host})", 30))
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        f'<path d="M{x2} {y2} l-9 -4 v8 z" fill="{colour}"/>'
        f'<text x="{(x1 + x2) // 2}" y="{(y1 + y2) // 2 - 5}" text-anchor="middle" font-size="10" '
        f'fill="{colour}">{label}</text>'
    )


def _box(name: str, place: tuple[int, int], colour: str) -> str:
    x, y = place
    fill = {"#b42318": "#fef3f2", "#067647": "#ecfdf3"}.get(colour, "#f9fafb")
    whole = "* (all mail)" if name == EVERYBODY else printable(name)
    return (
        f"<g><title>{escape(whole)}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5" fill="{fill}" stroke="{colour}"/>'
        f'<text x="{x + _WIDTH // 2}" y="{y + 19}" text-anchor="middle">'
        f"{escape(_short(whole, 36))}</text></g>"
    )


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
