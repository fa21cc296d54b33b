"""Where the record is: a file of the state folder, another file, or a PostgreSQL database."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from kijun.errors import RecordError
from kijun.paths import state_dir

VARIABLE = "KIJUN_RECORD"
_POSTGRES = re.compile(r"postgres(ql)?(\+psycopg)?\Z")


@dataclass(frozen=True, slots=True)
class Address:
    """A place for a record; `shown` never has a password in it."""

    path: Path | None = None  # of a SQLite database
    url: str = ""  # of a PostgreSQL one

    @property
    def shown(self) -> str:
        """The place as messages name it: of a URL neither password nor parameters."""
        if self.path is not None:
            return str(self.path)
        parts = urlsplit(self.url)
        user, at, host = parts.netloc.rpartition("@")
        return urlunsplit(("postgresql", f"{user.partition(':')[0]}{at}{host}", parts.path, "", ""))

    def hide(self, text: str) -> str:
        """Return `text` without the password of the URL, should it be in there."""
        parts = urlsplit(self.url)
        secrets = [parts.netloc.rpartition("@")[0].partition(":")[2]]
        secrets += [value for key, value in parse_qsl(parts.query) if key == "password"]
        secrets += [unquote(secret) for secret in secrets]
        for secret in filter(None, secrets):
            text = text.replace(secret, "…")
        return text


def address(wanted: str | None = None) -> Address:
    """Return the place that `wanted` names, else `$KIJUN_RECORD`, else the file of the state folder.

    A place is a path, `sqlite:///PATH`, or `postgresql://[USER@]HOST/DATABASE` with libpq's parameters.
    RecordError for any other URL; its words are not repeated, as a password may be in them.
    """
    said = wanted or os.environ.get(VARIABLE) or ""
    where = "--record" if wanted else f"${VARIABLE}"
    if not said:
        return Address(path=state_dir() / "record.sqlite")
    scheme, mark, rest = said.partition("://")
    if not mark:
        return Address(path=_path(said, where))
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return Address(path=_path(rest[1:], where))
    if _POSTGRES.match(scheme):
        _check(said, where)
        return Address(url=f"postgresql://{rest}")
    raise RecordError(
        f"{where}: the record is a file (a path, or sqlite:///PATH) or postgresql://USER@HOST/DATABASE,"
        f" and this is neither ({scheme[:30]}://…)."
    )


def _path(said: str, where: str) -> Path:
    try:
        return Path(said).expanduser().absolute()
    except RuntimeError as bad:
        raise RecordError(f"{where}: {said}: there is no such home folder.") from bad


def _check(url: str, where: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as bad:
        raise RecordError(
            f"{where}: not a URL of a PostgreSQL database (its port or host is wrong)."
        ) from bad
    if parts.path in {"", "/"} and "service=" not in parts.query and "dbname=" not in parts.query:
        raise RecordError(f"{where}: the URL names no database; it is postgresql://USER@HOST/DATABASE.")
