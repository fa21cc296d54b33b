"""Exceptions: what need not be followed somewhere, by whose permission and until when (S-11.4).

The register is a folder `exceptions/` of YAML files beside the inventory, and `persons.yml` says who holds
which role. It is read before any host is touched, and judged by itself; what counts is then applied to the
findings.
"""

from __future__ import annotations

from collections.abc import Mapping

from kijun.exceptions.judging import EXPIRING_WITHIN, Standing, judge_register, stand, today
from kijun.exceptions.register import Register
from kijun.inventory import Matched
from kijun.standard import load_standard


def standing_of(
    register: Register, matches: Mapping[str, Matched], within: int = EXPIRING_WITHIN
) -> Standing:
    """Return what `register` is worth today, with the hosts that its patterns select."""
    if not register.entries:
        return Standing()
    standard = load_standard()
    return stand(
        judge_register(register, standard.procedures, standard.controls, matches, day=today(), within=within)
    )
