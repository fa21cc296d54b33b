"""`kijun sabotage` (for `make sabotage`): break compliant hosts in every known way and print who noticed."""

import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `sabotage` to `app`; hidden, since it is for those who work on kijun."""

    @app.command(hidden=True)
    def sabotage(
        *,
        topic: Annotated[list[str] | None, typer.Option("--topic", "-t", help="Only this topic.")] = None,
        release: Annotated[list[str] | None, typer.Option("--release", help="bookworm, trixie.")] = None,
        only: Annotated[list[str] | None, typer.Option("--only", help="Only this script, by name.")] = None,
        sample: Annotated[int, typer.Option("--sample", min=0, help="Only so many, chosen at random.")] = 0,
        seed: Annotated[int, typer.Option("--seed", help="What chooses the sample.")] = 0,
        forks: Annotated[int, typer.Option("--forks", min=1, help="How many hosts at a time.")] = 2,
        output_format: Annotated[str, typer.Option("--format", metavar="text|json")] = "text",
    ) -> int:
        """Break compliant hosts in every known way; 1 where anything was not caught as it should be."""
        from kijun import sabotaging
        from kijun.sabotaging import scripts, telling

        chosen = scripts.collect(sabotaging.folder(), topics=topic or (), only=only or ())
        if sample:
            chosen = scripts.sample(chosen, sample, seed)
        trials = sabotaging.run(chosen, release or ["bookworm", "trixie"], forks=forks, say=_progress)
        print(telling.as_json(trials) if output_format == "json" else telling.as_table(trials))
        return 0 if trials and all(trial.as_expected for trial in trials) else 1


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
