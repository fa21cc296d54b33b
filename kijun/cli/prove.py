"""`kijun prove`: show on the hosts themselves that what is configured behaves."""

import signal
import sys
from typing import Annotated

import typer

from kijun.cli._choosing import Forks, Inventory, Limit, Record, Topics, VaultFiles


def register(app: typer.Typer) -> None:
    """Add `prove` to `app`."""

    @app.command()
    def prove(
        *,
        inventory: Inventory,
        limit: Limit = None,
        topic: Topics = None,
        vault_password_file: VaultFiles = None,
        forks: Forks = 10,
        intrusive: Annotated[
            bool, typer.Option("--intrusive", help="Also make throw-away users and provoke lockouts.")
        ] = False,
        output_format: Annotated[str, typer.Option("--format", metavar="text|json")] = "text",
        record: Record = None,
    ) -> int:
        """Run the proofs of the chosen topics and remember what they showed.

        Exit codes: 0 all that ran passed, 1 a proof failed, 2 a host or proof could not be run, or nothing
        was proven, or it was not recorded, 3 inventory or floor (nothing touched).
        """
        from kijun.checking import Options
        from kijun.proving import running, telling
        from kijun.recording import Recorder

        recorder = Recorder(record)
        if output_format not in ("text", "json"):
            raise typer.BadParameter("it is text or json", param_hint="--format")
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a proof cleans up after itself either way
        options = Options(
            sources=tuple(inventory),
            limit=limit,
            topics=tuple(topic or ()),
            vault_password_files=tuple(vault_password_file or ()),
            forks=forks,
        )
        done = running.prove(options, intrusive=intrusive, say=_progress)
        try:
            print(telling.as_json(done) if output_format == "json" else "\n".join(telling.as_text(done)))
            sys.stdout.flush()
        finally:
            recorded = recorder.proofs(options, done, intrusive=intrusive)
        return done.exit_code or (0 if recorded else 2)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
