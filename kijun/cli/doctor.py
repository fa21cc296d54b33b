"""`kijun doctor`: what this control node lacks, and the command that mends it."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `doctor` to `app`."""

    @app.command()
    def doctor(
        output_format: Annotated[str, typer.Option("--format", metavar="text|json")] = "text",
    ) -> int:
        """Say what this control node lacks, and the command that mends it.

        Exit codes: 0 nothing lacks, 1 check or enforce would suffer, 2 only disposable hosts or lint would.
        """
        from kijun import doctor as examining

        if output_format not in ("text", "json"):
            raise typer.BadParameter("it is text or json", param_hint="--format")
        checks = examining.examine()
        print(examining.as_json(checks) if output_format == "json" else examining.as_text(checks))
        return examining.exit_code(checks)
