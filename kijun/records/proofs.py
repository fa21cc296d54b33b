"""Which controls were proven on a host, when, by what, and on what state they rest.

One JSON file per host in `state_dir()/proofs`. `kijun check` grades a passing control `proven` only while the
digest of what its topic reads is the one stored here.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kijun.errors import KijunError
from kijun.paths import state_dir

SCHEMA = 1
_LONGEST = 200  # of a file name, which may be 255 bytes with its suffix and a temporary one


class ProofResult(StrEnum):
    """How the proofs of one control, or one test, ended."""

    PROVEN = "proven"
    FAILED = "failed"
    ERROR = "error"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class ProofRecord:
    """The last time that the proofs of one control ran on one host."""

    control: str
    result: ProofResult
    date: str  # ISO 8601, UTC
    tests: tuple[str, ...]
    digest: str  # of what the control's topic read from the host when it was proven


def proofs_file(host: str, folder: Path | None = None) -> Path:
    """Return where the records of `host` are kept; no name of a host leads out of the folder."""
    name = quote(host, safe="")
    if len(name) > _LONGEST:
        name = f"{name[:100]}-{hashlib.sha256(host.encode()).hexdigest()}"
    return (folder or state_dir() / "proofs") / f"{name}.json"


def load(host: str, folder: Path | None = None) -> dict[str, ProofRecord]:
    """Return the records of `host` by control; empty where nothing was ever proven.

    KijunError where the file is not what `store` wrote.
    """
    path = proofs_file(host, folder)
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise KijunError(
            f"{path}: cannot be read ({error}); move it away and prove the host again."
        ) from error
    try:
        return _records(host, data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise KijunError(
            f"{path}: not a record of proofs of {host}; move it away and prove the host again."
        ) from error


def proven(control: str, digest: str, records: Mapping[str, ProofRecord]) -> bool:
    """Return whether `control` was proven in the very state that `digest` stands for."""
    record = records.get(control)
    return (
        record is not None
        and record.result is ProofResult.PROVEN
        and bool(digest)
        and record.digest == digest
    )


def store(host: str, records: Iterable[ProofRecord], folder: Path | None = None) -> Path:
    """Replace the records of `host` for the controls in `records`, keep the others; return the file.

    The file is replaced as a whole (rename(2)), so that a reader never sees half of it.
    """
    path = proofs_file(host, folder)
    kept = load(host, folder)
    kept.update({record.control: record for record in records if record.result is not ProofResult.NOT_RUN})
    controls = {
        control: {k: v for k, v in asdict(record).items() if k != "control"}
        for control, record in sorted(kept.items())
    }
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(
                {"schema": SCHEMA, "host": host, "controls": controls}, stream, ensure_ascii=False, indent=1
            )
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _records(host: str, data: Any) -> dict[str, ProofRecord]:
    if data["schema"] != SCHEMA or data["host"] != host:
        raise ValueError("another schema or another host")
    return {
        control: ProofRecord(
            control=control,
            result=ProofResult(entry["result"]),
            date=str(entry["date"]),
            tests=tuple(str(test) for test in entry["tests"]),
            digest=str(entry["digest"]),
        )
        for control, entry in data["controls"].items()
    }
