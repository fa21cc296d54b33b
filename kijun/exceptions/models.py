"""The shape of the register's files. A key that is not here is an error, and so is a missing one.

Clauses: S-11.4.1 (permission), S-11.4.2 (emergency), S-11.4.3 (applications and results are kept) and
S-10.1.12.a-2 (permitted forwardings of mail).
"""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from kijun.documents import kind
from kijun.standard.models import ControlId, Model, Sentence, Slug, Text

PersonId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Address = Annotated[str, StringConstraints(pattern=r"^[^\s,]+$", max_length=320)]


def _day(value: Any) -> Any:
    """Take a date only: neither a number (pydantic would take it for seconds) nor a time of day."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError(f"a date (YYYY-MM-DD), found {kind(value)}")


Day = Annotated[date, BeforeValidator(_day)]


class State(StrEnum):
    """How far an exception has come."""

    APPLIED = "applied"
    PERMITTED = "permitted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EMERGENCY = "emergency"


class Forwarding(Model):
    """One forwarding of mail to the outside, as `mail_forwarding_approved` names it."""

    from_: Address = Field(alias="from")
    to: Address


class ExceptionFile(Model):
    """One exception: `exceptions/<id>.yml`. Either controls of the rulebook, or one forwarding of mail."""

    controls: tuple[ControlId, ...] = ()
    forwarding: Forwarding | None = None
    hosts: Sentence  # an Ansible pattern
    reason: Sentence
    instead: Sentence | None = None  # the other method that is used
    applicant: PersonId
    applied_on: Day
    state: State
    decided_by: PersonId | None = None
    decided_on: Day | None = None
    expires_on: Day | None = None  # the last day
    reported_to: PersonId | None = None
    reported_on: Day | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.controls) == bool(self.forwarding):
            found = "both" if self.controls else "neither"
            raise ValueError(f"controls or else a forwarding, found {found}")
        if self.forwarding and self.state is State.EMERGENCY:
            raise ValueError(
                "another state, as a forwarding needs permission first (S-10.1.12.a-2), found 'emergency'"
            )
        if self.state in (State.APPLIED, State.EMERGENCY) and (self.decided_by or self.decided_on):
            raise ValueError(
                f"the state permitted or refused where decided_by is given, found '{self.state}'"
            )
        if self.state in (State.APPLIED, State.REFUSED) and (self.reported_to or self.reported_on):
            raise ValueError(f"the state emergency where reported_to is given, found '{self.state}'")
        if bool(self.reported_to) != bool(self.reported_on):
            raise ValueError("reported_to together with reported_on, found only one of them")
        return self


class Person(Model):
    """Somebody who applies, permits or checks: their roles, in the words of the rulebook's vocabulary."""

    roles: tuple[Slug, ...] = Field(min_length=1)
    title: Text | None = None  # what to call them in reports


class PersonsFile(Model):
    """`persons.yml`, beside the inventory. A person is one key, whatever roles they hold."""

    persons: dict[PersonId, Person]


class Expiry(StrEnum):
    """Whether every exception needs a last day. Required is kijun's practice; the standard asks for none."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class SettingsFile(Model):
    """`exceptions/register.yml`: the organisation's choices for the register; all have a default."""

    expiry: Expiry = Expiry.REQUIRED
    emergency_report_days: Annotated[int, Field(strict=True, ge=0, le=365)] = 1
