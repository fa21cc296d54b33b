"""Events as text and as JSON: `kijun record list`, `show` and `verify`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from kijun.errors import RecordError
from kijun.model import Outcome, Status
from kijun.records.moments import shown
from kijun.records.querying import BEGIN, END, Found, Happened
from kijun.records.verifier import Checkpoint, printable
from kijun.records.verifying import Verified

SCHEMA = 1
FORMATS = ("text", "json")
_MOST = 100  # problems that are listed
_SOME = 3  # hosts that are named


def formatted(form: str, text: Callable[[], Iterable[str]], document: Callable[[], Mapping[str, Any]]) -> str:
    """Return the lines of `text`, or `document` as JSON, by `form`; RecordError for another."""
    if form == "json":
        return json.dumps({"schema": SCHEMA, **document()}, ensure_ascii=False, indent=1) + "\n"
    if form != "text":
        raise RecordError(f"there is no format {form}; the formats are: {', '.join(FORMATS)}.")
    return "".join(f"{printable(line)}\n" for line in text())


def listed(found: Sequence[Happened]) -> Iterator[str]:
    """Yield a line for each event, and what is to be noticed."""
    if not found:
        yield "No event is to be shown."
        return
    width = max(len(one.event.kind) for one in found)
    names = max(len(_person(one)) for one in found)
    for one in found:
        mark = "" if one.sound else "  NOT WHOLE: see 'kijun record verify'"
        yield (
            f"{one.event.seq:>6}  {shown(one.event.time)}  {one.event.kind:<{width}}  {_person(one):<{names}}"
            f"  {_what(one)}{mark}"
        )


def as_document(one: Happened) -> dict[str, Any]:
    """Return an event for JSON."""
    event = one.event
    document = {
        "seq": event.seq,
        "time": event.time,
        "kind": event.kind,
        "who": one.who,
        "payload": one.payload,
        "hosts": list(one.hosts),
        "hash": event.hash,
        "sound": one.sound,
    }
    return document if event.kind != BEGIN else {**document, "ended": one.ended}


def described(found: Found) -> Iterator[str]:
    """Yield all that is known of one event."""
    one, event = found.happened, found.happened.event
    yield f"event {event.seq}: {event.kind}"
    yield f"  time:     {shown(event.time)}"
    yield f"  who:      {_person(one)} on {one.who.get('node', '?')}"
    yield f"  what:     {_what(one)}"
    yield f"  hash:     {event.hash}"
    yield f"  previous: {event.previous or '(none)'}"
    for key, value in one.payload.items():
        yield f"  {key}: {_json(value)}"
    for host, lines in sorted(found.lines.items()):
        yield ""
        yield host
        for line in lines:
            yield f"  {_line(line)}"
    yield from (f"NOT WHOLE: {problem}" for problem in problems_of(found))


def problems_of(found: Found) -> list[str]:
    """Return what is wrong with one event by itself."""
    problems = [] if found.happened.sound else ["the event is not what its hash says: it was edited."]
    if not found.sealed:
        problems.append("what it names of hosts is not what it was sealed with.")
    return problems + [f"what was recorded of host {host} is missing or damaged." for host in found.damaged]


def show_document(found: Found) -> dict[str, Any]:
    """Return one event for JSON, with what it found."""
    return {"event": as_document(found.happened), "found": found.lines, "problems": problems_of(found)}


def verdict(
    verified: Verified, anchors: Sequence[tuple[Checkpoint, str]], unfinished: Sequence[Happened]
) -> Iterator[str]:
    """Yield what a verification came to."""
    for problem in verified.problems[:_MOST]:
        yield str(problem)
    last = verified.last
    if verified.problems:
        if len(verified.problems) > _MOST:
            yield f"… and {len(verified.problems) - _MOST} more."
        found, seen = counted(len(verified.problems), "problem"), last.seq if last else 0
        yield f"NOT WHOLE: {found} in a record of {seen} events."
        return
    assert last is not None
    yield f"Whole: {counted(last.seq, 'event')} of record {verified.record}, the last of {shown(last.time)}."
    for anchor, name in anchors:
        yield f"It holds what {name} signed on {shown(anchor.time)} (event {anchor.seq})."
    if not anchors:
        yield "Whether events are missing at its end cannot be told without an anchor (--anchor)."
    for one in unfinished:
        yield f"Event {one.event.seq}: no event says how run {one.payload.get('run', '?')} ended."


def verdict_document(
    verified: Verified, anchors: Sequence[tuple[Checkpoint, str]], unfinished: Sequence[Happened]
) -> dict[str, Any]:
    """Return the same for JSON."""
    last = verified.last
    return {
        "whole": not verified.problems,
        "record": verified.record,
        "last": {"seq": last.seq, "time": last.time, "hash": last.hash} if last else None,
        "problems": [{"event": problem.event or None, "what": problem.what} for problem in verified.problems],
        "anchors": [{**anchor._asdict(), "signer": name} for anchor, name in anchors],
        "unfinished": [one.event.seq for one in unfinished],
    }


def _person(one: Happened) -> str:
    user, login = str(one.who.get("user", "?")), one.who.get("login")
    return f"{login} as {user}" if login else user


def _what(one: Happened) -> str:
    try:
        return _WHAT.get(one.event.kind, _nothing)(one)
    except (KeyError, TypeError, AttributeError, ValueError):
        return "(it cannot be read)"


def _nothing(one: Happened) -> str:
    return _hosts(one.hosts)


def _record(one: Happened) -> str:
    return f"record {one.payload['record']} begins"


def _check(one: Happened) -> str:
    summary = one.payload["summary"]
    counts = [(status.value, summary["findings"][status.value]) for status in Status]
    unread = sum(n for outcome, n in summary["hosts"].items() if outcome != Outcome.COLLECTED.value)
    parts = [f"{number} {name}" for name, number in counts if number]
    parts += [f"{counted(unread, 'host')} not read"] if unread else []
    chosen = one.payload["chosen"]
    return f"{_hosts(one.hosts)}: {', '.join(parts) or 'nothing'}" + (
        f" ({', '.join(chosen)} only)" if chosen else ""
    )


def _exceptions(one: Happened) -> str:
    entries = one.payload["entries"]
    count = sum(bool(entry["counts"]) for entry in entries)
    return f"the register has changed: {counted(len(entries), 'entry', 'entries')}, {count} of which count"


def _application(one: Happened) -> str:
    aims = one.payload.get("controls") or [f"mail of {one.payload['forwarding']['from']}"]
    what = f"{one.payload['id']}: {', '.join(aims)} on {one.payload['hosts']}"
    return f"{one.payload['applicant']} applies for {what}"


def _begin(one: Happened) -> str:
    parts = [f"{', '.join(group['topics'])} on {_hosts(group['hosts'])}" for group in one.payload["groups"]]
    ended = "" if one.ended else "; NOT ENDED: no event says how it went"
    return f"run {one.payload['run']}: {'; '.join(parts)}{ended}"


def _end(one: Happened) -> str:
    changed, failures = one.payload["changed"], one.payload["failures"]
    parts = [f"changed {_hosts(changed)}" if changed else "nothing changed"]
    parts += [counted(len(failures), "failure")] if failures else []
    return f"run {one.payload['run']}: {', '.join(parts)}, exit code {one.payload['exit_code']}"


def _tried(one: Happened) -> str:
    return f"{_hosts(one.hosts)}: exit code {one.payload['exit_code']}"


_WHAT: Mapping[str, Callable[[Happened], str]] = {
    "record": _record,
    "check": _check,
    "exceptions": _exceptions,
    "exception-new": _application,
    BEGIN: _begin,
    END: _end,
    "proof": _tried,
    "drill": _tried,
}


def _line(value: Any) -> str:
    if isinstance(value, dict) and {"control", "status", "actual"} <= value.keys():
        said = value["actual"] or value.get("reason", "")
        return f"{value['status']:<14}  {value['control']}  {said}"
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _hosts(names: Sequence[str]) -> str:
    if len(names) <= _SOME:
        return ", ".join(names) or "no host"
    return f"{counted(len(names), 'host')} ({', '.join(names[:_SOME])}, …)"


def counted(number: int, what: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {what if number == 1 else many or what + 's'}"
