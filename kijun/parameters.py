"""The parameters of the roles, from their one source: `roles/<topic>/meta/argument_specs.yml`.

Standard library and PyYAML only, like `kijun.documents`.
Format: https://docs.ansible.com/ansible/latest/playbook_guide/playbooks_reuse_roles.html (entry `main`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kijun.documents import kind, read_mapping, shown
from kijun.errors import StandardError
from kijun.paths import data_root

TYPES = ("str", "int", "bool", "list", "dict", "float", "path", "raw")
_KEYS = ("type", "default", "description", "choices", "elements", "required", "options")


@dataclass(frozen=True)
class Parameter:
    """One variable of a role: what the operator may set, and what holds where they set nothing."""

    name: str
    topic: str
    type: str
    default: object
    description: tuple[str, ...]
    choices: tuple[object, ...] = ()
    elements: str | None = None
    required: bool = False


def load_parameters(roles: Path | None = None) -> dict[str, Parameter]:
    """Return every parameter of every role under `roles` (kijun's own by default), by name.

    StandardError names file, key and what was expected.
    """
    found: dict[str, Parameter] = {}
    for path in sorted((roles or data_root() / "roles").glob("*/meta/argument_specs.yml")):
        found.update(_of_role(path))
    return found


def defaults(parameters: Mapping[str, Parameter]) -> dict[str, object]:
    """Return the default of each parameter, by name: what a host has where the inventory says nothing."""
    return {name: parameter.default for name, parameter in parameters.items()}


def _of_role(path: Path) -> dict[str, Parameter]:
    topic = path.parent.parent.name
    options: Any = read_mapping(path)
    for key in ("argument_specs", "main", "options"):
        if not isinstance(options.get(key), dict):
            raise StandardError(
                f"{shown(path)}: {key}: expected a mapping below argument_specs.main.options, "
                f"found {kind(options.get(key))}."
            )
        options = options[key]
    return {name: _parameter(path, topic, name, raw) for name, raw in options.items()}


def _parameter(path: Path, topic: str, name: object, raw: object) -> Parameter:
    def wrong(key: str, expected: str, found: object) -> StandardError:
        place = f"argument_specs.main.options.{name}{key}"
        return StandardError(f"{shown(path)}: {place}: expected {expected}, found {kind(found)}.")

    if not isinstance(name, str) or not name.startswith(f"{topic}_"):
        raise wrong("", f"a name that begins with '{topic}_'", name)
    if not isinstance(raw, dict):
        raise wrong("", "a mapping with type, default and description", raw)
    if unknown := sorted(str(key) for key in raw if key not in _KEYS):
        raise wrong("", f"only the keys {', '.join(_KEYS)}", unknown[0])
    if raw.get("type") not in TYPES:
        raise wrong(".type", f"one of {', '.join(TYPES)}", raw.get("type"))
    if "default" not in raw and not raw.get("required"):
        raise wrong("", "a default (or required: true)", raw)
    if raw.get("elements", "raw") not in TYPES:
        raise wrong(".elements", f"one of {', '.join(TYPES)}", raw["elements"])
    text = raw.get("description")
    lines = [text] if isinstance(text, str) else text
    if not isinstance(lines, list) or not lines or not all(isinstance(x, str) and x.strip() for x in lines):
        raise wrong(".description", "a sentence or a list of sentences", text)
    choices = raw.get("choices", [])
    if not isinstance(choices, list):
        raise wrong(".choices", "a list", choices)
    return Parameter(
        name=name,
        topic=topic,
        type=raw["type"],
        default=raw.get("default"),
        description=tuple(lines),
        choices=tuple(choices),
        elements=raw.get("elements"),
        required=bool(raw.get("required")),
    )
