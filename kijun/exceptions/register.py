"""Where the register lies, and how it is read: `exceptions/*.yml` and `persons.yml` beside the inventory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from kijun.documents import read_mapping, shown
from kijun.errors import InventoryError, KijunError
from kijun.exceptions.models import ExceptionFile, Person, PersonsFile, SettingsFile
from kijun.standard import load_standard
from kijun.standard.explaining import explain
from kijun.standard.models import Model

FOLDER = "exceptions"
PERSONS = "persons.yml"
SETTINGS = "register.yml"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


class RegisterError(KijunError):
    """A file of the register, or the file of persons, is not what its model expects."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One exception with its id, which is the name of its file, and where it stands."""

    id: str
    file: ExceptionFile
    path: Path


@dataclass(frozen=True)
class Register:
    """What people have applied for and decided, and who they are."""

    entries: tuple[Entry, ...] = ()
    persons: Mapping[str, Person] = field(default_factory=dict)
    settings: SettingsFile = field(default_factory=SettingsFile)


def folders(sources: Sequence[str]) -> list[Path]:
    """Return the folders that the inventory `sources` lie in: themselves where they are folders."""
    found: list[Path] = []
    for source in sources:
        if "," not in source and (path := Path(source)).exists():
            folder = path if path.is_dir() else path.parent
            if folder.resolve() not in [known.resolve() for known in found]:
                found.append(folder)
    return found


def load_register(sources: Sequence[str], folder: Path | None = None) -> Register:
    """Return the register beside the inventory, or that in `folder`; empty where there is none.

    RegisterError names file, key and what was expected; nothing else has been touched then.
    """
    if folder is not None and not folder.is_dir():
        raise InventoryError(f"--exceptions {folder}: there is no such folder; name that of the register.")
    places = [folder] if folder is not None else [base / FOLDER for base in folders(sources)]
    entries: dict[str, Entry] = {}
    settings = SettingsFile()
    for place in places:
        for path in sorted(place.glob("*.y*ml")) if place.is_dir() else ():
            if path.suffix not in (".yml", ".yaml"):
                continue
            if path.name == SETTINGS:
                settings = _load(path, SettingsFile)
            else:
                _add(entries, path)
    persons = load_persons([place.parent for place in places]) if entries else {}
    if entries and not persons:
        wanted = next(iter(entries.values())).path.parent.parent / PERSONS
        raise RegisterError(
            f"{shown(wanted)}: expected the persons who apply for exceptions and permit them, with their "
            "roles, found no such file."
        )
    return Register(tuple(entries.values()), persons, settings)


def load_exception(path: Path) -> ExceptionFile:
    """Return one file of the register; RegisterError as for `load_register`."""
    return _load(path, ExceptionFile)


def load_persons(places: Sequence[Path]) -> dict[str, Person]:
    """Return all persons of the `persons.yml` in `places`; empty where there is none."""
    persons: dict[str, Person] = {}
    for path in (place / PERSONS for place in places):
        if not path.exists():
            continue
        for name, person in _load(path, PersonsFile).persons.items():
            if persons.get(name, person) != person:
                raise RegisterError(f"{shown(path)}: persons.{name}: expected the same roles as elsewhere.")
            for role in person.roles:
                if role not in load_standard().vocabulary.actors:
                    raise RegisterError(
                        f"{shown(path)}: persons.{name}.roles: expected an actor of the rulebook "
                        f"(see vocabulary.yml), found '{role}'."
                    )
            persons[name] = person
    return persons


def _add(entries: dict[str, Entry], path: Path) -> None:
    name = path.stem
    if not NAME.fullmatch(name):
        raise RegisterError(
            f"{shown(path)}: expected a name of small letters, digits, '-', '_' and '.', as it is the id."
        )
    if name in entries:
        raise RegisterError(f"{shown(path)}: expected every id once, found {shown(entries[name].path)} too.")
    entries[name] = Entry(name, _load(path, ExceptionFile), path)


def _load[M: Model](path: Path, model: type[M]) -> M:
    try:
        return model.model_validate(read_mapping(path))
    except ValidationError as bad:
        raise RegisterError(explain(path, bad)) from None
    except RecursionError:
        raise RegisterError(
            f"{shown(path)}: expected a plain mapping, found one nested too deeply."
        ) from None
