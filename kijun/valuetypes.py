"""The types that an argument specification gives a parameter: convert a value, tell whether it fits, show it.

Standard library only, like `kijun.documents`. Conversions are Ansible's
(`ansible.module_utils.common.validation`), less the lossy ones: a list is not made from a text.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable, Mapping

from kijun.documents import kind

WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "path": "a path",
    "list": "a list",
    "dict": "a mapping",
    "raw": "a value",
}
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})", re.ASCII)
_TRUTH = dict.fromkeys(("yes", "true", "on", "1", "y", "t"), True)
_TRUTH |= dict.fromkeys(("no", "false", "off", "0", "n", "f"), False)
_LONGEST = 10**30  # no parameter is larger, and Python refuses to write much longer numbers out


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_FITS: dict[str, Callable[[object], bool]] = {
    "int": _is_int,
    "float": lambda value: isinstance(value, float) and math.isfinite(value),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "path": lambda value: isinstance(value, str),
    "list": lambda value: isinstance(value, list),
    "dict": lambda value: isinstance(value, Mapping),
    "raw": lambda value: value is not None,
}


def fits(name: str, value: object) -> bool:
    """Tell whether `value`, as `converted` returns it, is of the type `name`."""
    return _FITS[name](value)


def converted(name: str, value: object) -> object:
    """Return `value` in the type `name` where it says the same ("8" is the int 8), else as it is."""
    if isinstance(value, str):
        return _from_text(name, value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LONGEST:
        return _from_number(name, value)
    return value


def _from_text(name: str, value: str) -> object:
    text = value.strip()
    if name == "int" and _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if name == "float" and _NUMBER.fullmatch(text):
        return float(text)
    return _TRUTH.get(text.lower(), value) if name == "bool" else value


def _from_number(name: str, value: int) -> object:
    if name == "bool" and value in (0, 1):
        return value == 1
    if name == "float":
        return float(value)
    return str(value) if name in ("str", "path") else value


class _Repr(reprlib.Repr):
    """Bounded in length and depth; Python itself refuses to write out a number of thousands of digits."""

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002 - reprlib's signature
        return f"{x:d}" if abs(x) < _LONGEST else "a number of more than 30 digits"


_REPR = _Repr()
_REPR.maxstring = _REPR.maxother = 60


def short(value: object) -> str:
    """Return `value` as a message shows it: on one line and not long, whatever it is."""
    if value is None or isinstance(value, bool):
        return kind(value)
    if isinstance(value, int):  # also a subclass of it, which reprlib would not know
        return _REPR.repr_int(value, 0)
    return " ".join(_REPR.repr(value).split())
