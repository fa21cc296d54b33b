"""Reading the YAML files of a rulebook and of the roles, with errors that say where and what.

Standard library and PyYAML only: plain `ansible-playbook` runs this from a checkout, without kijun's
other dependencies (see `playbooks/action_plugins/kijun_floors.py`).
"""

from __future__ import annotations

import os
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from kijun.errors import StandardError
from kijun.paths import data_root

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_Loader):  # type: ignore[misc]
    """YAML's safe loader, except that a key written twice is an error instead of a silent override."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.value != "<<":
                    raise yaml.constructor.ConstructorError(
                        None,
                        None,
                        f"every key once, found '{key.value}' again",
                        key.start_mark,
                    )
                seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def shown(path: Path) -> str:
    """Return `path` as messages show it: relative to kijun's data where it lies inside it."""
    try:
        return str(path.resolve().relative_to(data_root()))
    except ValueError:
        return str(path)


def read_yaml(path: Path) -> Any:
    """Return the one YAML document in `path`; StandardError where it is absent or not valid YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StandardError(f"{shown(path)}: expected a YAML file here, found none.") from None
    except UnicodeDecodeError as bad:
        raise StandardError(
            f"{shown(path)}: expected UTF-8 text, found byte {bad.start} that is not."
        ) from None
    except OSError as bad:
        raise StandardError(f"{shown(path)}: cannot be read ({bad.strerror}).") from None
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise StandardError(
            f"{shown(path)}{where}: expected valid YAML: {bad.problem or bad.context}."
        ) from None
    except (yaml.YAMLError, ValueError) as bad:  # ValueError: a date such as 2026-99-99
        detail = " ".join(str(bad).split())
        raise StandardError(f"{shown(path)}: expected valid YAML: {detail}.") from None


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping in `path`; StandardError where the document is anything else."""
    document = read_yaml(path)
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise StandardError(f"{shown(path)}: expected a mapping of names at the top, found {kind(document)}.")
    return document


def kind(value: object) -> str:
    """Return what `value` is in the words a writer of YAML uses."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text '{value}'" if len(value) <= 60 else "a long text"
    if isinstance(value, int) and abs(value) < 10**30:
        return f"the number {value}"
    names = ((dict, "a mapping"), (list, "a list"), (int, "a very large number"))
    return next((name for wanted, name in names if isinstance(value, wanted)), f"a {type(value).__name__}")


def standard_root(data: Path | None = None) -> Path:
    """Return the folder of the rulebook in use under `data` (kijun's own data by default).

    There is usually one, and that is it; `$KIJUN_STANDARD` names one of several.
    """
    base = (data or data_root()) / "standards"
    found = sorted(path.parent for path in base.glob("*/standard.yml"))
    if wanted := os.environ.get("KIJUN_STANDARD"):
        found = [path for path in found if path.name == wanted]
        if not found:
            raise StandardError(
                f"{shown(base)}: expected the rulebook '{wanted}' that $KIJUN_STANDARD names."
            )
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise StandardError(
            f"{shown(base)}: expected exactly one rulebook, found {names}; set $KIJUN_STANDARD to choose."
        )
    return found[0]
