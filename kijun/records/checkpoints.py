"""Checkpoints: signed statements of where a record ended, kept on another machine as anchors.

Without one, nobody can tell a record whose last events were cut off from one in which they never happened.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from kijun.errors import RecordError
from kijun.records.canonical import iso
from kijun.records.store import Record
from kijun.records.verifier import (
    FORMAT,
    NAMESPACE,
    Checkpoint,
    UnreadableError,
    checkpoint_message,
    read_anchor,
)
from kijun.records.verifying import verify
from kijun.reporting import write


def make(record: Record, key: Path, output: Path) -> Checkpoint:
    """Sign where the record ends with the SSH key `key`, and write that to `output`.

    Only a record that is whole is signed. RecordError where it is not, or the key does not sign.
    """
    if not key.is_file():
        raise RecordError(f"--key: {key}: there is no such file.")
    found = verify(record)
    if found.problems or found.last is None:
        raise RecordError(
            f"the record {record.place.shown} is not whole ({len(found.problems)} problems), so no checkpoint"
            " is made of it; see 'kijun record verify'."
        )
    checkpoint = Checkpoint(found.record, found.last.seq, found.last.hash, iso(datetime.now(UTC)))
    signature = _sign(checkpoint, key)
    document = {"kijun-checkpoint": FORMAT, **checkpoint._asdict(), "signature": signature}
    write(output, json.dumps(document, indent=1) + "\n")
    return checkpoint


def _sign(checkpoint: Checkpoint, key: Path) -> str:
    """Return the signature of `checkpoint` (ssh-keygen(1), -Y sign; it may ask for the key's passphrase)."""
    try:
        done = subprocess.run(
            ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", NAMESPACE],
            input=checkpoint_message(checkpoint),
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as bad:
        raise RecordError(f"ssh-keygen cannot be run ({bad.strerror}); install openssh-client.") from bad
    if done.returncode:
        said = " ".join(done.stderr.split())[:200]
        raise RecordError(f"--key: {key} does not sign ({said}).")
    return done.stdout


def read(paths: Sequence[Path], allowed_signers: Path | None) -> list[tuple[Checkpoint, str]]:
    """Return the checkpoints in `paths`, each with its signer. RecordError where one is not to be trusted."""
    if paths and allowed_signers is None:
        raise RecordError("--anchor: name who may sign checkpoints: --allowed-signers FILE.")
    try:
        return [read_anchor(path, allowed_signers or Path()) for path in paths]
    except UnreadableError as bad:
        raise RecordError(str(bad)) from bad
