"""`kijun mail-leaks`: every way from an inbox to an address outside; changes nothing."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kijun.cli._choosing import Inventory, Limit, VaultFiles
from kijun.errors import KijunError


def register(app: typer.Typer) -> None:
    """Add the verb to `app`."""
    app.command("mail-leaks")(mail_leaks)


def mail_leaks(
    *,
    inventory: Inventory,
    limit: Limit = None,
    form: Annotated[str, typer.Option("--format", help="text, json, dot or svg.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
    forks: Annotated[int, typer.Option("--forks", min=1, max=100, help="Hosts read at the same time.")] = 10,
    timeout: Annotated[float, typer.Option("--timeout", min=1, max=3600, help="Seconds for one host.")] = 30,
    vault_password_file: VaultFiles = None,
) -> int:
    """Show by which ways mail is forwarded to the outside, over all hosts, approved or not.

    Exit code: 0 nothing leaves without approval; 1 something does; 2 a host was not read, or not understood;
    3 usage, inventory or floor error.
    """
    from kijun.leaks.showing import FORMATS, render

    if form not in FORMATS:
        raise KijunError(f"there is no format {form}; the formats are: {', '.join(FORMATS)}.")
    from kijun import reporting
    from kijun.checking import Options
    from kijun.leaks import survey

    if output:
        reporting.ensure_writable(output)
    found = survey(Options(inventory, limit, (), vault_password_file or (), forks, timeout))
    text = render(found, form)
    if output:
        reporting.write(output, text)
    else:
        sys.stdout.write(text)
    return found.exit_code
