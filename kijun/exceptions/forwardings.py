"""Permitted forwardings of mail (S-10.1.12.a-2): from the register to `mail_forwarding_approved`.

Called by the lookup plugin `kijun_forwardings`, so that plain `ansible-playbook` sees what kijun sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kijun.errors import KijunError
from kijun.exceptions.judging import judge_register, today
from kijun.exceptions.register import load_register
from kijun.standard import load_standard

__all__ = ["KijunError", "permitted"]


def permitted(
    sources: Sequence[str], folder: Path | None, concerns: Callable[[str], bool]
) -> list[dict[str, str]]:
    """Return what counts today for the host of which `concerns` tells whether an Ansible pattern selects it.

    Raises KijunError where the register is malformed.
    """
    register = load_register(sources, folder)
    if not register.entries:
        return []
    standard = load_standard()
    found = []
    for judged in judge_register(register, standard.procedures, standard.controls, {}, day=today()):
        file = judged.entry.file
        if file.forwarding and judged.counts and file.expires_on and concerns(file.hosts):
            found.append(
                {
                    "from": file.forwarding.from_,
                    "to": file.forwarding.to,
                    "approver": str(file.decided_by),
                    "until": str(file.expires_on),
                    "reason": file.reason,
                }
            )
    return found
