"""Say in one sentence what a model expected: file, key path, what was expected and what stood there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kijun.documents import kind, shown

# By pydantic's error type; what is not here is said in pydantic's own words.
_EXPECTED = {
    "missing": "this key",
    "int_type": "a whole number",
    "string_type": "a text",
    "string_too_short": "a text",
    "too_short": "at least {min_length} of them",
    "greater_than_equal": "a number of at least {ge}",
    "string_pattern_mismatch": "a name that matches {pattern}",
    "enum": "one of {expected}",
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "date_from_datetime_parsing": "a date (YYYY-MM-DD)",
    "date_type": "a date (YYYY-MM-DD)",
}


def explain(path: Path, bad: ValidationError) -> str:
    """Return the sentence for the first error in `bad`, and how many more there are."""
    errors = bad.errors(include_url=False)
    first = errors[0]
    place = _place(first["loc"])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{shown(path)}: {f'{place}: ' if place else ''}expected {_expected(first)}{more}."


def _expected(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "no such key"
    context = error.get("ctx", {})
    if error["type"] == "value_error":  # a model's own check: its text says what was found, too
        return str(context["error"])
    found = "nothing" if error["type"] == "missing" else kind(error["input"])
    wanted = _EXPECTED.get(error["type"], error["msg"].removeprefix("Input should be "))
    return f"{wanted.format(**context) if context else wanted}, found {found}"


def _place(loc: tuple[int | str, ...]) -> str:
    """Return pydantic's location as a key path, `controls[2].severity`."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path
