"""A record as one file that kijun/records/verifier.py verifies by itself; docs/record.md describes it."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kijun.errors import RecordError
from kijun.records import verifier
from kijun.records.schema import blobs, events
from kijun.records.store import Record
from kijun.records.verifier import FORMAT
from kijun.records.verifying import all_blobs, all_events


def export(record: Record, output: Path) -> int:
    """Write all that was recorded until now to `output`; return the number of the last event.

    The file is its owner's only, and there whole or not at all. A record that is not whole is written as it
    is, for the verifier to tell. RecordError where the record cannot be read, or the file not written.
    """
    with record.reading() as connection:
        end = connection.execute(sa.select(sa.func.max(events.c.seq))).scalar() or 0
        last_blob = connection.execute(sa.select(sa.func.max(blobs.c.id))).scalar() or 0
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name[:100]}.")
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            for line in _lines(record, end, last_blob):
                stream.write(json.dumps(line, separators=(",", ":"), default=repr) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(output)
    except OSError as bad:
        raise RecordError(f"--output {output} cannot be written: {bad.strerror}.") from bad
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return int(end)


def _lines(record: Record, end: int, last_blob: int) -> Iterator[dict[str, Any]]:
    yield {"kijun-record": FORMAT}
    for digest, base, data in all_blobs(record, last_blob):
        yield {"blob": digest, "base": base, "data": base64.b64encode(data).decode("ascii")}
    last = [0, ""]
    for row, found in all_events(record, end):
        yield {"event": list(row), "hosts": found}
        last = [row.seq, row.hash]
    yield {"end": last}


def verifier_source() -> str:
    """Return the stand-alone verifier, to be given away with an export."""
    return Path(verifier.__file__).read_text(encoding="utf-8")
