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
