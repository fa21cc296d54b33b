"""`kijun target`: disposable hosts."""

import os
from typing import Annotated

import typer

from kijun import targets
from kijun.targets.errors import TargetError
from kijun.targets.tools import search_path

_app = typer.Typer(help="Make, use and remove disposable Debian hosts.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the verb to `app`."""
    app.add_typer(_app, name="target")


@_app.command()
def up(
    name: Annotated[str, typer.Argument(help="What to call it: lower-case letters, digits, hyphens.")],
    backend: Annotated[
        str, typer.Option(help="nspawn (a container) or qemu (a virtual machine).")
    ] = "nspawn",
    release: Annotated[str, typer.Option(help="bookworm, trixie or bullseye.")] = "bookworm",
) -> None:
    """Boot a fresh Debian host and add it to the targets' inventory."""
    made = targets.up(name, backend=backend, release=release, say=lambda text: typer.echo(text, err=True))
    typer.echo(f"{name} is up: Debian {release} ({backend}) at {made.address} port {made.port}.")
    typer.echo(f"  read it:   kijun check -i {made.inventory}")
    typer.echo(f"  log in:    kijun target ssh {name}        remove it:   kijun target down {name}")


@_app.command("list")
def list_() -> None:
    """List the targets and whether they run."""
    rows = [("NAME", "STATE", "BACKEND", "RELEASE", "ADDRESS", "PORT")]
    rows += [(t.name, t.state, t.backend, t.release, t.address or "-", str(t.port)) for t in targets.listed()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@_app.command(context_settings={"ignore_unknown_options": True})
def ssh(
    name: Annotated[str, typer.Argument(help="The target.")],
    command: Annotated[list[str] | None, typer.Argument(help="What to run instead of a shell.")] = None,
    user: Annotated[str, typer.Option("--user", "-u", help="root or operator.")] = "root",
) -> None:
    """Log in to a target, or run a command there and end with its exit status."""
    argv = targets.get(name).ssh_argv(*(command or [""]), user=user)
    os.execvpe(argv[0], argv, {**os.environ, "PATH": search_path()})  # noqa: S606 - ssh takes our place


@_app.command()
def down(
    name: Annotated[str | None, typer.Argument(help="The target.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All targets, and what any crash left behind.")
    ] = False,
) -> None:
    """Shut a target down and remove all of it."""
    if every == (name is not None):
        raise TargetError("say which target to take down, or --all (one of the two).")
    if name is None:
        gone = targets.down_all()
        typer.echo(f"removed: {', '.join(gone)}." if gone else "there was no target to remove.")
    elif targets.down(name):
        typer.echo(f"{name} is removed.")
    else:
        typer.echo(f"there is no target {name}; nothing to do.")
