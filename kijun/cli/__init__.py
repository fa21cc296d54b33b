"""The command line. One module per verb beside this file, each with a `register(app)`; no logic here."""

import sys
from importlib import import_module
from pkgutil import iter_modules

import click
import typer

from kijun.errors import KijunError

USAGE_EXIT = 3


def build_app() -> typer.Typer:
    """Return the Typer application with every verb in this package registered."""
    app = typer.Typer(
        name="kijun",
        help="Turn a written information-security rulebook into state that is enforced and shown to behave.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for module in sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_")):
        import_module(f"{__name__}.{module}").register(app)
    return app


def main() -> None:
    """Entry point of `kijun`: exit codes are the contract's (0 pass, 1 fail, 2 unknown, 3 usage)."""
    try:
        result = build_app()(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as bad:
        bad.show()
        sys.exit(USAGE_EXIT)
    except (click.Abort, KeyboardInterrupt):
        print("kijun: stopped by the operator.", file=sys.stderr)
        sys.exit(130)
    except KijunError as bad:
        print(f"kijun: {bad}", file=sys.stderr)
        sys.exit(bad.exit_code)
    sys.exit(result if isinstance(result, int) else 0)
