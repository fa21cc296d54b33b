"""What `up` hands to a target's supervisor, as JSON on its standard input."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

CONSOLE_LOG = "console.log"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a supervisor needs to boot one target and keep it."""

    backend: str
    name: str
    folder: str  # the target's own; the supervisor's working directory
    image: str
    cgroup: str
    argv: tuple[str, ...]  # the command that boots it

    def dumps(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Plan:
        """Return the plan that `dumps` wrote; raise `ValueError` if it is not whole."""
        loaded = json.loads(text)
        return cls(**{**loaded, "argv": tuple(loaded["argv"])})
