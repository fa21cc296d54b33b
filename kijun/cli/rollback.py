"""`kijun rollback`: put hosts back to how they were before a run."""

import sys
from typing import Annotated

import typer

from kijun.cli._choosing import Forks, Inventory, Limit, VaultFiles
from kijun.errors import KijunError


def register(app: typer.Typer) -> None:
    """Add the verb to `app`."""
    app.command("rollback")(rollback)


def rollback(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Name of a run; --list shows them.")
    ] = None,
    *,
    inventory: Inventory,
    limit: Limit = None,
    only_list: Annotated[bool, typer.Option("--list", help="Show the runs that hosts keep.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    vault_password_file: VaultFiles = None,
    forks: Forks = 10,
) -> int:
    """Show what putting hosts back to before RUN would change, ask, and do it; a new login confirms it.

    Exit codes: 0 done, or nothing to do; 1 a host could not be put back; 2 a host could not be read; 3 usage
    or inventory (nothing touched).
    """
    from kijun import rolling_back
    from kijun.checking import Options
    from kijun.model import Outcome

    if not run and not only_list:
        raise KijunError("name a RUN, or give --list to see the runs that hosts keep.")
    options = Options(inventory, limit, (), vault_password_file or (), forks)
    hosts, kept = rolling_back.look(options, run or "")
    unread = 2 if any(host.outcome is not Outcome.COLLECTED for host in kept) else 0
    if only_list or not run:
        print("\n".join(rolling_back.listed(kept)))
        return unread
    for host in kept:
        print("\n".join(rolling_back.told(host)))
    names = [host.name for host in kept if host.changes]
    if not names:
        print(f"Nothing to put back for run {run}.")
        return unread
    if not yes and not _agrees(f"Put {', '.join(names)} back to before run {run}?"):
        print("Nothing was changed.")
        return unread
    played = rolling_back.put_back(options, run, hosts, names, lambda line: print(line, flush=True))
    if played.ok:
        print(f"Put back to before run {run}: {', '.join(names)}.")
    else:
        print(f"Not all could be put back; full log: {played.log}")
    return unread if played.ok else 1


def _agrees(question: str) -> bool:
    if not sys.stdin.isatty():
        raise KijunError(f"{question} Nobody is here to answer: give --yes.")
    return typer.confirm(question)
