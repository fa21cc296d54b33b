"""`kijun exceptions`: the register of what need not be followed, by whose permission and until when."""

import os
from pathlib import Path
from typing import Annotated

import typer

from kijun.cli._choosing import Inventory, Record, RegisterFolder, VaultFiles


def register(app: typer.Typer) -> None:
    """Add the verb and its three commands to `app`."""
    group = typer.Typer(
        no_args_is_help=True, help="The register of exceptions beside the inventory (S-11.4)."
    )
    group.command("list")(list_)
    group.command("show")(show)
    group.command("new")(new)
    app.add_typer(group, name="exceptions")


def list_(
    *,
    inventory: Inventory,
    exceptions: RegisterFolder = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", help="Only in this state; may be given again.")
    ] = None,
    expiring_within: Annotated[
        int | None,
        typer.Option("--expiring-within", min=0, metavar="DAYS", help="Only those that end by then."),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    vault_password_file: VaultFiles = None,
) -> int:
    """List the exceptions, whether each counts today, and what is wrong with it.

    Exit code: 0 nothing is wrong, 1 one of those in the register is a finding, 3 the register cannot be read.
    """
    from kijun.checking import Options
    from kijun.exceptions.listing import choose, list_register, render

    options = Options(
        inventory, vault_password_files=vault_password_file or (), exceptions=_text(exceptions),
        expiring_within=30 if expiring_within is None else expiring_within,
    )  # fmt: skip
    listed = list_register(options)
    print(render(choose(listed, state or (), expiring_within), form), end="")
    return listed.exit_code


def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="The exception's id: its file's name.")],
    *,
    inventory: Inventory,
    exceptions: RegisterFolder = None,
    lang: Annotated[str | None, typer.Option("--lang", help="en or ja; by default the locale's.")] = None,
    vault_password_file: VaultFiles = None,
) -> int:
    """Show one exception with the hosts that it selects, and what is wrong with it."""
    from kijun import reporting
    from kijun.checking import Options
    from kijun.exceptions.listing import details, find, list_register

    options = Options(inventory, vault_password_files=vault_password_file or (), exceptions=_text(exceptions))
    listed = list_register(options)
    print(details(find(listed, name), listed.register, lang or reporting.language(os.environ)), end="")
    return 0


def new(
    name: Annotated[str, typer.Argument(metavar="ID", help="Its id, which is the name of its file.")],
    *,
    inventory: Inventory,
    hosts: Annotated[str, typer.Option("--hosts", metavar="PATTERN", help="Where: an Ansible pattern.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the rule cannot be followed.")],
    applicant: Annotated[str, typer.Option("--applicant", help="Who applies: a person of persons.yml.")],
    control: Annotated[
        list[str] | None, typer.Option("--control", help="Which control; may be given again.")
    ] = None,
    forward_from: Annotated[
        str | None, typer.Option("--from", help="Instead of a control: whose mail is forwarded outside.")
    ] = None,
    forward_to: Annotated[str | None, typer.Option("--to", help="And where to.")] = None,
    instead: Annotated[str | None, typer.Option("--instead", help="The other method that is used.")] = None,
    expires_on: Annotated[
        str | None, typer.Option("--expires-on", metavar="YYYY-MM-DD", help="The last day.")
    ] = None,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="Taken at once; to be reported to the CISO (S-11.4.2).")
    ] = False,
    exceptions: RegisterFolder = None,
    vault_password_file: VaultFiles = None,
    record: Record = None,
) -> int:
    """Write an application as a file of the register, to be looked at and committed. Never overwrites.

    Exit code: 0 it is written, 2 and it could not be recorded, 3 it is not written.
    """
    from kijun.checking import Options
    from kijun.exceptions.writing import Application, write_new
    from kijun.recording import Recorder

    options = Options(inventory, vault_password_files=vault_password_file or (), exceptions=_text(exceptions))
    application = Application(
        name, hosts, reason, applicant, tuple(control or ()), forward_from, forward_to, instead, expires_on,
        emergency,
    )  # fmt: skip
    recorder = Recorder(record)
    path = write_new(application, options)
    print(f"{path} is written; look it through and commit it.")
    return 0 if recorder.exception(options, path) else 2


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
