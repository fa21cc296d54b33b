"""The record's tables, and connections to them: the same for SQLite and PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from kijun.errors import RecordError
from kijun.records.address import Address

SCHEMA = 1
PATIENCE = 30  # seconds to wait for another process that writes
_LOCK = 0x6B696A756E  # the advisory lock of writers on PostgreSQL: "kijun"


class _Bytes(sa.LargeBinary):
    """Bytes as the database gives them: what else somebody has put there must not stop a verification."""

    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> None:
        """Return no processor."""


metadata = sa.MetaData()
about = sa.Table("record_about", metadata, sa.Column("schema", sa.Integer, primary_key=True))
_text = sa.Text
events = sa.Table(
    "record_events",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", _text, nullable=False, index=True),
    sa.Column("kind", _text, nullable=False, index=True),
    sa.Column("who", _text, nullable=False),
    sa.Column("payload", _text, nullable=False),
    sa.Column("hosts", _text, nullable=False),
    sa.Column("previous", _text, nullable=False),
    sa.Column("hash", _text, nullable=False),
)
hosts = sa.Table(
    "record_hosts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", _text, nullable=False, unique=True),
)
blobs = sa.Table(
    "record_blobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", _Bytes, nullable=False, unique=True),
    sa.Column("base", sa.Integer, nullable=True),  # the id of the whole blob that this one differs from
    sa.Column("data", _Bytes, nullable=False),
)
# Which blob was recorded of which host by which event. `kind` is the event's, so that the last check of a
# host is one look-up.
states = sa.Table(
    "record_states",
    metadata,
    sa.Column("host_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", _text, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False, index=True),
    sa.Column("blob_id", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)


def engine_of(place: Address) -> Engine:
    """Return an engine for `place`; nothing is opened yet. RecordError where the URL is not understood."""
    if place.path is not None:
        return _sqlite(place)
    try:
        url = sa.make_url(place.url).set(drivername="postgresql+psycopg")
        return sa.create_engine(
            url, connect_args={"connect_timeout": 10, "application_name": "kijun"}, hide_parameters=True
        )
    except (ArgumentError, ValueError) as bad:
        raise RecordError(f"the record's URL is not one of a PostgreSQL database ({place.shown}).") from bad
    except ImportError as bad:
        raise RecordError(f"a record in PostgreSQL needs Python's psycopg: {bad}.") from bad


def _sqlite(place: Address) -> Engine:
    def connect() -> sqlite3.Connection:
        # rw: a record is never made by looking for one; no transaction but those that we begin.
        connection = sqlite3.connect(
            f"{place.path.as_uri()}?mode=rw",  # type: ignore[union-attr]
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
        )
        # What is not UTF-8 was written by somebody else: it must come as far as being found so.
        connection.text_factory = lambda said: said.decode("utf-8", "surrogateescape")
        return connection

    engine = sa.create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("kijun_writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


@contextmanager
def reading(engine: Engine, place: Address) -> Iterator[Connection]:
    """Yield a connection in a transaction that reads; database errors become RecordError."""
    with said_plainly(place), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine, place: Address) -> Iterator[Connection]:
    """Yield a connection in a transaction that no other writer of this record shares.

    It is committed whole at the end, or not at all. RecordError as for `reading`.
    """
    if place.path is not None:
        _make(place)
    with (
        said_plainly(place),
        engine.connect().execution_options(kijun_writing=True) as connection,
        connection.begin(),
    ):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        yield connection


def _make(place: Address) -> None:
    """Make the file, for its owner only: what is wrong with hosts is nobody else's business."""
    assert place.path is not None
    try:
        place.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(place.path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as bad:
        raise RecordError(f"the record {place.shown} cannot be written ({bad.strerror}).") from bad


def create(connection: Connection) -> None:
    """Make the tables where there are none (within a writing transaction)."""
    metadata.create_all(connection)
    connection.execute(about.insert().values(schema=SCHEMA))
    for statement in _only_added_to(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _only_added_to(dialect: str) -> Iterator[str]:
    """Yield what makes the database refuse accidents; verifying does not rest on it."""
    says = "a record is only added to"
    if dialect == "sqlite":
        for table in metadata.tables:
            for verb in ("UPDATE", "DELETE"):
                yield (
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                    f" BEGIN SELECT RAISE(ABORT, '{says}'); END"
                )
        return
    yield (
        "CREATE FUNCTION record_only_added_to() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN RAISE EXCEPTION '{says}'; END $$"
    )
    for table in metadata.tables:
        yield (
            f"CREATE TRIGGER {table}_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION record_only_added_to()"
        )


def exists(connection: Connection, place: Address) -> bool:
    """Return whether there is a record; RecordError where it is one of a newer kijun, or something else."""
    if not sa.inspect(connection).has_table(about.name):
        return False
    found = connection.execute(sa.select(about.c.schema)).scalars().all()
    if found != [SCHEMA]:
        shown = ", ".join(map(str, found)) or "none"
        raise RecordError(
            f"the record {place.shown} has schema {shown}, and this kijun knows schema {SCHEMA}: a newer"
            " kijun wrote it, or it was tampered with."
        )
    return True


@contextmanager
def said_plainly(place: Address) -> Iterator[None]:
    """Turn what the database says into one sentence."""
    try:
        yield
    except DBAPIError as bad:
        raise RecordError(_sentence(place, bad)) from bad
    except SQLAlchemyError as bad:
        what = place.hide(" ".join(str(bad).split()))[:300]
        raise RecordError(f"the record {place.shown} cannot be used ({what}).") from bad


def _sentence(place: Address, bad: DBAPIError) -> str:
    said = place.hide(" ".join(str(bad.orig).split()))[:300].rstrip(".")
    words = said.lower()
    which = f"the record {place.shown}"
    if place.path is not None and not place.path.exists():
        return f"there is no record at {place.shown} yet; 'kijun check' begins one."
    if "locked" in words or "lock timeout" in words:
        return f"{which} is being written by another process, and was for {PATIENCE} s; try again."
    if "not a database" in words or "malformed" in words or "corrupt" in words:
        return (
            f"{which} is damaged or is not a record ({said}); keep the file, and restore it from a backup or"
            " move it away."
        )
    return f"{which} cannot be used ({said})."
