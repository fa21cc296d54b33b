"""`kijun demo`: the whole of it, on a disposable host."""

import os
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `demo` to `app`."""

    @app.command()
    def demo(
        *,
        release: Annotated[str, typer.Option("--release", help="bookworm, trixie or bullseye.")] = "bookworm",
        keep: Annotated[bool, typer.Option("--keep", help="Leave the host running at the end.")] = False,
        report: Annotated[
            Path | None,
            typer.Option(
                "--report", metavar="DIR", help="Write reports and proofs here; else with the state."
            ),
        ] = None,
        lang: Annotated[str | None, typer.Option("--lang", help="en or ja; else the locale's.")] = None,
    ) -> int:
        """Boot a Debian host, find it wanting, bring it to the standard, and prove it (needs root).

        It ends with the path of an HTML page that shows all of it.
        Exit codes: as of check at the end; 2 where something could not be proven.
        """
        from kijun import reporting
        from kijun.demo import demonstrate

        language = lang or reporting.language(os.environ)
        return demonstrate(release, _say, keep=keep, lang=language, folder=report)


def _say(line: str) -> None:
    print(line, flush=True)
