"""`kijun drill`: restore every set of the hosts into isolation, and compare."""

import sys
from typing import Annotated

import typer

from kijun.cli._choosing import Inventory, Limit, Record, VaultFiles
from kijun.errors import KijunError


def register(app: typer.Typer) -> None:
    """Add the verb to `app`."""
    app.command("drill")(drill)


def drill(
    *,
    inventory: Inventory,
    limit: Limit = None,
    form: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    forks: Annotated[int, typer.Option("--forks", min=1, max=100, help="Hosts at the same time.")] = 5,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=86400, help="Seconds for one host.")
    ] = 3600,
    vault_password_file: VaultFiles = None,
    record: Record = None,
) -> int:
    """Restore every backup set into an isolated folder of its host, compare it, and say what came of it.

    Exit code: 0 all is as it was; 1 something is not; 2 a host did not answer, or it was not recorded; 3
    usage, inventory or floor error.
    """
    from kijun.drilling import FORMATS, render

    if form not in FORMATS:
        raise KijunError(f"there is no format {form}; the formats are: {', '.join(FORMATS)}.")
    from kijun.checking import Options
    from kijun.drilling import drill as run
    from kijun.drilling import exit_code
    from kijun.recording import Recorder

    recorder = Recorder(record)
    options = Options(inventory, limit, (), vault_password_file or (), forks, timeout)
    found = run(options)
    try:
        sys.stdout.write(render(found, form))
        sys.stdout.flush()
    finally:
        recorded = recorder.drill(options, found, exit_code(found))
    return exit_code(found) or (0 if recorded else 2)
