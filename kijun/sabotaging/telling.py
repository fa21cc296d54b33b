"""What `make sabotage` prints."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from kijun.sabotaging import Caught, Trial

SCHEMA = 1
_WIDTH = 100  # of the last column; JSON has it whole


def as_table(trials: Sequence[Trial]) -> str:
    """Return one line per script and release, and the counts."""
    rows = [("SABOTAGE", "RELEASE", "CAUGHT", "BY WHAT, OR WHY NOT")]
    rows += [
        (f"{t.script.topic}/{t.script.name}", t.release, t.caught.value, _short(t.detail)) for t in trials
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[3]]).rstrip() for row in rows
    ]
    counts = Counter(trial.caught for trial in trials)
    lines.append(
        f"{len(trials)} tried: " + ", ".join(f"{counts[c]} {c.value}" for c in Caught if counts[c]) + "."
    )
    lines += [
        f"{t.script.topic}/{t.script.name} ({t.release}) was to be caught by reading."
        for t in trials
        if t.caught is Caught.BY_PROOF and not t.as_expected
    ]
    return "\n".join(lines)


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 2].rstrip() + " …"


def as_json(trials: Sequence[Trial]) -> str:
    """Return the same for programs."""
    listed = [
        {
            "topic": trial.script.topic,
            "name": trial.script.name,
            "what": trial.script.what,
            "breaks": list(trial.script.breaks),
            "release": trial.release,
            "expected": trial.script.caught_by,
            "caught": trial.caught.name.lower(),
            "detail": trial.detail,
        }
        for trial in trials
    ]
    return json.dumps({"schema": SCHEMA, "trials": listed}, ensure_ascii=False, indent=2)
