"""`kijun ports`: who listens on each host, against what is declared; changes nothing."""

import sys
from typing import Annotated

import typer

from kijun.cli._choosing import Inventory, Limit, VaultFiles
from kijun.errors import KijunError


def register(app: typer.Typer) -> None:
    """Add the verb to `app`."""
    app.command("ports")(ports)


def ports(
    *,
    inventory: Inventory,
    limit: Limit = None,
    form: Annotated[str, typer.Option("--format", help="text, json or yaml (to paste).")] = "text",
    forks: Annotated[int, typer.Option("--forks", min=1, max=100, help="Hosts read at the same time.")] = 10,
    timeout: Annotated[float, typer.Option("--timeout", min=1, max=3600, help="Seconds for one host.")] = 30,
    vault_password_file: VaultFiles = None,
) -> int:
    """Show who listens on each host and whether it is declared, and what to paste to declare it.

    Exit code: 0 all is declared; 1 something is not; 2 a host was not read; 3 usage, inventory or floor
    error.
    """
    from kijun.ports.showing import FORMATS, render

    if form not in FORMATS:
        raise KijunError(f"there is no format {form}; the formats are: {', '.join(FORMATS)}.")
    from kijun.checking import Options
    from kijun.ports import exit_code, survey

    found = survey(Options(inventory, limit, (), vault_password_file or (), forks, timeout))
    sys.stdout.write(render(found, form))
    return exit_code(found)
