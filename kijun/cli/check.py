"""`kijun check`: read hosts and judge them against the standard; changes nothing."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from kijun.cli._choosing import Record, RegisterFolder
from kijun.errors import KijunError


def register(app: typer.Typer) -> None:
    """Add the verb to `app`."""
    app.command("check")(check)


def check(  # noqa: PLR0917 - Typer passes options by name
    inventory: Annotated[
        list[str],
        typer.Option("--inventory", "-i", help="Ansible inventory: a file, a folder or 'a,b'; repeatable."),
    ],
    limit: Annotated[
        str | None, typer.Option("--limit", "-l", help="Only hosts that match this pattern.")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", "-t", help="Only this topic; repeatable.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="text, json, junit or html.")] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the report to this file.")
    ] = None,
    lang: Annotated[str | None, typer.Option("--lang", help="en or ja; by default the locale's.")] = None,
    forks: Annotated[
        int, typer.Option("--forks", "-f", min=1, max=100, help="Hosts read at the same time.")
    ] = 10,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=3600, help="Seconds for one host, in all.")
    ] = 30,
    vault_password_file: Annotated[
        list[str] | None, typer.Option("--vault-password-file", help="As Ansible's; repeatable.")
    ] = None,
    exceptions: RegisterFolder = None,
    expiring_within: Annotated[
        int,
        typer.Option(
            "--expiring-within", min=0, metavar="DAYS", help="Name exceptions that end within so many."
        ),
    ] = 30,
    record: Record = None,
) -> int:
    """Read hosts and judge them against the standard. Changes nothing on them.

    Exit code: 0 all pass, are excepted or do not apply; 1 something fails, or an exception is a finding; 2
    something is unknown or was not read, or the check not recorded; 3 usage, inventory, register or floor
    error.
    """
    from kijun import reporting

    chosen = lang or reporting.language(os.environ)
    if form not in reporting.FORMATS:
        raise KijunError(f"there is no format {form}; the formats are: {', '.join(reporting.FORMATS)}.")
    if chosen not in reporting.LANGUAGES:
        raise KijunError(
            f"there is no language {chosen}; the languages are: {', '.join(reporting.LANGUAGES)}."
        )
    if output:
        reporting.ensure_writable(output)
    from kijun.checking import Options, check as run  # noqa: I001
    from kijun.recording import Recorder
    from kijun.reporting.progress import ProgressBar

    recorder = Recorder(record)
    register = str(exceptions) if exceptions else None
    options = Options(
        inventory, limit, topic or (), vault_password_file or (), forks, timeout, register, expiring_within
    )
    with ProgressBar(sys.stderr, os.environ) as progress:
        report = run(options, progress=progress.step, meanwhile=recorder.warm_up)
    colour = output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    text = reporting.render(report, form, chosen, colour=colour)
    try:
        if output:
            reporting.write(output, text)
        else:
            sys.stdout.write(text)
            sys.stdout.flush()
    finally:  # whatever becomes of the report, the check has been; and the other way round
        recorded = recorder.check(options, report)
    return report.exit_code or (0 if recorded else 2)
