"""`kijun enforce`: bring hosts to the standard, touching only what fails."""

from typing import Annotated

import typer

from kijun.cli._choosing import Forks, Inventory, Limit, Record, RegisterFolder, Topics, VaultFiles


def register(app: typer.Typer) -> None:
    """Add `enforce` to `app`."""

    @app.command()
    def enforce(
        *,
        inventory: Inventory,
        limit: Limit = None,
        topic: Topics = None,
        vault_password_file: VaultFiles = None,
        forks: Forks = 10,
        check: Annotated[
            bool, typer.Option("--check", help="Say what would change; change nothing.")
        ] = False,
        diff: Annotated[bool, typer.Option("--diff", help="Show the differences in files.")] = False,
        everything: Annotated[bool, typer.Option("--all", help="Run all topics on all hosts.")] = False,
        exceptions: RegisterFolder = None,
        record: Record = None,
    ) -> int:
        """Read hosts, run the roles of failing topics on failing hosts, and read them again.

        Exit codes: 0 all is as it should be, 1 something still fails (with --check: would change), 2 a host
        could not be read or finished, or the end of the run not recorded, 3 inventory, floor or record
        (nothing touched).
        """
        from kijun.checking import Options
        from kijun.enforcing import Request, enforcement_of
        from kijun.enforcing.telling import summary
        from kijun.recording import Recorder

        recorder = Recorder(record)
        options = Options(
            sources=tuple(inventory),
            limit=limit,
            topics=tuple(topic or ()),
            vault_password_files=tuple(vault_password_file or ()),
            forks=forks,
            exceptions=str(exceptions) if exceptions else None,
        )
        request = Request(options, check=check, diff=diff, everything=everything)
        done = enforcement_of(request, _say, recorder.begin)
        try:
            for line in summary(done):
                _say(line)
        finally:
            recorded = recorder.end(done)
        return done.exit_code or (0 if recorded else 2)


def _say(line: str) -> None:
    print(line, flush=True)
