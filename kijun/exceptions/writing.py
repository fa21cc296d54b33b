"""A new application as a file of the register, to be looked at and committed: `kijun exceptions new`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from kijun.checking import Options
from kijun.errors import KijunError
from kijun.exceptions.judging import today
from kijun.exceptions.models import ExceptionFile, Expiry, State
from kijun.exceptions.register import FOLDER, NAME, PERSONS, SETTINGS, folders, load_persons, load_register
from kijun.inventory import survey_inventory
from kijun.standard import load_standard
from kijun.standard.explaining import explain

_HEAD = """\
---
# An application for an exception ({clause}). Look it through and commit it. Once it is decided, write below
#   state: permitted (or refused: it is kept), decided_by: PERSON, decided_on: YYYY-MM-DD
# An emergency counts at once, and needs reported_to and reported_on immediately afterwards.
# The last day, expires_on, is kijun's practice and not the standard's.
"""


@dataclass(frozen=True, slots=True)
class Application:
    """What is known of a new exception. Controls, or both ends of one forwarding of mail."""

    id: str
    hosts: str
    reason: str
    applicant: str
    controls: tuple[str, ...] = ()
    forward_from: str | None = None
    forward_to: str | None = None
    instead: str | None = None
    expires_on: str | None = None
    emergency: bool = False


def write_new(application: Application, options: Options) -> Path:
    """Write the application into the register beside the inventory, and return its file.

    Never overwrites. KijunError, and nothing written, where the application is not whole, or names a control,
    host or person that is not there.
    """
    place = Path(options.exceptions) if options.exceptions else _place(options)
    path = place / f"{application.id}.yml"
    if not NAME.fullmatch(application.id):
        raise KijunError(f"{application.id} is no id: use small letters, digits, '-', '_' and '.'.")
    values = _values(application, today())
    try:
        ExceptionFile.model_validate(values)
    except ValidationError as bad:
        raise KijunError(f"nothing is written: {explain(path, bad)}") from None
    _known(application, options, place)
    clause = (
        "S-10.1.12.a-2" if application.forward_from else "S-11.4.2" if application.emergency else "S-11.4.1"
    )
    text = _HEAD.format(clause=clause) + _yaml(values)
    try:
        place.mkdir(exist_ok=True)
        _create(path, text)
    except FileExistsError:
        raise KijunError(f"{path} is there already and is left as it is; choose another id.") from None
    except OSError as bad:
        raise KijunError(f"{path} cannot be written: {bad.strerror}.") from bad
    return path


def _place(options: Options) -> Path:
    found = folders(options.sources)
    if not found:
        raise KijunError("the inventory lies in no folder; name the register's with --exceptions.")
    return found[0] / FOLDER


def _values(application: Application, day: date) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if application.controls:
        values["controls"] = list(application.controls)
    if application.forward_from or application.forward_to:
        ends = {"from": application.forward_from, "to": application.forward_to}
        values["forwarding"] = {key: value for key, value in ends.items() if value}
    values |= {"hosts": application.hosts, "reason": application.reason}
    if application.instead:
        values["instead"] = application.instead
    values |= {"applicant": application.applicant, "applied_on": day}
    values["state"] = State.EMERGENCY.value if application.emergency else State.APPLIED.value
    if application.expires_on:
        values["expires_on"] = _date(application.expires_on)
    return values


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise KijunError(f"--expires-on {text} is no date; write YYYY-MM-DD.") from None


def _known(application: Application, options: Options, place: Path) -> None:
    register = load_register(options.sources, place if place.is_dir() else None)
    optional = register.settings.expiry is Expiry.OPTIONAL and not application.forward_from
    if application.expires_on is None and not optional:
        raise KijunError(
            "name the last day with --expires-on YYYY-MM-DD; that is our practice, not the standard's, and "
            f"'expiry: optional' in {place / SETTINGS} switches it off (not for forwardings of mail)."
        )
    controls = load_standard().controls
    for control in application.controls:
        if control not in controls:
            raise KijunError(f"there is no control {control}; `kijun standard coverage` lists them.")
    persons = load_persons([place.parent])
    if application.applicant not in persons:
        known = ", ".join(persons) or "none"
        raise KijunError(
            f"{application.applicant} is nobody in {place.parent / PERSONS}; the persons there are: {known}."
        )
    matched = survey_inventory(
        options.sources, vault_password_files=options.vault_password_files, patterns=[application.hosts]
    ).matches[application.hosts]
    if matched.unknown or not matched.hosts:
        what = ", ".join(matched.unknown) or application.hosts
        raise KijunError(f"the inventory has no host or group {what}; nothing is written.")


def _yaml(values: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)
    return text


def _create(path: Path, text: str) -> None:
    """Write a new file as a whole or not at all; link(2) never replaces, and so raises FileExistsError."""
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}")
    try:
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
