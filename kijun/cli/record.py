"""`kijun record`: what happened, in a record that nobody alters unseen."""

from pathlib import Path
from typing import Annotated

import typer

from kijun.cli._choosing import Record

Form = Annotated[str, typer.Option("--format", help="text or json.")]
Anchors = Annotated[
    list[Path] | None,
    typer.Option("--anchor", metavar="FILE", help="A signed checkpoint; may be given again."),
]
Signers = Annotated[
    Path | None,
    typer.Option("--allowed-signers", metavar="FILE", help="Who may sign checkpoints (ssh-keygen(1))."),
]


def register(app: typer.Typer) -> None:
    """Add the verb and its commands to `app`."""
    group = typer.Typer(no_args_is_help=True, help="What happened, in a record that nobody alters unseen.")
    group.command("list")(list_)
    group.command("show")(show)
    group.command("verify")(verify)
    group.command("at")(at)
    group.command("checkpoint")(checkpoint)
    group.command("export")(export)
    app.add_typer(group, name="record")


def list_(
    *,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", "-k", help="Only such events; may be given again.")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Only what says something of this host.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="From this day (or time) on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="To the end of this day (or to this time).")
    ] = None,
    last: Annotated[int | None, typer.Option("--last", "-n", min=1, help="Only so many, the latest.")] = None,
    form: Form = "text",
    record: Record = None,
) -> int:
    """List what happened: checks, runs and how they ended, proofs, drills. The latest come last.

    Exit code: 0, or 3 where the record cannot be read.
    """
    from kijun.records.address import address
    from kijun.records.moments import moment, sortable
    from kijun.records.querying import list_events
    from kijun.records.store import Record as Opened
    from kijun.records.telling import as_document, formatted, listed

    first = sortable(moment(since, "--since")) if since else None
    end = sortable(moment(until, "--until", end=True)) if until else None
    with Opened(address(record)) as opened:
        found = list_events(opened, kinds=kind or (), host=host, since=first, until=end, last=last)
    print(
        formatted(form, lambda: listed(found), lambda: {"events": [as_document(one) for one in found]}),
        end="",
    )
    return 0


def show(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The event's number, as listed.")],
    *,
    host: Annotated[str | None, typer.Option("--host", help="Only what it found on this host.")] = None,
    form: Form = "text",
    record: Record = None,
) -> int:
    """Show one event with all that it found.

    Exit code: 0, 1 where the event is not what was recorded, 3 where there is no such event or record.
    """
    from kijun.records.address import address
    from kijun.records.querying import find_event
    from kijun.records.store import Record as Opened
    from kijun.records.telling import described, formatted, problems_of, show_document

    with Opened(address(record)) as opened:
        found = find_event(opened, number, host)
    print(formatted(form, lambda: described(found), lambda: show_document(found)), end="")
    return int(bool(problems_of(found)))


def verify(
    *,
    anchor: Anchors = None,
    allowed_signers: Signers = None,
    form: Form = "text",
    record: Record = None,
) -> int:
    """Find what was edited, deleted, moved or cut off in the record since it was written.

    Exit code: 0 the record is whole, 1 it is not, 3 it (or an anchor) cannot be read.
    """
    from kijun.records.address import address
    from kijun.records.checkpoints import read
    from kijun.records.querying import unfinished
    from kijun.records.store import Record as Opened
    from kijun.records.telling import formatted, verdict, verdict_document
    from kijun.records.verifying import verify

    anchors = read(anchor or (), allowed_signers)
    with Opened(address(record)) as opened:
        found = verify(opened, [checkpoint for checkpoint, _ in anchors])
        left = () if found.problems else unfinished(opened)
    print(
        formatted(
            form, lambda: verdict(found, anchors, left), lambda: verdict_document(found, anchors, left)
        ),
        end="",
    )
    return int(bool(found.problems))


def at(
    date: Annotated[str, typer.Argument(metavar="DATE", help="YYYY-MM-DD (its end), or with a time.")],
    *,
    host: Annotated[str | None, typer.Option("--host", help="Only this host, with all findings.")] = None,
    form: Form = "text",
    record: Record = None,
) -> int:
    """Say what was in force on that day, and from what evidence: the last checks before its end.

    Exit code: 0, 2 where nothing is known of that day, 3 where the record cannot be read.
    """
    from datetime import UTC, datetime

    from kijun.errors import RecordError
    from kijun.records.address import address
    from kijun.records.in_force import in_force
    from kijun.records.in_force_telling import document, told
    from kijun.records.moments import day_in_japan, moment, sortable
    from kijun.records.store import Record as Opened
    from kijun.records.telling import formatted

    now = datetime.now(UTC)
    if moment(date, "DATE") > now:
        raise RecordError(f"{date} is in the future; nothing is known of it.")
    end = min(moment(date, "DATE", end=True), now)
    with Opened(address(record)) as opened:
        found = in_force(opened, sortable(end), day_in_japan(end), host)
    whole = host is not None
    print(formatted(form, lambda: told(found, whole=whole), lambda: document(found, whole=whole)), end="")
    return 0 if any(one.evidence for one in found.hosts) else 2


def checkpoint(
    *,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The SSH key that signs.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the checkpoint is written.")],
    record: Record = None,
) -> int:
    """Sign where the record ends now, to be kept on another machine: an anchor for `verify`.

    Exit code: 0, 3 where the record is not whole, or the key does not sign.
    """
    from kijun.records.address import address
    from kijun.records.checkpoints import make
    from kijun.records.store import Record as Opened
    from kijun.reporting import ensure_writable

    ensure_writable(output)
    with Opened(address(record)) as opened:
        made = make(opened, key, output)
    print(f"{output}: the record {made.record} up to event {made.seq}; keep it on another machine.")
    return 0


def export(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the export is written.")],
    verifier: Annotated[
        Path | None, typer.Option("--verifier", metavar="FILE", help="Write the verifier too, to go with it.")
    ] = None,
    record: Record = None,
) -> int:
    """Write the whole record to one file, which a small script verifies without kijun.

    Exit code: 0, 3 where the record cannot be read or the file not written.
    """
    from kijun.records.address import address
    from kijun.records.exporting import export as write_export
    from kijun.records.exporting import verifier_source
    from kijun.records.store import Record as Opened
    from kijun.reporting import ensure_writable, write

    ensure_writable(output)
    if verifier:
        ensure_writable(verifier)
    with Opened(address(record)) as opened:
        last = write_export(opened, output)
    print(f"{output}: the record up to event {last}.")
    if verifier:
        write(verifier, verifier_source())
        print(f"Verify it anywhere: python3 {verifier} {output}")
    return 0
