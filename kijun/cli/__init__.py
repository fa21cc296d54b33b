"""The command line. One module per verb beside this file, each with a `register(app)`; no logic here."""

import os
import select
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pkgutil import iter_modules
from typing import Annotated

import typer
from typer.main import get_command

from kijun.errors import KijunError

USAGE_EXIT = 3
INTERNAL_ERROR_EXIT = 70  # EX_SOFTWARE of sysexits.h: never to be mistaken for a verdict on a host
INTERRUPTED_EXIT = 130  # 128 + SIGINT, as shells report it
BROKEN_PIPE_EXIT = 141  # 128 + SIGPIPE


def build_app() -> typer.Typer:
    """Return the Typer application with every verb in this package registered."""
    app = typer.Typer(
        name="kijun",
        help="Turn a written information-security rulebook into state that is enforced and shown to behave.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_global_options)
    for module in sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_")):
        import_module(f"{__name__}.{module}").register(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        python = ".".join(map(str, sys.version_info[:3]))
        print(f"kijun {version('kijun')} (ansible-core {version('ansible-core')}, Python {python})")
        raise typer.Exit


def _global_options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show versions and exit."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of `kijun`: exit codes are the contract's (0 pass, 1 fail, 2 unknown, 3 usage)."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every problem is said on stderr in one sentence.

    Only a mistake in kijun itself shows a traceback, and ends in `INTERNAL_ERROR_EXIT`.
    """
    try:
        code = _run_verb(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_has_gone():
            return _internal_error()
        # What is still buffered has nowhere to go; without this Python complains about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE_EXIT
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # Rich ends so, with a code that means "fail"
            return BROKEN_PIPE_EXIT
        raise
    except Exception:  # noqa: BLE001 - the last resort: shown whole, and never an exit code that means a verdict
        return _internal_error()
    return code


def _run_verb(arguments: Sequence[str]) -> int:
    try:
        command = get_command(build_app())
        with command.make_context("kijun", list(arguments)) as context:
            result = command.invoke(context)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as bad:
        return _usage_error(bad)
    except (typer.Abort, KeyboardInterrupt, EOFError):
        print("kijun: stopped by the operator.", file=sys.stderr)
        return INTERRUPTED_EXIT
    except KijunError as bad:
        print(f"kijun: {bad}", file=sys.stderr)
        return bad.exit_code
    return result if isinstance(result, int) else 0


def _usage_error(bad: typer.TyperException) -> int:
    """Say in one sentence what is wrong with the command line, and where its help is."""
    message = " ".join(bad.format_message().split()).rstrip(".")
    if message:  # empty where a group was called without a verb: Typer has then shown the group's help
        context = getattr(bad, "ctx", None)
        path = context.command_path if context is not None else "kijun"
        print(f"kijun: {message[:1].lower()}{message[1:]}; see '{path} --help'.", file=sys.stderr)
    return USAGE_EXIT


def _internal_error() -> int:
    traceback.print_exc()
    print("kijun: this is a mistake in kijun; please report it with the lines above.", file=sys.stderr)
    return INTERNAL_ERROR_EXIT


def _reader_has_gone() -> bool:
    """Return whether whoever read our output has closed it (`kijun … | head`)."""
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        poll.register(stream.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
