"""Files of names and values, one pair a line, as programs of the shadow suite read them."""

from __future__ import annotations


def last_values(text: str) -> dict[str, str]:
    """Return name → value of a file like `/etc/login.defs`; `#` begins a comment only at the start of a line.

    Names and values stand apart by blanks, a value may be quoted, and of several lines the last counts.
    Source: login.defs(5); shadow 4.13 and 4.17, `lib/getdef.c`.
    """
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, _, value = line.strip(" \t\r").replace("\t", " ").partition(" ")
        if name and not name.startswith("#"):
            found[name] = value.strip(' "')
    return found
