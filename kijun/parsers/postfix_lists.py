"""What a list of Postfix's smtpd restrictions does with mail from a stranger to an outside address.

A stranger is a client that is in no trusted network and has not logged in. Sources: postconf(5),
smtpd_recipient_restrictions and the lists beside it; access(5); SMTPD_ACCESS_README.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kijun.parsers.postfix import Instance, words


class Walk(StrEnum):
    """How a list ends for a stranger's mail to an outside address."""

    REFUSED = "refused"
    PERMITTED = "permitted"  # something permits before anything refuses
    ENDED = "ended"  # nothing refuses: the list's end permits too
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Way:
    """How a list ends, and by which of its items."""

    walk: Walk
    by: str = ""


_REFUSING = ("reject", "defer", "reject_unauth_destination", "defer_unauth_destination", "defer_if_permit")
_UNCONDITIONAL = ("reject", "defer")
# These permit the host itself, trusted networks (judged apart), who logged in, or authorised destinations.
_HARMLESS = (
    "permit_mynetworks",
    "permit_sasl_authenticated",
    "permit_auth_destination",
    "permit_inet_interfaces",
    "permit_tls_clientcerts",
    "check_sasl_access",
    "check_ccert_access",
    "defer_if_reject",
    "sleep",
)
_WITH_ARGUMENT = (
    "check_policy_service",
    "permit_dnswl_client",
    "permit_rhswl_client",
    "reject_rbl_client",
    "reject_rhsbl_client",
    "reject_rhsbl_helo",
    "reject_rhsbl_reverse_client",
    "reject_rhsbl_sender",
    "reject_rhsbl_recipient",
    "sleep",
)
_TABLE_DUNNO = (
    *("reject", "defer", "defer_if_reject", "defer_if_permit", "dunno", "bcc", "discard", "filter", "hold"),
    *("prepend", "redirect", "info", "warn"),
)
_DEPTH = 8


def walk(value: str, instance: Instance, *, destinations: bool) -> Way:
    """Return how the list `value` ends; `destinations` says whether its items know the recipient."""
    return _walk(words(value), instance, destinations, 0)


def _walk(items: Iterable[str], instance: Instance, destinations: bool, depth: int) -> Way:
    doubt, warn = "", False
    queue = list(items)
    while queue:
        item = queue.pop(0)
        if item.lower() == "warn_if_reject":
            warn = True
            continue
        argument = queue.pop(0) if _takes_argument(item) and queue else ""
        way = _one(item, argument, instance, destinations, depth)
        shown = f"{item} {argument}".strip()
        if way.walk is Walk.PERMITTED:
            return Way(Walk.PERMITTED, way.by or shown)
        if way.walk is Walk.REFUSED and not warn:
            return Way(Walk.UNKNOWN, doubt) if doubt else Way(Walk.REFUSED, way.by or shown)
        if way.walk is Walk.UNKNOWN:
            doubt = doubt or way.by or shown
        warn = False
    return Way(Walk.ENDED, "the end of the list")


def _takes_argument(item: str) -> bool:
    name = item.lower()
    return name in _WITH_ARGUMENT or (name.startswith("check_") and name.endswith("_access"))


def _one(item: str, argument: str, instance: Instance, destinations: bool, depth: int) -> Way:
    name = item.lower()
    if name in _REFUSING:
        known = destinations or name in _UNCONDITIONAL
        return Way(Walk.REFUSED if known else Walk.ENDED)
    if name == "check_policy_service":
        return Way(Walk.UNKNOWN, f"the policy service {argument} comes first, and its answers are not known")
    if name in _HARMLESS or name.startswith("reject_"):  # these may refuse some, and permit no stranger
        return Way(Walk.ENDED)
    if name.startswith("permit"):
        return Way(Walk.PERMITTED)
    if argument or (":" in item and not item.startswith("{")):
        return _table(argument or item, instance, destinations, depth)
    return _class(item, instance, destinations, depth)


def _class(item: str, instance: Instance, destinations: bool, depth: int) -> Way:
    if item not in words(instance.settings.get("smtpd_restriction_classes", "")) or depth >= _DEPTH:
        return Way(Walk.UNKNOWN, f"{item} is not known")
    return _walk(words(instance.settings.get(item, "")), instance, destinations, depth + 1)


def _table(name: str, instance: Instance, destinations: bool, depth: int) -> Way:
    table = instance.tables.get(name)
    if table is None or not table.listed:
        return Way(Walk.UNKNOWN, f"what the table {name} permits could not be listed")
    doubt = Way(Walk.ENDED)
    for action in sorted({value.lower() for _, value in table.rows}):
        way = _action(action, instance, destinations, depth)
        if way.walk is Walk.PERMITTED:
            return Way(Walk.PERMITTED, f"the table {name}, which answers {action.upper()}")
        if way.walk is Walk.UNKNOWN:
            doubt = Way(Walk.UNKNOWN, f"the table {name} answers {action.upper()}, which is not known")
    return doubt


def _action(action: str, instance: Instance, destinations: bool, depth: int) -> Way:
    if action == "ok" or (action.isdecimal() and not _is_reply(action)):
        return Way(Walk.PERMITTED)
    if action in _TABLE_DUNNO or _is_reply(action):
        return Way(Walk.ENDED)  # refuses some recipients, or says nothing: the walk goes on for the others
    way = _walk([action], instance, destinations, depth + 1)
    return Way(Walk.ENDED) if way.walk is Walk.REFUSED else way


def _is_reply(action: str) -> bool:
    return len(action) >= 3 and action[0] in "45" and action[:3].isdecimal() and not action.isdecimal()
