"""`kijun standard`: the rulebook, its topics, and what kijun covers of it."""

from __future__ import annotations

from typing import Annotated

import typer

from kijun.errors import KijunError
from kijun.language import language

_app = typer.Typer(help="Show the rulebook, its topics, and what is covered.", no_args_is_help=True)

_Format = Annotated[str, typer.Option("--format", help="text or json.")]
_Lang = Annotated[str | None, typer.Option(help="en or ja; the locale's language by default.")]
_Automation = Annotated[
    str | None,
    typer.Option(help="Only requirements that software can: enforce, detect, record, attest, none."),
]
_Obligation = Annotated[
    str | None, typer.Option(help="Only those that bind so: must, must_not, should, effort, may, none.")
]
_Section = Annotated[str | None, typer.Option(help="Only one section: R, 1 to 14, or A1.")]
_Topic = Annotated[str | None, typer.Option(help="Only the subjects of one topic.")]


def register(app: typer.Typer) -> None:
    """Add the verb to `app`."""
    app.add_typer(_app, name="standard")


@_app.command()
def clauses(
    *,
    format_: _Format = "text",
    lang: _Lang = None,
    automation: _Automation = None,
    obligation: _Obligation = None,
    section: _Section = None,
    topic: _Topic = None,
) -> None:
    """List the requirements of the rulebook, each with its obligation beside the paraphrase."""
    from kijun.standard import listing, printing  # other verbs need not load them

    as_json, said = _wants_json(format_), language(lang)
    standard = listing.checked_standard()
    wanted = listing.make_filter(standard, automation, obligation, section, topic)
    if as_json:
        printing.print_data(listing.clauses_data(standard, wanted))
    else:
        printing.print_listing(listing.clauses_listing(standard, wanted, said))


@_app.command()
def topics(format_: _Format = "text", lang: _Lang = None) -> None:
    """List the topics: how many requirements each has, and how many controls so far."""
    from kijun.standard import listing, printing

    as_json, said = _wants_json(format_), language(lang)
    standard = listing.checked_standard()
    if as_json:
        printing.print_data(listing.topics_data(standard))
    else:
        printing.print_listing(listing.topics_listing(standard, said))


@_app.command()
def coverage(
    *,
    format_: _Format = "text",
    lang: _Lang = None,
    automation: _Automation = None,
    obligation: _Obligation = None,
    section: _Section = None,
    topic: _Topic = None,
) -> None:
    """Show for every requirement which controls cover it, or "not yet", and count."""
    from kijun.standard import listing, printing

    as_json, said = _wants_json(format_), language(lang)
    standard = listing.checked_standard()
    wanted = listing.make_filter(standard, automation, obligation, section, topic)
    if as_json:
        printing.print_data(listing.coverage_data(standard, wanted))
    else:
        printing.print_listing(listing.coverage_listing(standard, wanted, said))


def _wants_json(name: str) -> bool:
    if name not in ("text", "json"):
        raise KijunError(f"--format: expected one of text, json, found '{name}'.")
    return name == "json"
