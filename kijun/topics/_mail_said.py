"""What one mail server's judgement of one control is, before it is joined with the other's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kijun.model import Status
from kijun.parsers.networks import LOOPBACK, Network, network, too_broad


@dataclass(frozen=True, slots=True)
class Said:
    """A status, what was found, where it was read, and why where that is needed."""

    status: Status
    actual: str
    source: str
    reason: str = ""


def good(actual: str, source: str) -> Said:
    """Return a pass."""
    return Said(Status.PASS, actual, source)


def bad(actual: str, source: str) -> Said:
    """Return a failure."""
    return Said(Status.FAIL, actual, source)


def unsure(reason: str, source: str) -> Said:
    """Return that it could not be told, with the reason in one sentence."""
    return Said(Status.UNKNOWN, "", source, reason)


def beside(reason: str, source: str) -> Said:
    """Return that the control does not apply, with the reason in one sentence."""
    return Said(Status.NOT_APPLICABLE, "", source, reason)


def joined(found: Iterable[Said]) -> Said:
    """Return one judgement for all: failure first, then unknown, then pass, then not applicable."""
    order = (Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_APPLICABLE)
    return min(found, key=lambda said: order.index(said.status))


def allowed_networks(params: Mapping[str, object], own: Iterable[Network]) -> tuple[list[Network], list[str]]:
    """Return the networks that may relay, and what of the parameter cannot be (too broad, no network)."""
    declared = params["mail_relay_networks"]
    if not isinstance(declared, list):
        raise TypeError("mail_relay_networks is not a list")
    allowed, refused = [*LOOPBACK, *own], []
    for text in declared:
        found = network(str(text))
        if found is None or too_broad(found):
            refused.append(str(text))
        else:
            allowed.append(found)
    return allowed, refused


def declared_domains(params: Mapping[str, object]) -> set[str]:
    """Return the domains that the organisation says it receives mail for."""
    declared = params["mail_relay_domains"]
    if not isinstance(declared, list):
        raise TypeError("mail_relay_domains is not a list")
    return {str(domain).lower().strip(".") for domain in declared}
