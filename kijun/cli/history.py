"""`kijun history`: how each clause fared on each host over time, from the record."""

from typing import Annotated

import typer

from kijun.cli._choosing import Record


def register(app: typer.Typer) -> None:
    """Add the verb to `app`."""
    app.command("history")(history)


def history(
    *,
    host: Annotated[
        list[str] | None, typer.Option("--host", help="Only this host; may be given again.")
    ] = None,
    clause: Annotated[
        list[str] | None, typer.Option("--clause", "-c", help="Only this clause; may be given again.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="From this day on; 90 days back by default.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="To the end of this day; by default now.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also clauses that passed or did not apply throughout.")
    ] = False,
    form: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    record: Record = None,
) -> int:
    """Show how each clause fared on each host, by the checks in the record.

    Exit code: 0; 1 where part of what was recorded is damaged; 3 where the record cannot be read.
    """
    from datetime import UTC, datetime, timedelta

    from kijun.records.address import address
    from kijun.records.moments import moment, sortable
    from kijun.records.store import Record as Opened
    from kijun.records.telling import formatted
    from kijun.records.trends import history as read
    from kijun.records.trends_telling import document, told

    now = datetime.now(UTC)
    first = moment(since, "--since") if since else now - timedelta(days=90)
    end = moment(until, "--until", end=True) if until else now
    with Opened(address(record)) as opened:
        found = read(opened, sortable(first), sortable(end), host or (), clause or ())
    print(
        formatted(form, lambda: told(found, everything=everything or bool(clause)), lambda: document(found)),
        end="",
    )
    return int(bool(found.damaged))
